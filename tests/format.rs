//! Files of every format version load for ever: those in `tests/golden` are never written anew.

#![cfg(feature = "std")]

use std::path::Path;

use paring::model::format::VERSION;
use paring::{Classifier, Model};

fn golden(version: u32) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/v{version}.paring"))
}

#[test]
fn the_golden_files_hold_what_they_always_held() {
    for version in 1..=VERSION {
        holds_what_it_always_held(&Model::load(golden(version)).unwrap(), version);
    }
}

fn holds_what_it_always_held(model: &Model, version: u32) {
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
        [("texts".to_string(), "304".to_string()), ("note".into(), format!("golden, v{version}"))]
    );
}

#[test]
fn the_golden_files_label_as_they_always_did() {
    for version in 1..=VERSION {
        labels_as_it_always_did(&Model::load(golden(version)).unwrap().into_classifier());
    }
}

fn labels_as_it_always_did(classifier: &Classifier) {
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

#[cfg(feature = "builtin-model")]
#[test]
fn the_built_in_model_is_written_as_it_is_read() {
    let bytes = paring::builtin::JOB_TITLES;
    assert!(bytes.len() <= 64 << 10);
    assert_eq!(paring::builtin::job_titles().to_bytes(), bytes);
}

/// So do files of any version that is written; files of version 1 are written as version 2.
#[test]
fn the_golden_file_of_this_version_is_written_as_it_is_read() {
    let bytes = std::fs::read(golden(VERSION)).unwrap();
    assert_eq!(Model::from_bytes(&bytes).unwrap().to_bytes(), bytes);
}
