//! The choice of loss, L2 strength and finish on texts that a fit has not seen.

use std::sync::Mutex;

use rayon::prelude::*;

use super::cell::Cell;
use super::folds::Fold;
use super::loss::Loss;
use super::params::PruneBy;
use super::path::{self, Course, Effort, Step};
use super::problem::Problem;
use super::zero_one::ZeroOneFit;
use super::{Estimate, Objective, Params};
use crate::data::Dataset;

/// The margin of the softmax-margin loss that `auto` tries and that 0/1 fits start from.
const MARGIN: f32 = 2.0;
/// The margin that `auto` tries as well where there are too many nonzeros for 0/1 loss.
const WIDE_MARGIN: f32 = 4.0;
/// The L2 strengths that are tried; where an outer one is best, the next beyond is tried as well.
const L2: [f32; 3] = [0.3, 1.0, 3.0];
const L2_BEYOND: [(f32, f32); 2] = [(0.3, 0.1), (3.0, 10.0)];

/// A way to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setting {
    pub loss: Loss,
    pub l2: f32,
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

/// The L2 strength where none is given or chosen.
const L2_WITHOUT_CHOICE: f64 = 1.0;

impl Setting {
    /// The setting that `params` ask for, or the first that would be tried.
    pub(super) fn without_choice(params: &Params) -> Setting {
        settings(params, params.l2.unwrap_or(L2_WITHOUT_CHOICE) as f32)[0]
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
            ZeroOne::No if params.objective == Objective::Auto && self.loss.margin == WIDE_MARGIN => {
                texts / TEXTS_PER_FINISHED < size
            }
            ZeroOne::No => true,
            ZeroOne::Finish => params.objective == Objective::ZeroOne || texts / TEXTS_PER_FINISHED >= size,
            ZeroOne::Alone => texts / TEXTS_PER_GROWN >= size,
        }
    }

    pub(super) fn course(&self, params: &Params, dataset: &Dataset) -> Course {
        Course {
            loss: self.loss,
            l2: self.l2,
            l1: params.l1.map(|l1| (l1 * dataset.texts() as f64) as f32),
            prune_by: params.prune_by,
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
            held_out: Problem::new(dataset, &fold.held_out, balance),
            unknown: 0.0,
        }
    }

    fn right(&self, cells: &[Cell]) -> f64 {
        ZeroOneFit::new(&self.held_out, cells).right()
    }
}

/// The settings of one loss and L2 strength that `params` leaves open.
fn settings(params: &Params, l2: f32) -> Vec<Setting> {
    let margin = Loss { q: 0.0, margin: MARGIN };
    let (loss, ends): (Loss, &[ZeroOne]) = match params.objective {
        _ if params.prune_by == PruneBy::Magnitude => (Loss { q: 0.0, margin: 0.0 }, &[ZeroOne::No]),
        Objective::Auto => (margin, &[ZeroOne::No, ZeroOne::Finish]),
        Objective::ZeroOne => (margin, &[ZeroOne::Finish]),
        Objective::LogLoss => (Loss { q: 0.0, margin: 0.0 }, &[ZeroOne::No]),
        Objective::SoftmaxMargin(margin) => (Loss { q: 0.0, margin: margin as f32 }, &[ZeroOne::No]),
        Objective::GeneralisedCrossEntropy(q) => (Loss { q: q as f32, margin: 0.0 }, &[ZeroOne::No]),
    };
    ends.iter().map(|&zero_one| Setting { loss, l2, zero_one }).collect()
}

/// The setting with a wide margin, if `params` leave that open.
fn wide(params: &Params, l2: f32) -> Option<Setting> {
    let is_open = params.objective == Objective::Auto && params.prune_by == PruneBy::Cost;
    let loss = Loss { q: 0.0, margin: WIDE_MARGIN };
    is_open.then_some(Setting { loss, l2, zero_one: ZeroOne::No })
}

/// The setting whose fits are grown under 0/1 loss from nothing, if `params` allow it.
fn alone(params: &Params) -> Option<Setting> {
    let is_open = matches!(params.objective, Objective::Auto | Objective::ZeroOne)
        && params.prune_by == PruneBy::Cost
        && params.l2.is_none();
    let loss = Loss { q: 0.0, margin: 0.0 };
    is_open.then_some(Setting { loss, l2: 0.0, zero_one: ZeroOne::Alone })
}

/// Scores every setting that `params` leaves open at each of the `sizes`, in parallel over trials and L2
/// strengths.
pub(super) fn score(
    dataset: &Dataset,
    params: &Params,
    trials: &[Trial],
    sizes: &[usize],
    step: &(dyn Fn(Step) + Sync),
) -> Vec<Scored> {
    let strengths: Vec<f32> = params.l2.map_or(L2.to_vec(), |l2| vec![l2 as f32]);
    let suited = |setting: &Setting| {
        trials.iter().any(|trial| sizes.iter().any(|&size| setting.suits(trial.fitted.texts(), size, params)))
    };
    let groups_of = |strengths: &[f32]| -> Vec<Vec<Setting>> {
        let wide =
            strengths.iter().filter_map(|&l2| wide(params, l2)).filter(suited).map(|setting| vec![setting]);
        strengths.iter().map(|&l2| settings(params, l2)).chain(wide).collect()
    };
    let mut groups = groups_of(&strengths);
    groups.extend(alone(params).filter(suited).map(|setting| vec![setting]));
    let mut scored = score_groups(dataset, params, trials, sizes, &groups, step);
    if params.l2.is_none() {
        let bests: Vec<f32> = (0..sizes.len()).map(|at| best(&scored, at).0.l2).collect();
        let beyond = L2_BEYOND.into_iter().filter(|(inner, _)| bests.contains(inner));
        let beyond: Vec<f32> = beyond.map(|(_, l2)| l2).collect();
        scored.extend(score_groups(dataset, params, trials, sizes, &groups_of(&beyond), step));
    }
    scored
}

/// Scores groups of settings that share a path.
fn score_groups(
    dataset: &Dataset,
    params: &Params,
    trials: &[Trial],
    sizes: &[usize],
    groups: &[Vec<Setting>],
    step: &(dyn Fn(Step) + Sync),
) -> Vec<Scored> {
    let tasks: Vec<(&[Setting], &Trial)> =
        groups.iter().flat_map(|group| trials.iter().map(move |trial| (&group[..], trial))).collect();
    let done = Mutex::new(0);
    let right: Vec<Vec<Vec<Option<f64>>>> = tasks
        .par_iter()
        .map(|&(group, trial)| {
            let (right, last) = right_of(dataset, params, trial, sizes, group);
            if let Ok(mut done) = done.lock() {
                *done += 1;
                step(Step { stage: "cross-validation", done: f64::from(*done) / tasks.len() as f64, ..last });
            }
            right
        })
        .collect();
    let total: f64 = trials.iter().map(|trial| trial.unknown + trial.held_out.total_weight()).sum();
    let texts: usize = trials.iter().map(|trial| trial.held_out.texts()).sum();
    let mut scored = Vec::new();
    for (of_trials, group) in right.chunks(trials.len()).zip(groups) {
        for (number, &setting) in group.iter().enumerate() {
            let estimate = |at: usize| {
                let right: Option<f64> = of_trials.iter().map(|right| right[number][at]).sum();
                let accuracy = right? / total;
                let standard_error = (accuracy * (1.0 - accuracy) / texts as f64).max(0.0).sqrt();
                Some(Estimate { accuracy, standard_error })
            };
            scored.push(Scored { setting, estimates: (0..sizes.len()).map(estimate).collect() });
        }
    }
    scored
}

/// For each setting of a group, the weight of what a trial's fits have right, at each size; and the last step.
fn right_of(
    dataset: &Dataset,
    params: &Params,
    trial: &Trial,
    sizes: &[usize],
    group: &[Setting],
) -> (Vec<Vec<Option<f64>>>, Step) {
    let mut right = vec![vec![None; sizes.len()]; group.len()];
    let mut last = Step { stage: "", done: 0.0, loss: 0.0, nonzeros: 0 };
    let mut take = |at: usize, cells: &[Cell]| {
        for (setting, right) in group.iter().zip(&mut right) {
            if setting.suits(trial.fitted.texts(), sizes[at], params) {
                right[at] = Some(match setting.zero_one {
                    ZeroOne::No => trial.right(cells),
                    _ => {
                        let cells = path::finish(&trial.fitted, cells, sizes[at], Effort::Trial, params.seed);
                        trial.right(&cells)
                    }
                });
            }
        }
    };
    if group[0].zero_one == ZeroOne::Alone {
        (0..sizes.len()).for_each(|at| take(at, &[]));
    } else {
        let course = group[0].course(params, dataset);
        path::follow(&trial.fitted, course, sizes, &mut |step| last = step, &mut take);
    }
    (right, last)
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
