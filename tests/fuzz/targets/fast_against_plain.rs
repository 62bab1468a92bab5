//! The scanning engine scores any text as the plain tokenizer does, with every set of instructions.

#![no_main]

use std::sync::LazyLock;

use paring::Classifier;
use paring::infer::Instructions;

static CLASSIFIER: LazyLock<Classifier> = LazyLock::new(|| paring_fuzz::model().into_classifier());

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let mut plain = CLASSIFIER.plain_scorer();
    let expected = plain.predict(text);
    let mut by_line = Vec::new();
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        by_line.push(plain.predict(line.strip_suffix(b"\n").unwrap_or(line)));
    }
    for instructions in Instructions::available() {
        let mut scorer = CLASSIFIER.scorer_with(instructions);
        assert_eq!(scorer.predict(text), expected);
        let mut found = Vec::new();
        scorer.predict_lines(text, &mut found);
        assert_eq!(found, by_line);
    }
});
