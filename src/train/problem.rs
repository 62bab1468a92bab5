//! The texts that a fit sees, by text and by feature.

use hashbrown::HashMap;
use sprs::{CsMatI, CsMatViewI};

use super::HeldOut;
use super::random::Random;
use crate::data::Dataset;

/// The most that a feature counts in a text to a smooth loss, to which one word repeated a thousand times says no more than
/// so. The text's other features count less in proportion, as to scale a text changes no argmax.
const MAX_COUNT: f32 = 1024.0;
/// The copies of a text that [`Problem::with_dropout`] leaves features out of, and with the whole one the most it makes.
pub(super) const PARTIAL_COPIES: usize = 4;
pub(super) const MOST_COPIES: usize = 1 + PARTIAL_COPIES;
/// The feature that every text has.
pub(super) const INTERCEPT: usize = 0;

/// How even the classes' total weights are: as they are given; each in proportion to the square root of that; all the same.
/// Of fits, the second had a macro F1 near the best of the three or above it in all that was measured: where classes are
/// many, the last finds rare ones at too high a cost in precision.
const AS_GIVEN: f64 = 0.0;
const EVENED: f64 = 0.5;
const EVEN: f64 = 1.0;

/// Texts to fit to: all of a dataset's, or those of some folds.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    /// The counts, of shape (texts, features), compressed by columns.
    by_feature: CsMatI<f32, u32, usize>,
    /// The shares, in the order of the counts.
    shares: Vec<f32>,
    labels: Vec<u32>,
    /// The mean is 1, or that of all texts is where these are held out.
    weights: Vec<f32>,
    classes: usize,
}

impl Problem {
    /// The texts of `dataset` whose index `rows` gives, to fit to; with `balance`, their weights are [`EVENED`].
    pub(super) fn new(dataset: &Dataset, rows: &[u32], balance: bool) -> Problem {
        Problem::of_rows(dataset, rows, dataset.weights()).scaled(if balance { EVENED } else { AS_GIVEN })
    }

    /// The texts whose index `rows` gives, to score on: their weights are those that they have among all texts, so that
    /// folds can be added up; with `balance`, they are [`EVEN`].
    pub(super) fn held_out(dataset: &Dataset, rows: &[u32], balance: bool) -> Problem {
        let evenness = if balance { EVEN } else { AS_GIVEN };
        let among_all = scaled_weights(dataset.labels(), dataset.weights(), evenness);
        Problem::of_rows(dataset, rows, &among_all)
    }

    /// The texts of `dataset` whose index `rows` gives, with those weights of all.
    fn of_rows(dataset: &Dataset, rows: &[u32], weights: &[f32]) -> Problem {
        let counts = dataset.counts();
        let mut indptr = Vec::with_capacity(rows.len() + 1);
        indptr.push(0);
        let entries = rows.iter().map(|&row| counts.indptr().nnz_in_outer_sz(row as usize)).sum();
        let mut indices = Vec::with_capacity(entries);
        let mut data: Vec<f32> = Vec::with_capacity(entries);
        for &row in rows {
            let text = counts.outer_view(row as usize).expect("rows are in range");
            indices.extend_from_slice(text.indices());
            data.extend_from_slice(text.data());
            indptr.push(indices.len());
        }
        let by_text = CsMatI::new((rows.len(), counts.cols()), indptr, indices, data);
        let labels: Vec<u32> = rows.iter().map(|&row| dataset.labels()[row as usize]).collect();
        let weights = rows.iter().map(|&row| weights[row as usize]).collect();
        Problem::from_parts(&by_text, labels, weights, dataset.classes().len())
    }

    /// All texts of `dataset`, to fit to.
    pub(super) fn of_all(dataset: &Dataset, balance: bool) -> Problem {
        Problem::new(dataset, &all_rows(dataset), balance)
    }

    /// All texts of `dataset`, to score on.
    pub(super) fn all_held_out(dataset: &Dataset, balance: bool) -> Problem {
        Problem::held_out(dataset, &all_rows(dataset), balance)
    }

    /// Other labelled texts than the dataset's, in its features and classes, to score on. Labels that are none of its
    /// classes are numbered behind them: no prediction is one of them.
    pub(super) fn of_texts(dataset: &Dataset, texts: HeldOut<'_>, balance: bool) -> Problem {
        let mut extractor = dataset.spec().extractor().expect("a dataset's features can be drawn");
        let (mut indptr, mut indices, mut data) = (vec![0], Vec::new(), Vec::new());
        let (mut labels, mut found) = (Vec::new(), Vec::new());
        let mut class_of: HashMap<&str, u32> =
            dataset.classes().iter().map(String::as_str).zip(0..).collect();
        for (label, text) in texts {
            let next = class_of.len() as u32;
            labels.push(*class_of.entry(label).or_insert(next));
            found.clear();
            found.push(0_u32);
            extractor.for_each_feature(text, |name| {
                let at = dataset.features().binary_search_by(|feature| feature.as_str().cmp(name));
                found.extend(at.ok().map(|at| at as u32));
            });
            found.sort_unstable();
            for run in found.chunk_by(|a, b| a == b) {
                indices.push(run[0]);
                data.push(run.len() as f32);
            }
            indptr.push(indices.len());
        }
        let by_text = CsMatI::new((labels.len(), dataset.features().len()), indptr, indices, data);
        let weights = vec![1.0; labels.len()];
        let problem = Problem::from_parts(&by_text, labels, weights, dataset.classes().len());
        problem.scaled(if balance { EVEN } else { AS_GIVEN })
    }

    fn from_parts(
        by_text: &CsMatI<f32, u32, usize>,
        labels: Vec<u32>,
        weights: Vec<f32>,
        classes: usize,
    ) -> Problem {
        let by_feature = by_text.to_csc();
        let scales = scales(by_text);
        let entries = by_feature.data().iter().zip(by_feature.indices());
        let shares = entries.map(|(&count, &text)| count * scales[text as usize]).collect();
        Problem { by_feature, shares, labels, weights, classes }
    }

    /// The same with [`scaled_weights`].
    fn scaled(self, evenness: f64) -> Problem {
        let weights = scaled_weights(&self.labels, &self.weights, evenness);
        Problem { weights, ..self }
    }

    /// [`PARTIAL_COPIES`] of each text, each of whose features but the intercept is left out of one, drawn at random,
    /// and before them the text itself where `of_whole`, its share of the weight, is not 0. Together they weigh what
    /// the text does. What is fitted to them leans on no feature alone, and overfits less (Wager, Wang and Liang,
    /// "Dropout training as adaptive regularization", 2013).
    pub(super) fn with_dropout(&self, of_whole: f32) -> Problem {
        let whole_copies = usize::from(of_whole > 0.0);
        let of_partial = (1.0 - of_whole) / PARTIAL_COPIES as f32;
        let mut random = Random::new(0);
        let by_text = self.by_feature.to_csr();
        let (mut indptr, mut indices, mut data) = (vec![0], Vec::new(), Vec::new());
        let (mut labels, mut weights) = (Vec::new(), Vec::new());
        let mut left_out: Vec<usize> = Vec::new();
        for ((text, &label), &weight) in by_text.outer_iterator().zip(&self.labels).zip(&self.weights) {
            left_out.clear();
            left_out.extend(text.indices().iter().map(|_| whole_copies + random.below(PARTIAL_COPIES)));
            for copy in 0..whole_copies + PARTIAL_COPIES {
                for ((feature, &count), &from) in text.iter().zip(&left_out) {
                    if feature == INTERCEPT || from != copy {
                        indices.push(feature as u32);
                        data.push(count);
                    }
                }
                indptr.push(indices.len());
                labels.push(label);
                weights.push(weight * if copy < whole_copies { of_whole } else { of_partial });
            }
        }
        let by_text = CsMatI::new((labels.len(), self.features()), indptr, indices, data);
        Problem::from_parts(&by_text, labels, weights, self.classes)
    }

    /// The shares, of shape (texts, features), compressed by rows.
    pub(super) fn shares_by_text(&self) -> CsMatI<f32, u32, usize> {
        let (indptr, indices) = (self.by_feature.indptr(), self.by_feature.indices());
        let indptr = indptr.as_slice().expect("a matrix of its own starts at its first entry");
        CsMatViewI::new_csc(self.by_feature.shape(), indptr, indices, &self.shares).to_csr()
    }

    pub(super) fn total_weight(&self) -> f64 {
        self.weights.iter().copied().map(f64::from).sum()
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

    /// The texts that have this feature, and its share of each: how often they have it, over the square root of their
    /// length in features, in units of the mean of all texts.
    ///
    /// To scale a text's scores changes no argmax, but what a smooth loss makes of it: by counts alone, long texts would
    /// outweigh short ones (Rennie and others, "Tackling the poor assumptions of naive Bayes text classifiers", 2003).
    #[inline]
    pub(super) fn shares_of(&self, feature: u32) -> (&[u32], &[f32]) {
        let range = self.by_feature.indptr().outer_inds_sz(feature as usize);
        (&self.by_feature.indices()[range.clone()], &self.shares[range])
    }
}

fn all_rows(dataset: &Dataset) -> Vec<u32> {
    (0..dataset.texts() as u32).collect()
}

/// Weights with a mean of 1, divided by the total weight of their class to a power.
fn scaled_weights(labels: &[u32], weights: &[f32], evenness: f64) -> Vec<f32> {
    let mut weights = weights.to_vec();
    if evenness > 0.0 {
        let classes = labels.iter().map(|&label| label as usize + 1).max().unwrap_or(0);
        let mut totals = vec![0.0_f64; classes];
        for (&label, &weight) in labels.iter().zip(&weights) {
            totals[label as usize] += f64::from(weight);
        }
        for (&label, weight) in labels.iter().zip(&mut weights) {
            *weight = (f64::from(*weight) / libm::pow(totals[label as usize], evenness)) as f32;
        }
    }
    let total: f64 = weights.iter().copied().map(f64::from).sum();
    let mean = total / weights.len() as f64;
    weights.iter_mut().for_each(|weight| *weight = (f64::from(*weight) / mean) as f32);
    weights
}

/// What counts are multiplied with to get shares, for each text; the mean is 1.
fn scales(by_text: &CsMatI<f32, u32, usize>) -> Vec<f32> {
    let scale = |text: sprs::CsVecViewI<'_, f32, u32>| {
        let most = text.data().iter().copied().fold(0.0, f32::max);
        let kept = (MAX_COUNT / most).min(1.0);
        let length: f32 = text.data().iter().map(|count| count * kept).sum();
        kept * length.max(1.0).sqrt().recip()
    };
    let scales: Vec<f32> = by_text.outer_iterator().map(scale).collect();
    let total: f64 = scales.iter().copied().map(f64::from).sum();
    let mean = (total / scales.len() as f64) as f32;
    scales.into_iter().map(|scale| scale / mean).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Up to 12 texts with up to 2 of each of 4 features, in 3 classes.
    pub(in crate::train) fn problem() -> impl Strategy<Value = Problem> {
        problem_of(0..3_u16)
    }

    /// The same with other counts.
    pub(in crate::train) fn problem_of(count: impl Strategy<Value = u16>) -> impl Strategy<Value = Problem> {
        let text = (proptest::collection::vec(count, 4), 0..3_u32, 1..3_u8);
        proptest::collection::vec(text, 1..12).prop_map(|texts| problem_with(&texts))
    }

    /// Texts of 4 features and 3 classes: the counts, the label and the weight of each.
    pub(in crate::train) fn problem_with(texts: &[(Vec<u16>, u32, u8)]) -> Problem {
        let (mut indptr, mut indices, mut data) = (vec![0], Vec::new(), Vec::new());
        for (counts, _, _) in texts {
            for (feature, &count) in (0..).zip(counts) {
                if count > 0 {
                    indices.push(feature);
                    data.push(f32::from(count));
                }
            }
            indptr.push(indices.len());
        }
        let by_text = CsMatI::new((texts.len(), 4), indptr, indices, data);
        let labels = texts.iter().map(|&(_, label, _)| label).collect();
        let weights = texts.iter().map(|&(_, _, weight)| f32::from(weight)).collect();
        Problem::from_parts(&by_text, labels, weights, 3).scaled(AS_GIVEN)
    }

    proptest! {
        #[test]
        fn weights_have_a_mean_of_one(problem in problem()) {
            prop_assert!((problem.total_weight() - problem.texts() as f64).abs() < 1e-4);
        }
    }

    proptest! {
        #[test]
        fn each_feature_is_left_out_of_one_copy_and_the_intercept_of_none(
            problem in problem(),
            whole_copies in 0..2_usize,
        ) {
            let copies = problem.with_dropout(0.5 * whole_copies as f32);
            let of_each = whole_copies + PARTIAL_COPIES;
            prop_assert_eq!(copies.texts(), of_each * problem.texts());
            prop_assert!((copies.total_weight() - problem.total_weight()).abs() < 1e-4);
            for feature in 0..4 {
                let (texts, counts) = problem.texts_of(feature);
                let copied = copies.texts_of(feature);
                let times = if feature as usize == INTERCEPT { of_each } else { of_each - 1 };
                for (&text, &count) in texts.iter().zip(counts) {
                    let is_of_text = |copy: u32| copy as usize / of_each == text as usize;
                    let of_text = copied.0.iter().zip(copied.1).filter(|&(&copy, _)| is_of_text(copy));
                    prop_assert_eq!(of_text.clone().count(), times);
                    prop_assert!(of_text.clone().all(|(_, &other)| other == count));
                }
                prop_assert_eq!(copied.0.len(), times * texts.len());
            }
            for copy in 0..copies.texts() {
                let (text, is_whole) = (copy / of_each, copy % of_each < whole_copies);
                prop_assert_eq!(copies.labels()[copy], problem.labels()[text]);
                let share = if is_whole { 0.5 } else { (1.0 - 0.5 * whole_copies as f32) / 4.0 };
                prop_assert!((copies.weights()[copy] - share * problem.weights()[text]).abs() < 1e-6);
                let features = |of: &Problem, text: usize| {
                    (0..4).filter(|&feature| of.texts_of(feature).0.contains(&(text as u32))).collect::<Vec<_>>()
                };
                prop_assert!(!is_whole || features(&copies, copy) == features(&problem, text));
            }
        }
    }

    #[test]
    fn shares_are_counts_over_the_root_of_the_length() {
        let by_text = CsMatI::new((2, 2), vec![0, 1, 3], vec![0, 0, 1], vec![4.0, 1.0, 15.0]);
        let problem = Problem::from_parts(&by_text, vec![0, 1], vec![1.0; 2], 2);
        let (texts, shares) = problem.shares_of(0);
        assert_eq!(texts, [0, 1]);
        assert!((shares[0] / shares[1] - 8.0).abs() < 1e-5);
        assert!((shares[0] / 4.0 + shares[1] - 2.0).abs() < 1e-5);
        assert_eq!(problem.shares_by_text().get(1, 1), Some(&problem.shares_of(1).1[0]));
        assert_eq!(problem.texts_of(0).1, [4.0, 1.0]);
    }

    #[test]
    fn classes_weigh_the_same_as_the_roots_of_what_they_were_or_as_they_were() {
        let by_text = CsMatI::new((4, 1), vec![0, 1, 2, 3, 4], vec![0; 4], vec![1.0; 4]);
        let problem = Problem::from_parts(&by_text, vec![0, 0, 0, 1], vec![1.0; 4], 2);
        let [given, evened, even] = [AS_GIVEN, EVENED, EVEN].map(|evenness| problem.clone().scaled(evenness));
        let ratio = |problem: Problem| problem.weights()[..3].iter().sum::<f32>() / problem.weights()[3];
        for (problem, expected) in [(given, 3.0), (evened, 3.0_f32.sqrt()), (even, 1.0)] {
            assert!((problem.total_weight() - 4.0).abs() < 1e-6);
            assert!((ratio(problem) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn balance_evens_what_is_fitted_to_and_makes_what_is_scored_on_even() {
        let labels = [["a"; 9].as_slice(), &["b"]].concat();
        let mut builder = crate::data::DatasetBuilder::new(crate::text::FeatureSpec::default()).unwrap();
        labels.iter().for_each(|label| builder.push(label, b"word", 1.0).unwrap());
        let dataset = builder.finish(1).unwrap();
        let texts: Vec<_> = labels.iter().map(|label| (label.to_string(), b"word".to_vec())).collect();
        let ratios = |balance: bool| {
            let problems = [
                Problem::of_all(&dataset, balance),
                Problem::all_held_out(&dataset, balance),
                Problem::of_texts(&dataset, &texts, balance),
            ];
            problems.map(|problem| {
                let (a, b) = problem.weights().split_at(9);
                (a.iter().sum::<f32>() / b[0]).round()
            })
        };
        assert_eq!(ratios(false), [9.0, 9.0, 9.0]);
        assert_eq!(ratios(true), [3.0, 1.0, 1.0]);
    }

    #[test]
    fn shares_are_bounded_and_in_proportion_to_counts_however_large_these_are() {
        let shares = |times: usize| {
            let mut builder = crate::data::DatasetBuilder::new(crate::text::FeatureSpec::default()).unwrap();
            builder.push("a", (String::from("x y ") + &"x ".repeat(times - 1)).as_bytes(), 1.0).unwrap();
            builder.push("b", b"z", 1.0).unwrap();
            let problem = Problem::of_all(&builder.finish(1).unwrap(), false);
            let [x, y, z] = [1, 2, 3].map(|feature| problem.shares_of(feature).1[0]);
            [x / z, y / z]
        };
        let most = MAX_COUNT as usize;
        for times in [most / 2, most, 5 * most] {
            let [x, y] = shares(times);
            assert!((x / y / times as f32 - 1.0).abs() < 1e-5, "{times}: {x} {y}");
        }
        assert!((shares(5 * most)[0] / shares(most)[0] - 1.0).abs() < 1e-2);
        assert!(shares(most / 2)[0] < 0.8 * shares(most)[0]);
    }
}
