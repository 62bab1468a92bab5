//! From the features of a line to its class.
//!
//! Scores are whole multiples of 1/256. Sums are kept in those units as integers, so they are exact and
//! no order of additions is better than another.

#![forbid(unsafe_code)]

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::hint::select_unpredictable;

use super::Prediction;
use super::find::GROUP;
use crate::Model;
use crate::model::SCORE_STEPS;

/// A score in units of 1/256.
fn steps(score: f32) -> i64 {
    (score * SCORE_STEPS) as i64
}

/// A sum of scores, from units of 1/256; rounded if it is past 65,536.
pub(super) fn score(steps: i64) -> f32 {
    steps as f32 / SCORE_STEPS
}

/// The scores of one text.
#[derive(Debug, Clone)]
pub(super) struct Totals {
    intercept: Box<[i64]>,
    steps: Vec<i64>,
    known: bool,
}

impl Totals {
    pub(super) fn new(model: &Model) -> Totals {
        let mut intercept = vec![0; model.classes().len()];
        if let Some(column) = model.intercept_index() {
            let (classes, scores) = model.column(column);
            for (&class, &score) in classes.iter().zip(scores) {
                intercept[class as usize] = steps(score);
            }
        }
        Totals { steps: intercept.clone(), intercept: intercept.into(), known: false }
    }

    /// Goes back to the scores of a text without features.
    pub(super) fn clear(&mut self) {
        self.steps.copy_from_slice(&self.intercept);
        self.known = false;
    }

    /// Adds the scores of a feature.
    pub(super) fn add(&mut self, model: &Model, column: u32) {
        self.known = true;
        let (classes, scores) = model.column(column as usize);
        for (&class, &score) in classes.iter().zip(scores) {
            self.steps[class as usize] += steps(score);
        }
    }

    /// Takes the scores of a text with these features.
    pub(super) fn of(&mut self, model: &Model, columns: &[u32]) -> &Totals {
        self.clear();
        for &column in columns {
            self.add(model, column);
        }
        self
    }

    /// The sums, in units of 1/256.
    pub(super) fn steps(&self) -> &[i64] {
        &self.steps
    }

    /// The class with the largest sum, and the first of those.
    pub(super) fn prediction(&self) -> Prediction {
        let (mut class, mut best, mut runner_up) = (0, self.steps[0], None);
        for (at, &other) in (0..).zip(&self.steps).skip(1) {
            if other > best {
                runner_up = Some(best);
                (class, best) = (at, other);
            } else {
                runner_up = runner_up.max(Some(other));
            }
        }
        Prediction::from_steps(class, best, runner_up, self.known)
    }
}

/// Labels lines by their hits: one class for each line.
#[derive(Debug, Clone)]
pub(super) enum Tally {
    UpTo16(Dense<16>),
    UpTo32(Dense<32>),
    Sparse(Sparse),
}

impl Tally {
    pub(super) fn new(model: &Model) -> Tally {
        match model.classes().len() {
            1..=16 => Tally::UpTo16(Dense::new(model)),
            17..=32 => Tally::UpTo32(Dense::new(model)),
            _ => Tally::Sparse(Sparse::new(model)),
        }
    }
}

/// How many features a line may have for sums to stay under `limit`, whatever they are.
fn most_hits(model: &Model, limit: i64) -> usize {
    let scores = (0..model.features().len()).flat_map(|column| model.column(column).1);
    let largest = scores.map(|&score| steps(score).abs()).max().unwrap_or(0);
    // The intercept is one of them.
    usize::try_from((limit - 1) / largest.max(1) - 1).unwrap_or(0)
}

/// All scores of a feature side by side, those that are zero too: for few classes.
///
/// Adding up is a few vector additions then, and so is finding the largest: `LANES` is a power of
/// two that the classes fit in.
#[derive(Debug, Clone)]
pub(super) struct Dense<const LANES: usize> {
    intercept: [i32; LANES],
    /// The scores of each feature, and behind the last those of no feature.
    columns: Box<[[i16; LANES]]>,
    most_hits: usize,
}

impl<const LANES: usize> Dense<LANES> {
    /// Sums lie between this and its negative.
    const LIMIT: i32 = 1 << (30 - LANES.ilog2());

    fn new(model: &Model) -> Self {
        // A lane without a class never has the largest sum.
        let mut intercept = [-Self::LIMIT; LANES];
        intercept[..model.classes().len()].fill(0);
        let mut columns = vec![[0; LANES]; model.features().len() + 1];
        for (column, dense) in columns.iter_mut().enumerate().take(model.features().len()) {
            let (classes, scores) = model.column(column);
            for (&class, &score) in classes.iter().zip(scores) {
                dense[class as usize] = steps(score) as i16;
            }
        }
        if let Some(column) = model.intercept_index() {
            for (sum, &score) in intercept.iter_mut().zip(&columns[column]) {
                *sum += i32::from(score);
            }
        }
        let most_hits = most_hits(model, i64::from(Self::LIMIT));
        Dense { intercept, columns: columns.into(), most_hits }
    }

    /// The most hits that a line may have for [`class`](Self::class).
    #[inline(always)]
    pub(super) fn most_hits(&self) -> usize {
        self.most_hits
    }

    /// The class of a line with the first `count` of `hits`, behind which there are [`GROUP`] more.
    #[inline(always)]
    pub(super) fn class(&self, hits: &[u32], count: usize) -> u32 {
        let nothing = self.columns.len() - 1;
        let mut sums = self.intercept;
        let (groups, _) = hits.as_chunks::<GROUP>();
        for (at, group) in groups.iter().enumerate().take(count.div_ceil(GROUP)) {
            for (lane, &column) in group.iter().enumerate() {
                // Always as many as a group has, so that few lines take a branch that others do not.
                let is_hit = at * GROUP + lane < count;
                let column = select_unpredictable(is_hit, column as usize, nothing);
                for (sum, &score) in sums.iter_mut().zip(&self.columns[column]) {
                    *sum += i32::from(score);
                }
            }
        }
        // The sum above, and below it the number of the class from behind: of equal sums the first class's
        // is the largest.
        let last = LANES as i32 - 1;
        for (class, sum) in (0..).zip(&mut sums) {
            *sum = *sum << LANES.ilog2() | (last - class);
        }
        (last - (largest(sums) & last)) as u32
    }
}

/// The largest value: halves against each other, as vectors have it.
#[inline(always)]
fn largest<const LANES: usize>(mut values: [i32; LANES]) -> i32 {
    let mut width = LANES / 2;
    while width > 0 {
        for at in 0..width {
            values[at] = values[at].max(values[at + width]);
        }
        width /= 2;
    }
    values[0]
}

/// Only the scores that there are, and only the classes that are touched: for many classes.
#[derive(Debug, Clone)]
pub(super) struct Sparse {
    intercept: Box<[f32]>,
    /// All classes, the largest intercept first.
    ranked: Box<[u32]>,
    most_hits: usize,
}

/// Scores of one line, at rest those of no features.
#[derive(Debug, Clone)]
pub(super) struct Touched {
    scores: Vec<f32>,
    is_touched: Vec<bool>,
    classes: Vec<u32>,
}

impl Sparse {
    /// Up to here sums of multiples of 1/256 are exact in `f32`.
    const LIMIT: i64 = 1 << 24;

    fn new(model: &Model) -> Self {
        let intercept = Totals::new(model).intercept;
        let mut ranked: Vec<u32> = (0..).take(intercept.len()).collect();
        ranked.sort_by_key(|&class| core::cmp::Reverse(intercept[class as usize]));
        Sparse {
            intercept: intercept.iter().map(|&steps| score(steps)).collect(),
            ranked: ranked.into(),
            most_hits: most_hits(model, Self::LIMIT),
        }
    }

    pub(super) fn most_hits(&self) -> usize {
        self.most_hits
    }

    pub(super) fn touched(&self) -> Touched {
        let classes = self.intercept.len();
        Touched { scores: self.intercept.to_vec(), is_touched: vec![false; classes], classes: Vec::new() }
    }

    /// The class of a line with these hits.
    #[inline(always)]
    pub(super) fn class(&self, model: &Model, hits: &[u32], touched: &mut Touched) -> u32 {
        let Touched { scores, is_touched, classes } = touched;
        for &column in hits {
            let (rows, values) = model.column(column as usize);
            classes.extend_from_slice(rows);
            for (&class, &value) in rows.iter().zip(values) {
                scores[class as usize] += value;
                is_touched[class as usize] = true;
            }
        }
        // Of the classes that were not touched, only the first in rank can win.
        let untouched = self.ranked.iter().find(|&&class| !is_touched[class as usize]);
        let candidates = classes.iter().chain(untouched);
        let best = candidates.copied().reduce(|best, class| {
            let (largest, score) = (scores[best as usize], scores[class as usize]);
            if score > largest || score == largest && class < best { class } else { best }
        });
        for class in classes.drain(..) {
            scores[class as usize] = self.intercept[class as usize];
            is_touched[class as usize] = false;
        }
        best.unwrap_or(0)
    }
}
