//! Sums as vectors, for few classes.

#![forbid(unsafe_code)]

use alloc::boxed::Box;
use alloc::vec;
use core::ops::Range;

use super::totals::steps;
use super::{ClassOf, Hits, most_hits};
use crate::Model;
use crate::infer::find::TOGETHER;

/// All scores of a feature side by side, those that are zero too: for few classes.
///
/// Adding up is a few vector additions then, and so is finding the largest: `LANES` is a power of
/// two that the classes fit in.
#[derive(Debug, Clone)]
pub(in crate::infer) struct Dense<const LANES: usize> {
    intercept: [i32; LANES],
    /// The scores of each feature, and behind the last those of no feature.
    columns: Box<[[i16; LANES]]>,
    most_hits: usize,
}

impl<const LANES: usize> Dense<LANES> {
    /// Sums lie between this and its negative.
    const LIMIT: i32 = 1 << (30 - LANES.ilog2());

    pub(super) fn new(model: &Model) -> Self {
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
}

impl<const LANES: usize> ClassOf for &Dense<LANES> {
    #[inline(always)]
    fn most_hits(&self) -> usize {
        self.most_hits
    }

    #[inline(always)]
    fn class_of(&mut self, hits: &Hits, line: Range<usize>) -> u32 {
        let columns = &self.columns[..];
        let none = columns.len() as u32 - 1;
        let mut sums = self.intercept;
        let mut at = line.start;
        // Four at a time, with no scores for those that are not there: few lines take a branch that others do not.
        loop {
            for (at, &column) in (at..).zip(hits.columns_from(at)) {
                let column = if at < line.end { column } else { none };
                for (sum, &score) in sums.iter_mut().zip(&columns[column as usize]) {
                    *sum = sum.wrapping_add(i32::from(score));
                }
            }
            at += TOGETHER;
            if at >= line.end {
                break;
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
