//! Any payload is a model that classifies any text, or an error.

#![no_main]

use paring::Model;
use paring_fuzz::framed;

libfuzzer_sys::fuzz_target!(|input: (&[u8], &[u8])| {
    let (payload, text) = input;
    let _ = Model::from_bytes(payload);
    for file in framed(payload) {
        let Ok(model) = Model::from_bytes(&file) else { continue };
        let classifier = model.into_classifier();
        let prediction = classifier.scorer().predict(text);
        assert_eq!(prediction, classifier.plain_scorer().predict(text));
        classifier.explain(text);
        classifier.top_k(text, 3);
        classifier.predict_proba(text);
    }
});
