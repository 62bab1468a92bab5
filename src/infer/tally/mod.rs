//! From the features of a line to its class.
//!
//! Scores are whole multiples of 1/256. Sums are kept in those units as integers, or as floats where
//! those are exact, so no order of additions is better than another.

#![forbid(unsafe_code)]

mod dense;
mod sparse;
mod totals;

use core::ops::Range;

use super::Label;
use super::find::Hits;
use crate::Model;
use crate::infer::scan::Scan;
use dense::{Dense, Scanned};
use sparse::{Sparse, WithTouched};
use totals::steps;

pub(super) use sparse::Touched;
pub(super) use totals::{Totals, score};

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

    /// Calls `emit` with the label of each line of `hits`. `totals` and `touched` are to work with.
    #[inline(always)]
    pub(super) fn label(
        &self,
        scan: impl Scan,
        model: &Model,
        hits: &Hits,
        totals: &mut Totals,
        touched: &mut Option<Touched>,
        emit: impl FnMut(Label),
    ) {
        match self {
            Tally::UpTo16(dense) => label_lines(model, hits, totals, emit, Scanned { dense, scan }),
            Tally::UpTo32(dense) => label_lines(model, hits, totals, emit, Scanned { dense, scan }),
            Tally::Sparse(sparse) => {
                let touched = touched.get_or_insert_with(|| sparse.touched());
                label_lines(model, hits, totals, emit, WithTouched { sparse, model, touched });
            }
        }
    }
}

/// A way to classify a line that is right up to a number of hits.
trait ClassOf {
    /// The number of hits up to which the class is right.
    fn most_hits(&self) -> usize;

    /// The class of the line whose hits are at these places.
    fn class_of(&mut self, hits: &Hits, line: Range<usize>) -> u32;
}

/// Labels each line, by its [`Totals`] if it has too many hits.
#[inline(always)]
fn label_lines(
    model: &Model,
    hits: &Hits,
    totals: &mut Totals,
    mut emit: impl FnMut(Label),
    mut lines: impl ClassOf,
) {
    for line in hits.lines() {
        let count = line.len();
        emit(if count <= lines.most_hits() {
            Label { class: lines.class_of(hits, line), known: count > 0 }
        } else {
            totals.of(model, hits.columns(line)).prediction().into()
        });
    }
}

/// How many features a line may have for sums to stay under `limit`, whatever they are.
fn most_hits(model: &Model, limit: i64) -> usize {
    let scores = (0..model.features().len()).flat_map(|column| model.column(column).1);
    let largest = scores.map(|&score| steps(score).abs()).max().unwrap_or(0);
    // The intercept is one of them.
    usize::try_from((limit - 1) / largest.max(1) - 1).unwrap_or(0)
}
