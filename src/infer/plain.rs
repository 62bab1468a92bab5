//! The plain lookup: name each feature of the text, and look the name up.

#![forbid(unsafe_code)]

use core::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::Model;
use crate::text::features::FeatureExtractor;
use crate::text::{AffixLengths, FeatureKind, FeatureSpec};

/// Finds the columns of a model's features by their names.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    names: alloc::vec::Vec<alloc::boxed::Box<str>>,
    columns: HashTable<u32>,
    hasher: DefaultHashBuilder,
    spec: FeatureSpec,
}

impl Lookup {
    pub(super) fn new(model: &Model) -> Lookup {
        let hasher = DefaultHashBuilder::default();
        let names: alloc::vec::Vec<alloc::boxed::Box<str>> =
            model.features().iter().map(|name| name.as_str().into()).collect();
        let mut columns = HashTable::with_capacity(names.len());
        for (column, name) in (0_u32..).zip(&names) {
            columns
                .insert_unique(hasher.hash_one(&**name), column, |&at| hasher.hash_one(&*names[at as usize]));
        }
        Lookup { spec: spec_of(model), names, columns, hasher }
    }

    pub(super) fn extractor(&self) -> FeatureExtractor {
        self.spec.extractor().expect("the kinds of a valid model's features are in range")
    }

    /// Calls `found` with the column of each feature occurrence, the intercept left out.
    pub(super) fn for_each_column(
        &self,
        extractor: &mut FeatureExtractor,
        text: &[u8],
        mut found: impl FnMut(usize),
    ) {
        extractor.for_each_feature(text, |name| {
            let hash = self.hasher.hash_one(name);
            if let Some(&column) = self.columns.find(hash, |&at| *self.names[at as usize] == *name) {
                found(column as usize);
            }
        });
    }
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
