//! Sums of the classes that are touched, for many classes.

#![forbid(unsafe_code)]

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::totals::{Totals, score};
use super::{ClassOf, Hits, most_hits};
use crate::Model;

/// Only the scores that there are, and only the classes that are touched: for many classes.
#[derive(Debug, Clone)]
pub(in crate::infer) struct Sparse {
    intercept: Box<[f32]>,
    /// All classes, the largest intercept first.
    ranked: Box<[u32]>,
    most_hits: usize,
}

/// Scores of one line, at rest those of no features.
#[derive(Debug, Clone)]
pub(in crate::infer) struct Touched {
    scores: Vec<f32>,
    is_touched: Vec<bool>,
    classes: Vec<u32>,
}

impl Sparse {
    /// Up to here sums of multiples of 1/256 are exact in `f32`.
    const LIMIT: i64 = 1 << 24;

    pub(super) fn new(model: &Model) -> Self {
        let intercept = Totals::new(model).intercept;
        let mut ranked: Vec<u32> = (0..).take(intercept.len()).collect();
        ranked.sort_by_key(|&class| core::cmp::Reverse(intercept[class as usize]));
        Sparse {
            intercept: intercept.iter().map(|&steps| score(steps)).collect(),
            ranked: ranked.into(),
            most_hits: most_hits(model, Self::LIMIT),
        }
    }

    pub(super) fn touched(&self) -> Touched {
        let classes = self.intercept.len();
        Touched { scores: self.intercept.to_vec(), is_touched: vec![false; classes], classes: Vec::new() }
    }
}

/// A sparse tally and what it needs to work with.
pub(super) struct WithTouched<'a> {
    pub(super) sparse: &'a Sparse,
    pub(super) model: &'a Model,
    pub(super) touched: &'a mut Touched,
}

impl ClassOf for WithTouched<'_> {
    #[inline(always)]
    fn most_hits(&self) -> usize {
        self.sparse.most_hits
    }

    #[inline(always)]
    fn class_of(&mut self, hits: &Hits, line: Range<usize>) -> u32 {
        let WithTouched { sparse, model, touched } = self;
        let Touched { scores, is_touched, classes } = &mut **touched;
        for &column in hits.columns(line) {
            let (rows, values) = model.column(column as usize);
            classes.extend_from_slice(rows);
            for (&class, &value) in rows.iter().zip(values) {
                scores[class as usize] += value;
                is_touched[class as usize] = true;
            }
        }
        // Of the classes that were not touched, only the first in rank can win.
        let untouched = sparse.ranked.iter().find(|&&class| !is_touched[class as usize]);
        let candidates = classes.iter().chain(untouched);
        let best = candidates.copied().reduce(|best, class| {
            let (largest, score) = (scores[best as usize], scores[class as usize]);
            if score > largest || score == largest && class < best { class } else { best }
        });
        for class in classes.drain(..) {
            scores[class as usize] = sparse.intercept[class as usize];
            is_touched[class as usize] = false;
        }
        best.unwrap_or(0)
    }
}
