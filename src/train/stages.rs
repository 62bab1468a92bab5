//! The stages between a [`Dataset`] and a [`Model`], one by one.

use std::fmt;
use std::sync::Arc;

use sprs::{CsMatI, TriMatI};

use super::cell::Cell;
use super::freeze::{freeze, metadata};
use super::path::{self, Effort};
use super::problem::Problem;
use super::right::training_accuracy;
use super::setting::{Setting, ZeroOne};
use super::smooth::SmoothFit;
use super::{TrainError, ValidParams, dense, memory, run};
use crate::Model;
use crate::data::Dataset;

/// What a stage hands to the next: the weights that are not zero, and what they were fitted to.
#[derive(Clone)]
struct Fitted<'d> {
    dataset: &'d Dataset,
    params: ValidParams,
    setting: Setting,
    problem: Arc<Problem>,
    cells: Vec<Cell>,
    pool: Arc<rayon::ThreadPool>,
}

impl Fitted<'_> {
    /// The smooth fit that starts from the weights as they are.
    fn smooth(&self) -> SmoothFit<'_> {
        let course = self.setting.course(&self.params, self.problem.texts());
        SmoothFit::new(&self.problem, course.loss, course.ridge(&self.problem), self.cells.clone())
    }

    fn weights(&self) -> CsMatI<f32, u32, usize> {
        let shape = (self.dataset.classes().len(), self.dataset.features().len());
        let mut triplets = TriMatI::<f32, u32>::with_capacity(shape, self.cells.len());
        for &Cell { feature, class, weight } in &self.cells {
            triplets.add_triplet(class as usize, feature as usize, weight);
        }
        triplets.to_csc()
    }

    fn training_accuracy(&self) -> f64 {
        training_accuracy(self.dataset, &self.problem, &self.cells, self.params.balance)
    }
}

impl fmt::Debug for Fitted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fitted")
            .field("shape", &(self.dataset.classes().len(), self.dataset.features().len()))
            .field("nonzeros", &self.cells.len())
            .field("setting", &self.setting)
            .finish_non_exhaustive()
    }
}

/// What every stage can be asked.
macro_rules! accessors {
    ($($stage:ident),*) => {
        $(impl $stage<'_> {
            /// The weights, of shape (classes, features) over the dataset's whole vocabulary, in compressed
            /// sparse columns: rows as [`Dataset::classes`], columns as [`Dataset::features`], the intercept's
            /// first. A text's score for a class is the sum of its counts times that row.
            pub fn weights(&self) -> CsMatI<f32, u32, usize> {
                self.fitted.weights()
            }

            /// How many weights are not zero, the intercepts' included.
            pub fn nonzeros(&self) -> usize {
                self.fitted.cells.len()
            }

            /// The share of the training texts, by weight, whose label is right, or with
            /// [`balance`](super::Params::balance) the mean of that over the classes, 0 to 1: by the weights as they are
            /// frozen, each rounded to a multiple of 1/256.
            #[must_use]
            pub fn training_accuracy(&self) -> f64 {
                self.fitted.training_accuracy()
            }
        })*
    };
}

/// The dense fit: a weight for every class and feature, with an L1 penalty that leaves many at zero. Of two classes, each
/// feature has one weight, the difference of the two, which changes no label and no probability.
///
/// The first of the stages that [`ValidParams::train`] takes a budget of more than a sixty-fourth of all possible
/// weights through, any budget if an L1 strength is given, and smaller budgets where cross-validation finds that better
/// than to grow them from nothing. One by one, the stages show what each does, and let one fit be pruned to several
/// budgets.
///
/// | stage | from | by |
/// |---|---|---|
/// | `DenseFit` | [`Dataset`] | [`ValidParams::fit_dense`] |
/// | [`PrunedFit`] | `DenseFit` | [`prune`](Self::prune) |
/// | [`RefinedFit`] | [`PrunedFit`] | [`refine`](PrunedFit::refine) |
/// | [`Model`] | [`RefinedFit`] | [`freeze`](RefinedFit::freeze) |
///
/// ```
/// # use paring::data::DatasetBuilder;
/// # use paring::text::FeatureSpec;
/// use paring::train::Params;
///
/// # let mut builder = DatasetBuilder::new(FeatureSpec::default())?;
/// # for (label, title) in [("Health", "night nurse"), ("Health", "school nurse"), ("Kitchen", "night cook")] {
/// #     builder.push(label, title.as_bytes(), 1.0)?;
/// # }
/// # let dataset = builder.finish(1)?;
/// let dense = Params { l1: Some(0.01), l2: Some(0.1), ..Params::default() }.check()?.fit_dense(&dataset)?;
/// assert_eq!(dense.weights().shape(), (2, 5));
///
/// let pruned = dense.prune(2);
/// assert!(pruned.nonzeros() <= 2);
///
/// let refined = pruned.refine();
/// assert!(refined.nonzeros() <= 2);
/// assert_eq!(refined.training_accuracy(), 1.0);
///
/// let classifier = refined.freeze().into_classifier();
/// assert_eq!(classifier.classify("cook"), "Kitchen");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DenseFit<'d> {
    fitted: Fitted<'d>,
}

/// A fit cut down to a budget, a fifth of its weights at a time, those left being fitted anew after each cut under a mask:
/// what was cut stays zero.
#[derive(Debug)]
pub struct PrunedFit<'d> {
    fitted: Fitted<'d>,
    budget: usize,
}

/// A fit some of whose nonzeros were exchanged for better ones, without the L1 penalty; ready to be
/// frozen.
#[derive(Debug)]
pub struct RefinedFit<'d> {
    fitted: Fitted<'d>,
}

accessors!(DenseFit, PrunedFit, RefinedFit);

impl ValidParams {
    /// Fits all weights at once: the first of the stages that end in a [`Model`], see [`DenseFit`].
    ///
    /// Nothing is cross-validated here. [`Objective::Auto`](super::Objective::Auto) stands for softmax-margin with a
    /// margin of 2 (log loss where weights are to be pruned by magnitude), and so does 0/1 loss until the refinement,
    /// which finishes under it; the L1 strength is 0.2 / texts and the L2 strength 1 where none is given. The
    /// parameters' budget and folds have no say, and the seed decides only which weights a finish under 0/1 loss
    /// exchanges.
    ///
    /// The algorithm is FISTA (Beck and Teboulle, "A fast iterative shrinkage-thresholding algorithm", 2009) with
    /// restarts (O'Donoghue and Candes, "Adaptive restart for accelerated gradient schemes", 2015) in a metric that
    /// follows the class probabilities, until a step promises to lower the objective by less than 5e-5 of itself, or
    /// for 1,000 steps.
    ///
    /// # Errors
    /// When the weights, of 32 bytes each, or the scores of all texts take more than `max_memory`, or the threads cannot
    /// be started.
    pub fn fit_dense<'d>(&self, dataset: &'d Dataset) -> Result<DenseFit<'d>, TrainError> {
        memory::check_scores(self, dataset)?;
        memory::check_weights(self, dataset)?;
        let setting = Setting::without_choice(self);
        let course = setting.course(self, dataset.texts());
        let problem = Problem::of_all(dataset, self.balance);
        let pool = Arc::new(run::pool(self)?);
        let l1 = course.l1.unwrap_or(path::L1);
        let cells = pool.install(|| dense::fit(&problem, course.loss, l1, &course.ridge(&problem)));
        let (params, problem) = (self.clone(), Arc::new(problem));
        Ok(DenseFit { fitted: Fitted { dataset, params, setting, problem, cells, pool } })
    }
}

impl<'d> DenseFit<'d> {
    /// Cuts down to `nonzeros`, a fifth at a time, those weights first that
    /// [`Params::prune_by`](super::Params::prune_by) says, and fits those left after each cut. A fit that has no more
    /// than `nonzeros` stays as it is.
    #[must_use]
    pub fn prune(&self, nonzeros: usize) -> PrunedFit<'d> {
        let Fitted { params, .. } = &self.fitted;
        let mut fit = self.fitted.smooth();
        fit.prune(nonzeros, params.prune_by);
        let cells = fit.cells().to_vec();
        PrunedFit { fitted: Fitted { cells, ..self.fitted.clone() }, budget: nonzeros }
    }
}

impl<'d> PrunedFit<'d> {
    /// Adds the best weights up to the budget, if that does not hold all that say something, exchanges a fifth of all
    /// for better ones, twice at most and only where the objective falls, and finishes under 0/1 loss if that is the
    /// objective. Pruned by magnitude, or with room for all, only fits the weights that there are.
    #[must_use]
    pub fn refine(&self) -> RefinedFit<'d> {
        let Fitted { dataset, params, setting, problem, pool, .. } = &self.fitted;
        let size = self.budget.min(run::possible(dataset));
        let mut fit = self.fitted.smooth();
        path::refine(&mut fit, size, params.prune_by, true);
        let mut cells = fit.cells().to_vec();
        if setting.zero_one != ZeroOne::No {
            cells = pool.install(|| path::finish(problem, false, &cells, size, Effort::Final, params.seed));
        }
        RefinedFit { fitted: Fitted { cells, ..self.fitted.clone() } }
    }
}

impl RefinedFit<'_> {
    /// The model with these weights, each rounded to a multiple of 1/256; those that round to zero are left out. Where the
    /// largest but the intercepts' is less than 1, all are multiplied by a power of two first, which changes no label.
    #[must_use]
    pub fn freeze(&self) -> Model {
        let Fitted { dataset, params, setting, cells, .. } = &self.fitted;
        freeze(dataset, cells, metadata(dataset, params, setting, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetBuilder;
    use crate::text::FeatureSpec;
    use crate::train::{Budget, Objective, Params, PruneBy};

    fn texts() -> Vec<(&'static str, String)> {
        let words = ["nurse", "ward", "cook", "pastry", "senior", "night", "staff", "of"];
        let text = |at: usize| {
            let own = words[(at % 3 * 2 + at % 2) % words.len()];
            let label = ["health", "kitchen", "office"][at % 3];
            (label, format!("{own} {} {}", words[at * 7 % 8], words[at * 5 % 8]))
        };
        (0..120).map(text).collect()
    }

    fn dataset() -> Dataset {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for (label, text) in texts() {
            builder.push(label, text.as_bytes(), 1.0).unwrap();
        }
        builder.finish(1).unwrap()
    }

    fn params(objective: Objective) -> Params {
        Params { objective, l1: Some(0.01), l2: Some(0.5), folds: 2, ..Params::default() }
    }

    #[test]
    fn the_stages_one_by_one_give_the_model_that_training_gives() {
        // Fewer of one class, so that it matters whether classes are balanced.
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for (label, text) in texts().iter().enumerate().filter(|(at, _)| at % 9 != 0).map(|(_, text)| text) {
            builder.push(label, text.as_bytes(), 1.0).unwrap();
        }
        let dataset = builder.finish(1).unwrap();
        for (objective, prune_by, balance) in [
            (Objective::LogLoss, PruneBy::Magnitude, false),
            (Objective::LogLoss, PruneBy::Cost, false),
            (Objective::SoftmaxMargin(1.0), PruneBy::Cost, false),
            (Objective::SoftmaxMargin(1.0), PruneBy::Cost, true),
            (Objective::ZeroOne, PruneBy::Cost, false),
        ] {
            let params = Params { prune_by, balance, ..params(objective) };
            let refined = params.clone().check().unwrap().fit_dense(&dataset).unwrap().prune(7).refine();
            let whole = Params { budget: Budget::Nonzeros(7), ..params };
            let whole = whole.check().unwrap().train(&dataset, None, &mut |_| ()).unwrap();
            assert_eq!(refined.freeze().to_sprs(), whole.model.to_sprs(), "{objective} {prune_by:?}");
            assert_eq!(refined.training_accuracy(), whole.report.training_accuracy, "{objective} {balance}");
        }
    }

    #[test]
    fn an_l1_strength_does_the_same_to_twice_the_texts() {
        let fitted = |times: usize, l1: f64| {
            let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
            for (label, text) in texts().iter().cycle().take(times * texts().len()) {
                builder.push(label, text.as_bytes(), 1.0).unwrap();
            }
            // Of more texts an L1 strength makes more of a penalty, and an L2 strength the same.
            let (l1, l2) = (Some(l1), Some(0.5 * times as f64));
            let params = Params { l1, l2, ..params(Objective::LogLoss) }.check().unwrap();
            let weights = params.fit_dense(&builder.finish(1).unwrap()).unwrap().weights();
            weights.iter().map(|(_, place)| place).collect::<Vec<_>>()
        };
        for l1 in [0.003, 0.03, 0.1] {
            assert_eq!(fitted(1, l1), fitted(2, l1), "{l1}");
        }
        assert!(fitted(1, 0.003).len() > fitted(1, 0.1).len());
    }

    #[test]
    fn pruning_never_brings_a_weight_back_and_one_fit_serves_several_budgets() {
        let dataset = dataset();
        let dense = params(Objective::LogLoss).check().unwrap().fit_dense(&dataset).unwrap();
        let weights = dense.weights();
        for nonzeros in [0, 1, 5, 12, usize::MAX] {
            let pruned = dense.prune(nonzeros);
            assert!(pruned.nonzeros() <= nonzeros && pruned.nonzeros() == nonzeros.min(dense.nonzeros()));
            for (_, (class, feature)) in pruned.weights().iter() {
                assert!(weights.get(class as usize, feature as usize).is_some());
            }
            let refined = pruned.refine();
            assert!(refined.nonzeros() <= nonzeros);
            assert!(refined.freeze().nonzeros() <= nonzeros);
        }
    }

    #[test]
    fn the_frozen_model_gives_the_argmax_of_the_weights_it_came_from() {
        let dataset = dataset();
        let params = params(Objective::LogLoss).check().unwrap();
        let refined = params.fit_dense(&dataset).unwrap().prune(12).refine();
        let scores = (dataset.counts() * &refined.weights().transpose_view().to_csr()).to_dense();
        let classifier = refined.freeze().into_classifier();
        let mut right = 0;
        for ((row, (label, text)), at) in scores.rows().into_iter().zip(texts()).zip(0..) {
            // Of equal scores the first, as classes stand in the order in which ties are decided.
            let best = (0..row.len()).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
            assert_eq!(classifier.classify(&text), dataset.classes()[best], "{at}: {text}");
            right += usize::from(dataset.classes()[best] == label);
        }
        assert_eq!(refined.training_accuracy(), right as f64 / dataset.texts() as f64);
    }

    #[test]
    fn of_two_classes_a_feature_has_a_positive_score_for_one_at_most() {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for (label, text) in texts().iter().filter(|(label, _)| *label != "office") {
            builder.push(label, text.as_bytes(), 1.0).unwrap();
        }
        let dataset = builder.finish(1).unwrap();
        for objective in [Objective::Auto, Objective::ZeroOne] {
            for nonzeros in [5, usize::MAX] {
                let params =
                    Params { objective, folds: 2, budget: Budget::Nonzeros(nonzeros), ..Params::default() };
                let trained = params.check().unwrap().train(&dataset, None, &mut |_| ()).unwrap();
                let scores = trained.model.to_sprs();
                assert!(scores.nnz() > 1 && scores.data().iter().all(|&score| score > 0.0));
                assert!(scores.outer_iterator().all(|column| column.nnz() == 1));
                assert!(trained.report.training_accuracy > 0.9);
            }
        }
        let dense = params(Objective::LogLoss).check().unwrap().fit_dense(&dataset).unwrap();
        assert!(dense.nonzeros() > 5 && dense.weights().outer_iterator().all(|column| column.nnz() <= 1));
    }

    #[test]
    fn weights_beyond_the_memory_allowed_are_refused() {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        builder.push("a", b"one two three", 1.0).unwrap();
        builder.push("b", b"four five six", 1.0).unwrap();
        let dataset = builder.finish(1).unwrap();
        let fit = |max_memory| {
            let params = Params { max_memory, ..params(Objective::LogLoss) }.check().unwrap();
            params.fit_dense(&dataset).map(|fit| fit.nonzeros())
        };
        let weights = 32 * dataset.possible_weights();
        assert!(matches!(fit(weights - 1), Err(TrainError::DenseMemory { .. })));
        assert!(fit(weights).is_ok());
        assert!(matches!(fit(15), Err(TrainError::Memory { .. })));
    }
}
