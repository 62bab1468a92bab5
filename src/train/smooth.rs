//! Fits of a smooth loss to some cells of the score matrix.

use std::cmp::Reverse;

use super::cell::{Cell, Places, without_full_rows};
use super::exp_ln::exp;
use super::line::{Growths, Line};
use super::loss::Loss;
use super::params::PruneBy;
use super::problem::Problem;
use super::ridge::Ridge;
use super::rows::{WeightedSum, stride};
use crate::infer::Instructions;

pub(super) const LARGEST_WEIGHT: f32 = 30.0;
const SMALLEST_ODDS: f32 = 1e-37;
const LARGEST_ODDS: f64 = 1e20;
/// The relative decrease of the objective below which a fit has converged.
const TOLERANCE: f64 = 1e-4;
/// The relative decrease of the objective below which swaps are made smaller.
const LITTLE: f64 = 1e-3;

/// Weights, and the class probabilities that they give every text, kept up to date.
///
/// The loss of a text is psi(p) = (1 - p^q) / q of its own class's probability p: log loss for q = 0.
/// In the negative log-likelihood u = -log p it is concave, (1 - e^(-qu)) / q, so its tangent in u bounds it
/// from above: each step minimises log loss with every text weighted by its slope p^q (majorisation).
#[derive(Debug)]
pub(super) struct SmoothFit<'p> {
    problem: &'p Problem,
    loss: Loss,
    ridge: Ridge,
    cells: Vec<Cell>,
    places: Places,
    /// The exponentials of the scores, up to a factor for each text; shape (classes, texts): a line takes those of one
    /// class.
    odds: Vec<f32>,
    /// The sum of each text's odds.
    totals: Vec<f64>,
    /// Each text's weight times p^q, as of the last call of `reweigh`.
    pulls: Vec<f32>,
    line: Line,
    instructions: Instructions,
    /// Room for what the odds are multiplied by when a weight changes.
    growths: Vec<f32>,
}

/// A cell that is not in the fit, and what adding it is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Addition {
    cell: Cell,
    gain: f64,
}

impl<'p> SmoothFit<'p> {
    pub(super) fn new(problem: &'p Problem, loss: Loss, ridge: Ridge, cells: Vec<Cell>) -> SmoothFit<'p> {
        let places = Places::new(problem.classes(), cells.iter().map(Cell::place));
        let mut fit = SmoothFit {
            problem,
            loss,
            ridge,
            cells,
            places,
            odds: vec![1.0; problem.texts() * problem.classes()],
            totals: vec![problem.classes() as f64; problem.texts()],
            pulls: problem.weights().to_vec(),
            line: Line::new(),
            instructions: Instructions::best(),
            growths: Vec::new(),
        };
        fit.refresh();
        fit
    }

    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Shifts the weights of each feature that has one for every class until one has none: no probability changes, and a
    /// cell is free for another.
    pub(super) fn drop_full_rows(&mut self) {
        self.cells.sort_unstable_by_key(Cell::place);
        self.cells = without_full_rows(std::mem::take(&mut self.cells), self.problem.classes());
        self.places = Places::new(self.problem.classes(), self.cells.iter().map(Cell::place));
    }

    /// The most cells that can be of use: one class of each feature can do without.
    pub(super) fn most(&self) -> usize {
        self.problem.features() * (self.problem.classes() - 1)
    }

    /// Computes the odds anew from the weights: what was kept up to date has gathered rounding errors.
    fn refresh(&mut self) {
        let texts = self.problem.texts();
        self.odds.fill(0.0);
        for cell in &self.cells {
            let scores = &mut self.odds[cell.class as usize * texts..][..texts];
            let (texts, shares) = self.problem.shares_of(cell.feature);
            for (&text, &share) in texts.iter().zip(shares) {
                scores[text as usize] += cell.weight * share;
            }
        }
        for (text, &label) in self.problem.labels().iter().enumerate() {
            self.odds[label as usize * texts + text] -= self.loss.margin;
        }
        let mut highest = vec![f32::NEG_INFINITY; texts];
        for scores in self.odds.chunks_exact(texts) {
            highest.iter_mut().zip(scores).for_each(|(highest, &score)| *highest = highest.max(score));
        }
        self.totals.fill(0.0);
        for scores in self.odds.chunks_exact_mut(texts) {
            for ((score, &highest), total) in scores.iter_mut().zip(&highest).zip(&mut self.totals) {
                *score = exp(*score - highest).max(SMALLEST_ODDS);
                *total += f64::from(*score);
            }
        }
        self.reweigh();
    }

    fn own_probability(&self, text: usize) -> f32 {
        let label = self.problem.labels()[text] as usize;
        (f64::from(self.odds[label * self.problem.texts() + text]) / self.totals[text])
            .max(f64::from(SMALLEST_ODDS)) as f32
    }

    /// Moves the majoriser's tangent to where the fit is now.
    fn reweigh(&mut self) {
        self.line.leave();
        for text in 0..self.problem.texts() {
            let weight = self.problem.weights()[text];
            self.pulls[text] = if self.loss.q == 0.0 {
                weight
            } else {
                weight * libm::expf(self.loss.q * libm::logf(self.own_probability(text)))
            };
        }
    }

    /// The sum of the losses and the penalties.
    pub(super) fn objective(&self) -> f64 {
        let losses: f64 = (0..self.problem.texts())
            .map(|text| {
                let u = -libm::logf(self.own_probability(text));
                f64::from(self.problem.weights()[text]) * self.loss.of(u)
            })
            .sum();
        losses + self.cells.iter().map(|cell| self.penalty(cell)).sum::<f64>()
    }

    fn penalty(&self, cell: &Cell) -> f64 {
        f64::from(self.ridge.of(cell.feature, cell.class) / 2.0 * cell.weight * cell.weight)
    }

    fn gather(&mut self, feature: u32, class: u32) {
        let count = self.problem.texts();
        let (texts, shares) = self.problem.shares_of(feature);
        let (odds, class_at) = (&self.odds, class as usize);
        self.line.enter(feature, (texts, shares), &self.totals, &self.pulls, self.problem.labels());
        let others = |text: usize| {
            let of_others = odds.chunks_exact(count).enumerate().filter(|&(at, _)| at != class_at);
            of_others.map(|(_, odds)| f64::from(odds[text])).sum()
        };
        self.line.set_class(class, texts, &odds[class_at * count..][..count], others);
    }

    /// Changes one weight by `d` in all that is kept up to date, but for the cell itself.
    fn shift(&mut self, feature: u32, class: u32, d: f32) {
        let (texts, shares) = self.problem.shares_of(feature);
        let count = self.problem.texts();
        self.growths.resize(texts.len(), 0.0);
        self.instructions.run(Growths { d, shares, growths: &mut self.growths });
        for (&text, &growth) in texts.iter().zip(&self.growths) {
            let text = text as usize;
            let at = class as usize * count + text;
            let before = f64::from(self.odds[at]);
            let after = (before * f64::from(growth)).max(f64::from(SMALLEST_ODDS));
            // As it is kept: what is rounded away would stay in the sum when the odds fall.
            let kept = after as f32;
            let total = self.totals[text] + (f64::from(kept) - before);
            if after > LARGEST_ODDS || total < 1e-6 * before {
                // Before the sum loses its digits.
                self.odds[at] = 0.0;
                let others = self.odds.iter().skip(text).step_by(count);
                let highest = others.copied().map(f64::from).fold(after, f64::max);
                for odds in self.odds.iter_mut().skip(text).step_by(count) {
                    *odds = ((f64::from(*odds) / highest) as f32).max(SMALLEST_ODDS);
                }
                self.odds[at] = ((after / highest) as f32).max(SMALLEST_ODDS);
                self.totals[text] = self.odds.iter().skip(text).step_by(count).copied().map(f64::from).sum();
            } else {
                self.odds[at] = kept;
                self.totals[text] = total;
            }
        }
        self.line.note_change(feature, texts, &self.totals);
    }

    /// Lowers the objective by one pass of Newton steps over the cells, one after the other.
    fn sweep(&mut self, steps: usize) {
        for at in 0..self.cells.len() {
            self.update(at, steps);
        }
    }

    fn update(&mut self, at: usize, steps: usize) {
        let Cell { feature, class, weight } = self.cells[at];
        self.gather(feature, class);
        let moved = weight + self.line.minimise(weight, self.ridge.of(feature, class), steps);
        let moved = moved.clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT);
        if moved != weight {
            self.shift(feature, class, moved - weight);
            self.cells[at].weight = moved;
        }
    }

    /// Sweeps until the objective's relative decrease falls below `tolerance`, at most `sweeps` times. Gives the objective.
    pub(super) fn optimise(&mut self, tolerance: f64, sweeps: usize) -> f64 {
        self.cells.sort_unstable_by_key(Cell::place);
        self.refresh();
        let mut before = self.objective();
        for _ in 0..sweeps {
            self.sweep(2);
            self.reweigh();
            let after = self.objective();
            let is_flat = before - after <= tolerance * before.abs();
            before = after;
            if is_flat {
                break;
            }
        }
        before
    }

    /// The `most` cells outside the fit that promise the largest gains, best first. What a cell promises is
    /// the gain of one weight that makes the class's mean probability over the feature's texts match
    /// what is observed: N KL(observed || predicted).
    fn promising(&self, most: usize) -> Vec<Addition> {
        let mut found: Vec<Addition> = Vec::new();
        let mut threshold = 0.0;
        self.for_each_feature(|feature, sums| {
            for class in 0..self.problem.classes() {
                let (p, o, total) = (sums.predicted[class], sums.observed[class], sums.total);
                // A bound that saves the logarithms, from log(x) <= x - 1.
                let bound =
                    if o > p { o * (o / p.max(1e-20)) } else { p * (total / (total - p).max(1e-6 * total)) };
                if f64::from(bound) <= threshold {
                    continue;
                }
                let gain = promise(p, o, total, self.ridge.of(feature, class as u32));
                if gain > threshold && self.places.is_open(feature, class as u32) {
                    found.push(Addition { cell: Cell { feature, class: class as u32, weight: 0.0 }, gain });
                    if found.len() >= 4 * most.max(64) {
                        keep_best(&mut found, most);
                        threshold = found.last().map_or(0.0, |last| last.gain);
                    }
                }
            }
        });
        keep_best(&mut found, most);
        found
    }

    /// What one more cell lowers the objective by, at its best weight.
    fn exact(&mut self, feature: u32, class: u32) -> Addition {
        self.gather(feature, class);
        let l2 = self.ridge.of(feature, class);
        let d = self.line.minimise(0.0, l2, 12).clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT);
        let gain = -self.line.rise(d, self.loss.q) - f64::from(l2 * d * d / 2.0);
        Addition { cell: Cell { feature, class, weight: d }, gain }
    }

    /// The best cells to add, best first, by exact line search among the most promising.
    fn additions(&mut self, most: usize) -> Vec<Addition> {
        let mut found = self.promising(2 * most + 32);
        for addition in &mut found {
            *addition = self.exact(addition.cell.feature, addition.cell.class);
        }
        keep_best(&mut found, most);
        found.retain(|addition| addition.gain > 0.0);
        found
    }

    fn add(&mut self, cell: Cell) {
        self.shift(cell.feature, cell.class, cell.weight);
        self.places.insert(cell.feature, cell.class);
        self.cells.push(cell);
    }

    /// Adds up to `most` cells, best first, each only while its gain holds beside those added before it.
    /// Gives how many.
    fn add_best(&mut self, most: usize) -> usize {
        let mut added = 0;
        let candidates = self.additions(2 * most);
        for candidate in &candidates {
            if added == most {
                break;
            }
            if !self.places.is_open(candidate.cell.feature, candidate.cell.class) {
                continue;
            }
            let now = if added == 0 {
                *candidate
            } else {
                self.exact(candidate.cell.feature, candidate.cell.class)
            };
            if now.gain > 0.5 * candidate.gain {
                self.add(now.cell);
                added += 1;
            }
        }
        added
    }

    /// What the objective rises by when each cell goes, the others staying as they are.
    fn removal_costs(&mut self) -> Vec<f64> {
        (0..self.cells.len())
            .map(|at| {
                let Cell { feature, class, weight } = self.cells[at];
                self.gather(feature, class);
                self.line.rise(-weight, self.loss.q)
                    - f64::from(self.ridge.of(feature, class) * weight * weight / 2.0)
            })
            .collect()
    }

    /// Removes the cells that cost least until `size` are left.
    fn cut(&mut self, size: usize, by: PruneBy) {
        let costs: Vec<f64> = match by {
            PruneBy::Cost => self.removal_costs(),
            PruneBy::Magnitude => self.cells.iter().map(|cell| f64::from(cell.weight.abs())).collect(),
        };
        let mut order: Vec<usize> = (0..costs.len()).collect();
        order.sort_unstable_by_key(|&at| (without_noise(costs[at]), self.cells[at].class_alone(), at));
        let mut is_kept = vec![true; costs.len()];
        for &at in order.iter().take(costs.len().saturating_sub(size)) {
            is_kept[at] = false;
            let cell = self.cells[at];
            self.places.remove(cell.feature, cell.class);
            self.shift(cell.feature, cell.class, -cell.weight);
        }
        let mut is_kept = is_kept.iter();
        self.cells.retain(|_| *is_kept.next().expect("one for each cell"));
    }

    /// Cuts down to `size` in steps of a fifth of the cells, re-optimising those that are left after each.
    pub(super) fn prune(&mut self, size: usize, by: PruneBy) {
        self.prune_towards(size, by);
        if self.cells.len() > size {
            self.refresh();
            self.prune_once(size, by);
        }
    }

    /// All steps but the last of pruning to `size`: they are those on the way to any lower size too.
    pub(super) fn prune_towards(&mut self, size: usize, by: PruneBy) {
        while self.cells.len() * 4 / 5 >= size.max(1) {
            self.prune_once(self.cells.len() * 4 / 5, by);
        }
    }

    fn prune_once(&mut self, size: usize, by: PruneBy) {
        self.cut(size, by);
        self.sweep(1);
        self.reweigh();
    }

    /// The odds by text, in rows of a [`stride`].
    fn odds_by_text(&self) -> Vec<f32> {
        /// So few texts that their rows stay in a cache.
        const BLOCK: usize = 64;
        let (texts, stride) = (self.problem.texts(), stride(self.problem.classes()));
        let mut by_text = vec![0.0; texts * stride];
        for (rows, start) in by_text.chunks_mut(BLOCK * stride).zip((0..texts).step_by(BLOCK)) {
            for (class, odds) in self.odds.chunks_exact(texts).enumerate() {
                for (row, &odds) in rows.chunks_exact_mut(stride).zip(&odds[start..]) {
                    row[class] = odds;
                }
            }
        }
        by_text
    }

    /// Gives for each feature what its texts' classes sum up to.
    fn for_each_feature(&self, mut f: impl FnMut(u32, &Sums)) {
        let classes = self.problem.classes();
        let labels = self.problem.labels();
        let by_text = self.odds_by_text();
        let (predicted, observed) = (vec![0.0; stride(classes)], vec![0.0; classes]);
        let mut sums = Sums { predicted, observed, total: 0.0 };
        let mut weights = Vec::new();
        for feature in 0..self.problem.features() as u32 {
            let (texts, shares) = self.problem.shares_of(feature);
            sums.observed.fill(0.0);
            sums.total = 0.0;
            weights.clear();
            for (&text, &share) in texts.iter().zip(shares) {
                let text = text as usize;
                let pull = self.pulls[text] * share;
                weights.push((f64::from(pull) / self.totals[text]) as f32);
                sums.observed[labels[text] as usize] += pull;
                sums.total += pull;
            }
            let sum = &mut sums.predicted;
            self.instructions.run(WeightedSum { rows: texts, weights: &weights, matrix: &by_text, sum });
            f(feature, &sums);
        }
    }

    /// Adds the best cells up to `size`, re-optimising all whenever a quarter was added.
    pub(super) fn grow(&mut self, size: usize) {
        while self.cells.len() < size {
            let most = (self.cells.len() / 4).clamp(1, size - self.cells.len());
            if self.add_best(most) == 0 {
                break;
            }
            self.sweep(2);
            self.reweigh();
        }
    }

    /// Exchanges a share of the cells, the cheapest for the best others, over and over, each time undone unless
    /// the objective falls; halves the share when little is gained, and ends after `rounds`.
    pub(super) fn swap(&mut self, rounds: usize) {
        let size = self.cells.len();
        let mut objective = self.optimise(TOLERANCE, 10);
        let mut count = size.div_ceil(5);
        for _ in 0..rounds {
            if count == 0 {
                break;
            }
            let kept = self.cells.clone();
            self.cut(size - count, PruneBy::Cost);
            self.sweep(2);
            self.reweigh();
            self.grow(size);
            let swapped = self.optimise(TOLERANCE, 10);
            if swapped > objective * (1.0 - LITTLE) {
                count /= 2;
            }
            if swapped < objective {
                objective = swapped;
            } else {
                self.places = Places::new(self.problem.classes(), kept.iter().map(Cell::place));
                self.cells = kept;
                self.refresh();
            }
        }
    }
}

/// What the texts that have a feature sum up to, by class: their pulls times shares, shared out by the
/// probabilities, or given to their own classes.
#[derive(Debug)]
struct Sums {
    /// As long as a [`stride`].
    predicted: Vec<f32>,
    observed: Vec<f32>,
    total: f32,
}

/// Last bits of a gain or cost in which sums differ that are equal but for their rounding.
const NOISE_BITS: u32 = 34;

/// A gain or cost to compare by: of equal ones chance would decide, in each fold anew.
fn without_noise(value: f64) -> i64 {
    let magnitude = (value.abs().to_bits() + (1 << (NOISE_BITS - 1))) >> NOISE_BITS;
    if value < 0.0 { -(magnitude as i64) } else { magnitude as i64 }
}

fn keep_best(additions: &mut Vec<Addition>, most: usize) {
    let rank = |Addition { cell, gain }: &Addition| {
        (Reverse(without_noise(*gain)), Reverse(cell.class_alone()), cell.place())
    };
    additions.sort_unstable_by_key(rank);
    additions.truncate(most);
}

/// N KL(observed || predicted) with the observation drawn towards the prediction by `l2`.
fn promise(predicted: f32, observed: f32, sum: f32, l2: f32) -> f64 {
    let p = (predicted / sum).clamp(1e-6, 1.0 - 1e-6);
    let o = ((observed + l2 * p) / (sum + l2)).clamp(1e-6, 1.0 - 1e-6);
    let divergence = o * libm::logf(o / p) + (1.0 - o) * libm::logf((1.0 - o) / (1.0 - p));
    f64::from(sum * divergence)
}

#[cfg(test)]
mod tests;
