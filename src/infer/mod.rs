//! Inference: a lookup of features, and sums.

pub mod plain;

use alloc::vec::Vec;

use crate::Model;
use plain::Lookup;

/// What a text was classified as.
#[derive(Debug, Clone, Copy, PartialEq)]
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

/// The class of a text and nothing that costs more: what labelling needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// The index of the class, as [`Prediction::class`].
    pub class: u32,
    /// As [`Prediction::known`].
    pub known: bool,
}

/// How one feature of a text contributes to its scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// The column of the feature in the model.
    pub feature: usize,
    /// How often the text has it.
    pub count: u32,
}

/// A model, compiled for inference. It can be shared between threads.
///
/// The methods here take a text and allocate what they return; to classify many texts, keep a
/// [`Scorer`] per thread.
#[derive(Debug, Clone)]
pub struct Classifier {
    model: Model,
    lookup: Lookup,
    intercept: Vec<f32>,
}

impl Classifier {
    /// Compiles `model`.
    pub fn new(model: Model) -> Classifier {
        let mut intercept = alloc::vec![0.0; model.classes().len()];
        if let Some(column) = model.intercept_index() {
            let (classes, scores) = model.column(column);
            for (&class, &score) in classes.iter().zip(scores) {
                intercept[class as usize] = score;
            }
        }
        Classifier { lookup: Lookup::new(&model), intercept, model }
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

    /// The buffers for classifying texts one after the other without allocating.
    pub fn scorer(&self) -> Scorer<'_> {
        Scorer { classifier: self, scores: self.intercept.clone(), extractor: self.lookup.extractor() }
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

    /// The softmax of the scores: positive, adding up to 1. These are the model's own
    /// probabilities; they are not calibrated.
    pub fn predict_proba(&self, text: impl AsRef<[u8]>) -> Vec<f32> {
        let mut scores = self.decision_function(text);
        softmax(&mut scores);
        scores
    }

    /// The `k` classes with the largest scores, largest first, ties in the model's order of classes.
    pub fn top_k(&self, text: impl AsRef<[u8]>, k: usize) -> Vec<(u32, f32)> {
        let mut ranked: Vec<(u32, f32)> = (0..).zip(self.decision_function(text)).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked.truncate(k);
        ranked
    }

    /// The features of `text` that the model has scores for, the intercept first if it has any, then
    /// in the byte order of their names. The sums of `count` times the feature's
    /// [column](Model::column) are the [`decision_function`](Self::decision_function).
    pub fn explain(&self, text: impl AsRef<[u8]>) -> Vec<Contribution> {
        let mut found: Vec<usize> = self.model.intercept_index().into_iter().collect();
        let mut extractor = self.lookup.extractor();
        self.lookup.for_each_column(&mut extractor, text.as_ref(), |column| found.push(column));
        found.sort_unstable();
        found
            .chunk_by(|a, b| a == b)
            .map(|run| Contribution { feature: run[0], count: u32::try_from(run.len()).unwrap_or(u32::MAX) })
            .collect()
    }
}

/// The softmax of scores, in place.
pub fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for score in scores.iter_mut() {
        *score = exp(*score - largest);
    }
    let sum: f32 = scores.iter().sum();
    for score in scores {
        *score /= sum;
    }
}

/// Classifies texts one after the other in buffers of its own; made by [`Classifier::scorer`].
#[derive(Debug, Clone)]
pub struct Scorer<'c> {
    classifier: &'c Classifier,
    scores: Vec<f32>,
    extractor: crate::text::features::FeatureExtractor,
}

impl Scorer<'_> {
    /// The class of a text, its score, and whether any feature was known.
    pub fn predict(&mut self, text: &[u8]) -> Prediction {
        let known = self.add_up(text);
        let mut class = 0;
        let mut score = self.scores[0];
        let mut runner_up = f32::NEG_INFINITY;
        for (at, &other) in self.scores.iter().enumerate().skip(1) {
            if other > score {
                runner_up = score;
                (class, score) = (at, other);
            } else if other > runner_up {
                runner_up = other;
            }
        }
        Prediction { class: class as u32, score, margin: score - runner_up, known }
    }

    /// Appends the label of each line of `block`. This is the fastest way to classify.
    ///
    /// Lines end with `\n`; a last line without one counts if it is not empty. A `\r` before the
    /// end separates words like any other byte that is not part of one.
    ///
    /// ```
    /// # use paring::model::{Model, ModelParts};
    /// # let model = Model::from_parts(ModelParts {
    /// #     classes: vec!["Health".into(), "Kitchen".into()],
    /// #     class_counts: vec![1, 1],
    /// #     features: vec!["cook".into()],
    /// #     indptr: vec![0, 1],
    /// #     indices: vec![1],
    /// #     data: vec![1.0],
    /// #     metadata: vec![],
    /// # })?;
    /// let classifier = model.into_classifier();
    /// let mut labels = Vec::new();
    /// classifier.scorer().label_lines(b"nurse\n\nnight cook", &mut labels);
    /// let found: Vec<_> = labels.iter().map(|label| (label.class, label.known)).collect();
    /// assert_eq!(found, [(0, false), (0, false), (1, true)]);
    /// # Ok::<(), paring::model::ModelError>(())
    /// ```
    pub fn label_lines(&mut self, block: &[u8], labels: &mut Vec<Label>) {
        self.label_texts(lines(block), labels);
    }

    /// Appends the label of each text. A text may hold line feeds.
    pub fn label_texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t [u8]>, labels: &mut Vec<Label>) {
        labels.extend(texts.into_iter().map(|text| {
            let Prediction { class, known, .. } = self.predict(text);
            Label { class, known }
        }));
    }

    /// Appends the prediction for each line of `block`; lines are as in [`label_lines`](Self::label_lines).
    pub fn predict_lines(&mut self, block: &[u8], predictions: &mut Vec<Prediction>) {
        self.predict_texts(lines(block), predictions);
    }

    /// Appends the prediction for each text. A text may hold line feeds.
    pub fn predict_texts<'t>(
        &mut self,
        texts: impl IntoIterator<Item = &'t [u8]>,
        predictions: &mut Vec<Prediction>,
    ) {
        predictions.extend(texts.into_iter().map(|text| self.predict(text)));
    }

    /// The score of each class, in the model's order of classes.
    pub fn scores(&mut self, text: &[u8]) -> &[f32] {
        self.add_up(text);
        &self.scores
    }

    fn add_up(&mut self, text: &[u8]) -> bool {
        let Classifier { model, lookup, intercept } = self.classifier;
        self.scores.copy_from_slice(intercept);
        let mut known = false;
        lookup.for_each_column(&mut self.extractor, text, |column| {
            known = true;
            let (classes, scores) = model.column(column);
            for (&class, &score) in classes.iter().zip(scores) {
                self.scores[class as usize] += score;
            }
        });
        known
    }
}

/// The lines of a block, without the `\n` that ends them.
fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    block.split_inclusive(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}

#[cfg(feature = "std")]
fn exp(x: f32) -> f32 {
    x.exp()
}

#[cfg(not(feature = "std"))]
fn exp(x: f32) -> f32 {
    libm::expf(x)
}
