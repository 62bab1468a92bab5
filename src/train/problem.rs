//! The texts that a fit sees, by text and by feature.

use sprs::CsMatI;

use crate::data::Dataset;

/// Counts above this are taken as this: one word repeated a thousand times says no more than so.
const MAX_COUNT: f32 = 1024.0;

/// Texts to fit to: all of a dataset's, or those of some folds.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    /// Shape (texts, features), compressed by columns.
    by_feature: CsMatI<f32, u32, usize>,
    labels: Vec<u32>,
    /// The mean is 1.
    weights: Vec<f32>,
    classes: usize,
}

impl Problem {
    /// The texts of `dataset` whose index `rows` gives; with `balance`, every class present gets the same
    /// total weight.
    pub(super) fn new(dataset: &Dataset, rows: &[u32], balance: bool) -> Problem {
        let counts = dataset.counts();
        let mut indptr = Vec::with_capacity(rows.len() + 1);
        indptr.push(0);
        let entries = rows.iter().map(|&row| counts.indptr().nnz_in_outer_sz(row as usize)).sum();
        let mut indices = Vec::with_capacity(entries);
        let mut data: Vec<f32> = Vec::with_capacity(entries);
        for &row in rows {
            let text = counts.outer_view(row as usize).expect("rows are in range");
            indices.extend_from_slice(text.indices());
            data.extend(text.data().iter().map(|count| count.min(MAX_COUNT)));
            indptr.push(indices.len());
        }
        let by_text = CsMatI::new((rows.len(), counts.cols()), indptr, indices, data);
        let by_feature = by_text.to_csc();
        let classes = dataset.classes().len();
        let labels: Vec<u32> = rows.iter().map(|&row| dataset.labels()[row as usize]).collect();
        let mut weights: Vec<f32> = rows.iter().map(|&row| dataset.weights()[row as usize]).collect();
        if balance {
            let mut totals = vec![0.0_f64; classes];
            for (&label, &weight) in labels.iter().zip(&weights) {
                totals[label as usize] += f64::from(weight);
            }
            for (&label, weight) in labels.iter().zip(&mut weights) {
                *weight = (f64::from(*weight) / totals[label as usize]) as f32;
            }
        }
        let total: f64 = weights.iter().copied().map(f64::from).sum();
        let mean = total / weights.len() as f64;
        weights.iter_mut().for_each(|weight| *weight = (f64::from(*weight) / mean) as f32);
        Problem { by_feature, labels, weights, classes }
    }

    pub(super) fn texts(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn features(&self) -> usize {
        self.by_feature.cols()
    }

    pub(super) fn classes(&self) -> usize {
        self.classes
    }

    pub(super) fn labels(&self) -> &[u32] {
        &self.labels
    }

    pub(super) fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The texts that have this feature, and how often.
    #[inline]
    pub(super) fn texts_of(&self, feature: u32) -> (&[u32], &[f32]) {
        let range = self.by_feature.indptr().outer_inds_sz(feature as usize);
        (&self.by_feature.indices()[range.clone()], &self.by_feature.data()[range])
    }
}
