//! Fits of a smooth loss to some cells of the score matrix.

use hashbrown::HashSet;

use super::cell::Cell;
use super::line::Line;
use super::problem::Problem;

pub(super) const LARGEST_WEIGHT: f32 = 30.0;
const SMALLEST_ODDS: f32 = 1e-30;
const LARGEST_ODDS: f32 = 1e30;

/// Weights, and the class probabilities that they give every text, kept up to date.
///
/// The loss of a text is psi(p) = (1 - p^q) / q of its own class's probability p: log loss for q = 0.
/// In the negative log-likelihood u = -log p it is concave, (1 - e^(-qu)) / q, so its tangent in u bounds it
/// from above: each step minimises log loss with every text weighted by its slope p^q (majorisation).
#[derive(Debug)]
pub(super) struct SmoothFit<'p> {
    problem: &'p Problem,
    q: f32,
    l2: f32,
    cells: Vec<Cell>,
    places: HashSet<(u32, u32)>,
    /// The exponentials of the scores, up to a factor for each text; shape (texts, classes).
    odds: Vec<f32>,
    /// The sum of each text's odds.
    totals: Vec<f64>,
    /// Each text's weight times p^q, as of the last call of `reweigh`.
    pulls: Vec<f32>,
    line: Line,
}

/// A cell that is not in the fit, and what adding it is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Addition {
    pub cell: Cell,
    pub gain: f64,
}

impl<'p> SmoothFit<'p> {
    pub(super) fn new(problem: &'p Problem, q: f32, l2: f32, cells: Vec<Cell>) -> SmoothFit<'p> {
        let places = cells.iter().map(Cell::place).collect();
        let mut fit = SmoothFit {
            problem,
            q,
            l2,
            cells,
            places,
            odds: vec![1.0; problem.texts() * problem.classes()],
            totals: vec![problem.classes() as f64; problem.texts()],
            pulls: problem.weights().to_vec(),
            line: Line::default(),
        };
        fit.refresh();
        fit
    }

    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Computes the odds anew from the weights: what was kept up to date has gathered rounding errors.
    pub(super) fn refresh(&mut self) {
        let classes = self.problem.classes();
        self.odds.fill(0.0);
        for cell in &self.cells {
            let (texts, counts) = self.problem.texts_of(cell.feature);
            for (&text, &count) in texts.iter().zip(counts) {
                self.odds[text as usize * classes + cell.class as usize] += cell.weight * count;
            }
        }
        for (row, total) in self.odds.chunks_exact_mut(classes).zip(&mut self.totals) {
            let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            *total = 0.0;
            for score in row {
                *score =
                    if *score == highest { 1.0 } else { libm::expf(*score - highest).max(SMALLEST_ODDS) };
                *total += f64::from(*score);
            }
        }
        self.reweigh();
    }

    fn own_probability(&self, text: usize) -> f32 {
        let label = self.problem.labels()[text] as usize;
        (f64::from(self.odds[text * self.problem.classes() + label]) / self.totals[text]).max(1e-30) as f32
    }

    /// Moves the majoriser's tangent to where the fit is now.
    pub(super) fn reweigh(&mut self) {
        for text in 0..self.problem.texts() {
            let weight = self.problem.weights()[text];
            self.pulls[text] =
                if self.q == 0.0 { weight } else { weight * power(self.own_probability(text), self.q) };
        }
    }

    /// The sum of the losses and the penalty.
    pub(super) fn objective(&self) -> f64 {
        let losses: f64 = (0..self.problem.texts())
            .map(|text| {
                f64::from(self.problem.weights()[text]) * self.psi(libm::logf(self.own_probability(text)))
            })
            .sum();
        let squares: f64 = self.cells.iter().map(|cell| f64::from(cell.weight).powi(2)).sum();
        losses + f64::from(self.l2) / 2.0 * squares
    }

    fn psi(&self, log_p: f32) -> f64 {
        if self.q == 0.0 {
            -f64::from(log_p)
        } else {
            (1.0 - f64::from(libm::expf(self.q * log_p))) / f64::from(self.q)
        }
    }

    fn gather(&mut self, feature: u32, class: u32) {
        let (texts, counts) = self.problem.texts_of(feature);
        let (classes, labels) = (self.problem.classes(), self.problem.labels());
        self.line.clear();
        for (&text, &count) in texts.iter().zip(counts) {
            let text = text as usize;
            let p = (f64::from(self.odds[text * classes + class as usize]) / self.totals[text]) as f32;
            self.line.push(p, count, self.pulls[text], labels[text] == class);
        }
    }

    /// Changes one weight by `d` in all that is kept up to date, but for the cell itself.
    fn shift(&mut self, feature: u32, class: u32, d: f32) {
        let (texts, counts) = self.problem.texts_of(feature);
        let classes = self.problem.classes();
        let once = libm::expf(d);
        for (&text, &count) in texts.iter().zip(counts) {
            let text = text as usize;
            let growth = if count == 1.0 { once } else { libm::expf((d * count).clamp(-60.0, 60.0)) };
            let at = text * classes + class as usize;
            let before = self.odds[at];
            let after = (before * growth).max(SMALLEST_ODDS);
            self.odds[at] = after;
            self.totals[text] += f64::from(after) - f64::from(before);
            if after > LARGEST_ODDS {
                let row = &mut self.odds[text * classes..][..classes];
                row.iter_mut().for_each(|odds| *odds = (*odds / after).max(SMALLEST_ODDS));
                self.totals[text] = row.iter().copied().map(f64::from).sum();
            }
        }
    }

    /// Lowers the objective by one pass of Newton steps over the cells, one after the other; gives the
    /// largest change of a weight.
    pub(super) fn sweep(&mut self, steps: usize) -> f32 {
        let mut largest = 0.0_f32;
        for at in 0..self.cells.len() {
            largest = largest.max(self.update(at, steps));
        }
        largest
    }

    fn update(&mut self, at: usize, steps: usize) -> f32 {
        let Cell { feature, class, weight } = self.cells[at];
        self.gather(feature, class);
        let moved = weight + self.line.minimise(weight, self.l2, steps);
        let moved = moved.clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT);
        if moved != weight {
            self.shift(feature, class, moved - weight);
            self.cells[at].weight = moved;
        }
        (moved - weight).abs()
    }

    /// Sweeps until an objective's relative decrease falls below `tolerance`, at most `sweeps` times.
    pub(super) fn optimise(&mut self, tolerance: f64, sweeps: usize) -> f64 {
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
        let classes = self.problem.classes();
        let labels = self.problem.labels();
        let mut found: Vec<Addition> = Vec::new();
        let mut threshold = 0.0;
        let (mut predicted, mut observed) = (vec![0.0_f32; classes], vec![0.0_f32; classes]);
        for feature in 0..self.problem.features() as u32 {
            let (texts, counts) = self.problem.texts_of(feature);
            predicted.fill(0.0);
            observed.fill(0.0);
            let mut sum = 0.0_f32;
            for (&text, &count) in texts.iter().zip(counts) {
                let text = text as usize;
                let pull = self.pulls[text] * count;
                let scale = (f64::from(pull) / self.totals[text]) as f32;
                let row = &self.odds[text * classes..][..classes];
                for (sum, &odds) in predicted.iter_mut().zip(row) {
                    *sum += scale * odds;
                }
                observed[labels[text] as usize] += pull;
                sum += pull;
            }
            for class in 0..classes {
                let (p, o) = (predicted[class], observed[class]);
                // A bound that saves the logarithms: gains are at most these.
                let bound = if o > p {
                    o * (o / p.max(1e-20)).min(1e9)
                } else {
                    p * (sum / (sum - p).max(1e-6 * sum))
                };
                if f64::from(bound) <= threshold {
                    continue;
                }
                let gain = promise(p, o, sum, self.l2);
                if gain > threshold && !self.places.contains(&(feature, class as u32)) {
                    found.push(Addition { cell: Cell { feature, class: class as u32, weight: 0.0 }, gain });
                    if found.len() >= 4 * most.max(64) {
                        keep_best(&mut found, most);
                        threshold = found.last().map_or(0.0, |last| last.gain);
                    }
                }
            }
        }
        keep_best(&mut found, most);
        found
    }

    /// What one more cell lowers the objective by, at its best weight.
    fn exact(&mut self, feature: u32, class: u32) -> Addition {
        self.gather(feature, class);
        let d = self.line.minimise(0.0, self.l2, 12).clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT);
        let gain = -self.rise(feature, d) - f64::from(self.l2 * d * d / 2.0);
        Addition { cell: Cell { feature, class, weight: d }, gain }
    }

    /// What the sum of losses rises by when the weight gathered changes by `d`.
    fn rise(&self, feature: u32, d: f32) -> f64 {
        let (texts, _) = self.problem.texts_of(feature);
        let (weights, q) = (self.problem.weights(), self.q);
        let mut rise = 0.0_f64;
        self.line.for_each_log_ratio(d, |at, log_ratio| {
            let text = texts[at] as usize;
            rise += if q == 0.0 {
                f64::from(weights[text] * -log_ratio)
            } else {
                // (p^q - (p r)^q) / q, and the text's pull is its weight times p^q, near enough.
                f64::from(self.pulls[text] * (1.0 - libm::expf(q * log_ratio)) / q)
            };
        });
        rise
    }

    /// The best cells to add, best first, by exact line search among the most promising.
    pub(super) fn additions(&mut self, most: usize) -> Vec<Addition> {
        let mut found = self.promising(2 * most + 32);
        for addition in &mut found {
            *addition = self.exact(addition.cell.feature, addition.cell.class);
        }
        keep_best(&mut found, most);
        found.retain(|addition| addition.gain > 0.0);
        found
    }

    pub(super) fn add(&mut self, cell: Cell) {
        self.shift(cell.feature, cell.class, cell.weight);
        self.places.insert(cell.place());
        self.cells.push(cell);
    }

    /// Adds up to `most` cells, best first, each only while its gain holds beside those added before it.
    /// Gives how many.
    pub(super) fn add_best(&mut self, most: usize) -> usize {
        let mut added = 0;
        let candidates = self.additions(2 * most);
        for candidate in &candidates {
            if added == most {
                break;
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
    pub(super) fn removal_costs(&mut self) -> Vec<f64> {
        (0..self.cells.len())
            .map(|at| {
                let Cell { feature, class, weight } = self.cells[at];
                self.gather(feature, class);
                self.rise(feature, -weight) - f64::from(self.l2 * weight * weight / 2.0)
            })
            .collect()
    }

    /// Removes the cells whose places in `cells` are given, in increasing order.
    pub(super) fn remove(&mut self, places: &[usize]) {
        for &at in places.iter().rev() {
            let cell = self.cells.remove(at);
            self.places.remove(&cell.place());
            self.shift(cell.feature, cell.class, -cell.weight);
        }
    }

    /// Removes the cells that cost least until `size` are left.
    pub(super) fn cut(&mut self, size: usize) {
        let costs = self.removal_costs();
        let mut order: Vec<usize> = (0..costs.len()).collect();
        order.sort_by(|&a, &b| costs[a].total_cmp(&costs[b]));
        order.truncate(self.cells.len().saturating_sub(size));
        order.sort_unstable();
        self.remove(&order);
    }

    /// Adds the best cells up to `size`, re-optimising whenever `rate` of them were added.
    pub(super) fn grow(&mut self, size: usize, rate: f64) {
        while self.cells.len() < size {
            let most = ((self.cells.len() as f64 * rate) as usize).clamp(1, size - self.cells.len());
            if self.add_best(most) == 0 {
                break;
            }
            self.sweep(2);
            self.reweigh();
        }
    }

    /// Exchanges the `count` cheapest cells for the best others; undone unless the objective falls. Gives by how much.
    pub(super) fn swap(&mut self, count: usize, rate: f64) -> f64 {
        let size = self.cells.len();
        let before = self.objective();
        let kept = self.cells.clone();
        self.cut(size - count);
        self.sweep(2);
        self.reweigh();
        self.grow(size, rate);
        self.optimise(1e-4, 10);
        let gain = before - self.objective();
        if gain <= 0.0 {
            self.cells = kept;
            self.places = self.cells.iter().map(Cell::place).collect();
            self.refresh();
            return 0.0;
        }
        gain
    }
}

fn power(p: f32, q: f32) -> f32 {
    if q == 0.5 { p.sqrt() } else { libm::expf(q * libm::logf(p)) }
}

fn keep_best(additions: &mut Vec<Addition>, most: usize) {
    additions.sort_unstable_by(|a, b| b.gain.total_cmp(&a.gain).then(a.cell.place().cmp(&b.cell.place())));
    additions.truncate(most);
}

/// N KL(observed || predicted) with the observation drawn towards the prediction by `l2`.
fn promise(predicted: f32, observed: f32, sum: f32, l2: f32) -> f64 {
    let p = (predicted / sum).clamp(1e-6, 1.0 - 1e-6);
    let o = ((observed + l2 * p) / (sum + l2)).clamp(1e-6, 1.0 - 1e-6);
    let divergence = o * libm::logf(o / p) + (1.0 - o) * libm::logf((1.0 - o) / (1.0 - p));
    f64::from(sum * divergence)
}
