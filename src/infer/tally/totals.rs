//! The scores of one text, whatever it is: the plain sums that faster ones are held to.

#![forbid(unsafe_code)]

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use crate::Model;
use crate::infer::Prediction;
use crate::model::SCORE_STEPS;

/// A score in units of 1/256.
pub(super) fn steps(score: f32) -> i64 {
    (score * SCORE_STEPS) as i64
}

/// A sum of scores, from units of 1/256; rounded if it is past 65,536.
pub(in crate::infer) fn score(steps: i64) -> f32 {
    steps as f32 / SCORE_STEPS
}

/// The scores of one text.
#[derive(Debug, Clone)]
pub(in crate::infer) struct Totals {
    pub(super) intercept: Box<[i64]>,
    steps: Vec<i64>,
    known: bool,
}

impl Totals {
    pub(in crate::infer) fn new(model: &Model) -> Totals {
        let mut intercept = vec![0; model.classes().len()];
        if let Some(column) = model.intercept_index() {
            let (classes, scores) = model.column(column);
            for (&class, &score) in classes.iter().zip(scores) {
                intercept[class as usize] = steps(score);
            }
        }
        Totals { steps: intercept.clone(), intercept: intercept.into(), known: false }
    }

    /// Goes back to the scores of a text without features.
    pub(in crate::infer) fn clear(&mut self) {
        self.steps.copy_from_slice(&self.intercept);
        self.known = false;
    }

    /// Adds the scores of a feature.
    pub(in crate::infer) fn add(&mut self, model: &Model, column: u32) {
        self.known = true;
        let (classes, scores) = model.column(column as usize);
        for (&class, &score) in classes.iter().zip(scores) {
            self.steps[class as usize] += steps(score);
        }
    }

    /// Takes the scores of a text with these features.
    pub(in crate::infer) fn of(&mut self, model: &Model, columns: &[u32]) -> &Totals {
        self.clear();
        for &column in columns {
            self.add(model, column);
        }
        self
    }

    /// The sums, in units of 1/256.
    pub(in crate::infer) fn steps(&self) -> &[i64] {
        &self.steps
    }

    /// Whether any feature was added.
    pub(in crate::infer) fn known(&self) -> bool {
        self.known
    }

    /// The class with the largest sum, and the first of those.
    pub(in crate::infer) fn prediction(&self) -> Prediction {
        let (mut class, mut best, mut runner_up) = (0, self.steps[0], None);
        for (at, &other) in (0..).zip(&self.steps).skip(1) {
            if other > best {
                runner_up = Some(best);
                (class, best) = (at, other);
            } else {
                runner_up = runner_up.max(Some(other));
            }
        }
        Prediction::from_steps(class, best, runner_up, self.known)
    }
}
