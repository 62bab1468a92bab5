//! Fits of the 0/1 loss itself: the share of texts whose argmax is wrong.

mod line;
mod scores;
mod standing;

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::cell::{Cell, Places};
use super::problem::Problem;
use super::random::Random;
use crate::model::{MAX_SCORE_STEPS, SCORE_STEPS};
use line::{Best, Event};
use scores::Scores;
use standing::{Ranked, Standing};

const LARGEST: i32 = MAX_SCORE_STEPS as i32;
/// For so many rounds of additions a gain that was searched for is taken to be near what it was.
const FRESH: u32 = 24;
/// The share of the texts that a round of swaps has to put right, or else the next is smaller.
const LITTLE: f64 = 2e-4;
/// Random exchanges that are tried at once, on any number of threads.
const WAYS: usize = 4;
/// Rounds of random exchanges in a row that may gain nothing.
const MOST_IDLE: usize = 4;

/// A cell whose weight is a whole number of score steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct GridCell {
    feature: u32,
    class: u32,
    weight: i32,
}

/// A text that is wrong: a higher score of its own class may put it right, and a lower one of the first rival too if
/// there is no other.
#[derive(Debug, Clone, Copy)]
struct Wrong {
    label: u32,
    rival: Option<u32>,
    weight: f32,
}

/// Weights on the grid of scores that a model can hold, and the scores that they give every text: what is
/// right here is right in the frozen model, ties included, but for scores beyond eight million, which are cut off.
#[derive(Debug, Clone)]
pub(super) struct ZeroOneFit<'p> {
    problem: &'p Problem,
    cells: Vec<GridCell>,
    places: Places,
    scores: Scores,
    texts: Vec<Standing>,
    /// Room for those of one line.
    events: Vec<Event>,
}

/// What candidates gained when they were searched for last, and in which round of additions that was.
#[derive(Debug, Default)]
struct Searched {
    gains: HashMap<(u32, u32), (f32, u32)>,
    round: u32,
}

/// A cell outside the fit, and what it gains at most; ordered by that.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    gain: f64,
    feature: u32,
    class: u32,
    /// If the gain is what was found: how many cells had been added in this round, and the best weight.
    found: Option<(usize, i32)>,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Candidate) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Candidate) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Candidate) -> Ordering {
        let by_place = || (other.feature, other.class).cmp(&(self.feature, self.class));
        self.gain.total_cmp(&other.gain).then_with(by_place)
    }
}

impl<'p> ZeroOneFit<'p> {
    pub(super) fn new(problem: &'p Problem, cells: &[Cell]) -> ZeroOneFit<'p> {
        let cells: Vec<GridCell> = cells
            .iter()
            .map(|cell| GridCell {
                feature: cell.feature,
                class: cell.class,
                weight: ((cell.weight * SCORE_STEPS).round() as i32).clamp(-LARGEST, LARGEST),
            })
            .collect();
        let unscored = |(&label, &weight): (&u32, &f32)| {
            Standing::of(std::iter::repeat_n(0, problem.classes()), label, weight)
        };
        let mut fit = ZeroOneFit {
            problem,
            places: places_of(problem, &cells),
            cells: Vec::new(),
            scores: Scores::new(problem),
            texts: problem.labels().iter().zip(problem.weights()).map(unscored).collect(),
            events: Vec::new(),
        };
        for cell in &cells {
            fit.shift(cell.feature, cell.class, cell.weight);
        }
        fit.cells = cells;
        fit
    }

    pub(super) fn cells(&self) -> Vec<Cell> {
        let cell = |cell: &GridCell| Cell {
            feature: cell.feature,
            class: cell.class,
            weight: cell.weight as f32 / SCORE_STEPS,
        };
        self.cells.iter().map(cell).collect()
    }

    /// The total weight of the texts that are right.
    pub(super) fn right(&self) -> f64 {
        let right = self.texts.iter().filter(|text| text.is_right());
        // Not `sum`: that of none is -0.
        right.fold(0.0, |right, text| right + f64::from(text.weight))
    }

    fn shift(&mut self, feature: u32, class: u32, change: i32) {
        if change == 0 {
            return;
        }
        let (texts, counts) = self.problem.texts_of(feature);
        for (&text, &count) in texts.iter().zip(counts) {
            let score = self.scores.add(text, class, change.saturating_mul(count as i32));
            let moved = Ranked::new(class, score);
            self.texts[text as usize].follow(moved, || self.scores.of_text(text));
        }
    }

    /// The best change of one weight, from `weight`.
    fn best(&mut self, feature: u32, class: u32, weight: i32) -> Best {
        let (texts, counts) = self.problem.texts_of(feature);
        let scores = self.scores.of_class(class);
        let event = |(&text, &count): (&u32, &f32)| {
            let text = text as usize;
            let standing = self.texts[text];
            let Standing { own, weight: of_text, .. } = standing;
            let is_own = own.class() == class;
            // The class rises over its first rival, or over the text's own class.
            let ahead = if is_own { standing.first } else { own };
            let behind = ahead.score().saturating_sub(scores[text]);
            let at = div_up(behind.saturating_add(i32::from(ahead.class() < class)), count);
            let gain = if is_own { of_text } else { -of_text };
            ((at, gain), is_own | (own > standing.best_beside(class)))
        };
        line::best(weight, texts.iter().zip(counts).map(event), &mut self.events)
    }

    /// Puts one weight in the middle of its best interval.
    fn update(&mut self, at: usize) -> f64 {
        let GridCell { feature, class, weight } = self.cells[at];
        let best = self.best(feature, class, weight);
        self.shift(feature, class, best.change);
        self.cells[at].weight += best.change;
        best.gain
    }

    /// Puts each weight in the middle of its best interval, over and over, until a pass gains nothing, at most
    /// `sweeps` times.
    pub(super) fn optimise(&mut self, sweeps: usize) {
        for _ in 0..sweeps {
            let gain: f64 = (0..self.cells.len()).map(|at| self.update(at)).sum();
            if gain < 1e-6 {
                break;
            }
        }
    }

    /// A bound on what each cell outside the fit can gain: the weight of the texts that a higher or a lower score
    /// could put right; or, where it was searched for a few rounds ago, a little more than it would have gained then.
    fn bounded_candidates(&self, searched: &Searched) -> BinaryHeap<Candidate> {
        let classes = self.problem.classes();
        let wrong = |standing: &Standing| {
            let Standing { own, first, second, weight, .. } = *standing;
            let rival = (own > second).then_some(first.class());
            (!standing.is_right()).then_some(Wrong { label: own.class(), rival, weight })
        };
        let wrongs: Vec<Option<Wrong>> = self.texts.iter().map(wrong).collect();
        let (mut up, mut down) = (vec![0.0_f32; classes], vec![0.0_f32; classes]);
        let mut touched: Vec<u32> = Vec::new();
        let mut candidates = Vec::new();
        for feature in 0..self.problem.features() as u32 {
            let (texts, _) = self.problem.texts_of(feature);
            for &text in texts {
                let Some(Wrong { label, rival, weight }) = wrongs[text as usize] else { continue };
                touched.push(label);
                up[label as usize] += weight;
                if let Some(rival) = rival {
                    touched.push(rival);
                    down[rival as usize] += weight;
                }
            }
            for class in touched.drain(..) {
                let bound = up[class as usize].max(down[class as usize]);
                if bound > 0.0 {
                    let gain = match searched.gains.get(&(feature, class)) {
                        Some(&(gain, round)) if searched.round - round < FRESH => {
                            bound.min(1.25 * gain + 1.0)
                        }
                        _ => bound,
                    };
                    candidates.push(Candidate { gain: f64::from(gain), feature, class, found: None });
                }
                up[class as usize] = 0.0;
                down[class as usize] = 0.0;
            }
        }
        candidates.into()
    }

    /// Adds up to `most` of the cells whose best weights gain most, each searched for beside those added
    /// before it (lazy greedy: a gain that was found earlier bounds what it is now). Gives how many.
    fn add_best(&mut self, most: usize, searched: &mut Searched) -> usize {
        searched.round += 1;
        let mut candidates = self.bounded_candidates(searched);
        let mut added = 0;
        let mut first_gain = 0.0;
        while added < most {
            let Some(candidate) = candidates.pop() else { break };
            let Candidate { gain, feature, class, found } = candidate;
            if gain < 1e-6 || gain < 0.5 * first_gain {
                break;
            }
            if !self.places.is_open(feature, class) {
                continue;
            }
            let (gain, weight) = match found {
                Some((when, weight)) if when == added => (gain, weight),
                _ => {
                    let best = self.best(feature, class, 0);
                    searched.gains.insert((feature, class), (best.gain as f32, searched.round));
                    if best.change == 0 || best.gain < 1e-6 {
                        continue;
                    }
                    let found = Some((added, best.change));
                    let exact = Candidate { gain: best.gain, found, ..candidate };
                    if candidates.peek().is_some_and(|next| next > &exact) {
                        candidates.push(exact);
                        continue;
                    }
                    (best.gain, best.change)
                }
            };
            self.add(GridCell { feature, class, weight });
            if added == 0 {
                first_gain = gain;
            }
            added += 1;
        }
        added
    }

    fn add(&mut self, cell: GridCell) {
        self.shift(cell.feature, cell.class, cell.weight);
        self.places.insert(cell.feature, cell.class);
        self.cells.push(cell);
    }

    fn remove(&mut self, at: usize) -> GridCell {
        let cell = self.cells.swap_remove(at);
        self.places.remove(cell.feature, cell.class);
        self.shift(cell.feature, cell.class, -cell.weight);
        cell
    }

    /// Adds the best cells up to `size`; re-optimises all whenever a tenth was added.
    pub(super) fn grow(&mut self, size: usize) {
        let mut searched = Searched::default();
        while self.cells.len() < size {
            let most = (self.cells.len() / 10).clamp(1, size - self.cells.len());
            if self.add_best(most, &mut searched) == 0 {
                break;
            }
            self.optimise(1);
        }
        self.optimise(10);
    }

    /// What goes wrong when each cell goes.
    fn removal_costs(&self) -> Vec<f64> {
        self.cells.iter().map(|cell| self.removal_cost(cell)).collect()
    }

    fn removal_cost(&self, &GridCell { feature, class, weight }: &GridCell) -> f64 {
        let (texts, counts) = self.problem.texts_of(feature);
        let scores = self.scores.of_class(class);
        let lost = |(&text, &count): (&u32, &f32)| {
            let standing = self.texts[text as usize];
            let moved = scores[text as usize].saturating_sub(weight.saturating_mul(count as i32));
            let is_right = standing.is_right_with(Ranked::new(class, moved));
            f64::from(standing.weight)
                * (f64::from(u8::from(standing.is_right())) - f64::from(u8::from(is_right)))
        };
        texts.iter().zip(counts).map(lost).sum()
    }

    /// Exchanges a share of the cells, the cheapest for the best others, over and over; halves the share when
    /// little is gained, and ends after `rounds`.
    pub(super) fn swap(&mut self, size: usize, rounds: usize) {
        let mut count = size.div_ceil(5);
        for _ in 0..rounds {
            let costs = self.removal_costs();
            let mut order: Vec<usize> = (0..costs.len()).collect();
            order.sort_unstable_by(|&a, &b| costs[a].total_cmp(&costs[b]).then(a.cmp(&b)));
            order.truncate(count);
            let gain = self.accept(self.exchanged(order, size));
            if gain <= 0.0 && count <= 1 {
                // The next round would be the same.
                break;
            }
            if gain < LITTLE * self.problem.total_weight() {
                count = count.div_ceil(2);
            }
        }
    }

    /// Exchanges three tenths of the cells, drawn at random, for the best others, in several ways at once, and goes on from
    /// the way that gains most: a way out of where [`swap`](Self::swap) finds nothing better (iterated local search:
    /// Lourenco, Martin and Stutzle, 2003; so large a share as in large neighbourhood search: Shaw, 1998). Ends after
    /// `rounds`, or when some in a row gained nothing.
    pub(super) fn kick(&mut self, size: usize, rounds: usize, random: &mut Random) {
        let mut idle = 0;
        for _ in 0..rounds {
            let drawn: Vec<Vec<usize>> = (0..WAYS)
                .map(|_| {
                    let mut order: Vec<usize> = (0..self.cells.len()).collect();
                    random.shuffle(&mut order);
                    order.truncate((3 * size).div_ceil(10));
                    order
                })
                .collect();
            let ways = drawn.into_par_iter().map(|order| self.exchanged(order, size));
            let Some(best) = ways.reduce_with(Exchanged::first_best) else { break };
            idle = if self.accept(best) > 0.0 { 0 } else { idle + 1 };
            if idle == MOST_IDLE {
                break;
            }
        }
    }

    /// The fit without the cells at these indices, grown back to `size`.
    fn exchanged(&self, mut removed: Vec<usize>, size: usize) -> Exchanged<'p> {
        let mut fit = self.clone();
        removed.sort_unstable();
        for at in removed.into_iter().rev() {
            fit.remove(at);
        }
        fit.optimise(1);
        fit.grow(size);
        Exchanged { gain: fit.right() - self.right(), fit }
    }

    /// Goes on from there if that gains anything. Gives the gain.
    fn accept(&mut self, Exchanged { gain, fit }: Exchanged<'p>) -> f64 {
        if gain > 0.0 {
            *self = fit;
        }
        gain
    }
}

/// A fit some of whose cells were exchanged, and what that gains.
#[derive(Debug)]
struct Exchanged<'p> {
    gain: f64,
    fit: ZeroOneFit<'p>,
}

impl Exchanged<'_> {
    /// The one that gains more; in a tie the first, so that the order in which threads come to it says nothing.
    fn first_best(self, next: Self) -> Self {
        if next.gain > self.gain { next } else { self }
    }
}

fn places_of(problem: &Problem, cells: &[GridCell]) -> Places {
    Places::new(problem.classes(), cells.iter().map(|cell| (cell.feature, cell.class)))
}

#[inline]
fn div_up(a: i32, count: f32) -> i32 {
    if count == 1.0 { a } else { -(-i64::from(a)).div_euclid(count as i64) as i32 }
}

#[cfg(test)]
mod tests;
