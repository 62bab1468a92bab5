//! The plain way: name each feature of the text, and look the name up. The fast way is held to it.

#![forbid(unsafe_code)]

use crate::Model;
use crate::text::features::FeatureExtractor;
use crate::text::{AffixLengths, FeatureKind, FeatureSpec};

/// The extractor of all kinds of features that the model kept.
pub(super) fn extractor(model: &Model) -> FeatureExtractor {
    spec_of(model).extractor().expect("the kinds of a valid model's features are in range")
}

/// Calls `found` with the column of each feature occurrence, the intercept left out.
pub(super) fn for_each_column(
    model: &Model,
    extractor: &mut FeatureExtractor,
    text: &[u8],
    mut found: impl FnMut(u32),
) {
    extractor.for_each_feature(text, |name| {
        if let Some(column) = model.feature_index(name) {
            found(column as u32);
        }
    });
}

/// The narrowest specification that draws every kind of feature that the model kept.
fn spec_of(model: &Model) -> FeatureSpec {
    let mut spec = FeatureSpec::default();
    for kind in model.features().iter().filter_map(|name| FeatureKind::of(name)) {
        match kind {
            FeatureKind::Intercept | FeatureKind::Word => {}
            FeatureKind::Ngram(n) => spec.ngrams = spec.ngrams.max(n),
            FeatureKind::Prefix(length) | FeatureKind::Suffix(length) => {
                let known = spec.affixes.unwrap_or(AffixLengths { min: length, max: length });
                spec.affixes = Some(AffixLengths { min: known.min.min(length), max: known.max.max(length) });
            }
        }
    }
    spec
}
