//! Fits of the 0/1 loss itself: the share of texts whose argmax is wrong.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use hashbrown::HashMap;

use super::cell::{Cell, Places};
use super::problem::Problem;
use super::random::Random;
use crate::model::{MAX_SCORE_STEPS, SCORE_STEPS};

const LARGEST: i32 = MAX_SCORE_STEPS as i32;
/// How far inside an interval without an end a weight is put: a score of 1.
const INSIDE: i32 = SCORE_STEPS as i32;
/// For so many rounds of additions a gain that was searched for is taken to be near what it was.
const FRESH: u32 = 24;
/// The share of the texts that a round of swaps has to put right, or else the next is smaller.
const LITTLE: f64 = 2e-4;

/// A cell whose weight is a whole number of score steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct GridCell {
    feature: u32,
    class: u32,
    weight: i32,
}

/// The best and the second best of a text's classes but its own.
#[derive(Debug, Clone, Copy)]
struct Rivals {
    first: u32,
    second: u32,
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
/// right here is right in the frozen model, ties included.
#[derive(Debug)]
pub(super) struct ZeroOneFit<'p> {
    problem: &'p Problem,
    cells: Vec<GridCell>,
    places: Places,
    /// Shape (texts, classes).
    scores: Vec<i32>,
    rivals: Vec<Rivals>,
    events: Vec<(i32, f32)>,
    /// What candidates gained when they were searched for last, and in which round that was.
    searched: HashMap<(u32, u32), (f32, u32)>,
    round: u32,
}

/// The best interval of one weight: what it gains over the weight as it is, and how to get to its middle.
#[derive(Debug, Clone, Copy)]
struct Best {
    gain: f64,
    change: i32,
}

/// A cell outside the fit, and what it gains at most; ordered by that.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    gain: f64,
    feature: u32,
    class: u32,
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
        let mut fit = ZeroOneFit {
            problem,
            places: places_of(problem, &cells),
            cells: Vec::new(),
            scores: vec![0; problem.texts() * problem.classes()],
            rivals: problem
                .labels()
                .iter()
                .map(|&label| rivals_of(&vec![0; problem.classes()], label))
                .collect(),
            events: Vec::new(),
            searched: HashMap::new(),
            round: 0,
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
        (0..self.problem.texts()).map(|text| self.credit(text)).sum()
    }

    /// The text's weight, if its label is right.
    fn credit(&self, text: usize) -> f64 {
        let label = self.problem.labels()[text];
        let row = &self.scores[text * self.problem.classes()..];
        let is_right = beats(row, label, self.rivals[text].first);
        if is_right { f64::from(self.problem.weights()[text]) } else { 0.0 }
    }

    fn shift(&mut self, feature: u32, class: u32, change: i32) {
        if change == 0 {
            return;
        }
        let classes = self.problem.classes();
        let labels = self.problem.labels();
        let (texts, counts) = self.problem.texts_of(feature);
        for (&text, &count) in texts.iter().zip(counts) {
            let text = text as usize;
            let row = &mut self.scores[text * classes..][..classes];
            let score = &mut row[class as usize];
            *score = score.saturating_add(change.saturating_mul(count as i32));
            if class == labels[text] {
                continue;
            }
            let rivals = &mut self.rivals[text];
            if change > 0 {
                if class != rivals.first {
                    if beats(row, class, rivals.first) {
                        *rivals = Rivals { first: class, second: rivals.first };
                    } else if class != rivals.second && beats(row, class, rivals.second) {
                        rivals.second = class;
                    }
                }
            } else if class == rivals.first || class == rivals.second {
                *rivals = rivals_of(row, labels[text]);
            }
        }
    }

    /// The best change of one weight, from `weight`.
    fn best(&mut self, feature: u32, class: u32, weight: i32) -> Best {
        let classes = self.problem.classes();
        let labels = self.problem.labels();
        let weights = self.problem.weights();
        let (texts, counts) = self.problem.texts_of(feature);
        let events = &mut self.events;
        events.clear();
        // What is right when the weight is lowest, and how it changes at each event on the way up.
        let mut right = 0.0_f64;
        let mut right_now = 0.0_f64;
        for (&text, &count) in texts.iter().zip(counts) {
            let text = text as usize;
            let Rivals { first, second } = self.rivals[text];
            let label = labels[text];
            let row = &self.scores[text * classes..][..classes];
            let text_weight = weights[text];
            let count = count as i32;
            if label == class {
                // The least change at which the class beats its first rival.
                let behind = row[first as usize].saturating_sub(row[class as usize]);
                let at = div_up(behind.saturating_add(i32::from(first < class)), count);
                events.push((at, text_weight));
                right_now += if at <= 0 { f64::from(text_weight) } else { 0.0 };
                continue;
            }
            let other = if first == class { second } else { first };
            if other == label || beats(row, label, other) {
                // The least change at which the class beats the text's own.
                let ahead = row[label as usize].saturating_sub(row[class as usize]);
                let at = div_up(ahead.saturating_add(i32::from(label < class)), count);
                right += f64::from(text_weight);
                events.push((at, -text_weight));
                right_now += if at > 0 { f64::from(text_weight) } else { 0.0 };
            }
        }
        events.sort_unstable_by_key(|&(at, _)| at);
        let (lowest, highest) = (-LARGEST - weight, LARGEST - weight);
        let mut best = (f64::NEG_INFINITY, i64::MIN, 0_i32);
        let mut start = i32::MIN;
        let mut next = 0;
        loop {
            let end = events.get(next).map_or(i32::MAX, |&(at, _)| at);
            if end > start {
                // The changes from `start` up to `end` give `right`.
                let (low, high) =
                    (start.max(lowest), if end == i32::MAX { highest } else { (end - 1).min(highest) });
                if low <= high {
                    let middle = if start == i32::MIN && end == i32::MAX {
                        0
                    } else if start == i32::MIN {
                        (high - INSIDE).max(low)
                    } else if end == i32::MAX {
                        (low + INSIDE).min(high)
                    } else {
                        low + (high - low) / 2
                    };
                    let width = i64::from(high) - i64::from(low);
                    let width = width.min(2 * i64::from(INSIDE));
                    if right > best.0 + 1e-6 || (right > best.0 - 1e-6 && width > best.1) {
                        best = (right, width, middle);
                    }
                }
            }
            if next == events.len() {
                break;
            }
            start = end;
            while next < events.len() && events[next].0 == start {
                right += f64::from(events[next].1);
                next += 1;
            }
        }
        Best { gain: best.0 - right_now, change: best.2 }
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
    fn bounded_candidates(&mut self) -> BinaryHeap<Candidate> {
        self.round += 1;
        let classes = self.problem.classes();
        let labels = self.problem.labels();
        let weights = self.problem.weights();
        let wrongs: Vec<Option<Wrong>> = (0..self.problem.texts())
            .map(|text| {
                let Rivals { first, second } = self.rivals[text];
                let row = &self.scores[text * classes..][..classes];
                let label = labels[text];
                let is_second = second == label || beats(row, label, second);
                let rival = is_second.then_some(first);
                (!beats(row, label, first)).then_some(Wrong { label, rival, weight: weights[text] })
            })
            .collect();
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
                if bound > 0.0 && self.places.is_open(feature, class) {
                    let gain = match self.searched.get(&(feature, class)) {
                        Some(&(gain, round)) if self.round - round < FRESH => bound.min(1.25 * gain + 1.0),
                        _ => bound,
                    };
                    candidates.push(Candidate { gain: f64::from(gain), feature, class });
                }
                up[class as usize] = 0.0;
                down[class as usize] = 0.0;
            }
        }
        candidates.into()
    }

    /// Adds up to `most` of the cells whose best weights gain most, each searched for beside those added
    /// before it (lazy greedy: a gain that was found earlier bounds what it is now). Gives how many.
    fn add_best(&mut self, most: usize) -> usize {
        let mut candidates = self.bounded_candidates();
        let mut added = 0;
        let mut first_gain = 0.0;
        while added < most {
            let Some(candidate) = candidates.pop() else { break };
            if candidate.gain < 1e-6 || candidate.gain < 0.5 * first_gain {
                break;
            }
            if !self.places.is_open(candidate.feature, candidate.class) {
                continue;
            }
            let best = self.best(candidate.feature, candidate.class, 0);
            self.searched.insert((candidate.feature, candidate.class), (best.gain as f32, self.round));
            if best.change == 0 || best.gain < 1e-6 {
                continue;
            }
            let found = Candidate { gain: best.gain, ..candidate };
            if candidates.peek().is_some_and(|next| next > &found) {
                candidates.push(found);
                continue;
            }
            self.add(GridCell { feature: found.feature, class: found.class, weight: best.change });
            if added == 0 {
                first_gain = found.gain;
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

    /// Adds the best cells up to `size`; re-optimises all whenever a twentieth was added.
    pub(super) fn grow(&mut self, size: usize) {
        while self.cells.len() < size {
            let most = (self.cells.len() / 20).clamp(1, size - self.cells.len());
            if self.add_best(most) == 0 {
                break;
            }
            self.optimise(1);
        }
        self.optimise(10);
    }

    /// What goes wrong when each cell goes.
    fn removal_costs(&mut self) -> Vec<f64> {
        (0..self.cells.len())
            .map(|at| {
                let GridCell { feature, class, weight } = self.cells[at];
                let before = self.right_among(feature);
                self.shift(feature, class, -weight);
                let after = self.right_among(feature);
                self.shift(feature, class, weight);
                before - after
            })
            .collect()
    }

    fn right_among(&self, feature: u32) -> f64 {
        let (texts, _) = self.problem.texts_of(feature);
        texts.iter().map(|&text| self.credit(text as usize)).sum()
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
            if self.exchange(order, size) < LITTLE * self.problem.texts() as f64 {
                count = count.div_ceil(2);
            }
        }
    }

    /// Exchanges a tenth of the cells, drawn at random, for the best others, `rounds` times: a way out of where
    /// [`swap`](Self::swap) finds nothing better (iterated local search: Lourenco, Martin and Stutzle, 2003).
    pub(super) fn kick(&mut self, size: usize, rounds: usize, random: &mut Random) {
        for _ in 0..rounds {
            let mut order: Vec<usize> = (0..self.cells.len()).collect();
            random.shuffle(&mut order);
            order.truncate(size.div_ceil(10));
            self.exchange(order, size);
        }
    }

    /// Removes the cells at these places and grows back to `size`; undone unless more is right. Gives the gain.
    fn exchange(&mut self, mut places: Vec<usize>, size: usize) -> f64 {
        let before = self.right();
        let kept = (self.cells.clone(), self.scores.clone(), self.rivals.clone());
        places.sort_unstable();
        for at in places.into_iter().rev() {
            self.remove(at);
        }
        self.optimise(3);
        self.grow(size);
        let gain = self.right() - before;
        if gain <= 0.0 {
            (self.cells, self.scores, self.rivals) = kept;
            self.places = places_of(self.problem, &self.cells);
        }
        gain
    }
}

fn places_of(problem: &Problem, cells: &[GridCell]) -> Places {
    Places::new(problem.classes(), cells.iter().map(|cell| (cell.feature, cell.class)))
}

/// Whether `a` is chosen before `b`: by score, and in a tie by the order of the classes.
fn beats(row: &[i32], a: u32, b: u32) -> bool {
    let (score_a, score_b) = (row[a as usize], row[b as usize]);
    score_a > score_b || (score_a == score_b && a < b)
}

fn rivals_of(row: &[i32], label: u32) -> Rivals {
    let mut rivals = Rivals { first: label, second: label };
    for class in 0..row.len() as u32 {
        if class == label {
        } else if rivals.first == label || beats(row, class, rivals.first) {
            rivals = Rivals { first: class, second: rivals.first };
        } else if rivals.second == label || beats(row, class, rivals.second) {
            rivals.second = class;
        }
    }
    rivals
}

fn div_up(a: i32, b: i32) -> i32 {
    if b == 1 { a } else { -(-i64::from(a)).div_euclid(i64::from(b)) as i32 }
}

#[cfg(test)]
mod tests;
