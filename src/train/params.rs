//! What training is asked for, and whether that makes sense.

use std::fmt;
use std::str::FromStr;

const MAX_THREADS: usize = 1024;

/// The digits of `f32` do not tell losses of a smaller q apart.
const MIN_Q: f64 = 1e-6;

/// Strengths are multiplied with numbers of texts, in `f32`.
const MAX_STRENGTH: f64 = 1e30;

/// How many weights may stay.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Budget {
    /// At most this many nonzeros, the intercepts' included.
    Nonzeros(usize),
    /// About as many nonzeros as a model file of at most this many bytes can hold: the search for how many ends when at most
    /// a sixty-fourth of the bytes is unused, or after eight fits of a setting.
    Bytes(u64),
    /// The fewest nonzeros whose cross-validated accuracy is within this many percentage points of the best of the
    /// sizes that are tried, each fitted as is chosen for it (which where texts are few need not be what was most
    /// accurate: see [`Candidate::expected_accuracy`](super::Candidate::expected_accuracy)). Tried are 8, 16 and so on,
    /// doubling up to 16,384, all possible weights, and some between the last that falls short and the first that does
    /// not, unless that is above 16,384. When their L2 strengths have been chosen, the other choices are made for sizes
    /// below the first that is within half of this, and, unless the best makes no error, for that size, the best and
    /// all possible weights; but for none that is behind by more than twice this and a point.
    AccuracyLoss(f64),
    /// The fewest nonzeros whose cross-validated accuracy is within one standard error of the best, which is that of the
    /// same sizes.
    OneStandardError,
}

/// The loss that refinement lowers. All but 0/1 loss are taken of a text's scores over the square root of its length in
/// features, in units of the mean of that root's reciprocal over all texts.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Objective {
    /// Chosen by cross-validation: softmax-margin with a margin of 2, 4 or 8, or 0/1 loss. With [`PruneBy::Magnitude`], log
    /// loss.
    Auto,
    /// The negative log-likelihood of multinomial logistic regression.
    LogLoss,
    /// The same, with the score of a text's own class lowered by this margin in training: texts that are right by
    /// less still count (softmax-margin: Gimpel and Smith, "Softmax-margin CRFs", 2010).
    SoftmaxMargin(f64),
    /// The generalised cross entropy (1 - p^q) / q of the true class's probability p, with q from
    /// 1e-6 to 1: near log loss for a small q, the expected error for 1 (Zhang and Sabuncu,
    /// "Generalized cross entropy loss for training deep neural networks with noisy labels", 2018).
    GeneralisedCrossEntropy(f64),
    /// The share of texts that get a wrong label.
    ZeroOne,
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::LogLoss => f.write_str("log-loss"),
            Self::SoftmaxMargin(margin) => write!(f, "softmax-margin:{margin}"),
            Self::GeneralisedCrossEntropy(q) => write!(f, "gce:{q}"),
            Self::ZeroOne => f.write_str("zero-one"),
        }
    }
}

/// A text that names no [`Objective`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectiveError {
    found: String,
}

impl fmt::Display for ObjectiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "objective {:?}: expected auto, log-loss, softmax-margin:M (as in softmax-margin:2), gce:Q (as in gce:0.3) or \
             zero-one",
            self.found
        )
    }
}

impl std::error::Error for ObjectiveError {}

impl FromStr for Objective {
    type Err = ObjectiveError;

    fn from_str(name: &str) -> Result<Objective, ObjectiveError> {
        let number = |prefix: &str| name.strip_prefix(prefix).and_then(|number| number.parse().ok());
        match name {
            "auto" => Ok(Self::Auto),
            "log-loss" => Ok(Self::LogLoss),
            "zero-one" => Ok(Self::ZeroOne),
            _ => (number("gce:").map(Self::GeneralisedCrossEntropy))
                .or_else(|| number("softmax-margin:").map(Self::SoftmaxMargin))
                .ok_or_else(|| ObjectiveError { found: name.into() }),
        }
    }
}

/// What decides which weights are pruned first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PruneBy {
    /// What the loss rises by when the weight goes. The default.
    Cost,
    /// The weight's magnitude: the usual baseline, far worse, because a word seen twice gets a
    /// weight as large as a word seen two thousand times. It goes with log loss alone.
    Magnitude,
}

/// What training is asked for. [`check`](Self::check) it to train.
///
/// | field | meaning | default | range |
/// |---|---|---|---|
/// | `budget` | how many weights may stay | [`Budget::OneStandardError`] | at least 1 nonzero, or 1 byte; loss of 0 to 100 points |
/// | `objective` | the loss that refinement lowers | [`Objective::Auto`] | q of 1e-6 to 1, margins of 0 to 100; with [`PruneBy::Magnitude`], `Auto` or `LogLoss` |
/// | `prune_by` | what decides which weights go first | [`PruneBy::Cost`] | |
/// | `l1` | L1 strength of the dense fit, per text; given, every budget is cut from that fit, and one that holds all weights has those that the penalty left | 2 over the number of texts; for budgets above a sixteenth of all possible weights 0.2, above a quarter 0 | above 0, at most 1e30 |
/// | `l2` | L2 strength of the refinement: adds l2/2 times the sum of squared weights to the sum of losses, in which the texts' weights are scaled to a mean of 1; where [`Objective::Auto`] takes the naive Bayes penalty, each times its factor (see [`Choice::naive_bayes`](super::Choice::naive_bayes)) | chosen by cross-validation | 0 to 1e30 |
/// | `balance` | makes much of rare classes: choices are by macro F1, accuracies are balanced ones, and in a fit a class weighs the square root of what its texts do | false | |
/// | `folds` | folds of the stratified cross-validation; of large data only as many are fitted as hold out 12,000 texts in all, each to some 100,000 texts at most | 5 | 2 to 20 |
/// | `seed` | decides the folds, and the random exchanges of a finish under 0/1 loss; what dropout leaves out is the same for all | 1 | |
/// | `threads` | threads; never changes the result | 0: one per core | 0 to 1,024 |
/// | `max_memory` | bytes that the weights of a dense fit may take, and bytes that the scores of all texts may take in each fit | 2 GiB | |
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// How many weights may stay.
    pub budget: Budget,
    /// The loss that refinement lowers.
    pub objective: Objective,
    /// What decides which weights go first.
    pub prune_by: PruneBy,
    /// L1 strength of the dense fit, per text.
    pub l1: Option<f64>,
    /// L2 strength of the refinement.
    pub l2: Option<f64>,
    /// Whether classes count the same, whatever their number of texts: choices are by macro F1, accuracies are balanced
    /// ones, and in a fit a class's total weight is the square root of its texts'. (With the same total weight for all, macro
    /// F1 fell where classes are many: rare ones were found at too high a cost in precision.)
    pub balance: bool,
    /// Folds of the stratified cross-validation; of large data not all are fitted.
    pub folds: usize,
    /// Decides the folds, and the random exchanges of a finish under 0/1 loss.
    pub seed: u64,
    /// Threads, or 0 for one per core.
    pub threads: usize,
    /// Bytes that weights may take, and bytes that scores may take, for each fit.
    ///
    /// A dense fit takes 32 bytes for each possible weight. Where these are more, fits are grown, to one weight for each 32
    /// bytes at most, and the naive Bayes penalty is not tried; where an L1 strength or magnitude asks for a cut, training
    /// fails. Scores take 4 bytes for each text and class, and for a while up to five times as many: where they are more,
    /// training fails, and where they are more for five times as many texts, dropout is not tried.
    pub max_memory: u64,
}

impl Default for Params {
    fn default() -> Self {
        Params {
            budget: Budget::OneStandardError,
            objective: Objective::Auto,
            prune_by: PruneBy::Cost,
            l1: None,
            l2: None,
            balance: false,
            folds: 5,
            seed: 1,
            threads: 0,
            max_memory: 2 << 30,
        }
    }
}

/// A parameter out of range.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParamError {
    /// Its name, in words where it is a part of one.
    pub name: &'static str,
    /// What was found.
    pub found: String,
    /// What is expected.
    pub expected: &'static str,
}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ParamError { name, found, expected } = self;
        write!(f, "{name} is {found}: expected {expected}")
    }
}

impl std::error::Error for ParamError {}

/// [`Params`] in range.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidParams(Params);

impl std::ops::Deref for ValidParams {
    type Target = Params;

    fn deref(&self) -> &Params {
        &self.0
    }
}

impl Params {
    /// Checks every range.
    ///
    /// # Errors
    /// For the first parameter that is out of range.
    pub fn check(self) -> Result<ValidParams, ParamError> {
        let require = |holds: bool, name, found: String, expected| {
            if holds { Ok(()) } else { Err(ParamError { name, found, expected }) }
        };
        match self.budget {
            Budget::Nonzeros(n) => require(n >= 1, "nonzeros", n.to_string(), "at least 1")?,
            Budget::Bytes(n) => require(n >= 1, "max-bytes", n.to_string(), "at least 1")?,
            Budget::AccuracyLoss(points) => require(
                (0.0..=100.0).contains(&points),
                "max-accuracy-loss",
                points.to_string(),
                "0 to 100 percentage points",
            )?,
            Budget::OneStandardError => {}
        }
        if let Objective::GeneralisedCrossEntropy(q) = self.objective {
            let holds = (MIN_Q..=1.0).contains(&q);
            require(holds, "q of the objective gce:Q", q.to_string(), "1e-6 to 1, or log-loss for 0")?;
        }
        if let Objective::SoftmaxMargin(margin) = self.objective {
            let holds = (0.0..=100.0).contains(&margin);
            require(holds, "M of the objective softmax-margin:M", margin.to_string(), "0 to 100")?;
        }
        if self.prune_by == PruneBy::Magnitude {
            let holds = matches!(self.objective, Objective::Auto | Objective::LogLoss);
            let found = format!("{} with weights pruned by magnitude", self.objective);
            require(holds, "the objective", found, "auto or log-loss, as the baseline has it")?;
        }
        if let Some(l1) = self.l1 {
            require(l1.is_finite() && l1 > 0.0, "l1", l1.to_string(), "a finite number above 0")?;
            require(l1 <= MAX_STRENGTH, "l1", l1.to_string(), "at most 1e30")?;
        }
        if let Some(l2) = self.l2 {
            require(l2.is_finite() && l2 >= 0.0, "l2", l2.to_string(), "a finite number, 0 or more")?;
            require(l2 <= MAX_STRENGTH, "l2", l2.to_string(), "at most 1e30")?;
        }
        require((2..=20).contains(&self.folds), "folds", self.folds.to_string(), "2 to 20")?;
        // Threads that have nothing to do still look for work: many thousands do nothing else.
        let holds = self.threads <= MAX_THREADS;
        require(holds, "threads", self.threads.to_string(), "at most 1,024, or 0 for one per core")?;
        Ok(ValidParams(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert!(Params::default().check().is_ok());
    }

    #[test]
    fn an_objective_parses_from_its_own_display() {
        for objective in [
            Objective::Auto,
            Objective::LogLoss,
            Objective::ZeroOne,
            Objective::GeneralisedCrossEntropy(0.3),
            Objective::SoftmaxMargin(2.0),
        ] {
            assert_eq!(objective.to_string().parse(), Ok(objective));
        }
        let error = "gce".parse::<Objective>().unwrap_err().to_string();
        assert!(error.contains("\"gce\"") && error.contains("gce:0.3"), "{error}");
    }

    #[test]
    fn a_parameter_out_of_range_is_named() {
        let named = |params: Params| params.check().unwrap_err().to_string();
        assert!(
            named(Params { budget: Budget::Nonzeros(0), ..Params::default() }).starts_with("nonzeros is 0")
        );
        assert!(named(Params { l2: Some(f64::NAN), ..Params::default() }).starts_with("l2 is NaN"));
        assert!(named(Params { l1: Some(0.0), ..Params::default() }).starts_with("l1 is 0"));
        assert!(named(Params { folds: 1, ..Params::default() }).starts_with("folds is 1"));
        assert!(named(Params { threads: 1025, ..Params::default() }).starts_with("threads is 1025"));
        for strength in [1e31, f64::MAX] {
            assert!(named(Params { l1: Some(strength), ..Params::default() }).starts_with("l1 is 1"));
            assert!(named(Params { l2: Some(strength), ..Params::default() }).starts_with("l2 is 1"));
        }
        let by_magnitude = Params { prune_by: PruneBy::Magnitude, ..Params::default() };
        assert!(by_magnitude.clone().check().is_ok());
        assert!(
            named(Params { objective: Objective::ZeroOne, ..by_magnitude })
                .starts_with("the objective is zero-one with weights pruned by magnitude")
        );
        for (budget, told) in [
            (Budget::Bytes(0), "max-bytes is 0"),
            (Budget::AccuracyLoss(100.5), "max-accuracy-loss is 100.5"),
            (Budget::AccuracyLoss(-1.0), "max-accuracy-loss is -1"),
        ] {
            let error = named(Params { budget, ..Params::default() });
            assert!(error.contains(told), "{error}");
        }
        assert!(named(Params { folds: 21, ..Params::default() }).starts_with("folds is 21"));
        for margin in [100.5, -1.0] {
            let objective = Objective::SoftmaxMargin(margin);
            let error = named(Params { objective, ..Params::default() });
            assert!(error.contains(&format!("is {margin}")), "{error}");
        }
        let widest = Params {
            budget: Budget::AccuracyLoss(100.0),
            objective: Objective::SoftmaxMargin(100.0),
            folds: 20,
            ..Params::default()
        };
        assert!(widest.check().is_ok());
        assert!(Params { budget: Budget::Bytes(1), ..Params::default() }.check().is_ok());
        let objective = Objective::GeneralisedCrossEntropy(1e-7);
        assert!(named(Params { objective, ..Params::default() }).starts_with("q of the objective"));
        let objective = Objective::GeneralisedCrossEntropy(f64::INFINITY);
        assert!(named(Params { objective, ..Params::default() }).starts_with("q of the objective"));
    }
}
