//! Inference: a lookup of features, and sums.
//!
//! [`Classifier`] compiles a model once; [`Scorer`] classifies with it, a text or a block of lines at a
//! time.

mod engine;
mod find;
mod key;
mod lexicon;
mod plain;
pub(crate) mod scan;
mod scorer;
mod sieve;
mod table;
mod tally;
#[cfg(test)]
mod tests;
mod window;

use alloc::vec::Vec;

use crate::Model;
use engine::Compiled;

#[doc(hidden)]
pub use scan::Instructions;
pub use scorer::Scorer;

/// What a text was classified as.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Prediction {
    /// The index of the class with the largest score; of equal ones, the first in the model's order.
    pub class: u32,
    /// That class's score: a decision value, of no fixed unit.
    pub score: f32,
    /// By how much that score exceeds the runner-up's; 0 for a tie, infinite if there is one class only.
    pub margin: f32,
    /// Whether the text has any feature that the model has a score for, the intercept left aside.
    pub known: bool,
}

impl Prediction {
    /// From sums of scores in units of 1/256.
    fn from_steps(class: u32, best: i64, runner_up: Option<i64>, known: bool) -> Prediction {
        let margin = runner_up.map_or(f32::INFINITY, |runner_up| tally::score(best - runner_up));
        Prediction { class, score: tally::score(best), margin, known }
    }
}

/// The class of a text and nothing that costs more: what labelling needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Label {
    /// The index of the class, as [`Prediction::class`].
    pub class: u32,
    /// As [`Prediction::known`].
    pub known: bool,
}

impl From<Prediction> for Label {
    fn from(prediction: Prediction) -> Label {
        Label { class: prediction.class, known: prediction.known }
    }
}

/// How one feature of a text contributes to its scores.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Contribution {
    /// The column of the feature in the model.
    pub feature: usize,
    /// How often the text has it.
    pub count: u32,
}

/// A model, compiled for inference. It can be shared between threads.
///
/// The methods here take a text, make a [`Scorer`] for it and allocate what they return; to classify many texts, keep a
/// scorer per thread: to allocate its buffers takes far longer than to classify a short text. In memory are the model and a
/// table of its names, which is larger.
#[derive(Debug, Clone)]
pub struct Classifier {
    model: Model,
    /// Absent if the names of the features were made such that no fast lookup can be built.
    compiled: Option<Compiled>,
}

impl Classifier {
    /// Compiles `model`: some tens of microseconds for 200 nonzeros, some hundreds for a few thousand.
    pub fn new(model: Model) -> Classifier {
        Classifier { compiled: Compiled::new(&model), model }
    }

    /// The model that was compiled.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The name of a class, by the index that a [`Prediction`] gives.
    ///
    /// # Panics
    /// When `class` is not the index of a class.
    pub fn class_name(&self, class: u32) -> &str {
        &self.model.classes()[class as usize]
    }

    /// The buffers for classifying texts one after the other, almost without allocating: see [`Scorer`].
    pub fn scorer(&self) -> Scorer<'_> {
        Scorer::new(self, Instructions::best())
    }

    /// A scorer with a set of instructions other than the best.
    #[doc(hidden)]
    pub fn scorer_with(&self, instructions: Instructions) -> Scorer<'_> {
        Scorer::new(self, instructions)
    }

    /// A scorer that does everything the plain way.
    #[doc(hidden)]
    pub fn plain_scorer(&self) -> Scorer<'_> {
        Scorer::plain(self)
    }

    /// The label of a text: any bytes, UTF-8 or not.
    pub fn classify(&self, text: impl AsRef<[u8]>) -> &str {
        self.class_name(self.scorer().predict(text.as_ref()).class)
    }

    /// The labels of texts, in order.
    pub fn classify_batch<T: AsRef<[u8]>>(&self, texts: impl IntoIterator<Item = T>) -> Vec<&str> {
        let mut scorer = self.scorer();
        texts.into_iter().map(|text| self.class_name(scorer.predict(text.as_ref()).class)).collect()
    }

    /// The score of each class, in the model's order of classes.
    pub fn decision_function(&self, text: impl AsRef<[u8]>) -> Vec<f32> {
        self.scorer().scores(text.as_ref()).to_vec()
    }

    /// The softmax of the scores: 0 or more, adding up to 1. These are the model's own
    /// probabilities; they are not calibrated.
    pub fn predict_proba(&self, text: impl AsRef<[u8]>) -> Vec<f32> {
        let mut scores: Vec<f64> =
            self.scorer().scores(text.as_ref()).iter().copied().map(f64::from).collect();
        softmax(&mut scores);
        scores.into_iter().map(|probability| probability as f32).collect()
    }

    /// The `k` classes with the largest scores, largest first, ties in the model's order of classes.
    pub fn top_k(&self, text: impl AsRef<[u8]>, k: usize) -> Vec<(u32, f32)> {
        self.scorer().ranked(text.as_ref()).take(k).map(|ranked| (ranked.class, ranked.score)).collect()
    }

    /// The features of `text` that the model has scores for, the intercept first if it has any, then
    /// in the byte order of their names. The sums of `count` times the feature's
    /// [column](Model::column) are the [`decision_function`](Self::decision_function).
    pub fn explain(&self, text: impl AsRef<[u8]>) -> Vec<Contribution> {
        let mut found: Vec<usize> = self.model.intercept_index().into_iter().collect();
        let mut extractor = plain::extractor(&self.model);
        plain::for_each_column(&self.model, &mut extractor, text.as_ref(), |column| {
            found.push(column as usize);
        });
        found.sort_unstable();
        found
            .chunk_by(|a, b| a == b)
            .map(|run| Contribution { feature: run[0], count: u32::try_from(run.len()).unwrap_or(u32::MAX) })
            .collect()
    }
}

/// The softmax of finite scores, in place. In `f32`, many small terms would be rounded alike.
pub(crate) fn softmax(scores: &mut [f64]) {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for score in scores.iter_mut() {
        *score = libm::exp(*score - largest);
    }
    let sum: f64 = scores.iter().sum();
    for score in scores {
        *score /= sum;
    }
}
