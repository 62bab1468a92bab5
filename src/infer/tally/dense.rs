//! Sums as vectors, for few classes.

#![forbid(unsafe_code)]

use alloc::boxed::Box;
use alloc::vec;
use core::ops::Range;

use super::totals::steps;
use super::{ClassOf, Hits, most_hits};
use crate::Model;
use crate::infer::find::TOGETHER;
use crate::infer::scan::Scan;

/// All scores of a feature side by side, those that are zero too: for few classes.
///
/// Adding up is a few vector additions then, and so is finding the largest: `LANES` is a power of
/// two that the classes fit in.
#[derive(Debug, Clone)]
pub(in crate::infer) struct Dense<const LANES: usize> {
    /// Sums to begin with: a lane without a class has one so low that it never has the largest sum.
    short_intercept: [i16; LANES],
    intercept: [i32; LANES],
    /// The scores of each feature, and behind the last those of no feature.
    columns: Box<[[i16; LANES]]>,
    most_hits: usize,
    /// The number of hits up to which sums fit in half as many bits.
    most_short_hits: usize,
}

impl<const LANES: usize> Dense<LANES> {
    /// Long sums lie between this and its negative.
    const LIMIT: i32 = 1 << (30 - LANES.ilog2());

    pub(super) fn new(model: &Model) -> Self {
        let mut columns = vec![[0; LANES]; model.features().len() + 1];
        for (column, dense) in columns.iter_mut().enumerate().take(model.features().len()) {
            let (classes, scores) = model.column(column);
            for (&class, &score) in classes.iter().zip(scores) {
                dense[class as usize] = steps(score) as i16;
            }
        }
        let mut short_intercept = model.intercept_index().map_or([0; LANES], |column| columns[column]);
        let mut intercept = short_intercept.map(i32::from);
        short_intercept[model.classes().len()..].fill(i16::MIN);
        intercept[model.classes().len()..].fill(-Self::LIMIT);
        Dense {
            short_intercept,
            intercept,
            columns: columns.into(),
            most_hits: most_hits(model, i64::from(Self::LIMIT)),
            most_short_hits: most_hits(model, i64::from(i16::MAX)),
        }
    }

    /// Adds the scores of these hits to `sums`.
    #[inline(always)]
    fn add<S: Sum>(&self, hits: &Hits, line: Range<usize>, mut sums: [S; LANES]) -> [S; LANES] {
        let columns = &self.columns[..];
        let none = columns.len() as u32 - 1;
        let mut at = line.start;
        // Four at a time, with no scores for those that are not there: few lines take a branch that others do not.
        loop {
            for (at, &column) in (at..).zip(hits.columns_from(at)) {
                let column = if at < line.end { column } else { none };
                for (sum, &score) in sums.iter_mut().zip(&columns[column as usize]) {
                    *sum = sum.plus(score);
                }
            }
            at += TOGETHER;
            if at >= line.end {
                break sums;
            }
        }
    }
}

/// A sum of scores; who adds knows that it does not overflow.
trait Sum: Copy {
    fn plus(self, score: i16) -> Self;
}

impl Sum for i16 {
    #[inline(always)]
    fn plus(self, score: i16) -> i16 {
        self.wrapping_add(score)
    }
}

impl Sum for i32 {
    #[inline(always)]
    fn plus(self, score: i16) -> i32 {
        self.wrapping_add(i32::from(score))
    }
}

/// A dense tally, and how to find the largest sum.
pub(super) struct Scanned<'a, const LANES: usize, S> {
    pub(super) dense: &'a Dense<LANES>,
    pub(super) scan: S,
}

impl<const LANES: usize, S: Scan> ClassOf for Scanned<'_, LANES, S> {
    #[inline(always)]
    fn most_hits(&self) -> usize {
        self.dense.most_hits
    }

    #[inline(always)]
    fn class_of(&mut self, hits: &Hits, line: Range<usize>) -> u32 {
        if line.len() <= self.dense.most_short_hits {
            self.scan.largest(&self.dense.add(hits, line, self.dense.short_intercept))
        } else {
            largest(self.dense.add(hits, line, self.dense.intercept))
        }
    }
}

/// The place of the first of the largest sums.
#[inline(always)]
fn largest<const LANES: usize>(mut sums: [i32; LANES]) -> u32 {
    // The sum above, and below it the number of the class from behind: of equal sums the first class's
    // is the largest.
    let last = LANES as i32 - 1;
    for (class, sum) in (0..).zip(&mut sums) {
        *sum = *sum << LANES.ilog2() | (last - class);
    }
    let largest = sums.into_iter().fold(i32::MIN, i32::max);
    (last - (largest & last)) as u32
}
