//! What several fuzz targets share.

use std::path::Path;

use paring::Model;
use paring::data::Format;
use paring::data::read::{ReadOptions, read_labelled_from};
use paring::model::ModelParts;

/// Model files that are right but for the payload, so that fuzzing gets behind the checksum: of version 1, and of
/// version 2 with a payload that is deflated as it is.
pub fn framed(payload: &[u8]) -> [Vec<u8>; 2] {
    let stored = miniz_oxide::deflate::compress_to_vec(payload, 0);
    [(1, payload), (2, &stored)].map(|(version, payload): (u32, &[u8])| {
        let mut bytes = paring::model::format::MAGIC.to_vec();
        bytes.extend(version.to_le_bytes());
        bytes.extend((payload.len() as u64).to_le_bytes());
        bytes.extend(payload);
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    })
}

/// A model with every kind of feature.
pub fn model() -> Model {
    let features = ["(intercept)", "*rse", "a", "cook", "night cook", "nur*", "nurse", "straße", "看"];
    let many = features.len() as u32;
    Model::from_parts(ModelParts {
        classes: vec!["Health".into(), "Kitchen".into(), "Other".into()],
        class_counts: vec![3, 2, 1],
        features: features.map(String::from).to_vec(),
        indptr: (0..=many).collect(),
        indices: (0..many).map(|at| at % 3).collect(),
        data: (0..many).map(|at| (at as f32 - 3.5) / 2.0).collect(),
        metadata: Vec::new(),
    })
    .expect("a model")
}

/// Reads labelled records from any bytes: a number of good and bad ones, or an error.
pub fn read(bytes: &[u8], format: Format) {
    for skip_bad_records in [false, true] {
        let options = ReadOptions { format: Some(format), skip_bad_records, ..ReadOptions::default() };
        let mut records = 0;
        let read = read_labelled_from(&mut &*bytes, Path::new("fuzzed"), &options, &mut |record| {
            assert!(!record.label.is_empty() && !record.label.contains(['\n', '\r']));
            assert!(record.weight.is_finite() && record.weight > 0.0);
            records += 1;
            Ok(())
        });
        match read {
            Ok(summary) => assert_eq!(summary.records, records),
            Err(error) => assert_eq!(error.to_string().lines().count(), 1),
        }
    }
}
