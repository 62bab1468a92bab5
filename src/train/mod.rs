//! Training: from a [`Dataset`] to a [`Model`] within a budget.

#![forbid(unsafe_code)]

mod cell;
mod dense;
mod exp_ln;
mod folds;
mod freeze;
mod line;
mod loss;
mod memory;
mod params;
mod path;
mod problem;
mod random;
mod ridge;
mod right;
mod rows;
mod run;
mod select;
mod setting;
mod smooth;
mod stages;
mod zero_one;

use std::fmt;

pub use params::{Budget, Objective, ObjectiveError, ParamError, Params, PruneBy, ValidParams};
pub use stages::{DenseFit, PrunedFit, RefinedFit};

use crate::Model;
use crate::data::Dataset;
use run::Run;

/// Labelled texts that training chooses by, in place of cross-validation: of each its label, and the text (any bytes).
pub type HeldOut<'a> = &'a [(String, Vec<u8>)];

/// How far training is; told to the caller's closure from time to time.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done: `dense fit`, `cross-validation`, `refinement`...
    pub stage: &'static str,
    /// The share of the stage that is done, 0 to 1. Cross-validation goes in rounds, as what is tried depends on what was
    /// best: each begins at 0, and how many there will be is not known.
    pub done: f64,
    /// The objective per text on the training data: the mean loss, and the penalty's share; of fits under 0/1 loss, and of
    /// the models of a frontier, the share of held-out texts that are wrong.
    pub loss: f64,
    /// The nonzeros of the model as it stands.
    pub nonzeros: usize,
}

/// An accuracy that was estimated on texts that the fit had not seen. Of the best of all that was tried, it is a little too
/// high: where some hundred texts are learnt from, by a few points, and by more where the budget is less than the number of
/// classes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// The share of texts whose label was right, 0 to 1; texts count by their weights, and with
    /// [`Params::balance`] every class counts the same, as in balanced accuracy.
    pub accuracy: f64,
    /// Its standard error: of the mean of independent texts of fixed weights, all right at one rate, or with
    /// [`Params::balance`] those of each class (a ratio estimate: Cochran, "Sampling techniques", 1977). Where all texts are
    /// right, or none, it is that of one more right text and one more wrong one.
    pub standard_error: f64,
}

/// How a model was fitted: what cross-validation chose, or was asked for. Shown as
/// `softmax-margin:2, L2 0.3, naive Bayes, cut, dropout`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Choice {
    /// The loss that refinement lowered.
    pub objective: Objective,
    /// The L2 strength.
    pub l2: f64,
    /// Whether the L2 strength of each weight is that times the square of 3 / (0.3 + |r|), with r the log of the share
    /// of the class's texts that have the feature over that of all others (each with one text more that has it and one
    /// that has not), as if features were multiplied by their naive Bayes weights (Wang and Manning, "Baselines and
    /// bigrams: simple, good sentiment and topic classification", 2012). [`Objective::Auto`] tries it where there are
    /// fewer than fifty texts for each nonzero.
    pub naive_bayes: bool,
    /// Whether a budget that would be grown from nothing was cut from the dense fit instead.
    pub is_cut: bool,
    /// Whether the fit was to four copies of each text, each of whose features is left out of one; of what ends under 0/1
    /// loss, that end alone, and to the whole text with half of the weight too.
    pub dropout: bool,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Choice { objective, l2, naive_bayes, is_cut, dropout } = self;
        write!(f, "{objective}, L2 {l2}")?;
        for (is_so, name) in [(naive_bayes, "naive Bayes"), (is_cut, "cut"), (dropout, "dropout")] {
            if *is_so {
                write!(f, ", {name}")?;
            }
        }
        Ok(())
    }
}

/// One way to fit that was tried, and what it scored.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// What was tried.
    pub choice: Choice,
    /// The budget.
    pub nonzeros: usize,
    /// Held-out accuracy at the budget. Where the first half of the folds holds out 4,000 texts or more, what is more than
    /// half a standard error behind the best on it is not fitted to the others, and taken to be as far behind there.
    pub estimate: Estimate,
    /// Where fewer than 2,000 texts are held out in all, and fewer than four fitted for each nonzero, the choice,
    /// unless [`Objective::ZeroOne`] or [`Params::balance`] is asked for, is by this and not by accuracy, which so few
    /// texts say little of: the mean of the held-out texts' probabilities of their own classes, 0 to 1, at the
    /// temperature that suits those texts best (temperature scaling: Guo and others, "On calibration of modern neural
    /// networks", 2017). None elsewhere, nor where a size between others is tried with one setting alone.
    pub expected_accuracy: Option<f64>,
    /// With [`Params::balance`], what the choice is by: the macro F1 of the held-out texts, 0 to 1, weighted as they were
    /// given. By balanced accuracy, rare classes would be found at any cost to the precision of all. None without.
    pub macro_f1: Option<f64>,
}

/// What training did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// How the model was fitted.
    pub choice: Choice,
    /// Held-out accuracy: cross-validated for the choice at the size chosen, or of the model on the validation data.
    pub estimate: Estimate,
    /// All that was tried, by size; what ends under 0/1 loss behind the rest, each in the order of trying.
    pub candidates: Vec<Candidate>,
    /// Accuracy on the training data, weighted as [`Estimate::accuracy`] is.
    pub training_accuracy: f64,
}

/// What training gives.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Trained {
    /// The frozen model.
    pub model: Model,
    /// What training did.
    pub report: Report,
}

/// Why training gave no model.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrainError {
    /// A model without a nonzero takes more bytes already.
    Bytes {
        /// The bytes that were allowed.
        allowed: u64,
        /// The bytes of the smallest model.
        needed: u64,
    },
    /// The scores of all texts for all classes, which every fit keeps up to date, take more memory than is allowed.
    Memory {
        /// The bytes that are allowed.
        allowed: u64,
        /// The bytes that the scores take.
        needed: u64,
    },
    /// The weights of a dense fit take more memory than is allowed.
    DenseMemory {
        /// The bytes that are allowed.
        allowed: u64,
        /// The bytes that the weights take.
        needed: u64,
    },
    /// The validation data is empty.
    NoValidation,
    /// No text of the validation data has a label of the training data.
    UnknownValidation {
        /// The texts of the validation data.
        texts: usize,
    },
    /// The threads could not be started.
    Threads(String),
}

impl fmt::Display for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes { allowed, needed } => write!(
                f,
                "a model of these classes takes at least {needed} bytes: {allowed} are allowed; allow more"
            ),
            Self::Memory { allowed, needed } => write!(
                f,
                "the scores of all texts for all classes take {needed} bytes: {allowed} are allowed; take fewer texts or \
                 classes, or allow more"
            ),
            Self::DenseMemory { allowed, needed } => write!(
                f,
                "the weights of a dense fit take {needed} bytes: {allowed} are allowed; cut from none (without an L1 strength, \
                 and not by magnitude), or allow more"
            ),
            Self::NoValidation => {
                write!(f, "the validation data is empty: expected at least one labelled text")
            }
            Self::UnknownValidation { texts } => write!(
                f,
                "none of the {texts} texts of the validation data has a label that the training data has: expected the \
                 same labels, written alike"
            ),
            Self::Threads(error) => write!(f, "threads cannot be started: {error}"),
        }
    }
}

impl std::error::Error for TrainError {}

/// One budget of a [`Frontier`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FrontierPoint {
    /// The model within this budget: that of a smaller one, if it scored better by a standard error.
    pub model: Model,
    /// The budget; the model's nonzeros are at most this many.
    pub nonzeros: usize,
    /// How the model was fitted.
    pub choice: Choice,
    /// Cross-validated accuracy of the choice at the budget that the model was fitted to.
    pub cross_validated: Estimate,
}

/// Accuracy against nonzeros.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Frontier {
    /// One point per budget, fewest nonzeros first; without budgets, one of all possible weights.
    pub points: Vec<FrontierPoint>,
    /// The model of all possible weights and its cross-validated accuracy.
    pub dense: FrontierPoint,
    /// The index of the point after which accuracy rises more slowly than from the first to the last
    /// (the point farthest above the chord of accuracy over the logarithm of nonzeros); none if no point is above it, as with
    /// fewer than three.
    pub knee: Option<usize>,
    /// The index of the first point within one standard error of the best, `dense` included; none if only that is.
    pub one_standard_error: Option<usize>,
    /// All that was tried, by size; what ends under 0/1 loss behind the rest, each in the order of trying.
    pub candidates: Vec<Candidate>,
}

impl ValidParams {
    /// Trains on `dataset` within the budget. Deterministic: the same data, parameters and seed give
    /// the same model, on any number of threads. `validation` stands in for cross-validation: its texts count
    /// alike, or with [`Params::balance`] every class alike; those with a label that the dataset does not have are wrong, and of
    /// classes of their own. `progress` is told how far training is.
    ///
    /// # Errors
    /// When the budget holds no model, the memory allowed is too little, the validation data is empty or has no label
    /// of the dataset, or the threads cannot be started.
    pub fn train(
        &self,
        dataset: &Dataset,
        validation: Option<HeldOut<'_>>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Trained, TrainError> {
        Run::new(self, dataset, validation, progress)?.run(|run| run.train())
    }

    /// Fits a model for each budget. Budgets of the same setting are fitted on one path: those that are grown each from
    /// the one below it, those that are cut from a dense fit each on the way to the one below it. Where more nonzeros
    /// score worse by a standard error, a budget gets the model of the smaller one that scored best. `budgets` are
    /// sorted and made distinct, and one of 0, or above the number of possible weights, stands for 1, or for that
    /// number; the parameters' own budget is not used.
    ///
    /// # Errors
    /// As for [`train`](Self::train).
    pub fn frontier(
        &self,
        dataset: &Dataset,
        budgets: &[usize],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Frontier, TrainError> {
        Run::new(self, dataset, None, progress)?.run(|run| run.frontier(budgets))
    }
}
