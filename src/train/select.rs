//! The choice of loss, L2 strength and finish on texts that a fit has not seen.

use std::sync::Mutex;

use rayon::prelude::*;

use super::cell::Cell;
use super::folds::Fold;
use super::loss::Loss;
use super::params::PruneBy;
use super::path::{self, Course, Effort, Step};
use super::problem::{COPIES, Problem};
use super::zero_one::ZeroOneFit;
use super::{Choice, Estimate, Objective, Params, run};
use crate::data::Dataset;

/// The margin of the softmax-margin loss that `auto` tries and that 0/1 fits start from.
const MARGIN: f32 = 2.0;
/// The margins that `auto` tries as well where there are too many nonzeros for 0/1 loss, each where the one before it
/// is best.
const WIDER_MARGINS: [(f32, f32); 2] = [(MARGIN, 4.0), (4.0, 8.0)];
/// The L2 strengths that are tried; where an outer one is best, the next beyond is tried as well.
const L2: [f32; 3] = [0.3, 1.0, 3.0];
const L2_BEYOND: [(f32, f32); 2] = [(0.3, 0.1), (3.0, 10.0)];

/// The next weaker L2 strength of those that may be tried.
fn weaker(l2: f32) -> Option<f32> {
    let strengths = L2.into_iter().chain(L2_BEYOND.map(|(_, beyond)| beyond));
    strengths.filter(|&strength| strength < l2).reduce(f32::max)
}

/// A way to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setting {
    pub loss: Loss,
    pub l2: f32,
    /// Whether budgets that would be grown from nothing are cut from the dense fit instead.
    pub is_cut: bool,
    /// Whether fits are to copies of the texts with features left out.
    pub dropout: bool,
    pub zero_one: ZeroOne,
}

/// What 0/1 loss has to do with a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ZeroOne {
    /// Nothing.
    No,
    /// The fit ends under it.
    Finish,
    /// The fit is grown under it from nothing.
    Alone,
}

/// So many texts there must be for each nonzero for a fit to be grown or finished under 0/1 loss, unless asked
/// for: with fewer, it has always been found to fit noise.
const TEXTS_PER_GROWN: usize = 50;
const TEXTS_PER_FINISHED: usize = 10;

/// What a weight of a dense fit takes in memory, about: 12 bytes, and 20 in the table of those taken.
pub(super) const BYTES_OF_WEIGHT: u64 = 32;

/// What a text's score for a class takes.
pub(super) const BYTES_OF_SCORE: u64 = 4;

/// The L2 strength where none is given or chosen.
const L2_WITHOUT_CHOICE: f64 = 1.0;

impl Setting {
    /// The setting that `params` ask for, or the first that would be tried.
    pub(super) fn without_choice(params: &Params) -> Setting {
        let zero_one = if params.objective == Objective::ZeroOne { ZeroOne::Finish } else { ZeroOne::No };
        let l2 = params.l2.unwrap_or(L2_WITHOUT_CHOICE) as f32;
        Setting { loss: first_loss(params), l2, is_cut: false, dropout: false, zero_one }
    }

    /// The setting that `params` ask for, if they leave nothing to choose.
    pub(super) fn given(params: &Params) -> Option<Setting> {
        let is_given = params.l2.is_some() && params.objective != Objective::Auto;
        is_given.then(|| Setting::without_choice(params))
    }

    pub(super) fn choice(&self) -> Choice {
        let Setting { l2, is_cut, dropout, .. } = *self;
        Choice { objective: self.objective(), l2: widened(l2), is_cut, dropout }
    }

    pub(super) fn objective(&self) -> Objective {
        let Loss { q, margin } = self.loss;
        if self.zero_one != ZeroOne::No {
            Objective::ZeroOne
        } else if q > 0.0 {
            Objective::GeneralisedCrossEntropy(widened(q))
        } else if margin > 0.0 {
            Objective::SoftmaxMargin(widened(margin))
        } else {
            Objective::LogLoss
        }
    }

    fn suits(&self, texts: usize, size: usize, params: &Params) -> bool {
        match self.zero_one {
            ZeroOne::No if params.objective == Objective::Auto => {
                (self.loss.margin <= MARGIN || texts / TEXTS_PER_FINISHED < size)
                    && (!self.dropout || texts / TEXTS_PER_GROWN < size)
            }
            ZeroOne::No => true,
            ZeroOne::Finish => params.objective == Objective::ZeroOne || texts / TEXTS_PER_FINISHED >= size,
            ZeroOne::Alone => texts / TEXTS_PER_GROWN >= size,
        }
    }

    /// What a path to so many texts lowers.
    pub(super) fn course(&self, params: &Params, texts: usize) -> Course {
        Course {
            loss: self.loss,
            l2: self.l2,
            l1: params.l1.map(|l1| (l1 * texts as f64) as f32).or(self.is_cut.then_some(path::L1_OF_FEW)),
            prune_by: params.prune_by,
            dropout: self.dropout,
            most_cells: usize::try_from(params.max_memory / BYTES_OF_WEIGHT).unwrap_or(usize::MAX).max(1),
        }
    }
}

/// The shortest `f64` that prints as the `f32` does.
pub(super) fn widened(x: f32) -> f64 {
    x.to_string().parse().expect("a number prints as a number")
}

/// What one setting scored on held-out texts, at each size.
#[derive(Debug, Clone)]
pub(super) struct Scored {
    pub setting: Setting,
    /// None where the setting does not suit the size.
    pub estimates: Vec<Option<Estimate>>,
}

/// A problem to fit and a problem to score on.
#[derive(Debug)]
pub(super) struct Trial {
    pub fitted: Problem,
    pub held_out: Problem,
    /// The weight of held-out texts whose class the fit cannot know.
    pub unknown: f64,
}

impl Trial {
    pub(super) fn of_fold(dataset: &Dataset, fold: &Fold, balance: bool) -> Trial {
        Trial {
            fitted: Problem::new(dataset, &fold.fitted, balance),
            held_out: Problem::held_out(dataset, &fold.held_out, balance),
            unknown: 0.0,
        }
    }

    /// The weight of the held-out texts that are right.
    fn right(&self, cells: &[Cell]) -> f64 {
        ZeroOneFit::new(&self.held_out, cells).right()
    }
}

/// The smooth loss that `params` ask for, or that is tried first.
fn first_loss(params: &Params) -> Loss {
    let (q, margin) = match params.objective {
        _ if params.prune_by == PruneBy::Magnitude => (0.0, 0.0),
        Objective::Auto | Objective::ZeroOne => (0.0, MARGIN),
        Objective::LogLoss => (0.0, 0.0),
        Objective::SoftmaxMargin(margin) => (0.0, margin as f32),
        Objective::GeneralisedCrossEntropy(q) => (q as f32, 0.0),
    };
    Loss { q, margin }
}

/// Scores what `params` leave open at each of the `sizes`, one choice after the other: the L2 strength of the first
/// loss; then, with the strength that is best at a size, whether to cut from the dense fit, there or at weaker strengths,
/// whether to finish under 0/1 loss, wider margins, and whether to leave features out, there or at weaker strengths. With
/// `dropout`, they are left out from the start.
pub(super) fn score(
    dataset: &Dataset,
    params: &Params,
    dropout: bool,
    trials: &[Trial],
    sizes: &[usize],
    step: &(dyn Fn(Step) + Sync),
) -> Vec<Scored> {
    let search = Search { dataset, params, trials, sizes, step };
    let smooth =
        |l2: f32| Setting { loss: first_loss(params), l2, is_cut: false, dropout, zero_one: ZeroOne::No };
    let strengths = params.l2.map_or(L2.to_vec(), |l2| vec![l2 as f32]);
    let everywhere = |l2: f32| (smooth(l2), vec![true; sizes.len()]);
    let mut followed = search.follow(strengths.into_iter().map(everywhere).collect());
    if params.l2.is_none() {
        let beyond = search.derived(&followed, |best| {
            let beyond = L2_BEYOND.into_iter().find(|&(outer, _)| best.l2 == outer);
            beyond.map(|(_, l2)| Setting { l2, ..best })
        });
        followed.extend(search.follow(beyond));
    }
    let is_auto = params.objective == Objective::Auto && params.prune_by == PruneBy::Cost;
    if is_auto {
        search.follow_to_weaker(&mut followed, |best| Setting { is_cut: true, ..best });
    }
    let finished = search.finish(&followed);
    if params.objective == Objective::ZeroOne {
        return finished;
    }
    if is_auto {
        for (narrow, wide) in WIDER_MARGINS {
            let wider = search.derived(&followed, |best| {
                let loss = Loss { q: 0.0, margin: wide };
                (best.loss.margin == narrow).then_some(Setting { loss, ..best })
            });
            followed.extend(search.follow(wider));
        }
        search.follow_to_weaker(&mut followed, |best| Setting { dropout: true, ..best });
    }
    followed.into_iter().map(|followed| followed.scored).chain(finished).collect()
}

/// What settings are scored by, at some sizes.
struct Search<'s> {
    dataset: &'s Dataset,
    params: &'s Params,
    trials: &'s [Trial],
    sizes: &'s [usize],
    step: &'s (dyn Fn(Step) + Sync),
}

/// A smooth setting's scores, and where its fits ended.
struct Followed {
    scored: Scored,
    /// By trial, then by size; none at sizes that are not finished under 0/1 loss.
    cells: Vec<Vec<Vec<Cell>>>,
}

impl Search<'_> {
    /// The texts that a setting has to suit: those of the first trial, so that it suits all trials or none.
    fn texts(&self) -> usize {
        self.trials[0].fitted.texts()
    }

    /// Whether a setting makes sense for a size.
    fn suits(&self, setting: &Setting, at: usize) -> bool {
        let Search { params, dataset, .. } = self;
        let needed = dataset.possible_weights().saturating_mul(BYTES_OF_WEIGHT);
        let is_grown = path::is_grown(self.sizes[at], run::possible(dataset));
        let can_be_cut = params.l1.is_none() && is_grown && needed <= params.max_memory;
        let scores = dataset.texts() as u64 * dataset.classes().len() as u64 * BYTES_OF_SCORE;
        let can_be_copied = scores.saturating_mul(COPIES as u64) <= params.max_memory;
        setting.suits(self.texts(), self.sizes[at], params)
            && (!setting.is_cut || can_be_cut)
            && (!setting.dropout || can_be_copied)
    }

    /// Settings that are made of those that are best at a size, and for each of them the sizes where it is, suits, and has
    /// not been followed to.
    fn derived<D: IntoIterator<Item = Setting>>(
        &self,
        followed: &[Followed],
        derive: impl Fn(Setting) -> D,
    ) -> Vec<(Setting, Vec<bool>)> {
        let mut derived: Vec<(Setting, Vec<bool>)> = Vec::new();
        for at in 0..self.sizes.len() {
            for setting in derive(best_followed(followed, at).scored.setting) {
                let is_followed = followed.iter().any(|Followed { scored, .. }| {
                    scored.setting == setting && scored.estimates[at].is_some()
                });
                if self.suits(&setting, at) && !is_followed {
                    let place =
                        derived.iter().position(|&(other, _)| other == setting).unwrap_or_else(|| {
                            derived.push((setting, vec![false; self.sizes.len()]));
                            derived.len() - 1
                        });
                    derived[place].1[at] = true;
                }
            }
        }
        derived
    }

    /// Follows what the best settings are made into, at their L2 strength and the next weaker, and goes on to weaker ones
    /// while these are better: what has been through an L1 penalty, or fitted to texts without some of their
    /// features, often wants less.
    fn follow_to_weaker(&self, followed: &mut Vec<Followed>, made: impl Fn(Setting) -> Setting) {
        loop {
            let derived = self.derived(followed, |best| {
                let made = made(best);
                let l2 = weaker(made.l2).filter(|_| self.params.l2.is_none());
                [Some(made), l2.map(|l2| Setting { l2, ..made })].into_iter().flatten()
            });
            if derived.is_empty() {
                break;
            }
            followed.extend(self.follow(derived));
        }
    }

    /// Whether fits of a size are finished under 0/1 loss.
    fn is_finished(&self, at: usize) -> bool {
        let setting = Setting {
            loss: first_loss(self.params),
            l2: 0.0,
            is_cut: false,
            dropout: false,
            zero_one: ZeroOne::Finish,
        };
        let is_open = matches!(self.params.objective, Objective::Auto | Objective::ZeroOne)
            && self.params.prune_by == PruneBy::Cost;
        is_open && setting.suits(self.texts(), self.sizes[at], self.params)
    }

    /// Fits and scores smooth settings, each at the sizes where it is wanted, in parallel over settings and trials.
    fn follow(&self, settings: Vec<(Setting, Vec<bool>)>) -> Vec<Followed> {
        let trials = self.trials.len();
        let fits = self.in_parallel(settings.len() * trials, |task| {
            let ((setting, is_wanted), trial) = (&settings[task / trials], &self.trials[task % trials]);
            let mut last = Step { stage: "", done: 0.0, loss: 0.0, nonzeros: 0 };
            let mut right = vec![None; self.sizes.len()];
            let mut cells = vec![Vec::new(); self.sizes.len()];
            let fitted = &trial.fitted;
            let course = setting.course(self.params, fitted.texts());
            let is_wanted = |at: usize| is_wanted[at];
            path::follow(
                fitted,
                course,
                self.sizes,
                &is_wanted,
                &mut |step| last = step,
                &mut |at, found| {
                    right[at] = Some(trial.right(found));
                    if self.is_finished(at) {
                        cells[at] = found.to_vec();
                    }
                },
            );
            ((right, cells), last)
        });
        let mut fits = fits.into_iter();
        let of_setting = |(setting, _)| {
            let (right, cells): (Vec<_>, Vec<_>) = fits.by_ref().take(trials).unzip();
            Followed { scored: self.scored(setting, &right), cells }
        };
        settings.into_iter().map(of_setting).collect()
    }

    /// Scores fits that end under 0/1 loss, from the best that was followed to each size, and those that are grown under
    /// it from nothing.
    fn finish(&self, followed: &[Followed]) -> Vec<Scored> {
        let mut tasks: Vec<(Setting, usize, usize)> = Vec::new();
        for at in 0..self.sizes.len() {
            let smooth = best_followed(followed, at).scored.setting;
            let finished = self.is_finished(at).then_some(Setting { zero_one: ZeroOne::Finish, ..smooth });
            let alone =
                alone(self.params).filter(|alone| alone.suits(self.texts(), self.sizes[at], self.params));
            for number in 0..self.trials.len() {
                tasks.extend(finished.into_iter().chain(alone).map(|setting| (setting, at, number)));
            }
        }
        let right = self.in_parallel(tasks.len(), |task| {
            let (setting, at, number) = tasks[task];
            let (trial, size) = (&self.trials[number], self.sizes[at]);
            let start = match setting.zero_one {
                ZeroOne::Alone => &[][..],
                _ => &best_followed(followed, at).cells[number][at],
            };
            let cells = path::finish(&trial.fitted, start, size, Effort::Trial, self.params.seed);
            let right = trial.right(&cells);
            let loss = 1.0 - right / trial.held_out.total_weight();
            (right, Step { stage: "", done: 0.0, loss, nonzeros: cells.len() })
        });
        let mut by_setting: Vec<(Setting, Vec<Vec<Option<f64>>>)> = Vec::new();
        for (&(setting, at, number), right) in tasks.iter().zip(right) {
            let place = by_setting.iter().position(|&(other, _)| other == setting).unwrap_or_else(|| {
                by_setting.push((setting, vec![vec![None; self.sizes.len()]; self.trials.len()]));
                by_setting.len() - 1
            });
            by_setting[place].1[number][at] = Some(right);
        }
        by_setting.into_iter().map(|(setting, right)| self.scored(setting, &right)).collect()
    }

    /// Does tasks, and tells how far it is.
    fn in_parallel<T: Send>(&self, tasks: usize, task: impl Fn(usize) -> (T, Step) + Sync) -> Vec<T> {
        let done = Mutex::new(0);
        let run = |number: usize| {
            let (result, last) = task(number);
            if let Ok(mut done) = done.lock() {
                *done += 1;
                let share = f64::from(*done) / tasks as f64;
                (self.step)(Step { stage: "cross-validation", done: share, ..last });
            }
            result
        };
        (0..tasks).into_par_iter().map(run).collect()
    }

    /// What comes of the weight that each trial's fits have right, at each size.
    fn scored(&self, setting: Setting, right: &[Vec<Option<f64>>]) -> Scored {
        let total: f64 = self.trials.iter().map(|trial| trial.unknown + trial.held_out.total_weight()).sum();
        let squares: f64 =
            self.trials.iter().map(|trial| trial.unknown + trial.held_out.total_square()).sum();
        let texts = total * total / squares;
        let estimate = |at: usize| {
            let right: Option<f64> = right.iter().map(|right| right[at]).sum();
            let accuracy = right? / total;
            let standard_error = (accuracy * (1.0 - accuracy) / texts).max(0.0).sqrt();
            Some(Estimate { accuracy, standard_error })
        };
        Scored { setting, estimates: (0..self.sizes.len()).map(estimate).collect() }
    }
}

/// What a model without a nonzero scores on held-out texts.
pub(super) fn score_nothing(dataset: &Dataset, params: &Params, trials: &[Trial]) -> Estimate {
    let search = Search { dataset, params, trials, sizes: &[0], step: &|_| () };
    let right: Vec<_> = trials.iter().map(|trial| vec![Some(trial.right(&[]))]).collect();
    let scored = search.scored(Setting::without_choice(params), &right);
    scored.estimates[0].expect("every trial has been scored")
}

/// The best followed to a size; among equals the one tried first.
fn best_followed(followed: &[Followed], at: usize) -> &Followed {
    let accuracy =
        |followed: &Followed| followed.scored.estimates[at].map_or(0.0, |estimate| estimate.accuracy);
    let best = followed.iter().rev().max_by(|a, b| accuracy(a).total_cmp(&accuracy(b)));
    best.expect("at least one strength is tried")
}

/// The setting whose fits are grown under 0/1 loss from nothing, if `params` allow it.
fn alone(params: &Params) -> Option<Setting> {
    let is_open = matches!(params.objective, Objective::Auto | Objective::ZeroOne)
        && params.prune_by == PruneBy::Cost
        && params.l2.is_none();
    let loss = Loss { q: 0.0, margin: 0.0 };
    is_open.then_some(Setting { loss, l2: 0.0, is_cut: false, dropout: false, zero_one: ZeroOne::Alone })
}

/// The setting that scored best at a size; among equals the one tried first.
pub(super) fn best(scored: &[Scored], at: usize) -> (Setting, Estimate) {
    let mut best: Option<(Setting, Estimate)> = None;
    for scored in scored {
        if let Some(estimate) = scored.estimates[at]
            && best.is_none_or(|(_, best)| estimate.accuracy > best.accuracy)
        {
            best = Some((scored.setting, estimate));
        }
    }
    best.expect("one of the settings suits every size")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetBuilder;
    use crate::text::FeatureSpec;
    use crate::train::Budget;

    #[test]
    fn folds_of_more_and_of_less_than_fifty_texts_for_each_nonzero_try_the_same() {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for at in 0..299 {
            let label = ["a", "b", "c"][at % 3];
            builder.push(label, format!("{label}{} {}", at % 7, at % 11).as_bytes(), 1.0).unwrap();
        }
        let dataset = builder.finish(1).unwrap();
        // Fits to 149 and to 150 texts.
        let params = Params { budget: Budget::Nonzeros(3), folds: 2, ..Params::default() };
        let trained = params.check().unwrap().train(&dataset, None, &mut |_| ()).unwrap();
        assert!(trained.report.candidates.len() > 3);
    }
}
