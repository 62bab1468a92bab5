//! Files of format version 1 load for ever: `tests/golden/v1.paring` is never written anew.

use std::path::Path;

use paring::Model;

fn golden() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1.paring")
}

#[test]
fn the_golden_file_holds_what_it_always_held() {
    let model = Model::load(golden()).unwrap();
    assert_eq!(model.classes(), ["Kitchen", "Health", "Büro heute"]);
    assert_eq!(model.class_counts(), [300, 2, 1]);
    assert_eq!(model.features(), ["(intercept)", "*rse", "clerk", "cook", "night cook", "nurse", "看"]);
    let columns: Vec<(&[u32], &[f32])> = (0..model.features().len()).map(|at| model.column(at)).collect();
    assert_eq!(
        columns,
        [
            (&[0, 2][..], &[0.5, -1.25][..]),
            (&[1], &[0.75]),
            (&[2], &[127.996_09]),
            (&[0, 1], &[2.0, -0.003_906_25]),
            (&[0], &[1.0]),
            (&[1], &[-127.996_09]),
            (&[1], &[3.0]),
        ]
    );
    assert_eq!(
        model.metadata(),
        [("texts".to_string(), "304".to_string()), ("note".into(), "golden, v1".into())]
    );
}

#[test]
fn the_golden_file_labels_as_it_always_did() {
    let classifier = Model::load(golden()).unwrap().into_classifier();
    for (text, label, scores) in [
        ("", "Kitchen", [0.5, 0.0, -1.25]),
        ("Night cook", "Kitchen", [3.5, -0.003_906_25, -1.25]),
        ("horse nurse", "Kitchen", [0.5, -126.496_09, -1.25]),
        ("horse horse", "Health", [0.5, 1.5, -1.25]),
        ("CLERK", "Büro heute", [0.5, 0.0, 126.746_09]),
    ] {
        assert_eq!(classifier.decision_function(text), scores, "{text}");
        assert_eq!(classifier.classify(text), label, "{text}");
    }
}

#[test]
fn the_golden_file_is_written_as_it_is_read() {
    let bytes = std::fs::read(golden()).unwrap();
    assert_eq!(Model::from_bytes(&bytes).unwrap().to_bytes(), bytes);
}

#[test]
fn the_built_in_model_is_written_as_it_is_read() {
    let bytes = paring::builtin::JOB_TITLES;
    assert!(bytes.len() <= 64 << 10);
    assert_eq!(paring::builtin::job_titles().to_bytes(), bytes);
}
