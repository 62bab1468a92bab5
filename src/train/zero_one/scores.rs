//! The scores of all texts for all classes.

use crate::train::problem::Problem;

/// Scores in steps, those of a class for all texts in a row: a line looks up most of these one after the other.
#[derive(Debug, Clone)]
pub(super) struct Scores {
    /// Shape (classes, texts).
    steps: Vec<i32>,
    texts: usize,
}

impl Scores {
    /// All zero.
    pub(super) fn new(problem: &Problem) -> Scores {
        Scores { steps: vec![0; problem.classes() * problem.texts()], texts: problem.texts() }
    }

    /// Of all texts for one class.
    pub(super) fn of_class(&self, class: u32) -> &[i32] {
        &self.steps[class as usize * self.texts..][..self.texts]
    }

    /// Of one text for all classes.
    pub(super) fn of_text(&self, text: u32) -> impl Iterator<Item = i32> {
        self.steps[text as usize..].iter().step_by(self.texts).copied()
    }

    /// Gives what the score is then.
    pub(super) fn add(&mut self, text: u32, class: u32, change: i32) -> i32 {
        let score = &mut self.steps[class as usize * self.texts + text as usize];
        *score = score.saturating_add(change);
        *score
    }
}
