//! The choice of loss, L2 strength and finish on texts that a fit has not seen.

use std::sync::Mutex;

use rayon::prelude::*;

use super::cell::Cell;
use super::folds::Fold;
use super::loss::Loss;
use super::path::{self, Course, Step};
use super::problem::Problem;
use super::zero_one::ZeroOneFit;
use super::{Estimate, Objective, Params};
use crate::data::Dataset;

/// The margin of the softmax-margin loss that `auto` tries and that 0/1 fits start from.
const MARGIN: f32 = 2.0;
/// The L2 strengths that are tried; where an outer one is best, the next beyond is tried as well.
const L2: [f32; 3] = [0.3, 1.0, 3.0];
const L2_BEYOND: [f32; 2] = [0.1, 10.0];

/// A way to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setting {
    pub loss: Loss,
    pub l2: f32,
    /// Whether the fit ends under 0/1 loss.
    pub is_finished: bool,
}

impl Setting {
    pub(super) fn objective(&self) -> Objective {
        let Loss { q, margin } = self.loss;
        if self.is_finished {
            Objective::ZeroOne
        } else if q > 0.0 {
            Objective::GeneralisedCrossEntropy(widened(q))
        } else if margin > 0.0 {
            Objective::SoftmaxMargin(widened(margin))
        } else {
            Objective::LogLoss
        }
    }

    pub(super) fn course(&self, params: &Params, dataset: &Dataset) -> Course {
        Course {
            loss: self.loss,
            l2: self.l2,
            l1: params.l1.map(|l1| (l1 * dataset.texts() as f64) as f32),
            prune_by: params.prune_by,
            // A cell takes 12 bytes, and about 20 in the table of those taken.
            most_cells: usize::try_from(params.max_memory / 32).unwrap_or(usize::MAX).max(1),
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
    pub estimates: Vec<Estimate>,
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

/// The settings that `params` leaves open.
fn settings(params: &Params, l2: f32) -> Vec<Setting> {
    let margin = Loss { q: 0.0, margin: MARGIN };
    let (loss, finishes): (Loss, &[bool]) = match params.objective {
        Objective::Auto => (margin, &[false, true]),
        Objective::ZeroOne => (margin, &[true]),
        Objective::LogLoss => (Loss { q: 0.0, margin: 0.0 }, &[false]),
        Objective::SoftmaxMargin(margin) => (Loss { q: 0.0, margin: margin as f32 }, &[false]),
        Objective::GeneralisedCrossEntropy(q) => (Loss { q: q as f32, margin: 0.0 }, &[false]),
    };
    finishes.iter().map(|&is_finished| Setting { loss, l2, is_finished }).collect()
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
    let mut scored = score_strengths(dataset, params, trials, sizes, &strengths, step);
    if params.l2.is_none() {
        let best = |scored: &[Scored], at: usize| {
            let mut best = &scored[0];
            for other in scored {
                if other.estimates[at].accuracy > best.estimates[at].accuracy {
                    best = other;
                }
            }
            best.setting.l2
        };
        let bests: Vec<f32> = (0..sizes.len()).map(|at| best(&scored, at)).collect();
        let mut beyond = Vec::new();
        if bests.contains(&L2[0]) {
            beyond.push(L2_BEYOND[0]);
        }
        if bests.contains(&L2[L2.len() - 1]) {
            beyond.push(L2_BEYOND[1]);
        }
        scored.extend(score_strengths(dataset, params, trials, sizes, &beyond, step));
    }
    scored
}

fn score_strengths(
    dataset: &Dataset,
    params: &Params,
    trials: &[Trial],
    sizes: &[usize],
    strengths: &[f32],
    step: &(dyn Fn(Step) + Sync),
) -> Vec<Scored> {
    let tasks: Vec<(&Trial, f32)> =
        strengths.iter().flat_map(|&l2| trials.iter().map(move |trial| (trial, l2))).collect();
    let done = Mutex::new(0);
    // Of each task, for each setting: the weight of what was right, at each size.
    let right: Vec<Vec<Vec<f64>>> = tasks
        .par_iter()
        .map(|&(trial, l2)| {
            let settings = settings(params, l2);
            let mut right = vec![Vec::new(); settings.len()];
            let course = settings[0].course(params, dataset);
            let mut last = None;
            path::follow(&trial.fitted, course, sizes, &mut |step| last = Some(step), &mut |at, cells| {
                for (setting, right) in settings.iter().zip(&mut right) {
                    right.push(if setting.is_finished {
                        trial.right(&path::finish(&trial.fitted, cells, sizes[at]))
                    } else {
                        trial.right(cells)
                    });
                }
            });
            if let (Some(last), Ok(mut done)) = (last, done.lock()) {
                *done += 1;
                step(Step { stage: "cross-validation", done: f64::from(*done) / tasks.len() as f64, ..last });
            }
            right
        })
        .collect();
    let totals: Vec<f64> = trials.iter().map(|trial| trial.unknown + trial.held_out.total_weight()).collect();
    let total: f64 = totals.iter().sum();
    let texts: usize = trials.iter().map(|trial| trial.held_out.texts()).sum();
    let mut scored = Vec::new();
    for (tasks, &l2) in right.chunks(trials.len()).zip(strengths) {
        for (number, setting) in settings(params, l2).into_iter().enumerate() {
            let estimate = |at: usize| {
                let accuracy = tasks.iter().map(|task| task[number][at]).sum::<f64>() / total;
                let standard_error = (accuracy * (1.0 - accuracy) / texts as f64).max(0.0).sqrt();
                Estimate { accuracy, standard_error }
            };
            scored.push(Scored { setting, estimates: (0..sizes.len()).map(estimate).collect() });
        }
    }
    scored
}

/// The setting that scored best at a size; among equals the one tried first.
pub(super) fn best(scored: &[Scored], at: usize) -> (Setting, Estimate) {
    let mut best = &scored[0];
    for other in &scored[1..] {
        if other.estimates[at].accuracy > best.estimates[at].accuracy {
            best = other;
        }
    }
    (best.setting, best.estimates[at])
}
