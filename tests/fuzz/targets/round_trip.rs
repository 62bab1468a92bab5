//! A model comes back from its bytes, and its bytes from it.

#![no_main]

use paring::Model;
use paring_fuzz::framed;

libfuzzer_sys::fuzz_target!(|payload: &[u8]| {
    for file in framed(payload) {
        let Ok(model) = Model::from_bytes(&file) else { continue };
        let bytes = model.to_bytes();
        assert_eq!(Model::from_bytes(&bytes).expect("its own bytes"), model);
        assert_eq!(Model::from_bytes(&bytes).expect("its own bytes").to_bytes(), bytes);
    }
});
