//! A model comes back from its bytes, and its bytes from it.

#![no_main]

use paring::Model;
use paring_fuzz::framed;

libfuzzer_sys::fuzz_target!(|payload: &[u8]| {
    if let Ok(model) = Model::from_bytes(&framed(payload)) {
        let bytes = model.to_bytes();
        assert_eq!(Model::from_bytes(&bytes).expect("its own bytes"), model);
        assert_eq!(Model::from_bytes(&bytes).expect("its own bytes").to_bytes(), bytes);
    }
});
