//! Classifying one text after the other.

#![forbid(unsafe_code)]

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::engine::Engine;
use super::scan::Instructions;
use super::tally::{self, Totals};
use super::{Classifier, Label, Prediction, plain};
use crate::Model;
use crate::text::features::FeatureExtractor;

/// Classifies texts one after the other in buffers of its own; made by [`Classifier::scorer`].
///
/// It takes 75 KB for a model of words, some 50 KB more for each length of prefixes and suffixes, and what the classes'
/// scores take. Nothing is allocated per text, but for those with a capital sigma (Σ), whose lower case depends on what
/// follows.
#[derive(Debug, Clone)]
pub struct Scorer<'c> {
    way: Way<'c>,
    scores: Vec<f32>,
    order: Vec<(u32, i64)>,
}

#[derive(Debug, Clone)]
enum Way<'c> {
    Fast(Box<Engine<'c>>),
    Plain(Box<Plain<'c>>),
}

impl<'c> Scorer<'c> {
    pub(super) fn new(classifier: &'c Classifier, instructions: Instructions) -> Scorer<'c> {
        match &classifier.compiled {
            Some(compiled) => {
                let engine = Engine::new(&classifier.model, compiled, instructions);
                Scorer::of(Way::Fast(Box::new(engine)))
            }
            None => Scorer::plain(classifier),
        }
    }

    pub(super) fn plain(classifier: &'c Classifier) -> Scorer<'c> {
        Scorer::of(Way::Plain(Box::new(Plain::new(&classifier.model))))
    }

    fn of(way: Way<'c>) -> Scorer<'c> {
        Scorer { way, scores: Vec::new(), order: Vec::new() }
    }

    /// The class of a text, its score, and whether any feature was known.
    pub fn predict(&mut self, text: &[u8]) -> Prediction {
        self.totals(text).prediction()
    }

    /// The score of each class, in the model's order of classes.
    pub fn scores(&mut self, text: &[u8]) -> &[f32] {
        let mut scores = core::mem::take(&mut self.scores);
        scores.clear();
        scores.extend(self.totals(text).steps().iter().map(|&steps| tally::score(steps)));
        self.scores = scores;
        &self.scores
    }

    /// All classes, the best first, each with its margin over the next: the first is what [`predict`](Self::predict)
    /// gives. They are ranked by their sums before these are rounded to `f32`.
    pub(crate) fn ranked(&mut self, text: &[u8]) -> impl Iterator<Item = Prediction> {
        let mut order = core::mem::take(&mut self.order);
        order.clear();
        let totals = self.totals(text);
        let known = totals.known();
        order.extend((0..).zip(totals.steps().iter().copied()));
        order.sort_unstable_by_key(|&(class, steps)| (core::cmp::Reverse(steps), class));
        self.order = order;
        let next = self.order.iter().skip(1).map(|&(_, steps)| Some(steps)).chain([None]);
        let ranked = self.order.iter().zip(next);
        ranked.map(move |(&(class, steps), next)| Prediction::from_steps(class, steps, next, known))
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
        match &mut self.way {
            Way::Fast(engine) => engine.label_lines(block, |label| labels.push(label)),
            Way::Plain(plain) => labels.extend(lines(block).map(|line| Label::from(plain.predict(line)))),
        }
    }

    /// Appends the label of each text. A text may hold line feeds.
    pub fn label_texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t [u8]>, labels: &mut Vec<Label>) {
        match &mut self.way {
            Way::Fast(engine) => engine.label_texts(texts, |label| labels.push(label)),
            Way::Plain(plain) => {
                labels.extend(texts.into_iter().map(|text| Label::from(plain.predict(text))));
            }
        }
    }

    /// Appends the prediction for each line of `block`; lines are as in [`label_lines`](Self::label_lines).
    pub fn predict_lines(&mut self, block: &[u8], predictions: &mut Vec<Prediction>) {
        match &mut self.way {
            Way::Fast(engine) => engine.predict_lines(block, |prediction| predictions.push(prediction)),
            Way::Plain(plain) => predictions.extend(lines(block).map(|line| plain.predict(line))),
        }
    }

    /// Appends the prediction for each text. A text may hold line feeds.
    pub fn predict_texts<'t>(
        &mut self,
        texts: impl IntoIterator<Item = &'t [u8]>,
        predictions: &mut Vec<Prediction>,
    ) {
        predictions.extend(texts.into_iter().map(|text| self.predict(text)));
    }

    fn totals(&mut self, text: &[u8]) -> &Totals {
        match &mut self.way {
            Way::Fast(engine) => engine.totals(text),
            Way::Plain(plain) => plain.totals(text),
        }
    }
}

/// The plain way, for a model that the fast one cannot be built for.
#[derive(Debug, Clone)]
struct Plain<'c> {
    model: &'c Model,
    extractor: FeatureExtractor,
    totals: Totals,
}

impl<'c> Plain<'c> {
    fn new(model: &'c Model) -> Plain<'c> {
        Plain { model, extractor: plain::extractor(model), totals: Totals::new(model) }
    }

    fn totals(&mut self, text: &[u8]) -> &Totals {
        let Plain { model, extractor, totals } = self;
        totals.clear();
        plain::for_each_column(model, extractor, text, |column| totals.add(model, column));
        totals
    }

    fn predict(&mut self, line: &[u8]) -> Prediction {
        self.totals(line).prediction()
    }
}

/// The lines of a block, without the `\n` that ends them.
fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    block.split_inclusive(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}
