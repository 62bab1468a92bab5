//! The frozen model: classes, features, and the few scores that join them.

#![forbid(unsafe_code)]

#[cfg(feature = "std")]
mod file;
pub mod format;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

#[cfg(feature = "std")]
pub use file::{FileError, check_atomic_write, write_atomically};

use crate::infer::Classifier;
use crate::text::tokenize::is_unspaced;
use crate::text::{FeatureKind, INTERCEPT, Tokenizer};

/// Every score is a whole multiple of one over this: 1/256.
///
/// Scores on a grid add up exactly in `f32` (up to a sum of 65,536), in whatever order they are
/// added: no label can depend on the order of a text's features, on vector widths, or on
/// whether the scores were divided by the text's length.
pub const SCORE_STEPS: f32 = 256.0;

/// The largest score, in units of 1/[`SCORE_STEPS`]: scores lie in -127.996 to 127.996.
pub const MAX_SCORE_STEPS: i16 = i16::MAX;

/// Rounds to the nearest score that a model can hold.
pub fn round_score(score: f32) -> f32 {
    let bound = f32::from(MAX_SCORE_STEPS);
    // `as` truncates towards zero, so half a step is added away from zero first: no_std has no `round`.
    let steps = (score * SCORE_STEPS).clamp(-bound, bound);
    let rounded = if steps < 0.0 { (steps - 0.5) as i32 } else { (steps + 0.5) as i32 };
    rounded.clamp(-i32::from(MAX_SCORE_STEPS), i32::from(MAX_SCORE_STEPS)) as f32 / SCORE_STEPS
}

/// A frozen sparse linear text classifier.
///
/// The scores are a matrix of shape (classes, features) in compressed sparse column form; only
/// features with a nonzero score have a column. A text's score for class `c` is the sum over the
/// text's features `t` of `count(t) * score[c, t]`, and its label is the class with the largest.
///
/// Classes stand in the order in which ties are decided: the more frequent in training first, then
/// by name. Features stand in the byte order of their names; the intercept, if it has a column, is
/// the feature named `(intercept)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    classes: Vec<String>,
    class_counts: Vec<u64>,
    features: Vec<String>,
    /// Column `j` holds entries `indptr[j]..indptr[j + 1]`.
    indptr: Vec<u32>,
    indices: Vec<u32>,
    data: Vec<f32>,
    metadata: Vec<(String, String)>,
}

/// The parts of a [`Model`], checked by [`Model::from_parts`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelParts {
    /// The names of the classes, most frequent in training first, then by name; at least one, no
    /// duplicates, no line breaks.
    pub classes: Vec<String>,
    /// How many training texts each class had, in the order of `classes`.
    pub class_counts: Vec<u64>,
    /// The names of the features that have a score, in byte order. Words are written as the
    /// [tokenizer](crate::text::Tokenizer) makes them, in lower case and NFKC: `cook`, not `Cook`. One that it does not give
    /// back unchanged is refused, because no text would be found to have it. [`FeatureKind`] tells how other features
    /// are written.
    pub features: Vec<String>,
    /// Where each column starts in `indices` and `data`: one more entry than there are features.
    pub indptr: Vec<u32>,
    /// The class of each nonzero; strictly increasing within a column.
    pub indices: Vec<u32>,
    /// The score of each nonzero: finite, not zero, a whole multiple of 1/256, at most 127.996 in size.
    pub data: Vec<f32>,
    /// What is known about the training, as names and values, in a fixed order; no line breaks, no tabs in names.
    pub metadata: Vec<(String, String)>,
}

/// Why [`ModelParts`] are not a model.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ModelError {
    /// There are no classes.
    NoClasses,
    /// A class's name is empty, or holds a line break, or appears twice.
    ClassName(String),
    /// `class_counts` is not as long as `classes`, or not in decreasing order (names breaking ties).
    ClassCounts,
    /// A feature's name is not one that a text's feature can have.
    FeatureName(String),
    /// A word in a feature's name is not written as the tokenizer writes it.
    FeatureSpelling(String),
    /// A feature's name is not after the one before it in byte order.
    FeatureOrder(String),
    /// `indptr` does not run from 0 to the number of nonzeros, upwards at every feature.
    Indptr,
    /// The class indices of this feature are out of range or not increasing.
    ClassIndex(String),
    /// A score of this feature is zero, not finite, off the grid of 1/256, or too large.
    Score(String),
    /// A metadata entry's name or value holds a line break, or its name a tab.
    Metadata(String),
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClasses => write!(f, "no classes: expected at least one"),
            Self::ClassName(name) => {
                write!(
                    f,
                    "class name {name:?}: expected names without line breaks, none empty, no two the same"
                )
            }
            Self::ClassCounts => {
                write!(
                    f,
                    "class counts: expected one per class, largest first, classes of equal count by name"
                )
            }
            Self::FeatureName(name) => write!(f, "feature name {name:?}: no text has a feature of this name"),
            Self::FeatureSpelling(name) => write!(
                f,
                "feature name {name:?}: expected words as the tokenizer makes them of texts, in lower case and NFKC"
            ),
            Self::FeatureOrder(name) => write!(f, "feature {name:?}: expected distinct names in byte order"),
            Self::Indptr => write!(
                f,
                "column starts: expected one more than features, from 0 up to the nonzeros, no column empty"
            ),
            Self::ClassIndex(name) => {
                write!(f, "feature {name:?}: expected class indices in range and increasing")
            }
            Self::Score(name) => write!(
                f,
                "feature {name:?}: expected scores that are nonzero multiples of 1/256 between -128 and 128"
            ),
            Self::Metadata(name) => {
                write!(f, "metadata {name:?}: expected no line breaks, and no tab in the name")
            }
        }
    }
}

impl core::error::Error for ModelError {}

impl Model {
    /// Checks everything that inference relies on, and makes the model.
    ///
    /// # Errors
    /// When a part is not as [`ModelParts`] says.
    pub fn from_parts(parts: ModelParts) -> Result<Model, ModelError> {
        let mut tokenizer = Tokenizer::default();
        // Names that no feature has at all are for the other checks to tell of.
        let mut is_spelt = |name: &String| {
            FeatureKind::of(name).is_none_or(|kind| kind == FeatureKind::Intercept)
                || is_spelt_as_texts_give_it(name, &mut tokenizer)
        };
        match parts.features.iter().find(|name| !is_spelt(name)) {
            Some(name) => Err(ModelError::FeatureSpelling(name.clone())),
            None => Model::from_parts_however_spelt(parts),
        }
    }

    /// As [`from_parts`](Self::from_parts), with words however they are written: files stay readable, and of a few rare
    /// characters (`㈠`, the Greek iota below by itself) the tokenizer makes words that it would not give back.
    pub(crate) fn from_parts_however_spelt(parts: ModelParts) -> Result<Model, ModelError> {
        let ModelParts { classes, class_counts, features, indptr, indices, data, metadata } = parts;
        check_classes(&classes, &class_counts)?;
        check_features(&features)?;
        let starts_right = indptr.first() == Some(&0) && indptr.len() == features.len() + 1;
        let increasing = indptr.windows(2).all(|pair| pair[0] < pair[1]);
        let ends_right = indptr.last().is_some_and(|&end| end as usize == data.len());
        if !(starts_right && increasing && ends_right && indices.len() == data.len()) {
            return Err(ModelError::Indptr);
        }
        for (feature, bounds) in features.iter().zip(indptr.windows(2)) {
            let column = bounds[0] as usize..bounds[1] as usize;
            let rows = &indices[column.clone()];
            let in_range = rows.iter().all(|&class| (class as usize) < classes.len());
            if !in_range || !rows.windows(2).all(|pair| pair[0] < pair[1]) {
                return Err(ModelError::ClassIndex(feature.clone()));
            }
            if !data[column].iter().all(|&score| score != 0.0 && score == round_score(score)) {
                return Err(ModelError::Score(feature.clone()));
            }
        }
        let is_wrong = |(name, value): &&(String, String)| {
            name.contains(['\n', '\r', '\t']) || value.contains(['\n', '\r'])
        };
        if let Some((name, _)) = metadata.iter().find(is_wrong) {
            return Err(ModelError::Metadata(name.clone()));
        }
        Ok(Model { classes, class_counts, features, indptr, indices, data, metadata })
    }

    /// The names of the classes, in the order in which ties are decided.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// How many training texts each class had, in the order of [`classes`](Self::classes).
    pub fn class_counts(&self) -> &[u64] {
        &self.class_counts
    }

    /// The names of the features that have a score, in byte order; the intercept included, if it has one.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// The number of nonzero scores, the intercept's included.
    pub fn nonzeros(&self) -> usize {
        self.data.len()
    }

    /// The classes and scores of one feature: two slices of the same length, classes increasing.
    ///
    /// # Panics
    /// When `feature` is not less than the number of features.
    pub fn column(&self, feature: usize) -> (&[u32], &[f32]) {
        let column = self.indptr[feature] as usize..self.indptr[feature + 1] as usize;
        (&self.indices[column.clone()], &self.data[column])
    }

    /// The column of the feature with this name.
    pub fn feature_index(&self, name: &str) -> Option<usize> {
        self.features.binary_search_by(|feature| feature.as_str().cmp(name)).ok()
    }

    /// The column of the intercept, if it has a nonzero.
    pub fn intercept_index(&self) -> Option<usize> {
        self.feature_index(INTERCEPT)
    }

    /// What is known about the training, as names and values.
    pub fn metadata(&self) -> &[(String, String)] {
        &self.metadata
    }

    /// The value of a metadata entry.
    pub fn metadata_value(&self, name: &str) -> Option<&str> {
        self.metadata.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Compiles the model for inference.
    pub fn into_classifier(self) -> Classifier {
        Classifier::new(self)
    }

    /// The scores as a matrix of shape (classes, features), compressed by columns.
    #[cfg(feature = "train")]
    pub fn to_sprs(&self) -> sprs::CsMatI<f32, u32> {
        sprs::CsMatI::new_csc(
            (self.classes.len(), self.features.len()),
            self.indptr.clone(),
            self.indices.clone(),
            self.data.clone(),
        )
    }
}

fn check_classes(classes: &[String], counts: &[u64]) -> Result<(), ModelError> {
    if classes.is_empty() {
        return Err(ModelError::NoClasses);
    }
    if let Some(name) = classes.iter().find(|name| name.is_empty() || name.contains(['\n', '\r'])) {
        return Err(ModelError::ClassName(name.clone()));
    }
    let mut sorted: Vec<&String> = classes.iter().collect();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(ModelError::ClassName(pair[0].clone()));
    }
    let ranks: Vec<_> =
        counts.iter().zip(classes).map(|(&count, name)| (core::cmp::Reverse(count), name)).collect();
    if counts.len() != classes.len() || !ranks.is_sorted() {
        return Err(ModelError::ClassCounts);
    }
    Ok(())
}

/// Whether the tokenizer gives back each word of a name; of an affix, what is left of the word.
fn is_spelt_as_texts_give_it(name: &str, tokenizer: &mut Tokenizer) -> bool {
    name.split([' ', '*']).filter(|word| !word.is_empty()).all(|word| {
        let mut tokens = 0;
        let mut is_same = true;
        tokenizer.for_each_token(word.as_bytes(), |token| {
            tokens += 1;
            is_same &= token == word;
        });
        is_same && tokens == 1 || is_one_unspaced_character(word, tokenizer)
    })
}

/// Whether a word of several characters is how one is normalised that is a token by itself, as Thai's sara am is.
fn is_one_unspaced_character(word: &str, tokenizer: &mut Tokenizer) -> bool {
    // The blocks of the scripts in question end there, but for ideographs, none of which becomes several.
    let characters = '\u{E00}'..='\u{33FF}';
    word.starts_with(is_unspaced)
        && word.chars().count() <= 4
        && characters
            .filter(|&character| is_unspaced(character))
            .any(|character| tokenizer.normalise(character.encode_utf8(&mut [0; 4])) == word)
}

fn check_features(features: &[String]) -> Result<(), ModelError> {
    if let Some(name) = features.iter().find(|name| FeatureKind::of(name).is_none()) {
        return Err(ModelError::FeatureName(name.clone()));
    }
    match features.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => Err(ModelError::FeatureOrder(pair[1].clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{AffixLengths, FeatureSpec};
    use alloc::string::ToString;
    use alloc::vec;
    use proptest::prelude::*;

    fn parts(features: &[&str]) -> ModelParts {
        ModelParts {
            classes: vec!["a".into()],
            class_counts: vec![1],
            features: features.iter().map(ToString::to_string).collect(),
            indptr: (0..=features.len() as u32).collect(),
            indices: vec![0; features.len()],
            data: vec![1.0; features.len()],
            metadata: Vec::new(),
        }
    }

    #[test]
    fn a_name_that_no_text_gives_is_refused_in_parts_and_read_from_files() {
        let long = "x".repeat(crate::text::MAX_TOKEN_BYTES + 1);
        for name in ["Cook", "X", "ﬁ", "cafe\u{301}", "night Cook", "Nu*", "*RSE", "東京", "ΛΌΓΟΣ", &long]
        {
            let error = Model::from_parts(parts(&[name])).unwrap_err();
            assert_eq!(error, ModelError::FeatureSpelling(name.to_string()));
            assert!(error.to_string().contains("in lower case and NFKC"), "{error}");
            let model = Model::from_parts_however_spelt(parts(&[name])).unwrap();
            assert_eq!(Model::from_bytes(&model.to_bytes()).unwrap(), model);
        }
        let names = [
            INTERCEPT,
            "*rse",
            "*\u{301}x",
            "café",
            "cook",
            "night cook",
            "nu*",
            "λόγος",
            "\u{E4D}\u{E32}",
            "京 都",
            "看*",
        ];
        assert!(Model::from_parts(parts(&names)).is_ok());
        for name in ["C++", "x y*", ""] {
            assert_eq!(
                Model::from_parts(parts(&[name])).unwrap_err(),
                ModelError::FeatureName(name.to_string())
            );
        }
    }

    /// Characters that stand for several, some of which are no letters, are left out: those join what they part.
    fn is_plain(character: char) -> bool {
        use unicode_normalization::UnicodeNormalization;
        let is_word = crate::text::tokenize::is_word_character;
        !is_word(character)
            || core::iter::once(character)
                .nfkc()
                .all(|c| is_word(c) && is_unspaced(c) == is_unspaced(character))
    }

    proptest! {
        #[test]
        fn the_features_of_texts_are_names_that_parts_may_have(
            text in proptest::collection::vec(any::<char>().prop_filter("plain", |&c| is_plain(c)), 0..40),
        ) {
            let text: String = text.into_iter().collect();
            let spec = FeatureSpec { ngrams: 3, affixes: Some(AffixLengths { min: 1, max: 4 }) };
            let mut names = alloc::collections::BTreeSet::new();
            spec.extractor().unwrap().for_each_feature(text.as_bytes(), |name| {
                names.insert(name.to_string());
            });
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            prop_assert!(Model::from_parts(parts(&names)).is_ok(), "{:?}", names);
        }
    }
}
