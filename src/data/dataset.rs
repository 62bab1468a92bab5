//! Labelled texts as a matrix of feature counts.

use std::cmp::Reverse;
use std::fmt;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use sha2::{Digest, Sha256};

use crate::text::features::FeatureExtractor;
use crate::text::{FeatureSpec, FeatureSpecError, INTERCEPT};

/// Labelled texts, as feature counts.
///
/// | | shape | what |
/// |---|---|---|
/// | [`counts`](Self::counts) | (texts, features) | how often each text has each feature; CSR |
/// | [`labels`](Self::labels) | texts | the index of each text's class |
/// | [`weights`](Self::weights) | texts | how much each text counts; 1 unless said otherwise |
///
/// Features stand in the byte order of their names; feature 0 is the intercept, which every text has once.
/// Classes stand in the order in which ties are decided: more texts first, then by name.
#[derive(Debug, Clone)]
pub struct Dataset {
    counts: sprs::CsMatI<f32, u32, usize>,
    labels: Vec<u32>,
    weights: Vec<f32>,
    classes: Vec<String>,
    class_counts: Vec<u64>,
    features: Vec<String>,
    spec: FeatureSpec,
    min_count: u32,
    digest: String,
}

/// Why texts do not make a [`Dataset`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DatasetError {
    /// There are no texts.
    Empty,
    /// All texts have this one label.
    OneClass(String),
    /// A label is empty or holds a line break.
    Label(String),
    /// A weight is not a positive finite number.
    Weight(f32),
    /// There are more than 2^32 - 1 texts, distinct features, or classes.
    TooLarge,
}

impl fmt::Display for DatasetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "no labelled texts: expected at least one of each of two classes"),
            Self::OneClass(label) => {
                write!(f, "every text is labelled {label:?}: expected at least two classes to tell apart")
            }
            Self::Label(label) => write!(f, "label {label:?}: expected some text without line breaks"),
            Self::Weight(weight) => write!(f, "weight {weight}: expected a finite number above 0"),
            Self::TooLarge => write!(f, "more than 4,294,967,295 texts, features or classes"),
        }
    }
}

impl std::error::Error for DatasetError {}

impl Dataset {
    /// The feature counts, of shape (texts, features), compressed by rows.
    pub fn counts(&self) -> &sprs::CsMatI<f32, u32, usize> {
        &self.counts
    }

    /// The class of each text, as an index into [`classes`](Self::classes).
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The weight of each text.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The number of texts of each class.
    pub fn class_counts(&self) -> &[u64] {
        &self.class_counts
    }

    /// The names of the features; the first is the intercept.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// The number of texts.
    pub fn texts(&self) -> usize {
        self.labels.len()
    }

    /// How many weights a dense model has: classes times features, the intercept's included.
    pub fn possible_weights(&self) -> u64 {
        self.classes.len() as u64 * self.features.len() as u64
    }

    /// Which features were drawn from the texts.
    pub fn spec(&self) -> FeatureSpec {
        self.spec
    }

    /// Features of fewer texts were left out.
    pub fn min_count(&self) -> u32 {
        self.min_count
    }

    /// The SHA-256 of the labels, texts and weights in their order, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// Takes labelled texts one by one and makes a [`Dataset`] of them.
///
/// ```
/// # use paring::data::DatasetBuilder;
/// # use paring::text::FeatureSpec;
/// let mut builder = DatasetBuilder::new(FeatureSpec::default())?;
/// builder.push("Health", b"night nurse", 1.0)?;
/// builder.push("Kitchen", b"night cook", 1.0)?;
/// let dataset = builder.finish(1)?;
/// assert_eq!(dataset.features(), ["(intercept)", "cook", "night", "nurse"]);
/// assert_eq!(dataset.counts().shape(), (2, 4));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DatasetBuilder {
    spec: FeatureSpec,
    extractor: FeatureExtractor,
    features: Interner,
    classes: Interner,
    /// The features of all texts, in the order of their first appearance; texts end at `text_ends`.
    occurrences: Vec<(u32, f32)>,
    text_ends: Vec<usize>,
    labels: Vec<u32>,
    weights: Vec<f32>,
    found: Vec<u32>,
    digest: Sha256,
}

impl DatasetBuilder {
    /// A builder that draws these features from texts.
    ///
    /// # Errors
    /// When `spec` is out of range.
    pub fn new(spec: FeatureSpec) -> Result<DatasetBuilder, FeatureSpecError> {
        let mut features = Interner::default();
        features.intern(INTERCEPT);
        Ok(DatasetBuilder {
            spec,
            extractor: spec.extractor()?,
            features,
            classes: Interner::default(),
            occurrences: Vec::new(),
            text_ends: Vec::new(),
            labels: Vec::new(),
            weights: Vec::new(),
            found: Vec::new(),
            digest: Sha256::new(),
        })
    }

    /// Adds a text (any bytes) with its label and its weight (1 for an ordinary one).
    ///
    /// # Errors
    /// When the label is empty or holds a line break, or the weight is not positive and finite. The text is not added.
    pub fn push(&mut self, label: &str, text: &[u8], weight: f32) -> Result<(), DatasetError> {
        if label.is_empty() || label.contains(['\n', '\r']) {
            return Err(DatasetError::Label(label.into()));
        }
        if !(weight.is_finite() && weight > 0.0) {
            return Err(DatasetError::Weight(weight));
        }
        for part in [label.as_bytes(), text] {
            self.digest.update((part.len() as u64).to_le_bytes());
            self.digest.update(part);
        }
        self.digest.update(weight.to_le_bytes());

        let DatasetBuilder { extractor, features, found, .. } = self;
        found.clear();
        found.push(0);
        extractor.for_each_feature(text, |name| found.push(features.intern(name)));
        found.sort_unstable();
        self.occurrences.extend(found.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as f32)));
        self.text_ends.push(self.occurrences.len());
        self.labels.push(self.classes.intern(label));
        self.weights.push(weight);
        Ok(())
    }

    /// The number of texts so far.
    pub fn texts(&self) -> usize {
        self.labels.len()
    }

    /// Makes the dataset, without the features that fewer than `min_count` texts have.
    ///
    /// # Errors
    /// When there are no texts, only one class, or too many of anything.
    pub fn finish(self, min_count: u32) -> Result<Dataset, DatasetError> {
        let DatasetBuilder {
            spec, features, classes, occurrences, text_ends, labels, weights, digest, ..
        } = self;
        if labels.is_empty() {
            return Err(DatasetError::Empty);
        }
        if let [only] = &classes.names[..] {
            return Err(DatasetError::OneClass(only.to_string()));
        }
        if [labels.len(), features.names.len(), classes.names.len()].iter().any(|&n| n >= u32::MAX as usize) {
            return Err(DatasetError::TooLarge);
        }

        let (labels, classes, class_counts) = rank_classes(labels, classes);

        let mut text_counts = vec![0_u32; features.names.len()];
        for &(feature, _) in &occurrences {
            text_counts[feature as usize] += 1;
        }
        let mut kept: Vec<usize> = (0..features.names.len())
            .filter(|&feature| text_counts[feature] >= min_count || feature == 0)
            .collect();
        kept.sort_unstable_by(|&a, &b| features.names[a].cmp(&features.names[b]));
        let mut column_of = vec![u32::MAX; features.names.len()];
        for (column, &feature) in (0_u32..).zip(&kept) {
            column_of[feature] = column;
        }
        let names = kept.iter().map(|&feature| features.names[feature].to_string()).collect::<Vec<_>>();

        let mut indptr = Vec::with_capacity(labels.len() + 1);
        let mut indices = Vec::with_capacity(occurrences.len());
        let mut data = Vec::with_capacity(occurrences.len());
        indptr.push(0);
        let mut row: Vec<(u32, f32)> = Vec::new();
        let mut start = 0;
        for &end in &text_ends {
            row.clear();
            row.extend(
                occurrences[start..end].iter().map(|&(feature, count)| (column_of[feature as usize], count)),
            );
            row.retain(|&(column, _)| column != u32::MAX);
            row.sort_unstable_by_key(|&(column, _)| column);
            indices.extend(row.iter().map(|&(column, _)| column));
            data.extend(row.iter().map(|&(_, count)| count));
            indptr.push(indices.len());
            start = end;
        }
        let counts = sprs::CsMatI::new((labels.len(), names.len()), indptr, indices, data);
        let digest = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Dataset {
            counts,
            labels,
            weights,
            classes,
            class_counts,
            features: names,
            spec,
            min_count,
            digest,
        })
    }
}

/// Renumbers classes in the order in which ties are decided.
fn rank_classes(labels: Vec<u32>, classes: Interner) -> (Vec<u32>, Vec<String>, Vec<u64>) {
    let mut counts = vec![0_u64; classes.names.len()];
    for &label in &labels {
        counts[label as usize] += 1;
    }
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_unstable_by_key(|&class| (Reverse(counts[class]), &classes.names[class]));
    let mut rank = vec![0_u32; order.len()];
    for (at, &class) in (0_u32..).zip(&order) {
        rank[class] = at;
    }
    let labels = labels.into_iter().map(|label| rank[label as usize]).collect();
    let names = order.iter().map(|&class| classes.names[class].to_string()).collect();
    (labels, names, order.iter().map(|&class| counts[class]).collect())
}

/// Numbers names in the order of their first appearance.
#[derive(Debug, Default)]
struct Interner {
    names: Vec<Box<str>>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Interner {
    fn intern(&mut self, name: &str) -> u32 {
        let Interner { names, numbers, hasher } = self;
        let hash = hasher.hash_one(name);
        if let Some(&number) = numbers.find(hash, |&number| *names[number as usize] == *name) {
            return number;
        }
        let number = names.len() as u32;
        names.push(name.into());
        numbers.insert_unique(hash, number, |&number| hasher.hash_one(&*names[number as usize]));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder(rows: &[(&str, &str)]) -> DatasetBuilder {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for (label, text) in rows {
            builder.push(label, text.as_bytes(), 1.0).unwrap();
        }
        builder
    }

    #[test]
    fn classes_stand_by_frequency_then_name() {
        let dataset = builder(&[("b", "x"), ("c", "x"), ("c", "y"), ("a", "z")]).finish(1).unwrap();
        assert_eq!(dataset.classes(), ["c", "a", "b"]);
        assert_eq!(dataset.class_counts(), [2, 1, 1]);
        assert_eq!(dataset.labels(), [2, 0, 0, 1]);
    }

    #[test]
    fn counts_are_by_text_and_feature_with_the_intercept_first() {
        let dataset = builder(&[("a", "no no yes"), ("b", "")]).finish(1).unwrap();
        assert_eq!(dataset.features(), [INTERCEPT, "no", "yes"]);
        let dense = dataset.counts().to_dense();
        assert_eq!(
            dense.rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>(),
            [[1., 2., 1.], [1., 0., 0.]]
        );
    }

    #[test]
    fn a_feature_of_too_few_texts_is_left_out_and_the_intercept_never() {
        let dataset = builder(&[("a", "once once twice"), ("b", "twice")]).finish(2).unwrap();
        assert_eq!(dataset.features(), [INTERCEPT, "twice"]);
        assert_eq!(builder(&[("a", "x"), ("b", "y")]).finish(9).unwrap().features(), [INTERCEPT]);
    }

    #[test]
    fn data_that_cannot_be_learnt_from_is_refused() {
        assert_eq!(builder(&[]).finish(1).unwrap_err(), DatasetError::Empty);
        assert_eq!(
            builder(&[("a", "x"), ("a", "y")]).finish(1).unwrap_err(),
            DatasetError::OneClass("a".into())
        );
        assert!(matches!(builder(&[]).push("", b"x", 1.0), Err(DatasetError::Label(_))));
        assert!(matches!(builder(&[]).push("a\nb", b"x", 1.0), Err(DatasetError::Label(_))));
        assert!(matches!(builder(&[]).push("a\rb", b"x", 1.0), Err(DatasetError::Label(_))));
        for weight in [f32::NAN, f32::INFINITY, 0.0, -0.0, -1.0] {
            assert!(matches!(builder(&[]).push("a", b"x", weight), Err(DatasetError::Weight(_))), "{weight}");
        }
    }

    #[test]
    fn the_digest_tells_data_apart() {
        let digest = |rows: &[(&str, &str)]| builder(rows).finish(1).unwrap().digest().to_string();
        let one = digest(&[("a", "x"), ("b", "y")]);
        assert_eq!(one, digest(&[("a", "x"), ("b", "y")]));
        assert_ne!(one, digest(&[("b", "y"), ("a", "x")]));
        assert_ne!(one, digest(&[("a", "xb"), ("b", "y")]));
        assert_ne!(digest(&[("a", "xb"), ("b", "y")]), digest(&[("ax", "b"), ("b", "y")]));
        let mut weighted = builder(&[("a", "x")]);
        weighted.push("b", b"y", 2.0).unwrap();
        assert_ne!(one, weighted.finish(1).unwrap().digest());
    }
}
