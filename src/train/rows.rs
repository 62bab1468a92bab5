//! Rows of one number for each class, added up and exponentiated with the vectors that the machine has.

use super::exp_ln::exp;
use crate::infer::scan::{Kernel, Scan};

/// The numbers that a row of a matrix takes, of which there is one for each class: those beyond are 0, and let vectors
/// be full.
pub(super) fn stride(classes: usize) -> usize {
    classes.next_multiple_of(if classes > 4 { 8 } else { 4 })
}

/// The sum of some rows of a matrix, each times its weight. Wider vectors change no bit of it: each of its numbers is a sum
/// in the order of the rows.
pub(super) struct WeightedSum<'a> {
    pub rows: &'a [u32],
    pub weights: &'a [f32],
    pub matrix: &'a [f32],
    /// As long as a row is: a [`stride`].
    pub sum: &'a mut [f32],
}

impl Kernel for WeightedSum<'_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self, _: impl Scan) {
        let mut at = 0;
        while at < self.sum.len() {
            at += match self.sum.len() - at {
                ..8 => self.set_part::<4>(at),
                8..16 => self.set_part::<8>(at),
                16..32 => self.set_part::<16>(at),
                _ => self.set_part::<32>(at),
            };
        }
    }
}

impl WeightedSum<'_> {
    /// Sets so many of its numbers, few enough to stay in registers; gives how many.
    #[inline(always)]
    fn set_part<const NUMBERS: usize>(&mut self, at: usize) -> usize {
        let mut sum = [0.0; NUMBERS];
        for (&row, &weight) in self.rows.iter().zip(self.weights) {
            let row = &self.matrix[row as usize * self.sum.len() + at..][..NUMBERS];
            for (sum, &value) in sum.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
        self.sum[at..][..NUMBERS].copy_from_slice(&sum);
        NUMBERS
    }
}

/// The exponentials of scores less the highest, in their place; gives the highest and the sum of them, which is in an order
/// that no vectors change.
pub(super) struct Odds<'a> {
    /// As many as a [`stride`].
    pub scores: &'a mut [f32],
}

impl Kernel for Odds<'_> {
    type Output = (f32, f32);

    #[inline(always)]
    fn run(self, _: impl Scan) -> (f32, f32) {
        if self.scores.len() == 4 { odds::<4>(self.scores) } else { odds::<8>(self.scores) }
    }
}

#[inline(always)]
fn odds<const LANES: usize>(scores: &mut [f32]) -> (f32, f32) {
    let mut highest = [f32::NEG_INFINITY; LANES];
    for scores in scores.chunks_exact(LANES) {
        for (highest, &score) in highest.iter_mut().zip(scores) {
            *highest = if score > *highest { score } else { *highest };
        }
    }
    let highest = highest.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let mut totals = [0.0; LANES];
    for scores in scores.chunks_exact_mut(LANES) {
        for (total, score) in totals.iter_mut().zip(scores) {
            *score = exp(*score - highest);
            *total += *score;
        }
    }
    (highest, totals.iter().sum())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::infer::Instructions;

    proptest! {
        #[test]
        fn sums_and_odds_are_those_of_plain_loops_whatever_instructions_the_machine_has(
            matrix in proptest::collection::vec(-9.0..9.0_f32, 4 * 72),
            rows in proptest::collection::vec((0..4_u32, 0.0..2.0_f32), 0..9),
            classes in 1..70_usize,
        ) {
            let length = stride(classes);
            let mut plain = vec![0.0_f32; length];
            for &(row, weight) in &rows {
                let row = &matrix[row as usize * length..][..length];
                plain.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
            }
            let plain_highest = plain.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let plain_odds: Vec<f32> = plain.iter().map(|score| exp(score - plain_highest)).collect();
            let (rows, weights): (Vec<u32>, Vec<f32>) = rows.into_iter().unzip();
            let mut totals = Vec::new();
            for instructions in Instructions::available() {
                let mut sum = vec![1.0; length];
                instructions.run(WeightedSum { rows: &rows, weights: &weights, matrix: &matrix, sum: &mut sum });
                prop_assert_eq!(&sum, &plain);
                let (highest, total) = instructions.run(Odds { scores: &mut sum });
                prop_assert_eq!((highest, &sum), (plain_highest, &plain_odds));
                prop_assert!((total / plain_odds.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                totals.push(total.to_bits());
            }
            prop_assert!(totals.iter().all(|total| *total == totals[0]));
        }
    }
}
