//! From nothing, or from the dense fit, to each of several budgets.

use super::cell::Cell;
use super::dense;
use super::loss::Loss;
use super::params::PruneBy;
use super::problem::Problem;
use super::random::Random;
use super::smooth::SmoothFit;
use super::zero_one::ZeroOneFit;

/// Exchanges of a fifth of the cells, under the smooth loss and under 0/1 loss, at most.
const SWAPS: usize = 4;
/// A model grows to this many times its budget before it is cut down to it.
const OVERGROWTH: usize = 2;
/// Budgets above this share of all possible weights are cut from the dense fit: to grow so far takes longer.
pub(super) const GROWN_SHARE: usize = 16;
/// The L1 strength of the dense fit where none is given, in losses of a text.
pub(super) const L1: f32 = 0.2;

/// What a path lowers on its way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Course {
    pub loss: Loss,
    pub l2: f32,
    /// The L1 strength of the dense fit, in losses of a text: given, every budget is cut from that fit.
    pub l1: Option<f32>,
    pub prune_by: PruneBy,
    /// The most cells that may be fitted at once.
    pub most_cells: usize,
}

/// How far a path is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub stage: &'static str,
    pub done: f64,
    /// The mean loss per text.
    pub loss: f64,
    pub nonzeros: usize,
}

/// Fits each of the `sizes` (increasing, each fit starting from the last) and gives the cells to `found`, with
/// the size's index.
pub(super) fn follow(
    problem: &Problem,
    course: Course,
    sizes: &[usize],
    step: &mut dyn FnMut(Step),
    found: &mut dyn FnMut(usize, &[Cell]),
) {
    let possible = problem.features() * problem.classes();
    let texts = problem.texts() as f64;
    let largest = sizes.last().copied().unwrap_or(0);
    let mut fit = SmoothFit::new(problem, course.loss, course.l2, Vec::new());
    // The dense fit that was made last, and its L1 strength.
    let mut dense: Option<(f32, Vec<Cell>)> = None;
    for (at, &size) in sizes.iter().enumerate() {
        let size = size.min(possible).min(course.most_cells);
        let is_plain = course.prune_by == PruneBy::Magnitude;
        let is_cut = course.l1.is_some() || is_plain || size > possible / GROWN_SHARE;
        if is_cut && possible <= course.most_cells {
            // A budget of more than a quarter leaves nothing for an L1 penalty to do.
            let l1 = course.l1.unwrap_or(if size > possible / 4 { 0.0 } else { L1 });
            let cells = match &dense {
                Some((of, cells)) if *of == l1 => cells.clone(),
                _ => {
                    step(Step { stage: "dense fit", done: 0.0, loss: fit.objective() / texts, nonzeros: 0 });
                    let cells = dense::fit(problem, course.loss, l1, course.l2);
                    dense.insert((l1, cells)).1.clone()
                }
            };
            fit = SmoothFit::new(problem, course.loss, course.l2, cells);
        } else {
            let grown = (OVERGROWTH * size).min(possible).min(course.most_cells);
            while fit.cells().len() < grown {
                let before = fit.cells().len();
                fit.grow((before + before / 4 + 16).min(grown));
                let done = (fit.cells().len() as f64 / (OVERGROWTH * largest) as f64).min(1.0);
                step(Step {
                    stage: "growth",
                    done,
                    loss: fit.objective() / texts,
                    nonzeros: fit.cells().len(),
                });
                if fit.cells().len() == before {
                    break;
                }
            }
        }
        fit.prune(size, course.prune_by);
        refine(&mut fit, size, course.prune_by);
        let done = (at + 1) as f64 / sizes.len() as f64;
        step(Step { stage: "refinement", done, loss: fit.objective() / texts, nonzeros: fit.cells().len() });
        found(at, fit.cells());
    }
}

/// Fits the weights that are left, and exchanges them for better ones unless they were pruned by the baseline.
pub(super) fn refine(fit: &mut SmoothFit<'_>, size: usize, by: PruneBy) {
    if by == PruneBy::Magnitude {
        fit.optimise(1e-4, 50);
    } else if size < fit.possible() {
        fit.grow(size);
        fit.swap(SWAPS);
    }
}

/// Rounds of random exchanges of a final 0/1 fit, at most; and rounds times cells times texts, at most.
const MOST_KICKS: usize = 20;
const KICKED_TEXTS: usize = 300_000_000;

/// How hard a 0/1 fit searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// To choose a setting by.
    Trial,
    /// For the model that is kept.
    Final,
}

/// The cells re-optimised and exchanged under 0/1 loss, or grown under it from none; at most `size` of them.
pub(super) fn finish(problem: &Problem, cells: &[Cell], size: usize, effort: Effort, seed: u64) -> Vec<Cell> {
    let kicks = match effort {
        Effort::Trial => 0,
        Effort::Final => (KICKED_TEXTS / (size * problem.texts()).max(1)).min(MOST_KICKS),
    };
    let mut fit = ZeroOneFit::new(problem, cells);
    fit.optimise(10);
    fit.grow(size);
    fit.swap(size, SWAPS);
    fit.kick(size, kicks, &mut Random::new(seed));
    fit.cells()
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;

    use super::*;
    use crate::train::problem::tests::problem;

    /// The least objective of all choices of `size` of the 12 weights that the problems here can have.
    fn optimum(problem: &Problem, loss: Loss, l2: f32, size: u32) -> f64 {
        let places = |chosen: u32| (0..12_u32).filter(move |at| chosen >> at & 1 == 1);
        let objective = |chosen| {
            let cell = |at| Cell { feature: at / 3, class: at % 3, weight: 0.0 };
            let cells = places(chosen).map(cell).collect();
            SmoothFit::new(problem, loss, l2, cells).optimise(1e-6, 100)
        };
        let chosen = (0..1_u32 << 12).filter(|chosen| chosen.count_ones() == size);
        chosen.map(objective).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn nine_in_ten_small_problems_end_at_the_best_of_all_choices_of_weights() {
        let mut runner = TestRunner::deterministic();
        let problems = (problem(), 0..3_u8, 1..4_u32);
        let is_best = |problem: &Problem, margin: u8, size: u32| {
            let (loss, l2) = (Loss { q: 0.0, margin: f32::from(margin) }, 0.3);
            let course = Course { loss, l2, l1: None, prune_by: PruneBy::Cost, most_cells: 12 };
            let mut cells = Vec::new();
            follow(problem, course, &[size as usize], &mut |_| (), &mut |_, found| cells = found.to_vec());
            let reached = SmoothFit::new(problem, loss, l2, cells).optimise(1e-6, 100);
            reached <= 1.001 * optimum(problem, loss, l2, size)
        };
        let best = (0..300).filter(|_| {
            let (problem, margin, size) = problems.new_tree(&mut runner).unwrap().current();
            is_best(&problem, margin, size)
        });
        let best = best.count();
        assert!(best >= 270, "{best} of 300");
    }
}
