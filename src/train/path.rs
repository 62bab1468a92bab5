//! From nothing, or from the dense fit, to each of several budgets.

use super::Progress;
use super::cell::{Cell, magnified};
use super::dense;
use super::loss::Loss;
use super::params::PruneBy;
use super::problem::Problem;
use super::random::Random;
use super::ridge::Ridge;
use super::smooth::SmoothFit;
use super::zero_one::ZeroOneFit;

/// Exchanges of a fifth of the cells, at most.
const SWAPS: usize = 2;
const ZERO_ONE_SWAPS: usize = 4;
/// A model grows to this many times its budget before it is cut down to it.
const OVERGROWTH: usize = 2;
/// Budgets above this share of all possible weights are cut from the dense fit: to grow so far takes longer.
const GROWN_SHARE: usize = 64;
/// The L1 strength of the dense fit where none is given, in losses of a text.
pub(super) const L1: f32 = 0.2;
/// That of a fit which no more than this share of all possible weights is cut from: it is made and cut in less time.
pub(super) const L1_OF_FEW: f32 = 2.0;
const FEW_SHARE: usize = 16;
/// Of more than this share, there is nothing for an L1 penalty to do.
const MANY_SHARE: usize = 4;

/// What a path lowers on its way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Course {
    pub loss: Loss,
    pub l2: f32,
    /// Whether the L2 strength of a weight depends on how much its feature tells.
    pub naive_bayes: bool,
    /// The L1 strength of the dense fit, in losses of a text: given, every budget is cut from that fit.
    pub l1: Option<f32>,
    pub prune_by: PruneBy,
    /// Whether to fit to copies of the texts with features left out.
    pub dropout: bool,
    /// The most cells that may be fitted at once.
    pub most_cells: usize,
}

/// Whether a budget is grown from nothing, if nothing speaks for a cut.
pub(super) fn is_grown(size: usize, possible: usize) -> bool {
    size <= possible / GROWN_SHARE
}

impl Course {
    /// The penalty of a fit to `problem`.
    pub(super) fn ridge(&self, problem: &Problem) -> Ridge {
        if self.naive_bayes {
            Ridge::naive_bayes(self.l2, problem)
        } else {
            Ridge::uniform(self.l2, problem.classes())
        }
    }

    /// The L1 strength of the dense fit that a budget is cut from, unless it is grown.
    fn l1_of_cut(&self, size: usize, possible: usize) -> Option<f32> {
        let is_cut = self.l1.is_some() || self.prune_by == PruneBy::Magnitude || !is_grown(size, possible);
        let l1 = self.l1.unwrap_or(if size > possible / MANY_SHARE {
            0.0
        } else if size > possible / FEW_SHARE {
            L1
        } else {
            L1_OF_FEW
        });
        (is_cut && possible <= self.most_cells).then_some(l1)
    }
}

/// Fits those of the `sizes` (increasing) that are wanted and gives the cells to `found`, with the size's index: first
/// the grown ones, each starting from the one before it, wanted or not; then those that are cut from a dense fit, on one
/// way down.
pub(super) fn follow(
    problem: &Problem,
    course: Course,
    sizes: &[usize],
    is_wanted: &dyn Fn(usize) -> bool,
    step: &mut dyn FnMut(Progress),
    found: &mut dyn FnMut(usize, &[Cell]),
) {
    let dropped = course.dropout.then(|| problem.with_dropout(0.0));
    let problem = dropped.as_ref().unwrap_or(problem);
    let possible = problem.features() * problem.classes();
    let texts = problem.total_weight();
    let sizes: Vec<usize> = sizes.iter().map(|&size| size.min(possible).min(course.most_cells)).collect();
    let grows = |at: usize| course.l1_of_cut(sizes[at], possible).is_none();
    let last_grown = (0..sizes.len()).rfind(|&at| grows(at) && is_wanted(at));
    let mut refined = 0;
    let mut refine_and_give = |fit: &mut SmoothFit<'_>, at: usize, step: &mut dyn FnMut(Progress)| {
        let was_shrunk = course.l1_of_cut(sizes[at], possible).is_some_and(|l1| l1 > 0.0);
        refine(fit, sizes[at], course.prune_by, was_shrunk);
        refined += 1;
        let done = f64::from(refined) / sizes.len() as f64;
        step(Progress {
            stage: "refinement",
            done,
            loss: fit.objective() / texts,
            nonzeros: fit.cells().len(),
        });
        if is_wanted(at) {
            found(at, fit.cells());
        }
    };
    let ridge = course.ridge(problem);
    let mut fit = SmoothFit::new(problem, course.loss, ridge.clone(), Vec::new());
    let of_none = fit.objective() / texts;
    for at in (0..sizes.len()).filter(|&at| grows(at) && Some(at) <= last_grown) {
        let grown = (OVERGROWTH * sizes[at]).min(possible).min(course.most_cells);
        while fit.cells().len() < grown {
            let before = fit.cells().len();
            fit.grow((before + before / 4 + 16).min(grown));
            let nonzeros = fit.cells().len();
            let done = nonzeros as f64 / grown as f64;
            step(Progress { stage: "growth", done, loss: fit.objective() / texts, nonzeros });
            if nonzeros == before {
                break;
            }
        }
        fit.prune(sizes[at], course.prune_by);
        refine_and_give(&mut fit, at, step);
    }
    drop(fit);
    // The fit on its way down, and the L1 strength of the dense fit that it started from.
    let mut trunk: Option<(f32, SmoothFit<'_>)> = None;
    for at in (0..sizes.len()).rev().filter(|&at| is_wanted(at)) {
        let Some(l1) = course.l1_of_cut(sizes[at], possible) else { continue };
        let (_, trunk) = match trunk.take() {
            Some(of) if of.0 == l1 => trunk.insert(of),
            _ => {
                step(Progress { stage: "dense fit", done: 0.0, loss: of_none, nonzeros: 0 });
                let mut cells = dense::fit(problem, course.loss, l1, &ridge);
                // What is pruned by magnitude is not grown again: it has to be cut from enough.
                let is_enough = course.prune_by == PruneBy::Cost || cells.len() >= sizes[at];
                if !is_enough && course.l1.is_none() {
                    cells = dense::fit(problem, course.loss, 0.0, &ridge);
                }
                trunk.insert((l1, SmoothFit::new(problem, course.loss, ridge.clone(), cells)))
            }
        };
        trunk.prune_towards(sizes[at], course.prune_by);
        let mut fit = SmoothFit::new(problem, course.loss, ridge.clone(), trunk.cells().to_vec());
        fit.prune(sizes[at], course.prune_by);
        refine_and_give(&mut fit, at, step);
    }
}

/// Fits the weights that are left, and exchanges them for better ones unless they were pruned by the baseline. Where all
/// weights may stay, there is something to do only if an L1 penalty shrank them.
pub(super) fn refine(fit: &mut SmoothFit<'_>, size: usize, by: PruneBy, was_shrunk: bool) {
    fit.drop_full_rows();
    if by == PruneBy::Cost && size < fit.most() {
        fit.grow(size);
        fit.swap(SWAPS);
    } else if by == PruneBy::Magnitude || was_shrunk {
        fit.optimise(1e-4, 50);
    }
}

/// Rounds of random exchanges of a final 0/1 fit, at most; and rounds times cells times texts, at most.
const MOST_KICKS: usize = 8;
const KICKED_TEXTS: usize = 400_000_000;

/// How hard a 0/1 fit searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// To choose a setting by.
    Trial,
    /// For the model that is kept.
    Final,
}

/// What a whole text has of its weight, and its copies not, where 0/1 loss is that of copies with features left out.
const OF_WHOLE: f32 = 0.5;

/// The cells re-optimised and exchanged under 0/1 loss, or grown under it from none; at most `size` of them.
pub(super) fn finish(
    problem: &Problem,
    dropout: bool,
    cells: &[Cell],
    size: usize,
    effort: Effort,
    seed: u64,
) -> Vec<Cell> {
    let dropped = dropout.then(|| problem.with_dropout(OF_WHOLE));
    let problem = dropped.as_ref().unwrap_or(problem);
    let kicks = match effort {
        // They were never found to help copies.
        _ if dropout => 0,
        Effort::Trial => 0,
        Effort::Final => (KICKED_TEXTS / (size * problem.texts()).max(1)).min(MOST_KICKS),
    };
    let mut fit = ZeroOneFit::new(problem, &magnified(cells));
    fit.optimise(10);
    fit.grow(size);
    fit.swap(size, ZERO_ONE_SWAPS);
    fit.kick(size, kicks, &mut Random::new(seed));
    fit.cells()
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;

    use super::*;
    use crate::data::DatasetBuilder;
    use crate::text::FeatureSpec;
    use crate::train::problem::tests::problem;
    use crate::train::right::right;

    /// The least objective of all choices of `size` of the 12 weights that the problems here can have.
    fn optimum(problem: &Problem, loss: Loss, l2: f32, size: u32) -> f64 {
        let places = |chosen: u32| (0..12_u32).filter(move |at| chosen >> at & 1 == 1);
        let objective = |chosen| {
            let cell = |at| Cell { feature: at / 3, class: at % 3, weight: 0.0 };
            let cells = places(chosen).map(cell).collect();
            SmoothFit::new(problem, loss, Ridge::uniform(l2, 3), cells).optimise(1e-6, 100)
        };
        let chosen = (0..1_u32 << 12).filter(|chosen| chosen.count_ones() == size);
        chosen.map(objective).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn few_weights_are_grown_and_more_are_cut_from_fits_that_are_the_sparser_the_fewer_they_are() {
        let course = Course {
            loss: Loss { q: 0.0, margin: 2.0 },
            l2: 0.3,
            naive_bayes: false,
            l1: None,
            prune_by: PruneBy::Cost,
            dropout: false,
            most_cells: 6400,
        };
        let l1 = |course: Course| [100, 101, 400, 401, 1600, 1601].map(|size| course.l1_of_cut(size, 6400));
        let few = Some(L1_OF_FEW);
        assert_eq!(l1(course), [None, few, few, Some(L1), Some(L1), Some(0.0)]);
        let by_magnitude = Course { prune_by: PruneBy::Magnitude, ..course };
        assert_eq!(l1(by_magnitude), [few, few, few, Some(L1), Some(L1), Some(0.0)]);
        assert_eq!(l1(Course { l1: Some(0.7), ..course }), [Some(0.7); 6]);
        // There is no dense fit without memory for it.
        assert_eq!(l1(Course { most_cells: 6399, ..course }), [None; 6]);
    }

    #[test]
    fn a_budget_is_cut_to_the_same_alone_and_on_the_way_to_a_lower_one() {
        let mut runner = TestRunner::deterministic();
        for at in 0..50 {
            let naive_bayes = at % 2 == 1;
            let problem = problem().new_tree(&mut runner).unwrap().current();
            let loss = Loss { q: 0.0, margin: 2.0 };
            let course = Course {
                loss,
                l2: 0.3,
                naive_bayes,
                l1: Some(0.01),
                prune_by: PruneBy::Cost,
                dropout: false,
                most_cells: usize::MAX,
            };
            let fitted = |sizes: &[usize], is_wanted: &dyn Fn(usize) -> bool| {
                let mut fitted = Vec::new();
                let mut found = |at: usize, cells: &[Cell]| fitted.push((sizes[at], cells.to_vec()));
                follow(&problem, course, sizes, is_wanted, &mut |_| (), &mut found);
                fitted
            };
            let together = fitted(&[1, 2, 4, 7], &|at| at != 1);
            let alone = [7, 4, 1].map(|size| fitted(&[size], &|_| true).remove(0));
            assert_eq!(together, alone);
        }
    }

    #[test]
    fn random_exchanges_never_lose_and_find_what_exchanges_of_the_cheapest_cells_miss() {
        let mut runner = TestRunner::deterministic();
        let gains = (0..300).map(|_| {
            let problem = problem().new_tree(&mut runner).unwrap().current();
            let right = |effort| right(&problem, &finish(&problem, false, &[], 3, effort, 1));
            right(Effort::Final) - right(Effort::Trial)
        });
        let gains: Vec<f64> = gains.collect();
        assert!(gains.iter().all(|&gain| gain >= 0.0) && gains.iter().any(|&gain| gain > 0.0));
    }

    #[test]
    fn the_seed_decides_the_random_exchanges() {
        // Labels that no word tells: there are many ways to fit them about as well.
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        let mut random = Random::new(1);
        for at in 0..100 {
            let text: Vec<String> = (0..4).map(|_| format!("w{}", random.below(30))).collect();
            builder.push(["a", "b", "c"][at % 3], text.join(" ").as_bytes(), 1.0).unwrap();
        }
        let problem = Problem::of_all(&builder.finish(1).unwrap(), false);
        let finished = |seed| finish(&problem, false, &[], 30, Effort::Final, seed);
        assert_eq!(finished(1), finished(1));
        assert_ne!(finished(1), finished(2));
    }

    #[test]
    fn nine_in_ten_small_problems_end_at_the_best_of_all_choices_of_weights() {
        let mut runner = TestRunner::deterministic();
        let problems = (problem(), 0..3_u8, 1..4_u32);
        let is_best = |problem: &Problem, margin: u8, size: u32| {
            let (loss, l2) = (Loss { q: 0.0, margin: f32::from(margin) }, 0.3);
            let course = Course {
                loss,
                l2,
                naive_bayes: false,
                l1: None,
                prune_by: PruneBy::Cost,
                dropout: false,
                most_cells: 12,
            };
            let mut cells = Vec::new();
            follow(problem, course, &[size as usize], &|_| true, &mut |_| (), &mut |_, found| {
                cells = found.to_vec()
            });
            let reached = SmoothFit::new(problem, loss, Ridge::uniform(l2, 3), cells).optimise(1e-6, 100);
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
