//! Accuracy on held-out texts, and how sure it is.

use crate::train::Estimate;
use crate::train::problem::Problem;

/// The weight of some texts, and the sum of the squares of their weights, by stratum. A stratum is a class where classes are
/// to count the same, as each of them has an accuracy of its own then; else all texts are one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weighed {
    strata: Vec<[f64; 2]>,
}

impl Weighed {
    /// Those of a problem's texts that `is_counted` is true of.
    pub(super) fn of(problem: &Problem, by_class: bool, is_counted: impl Fn(usize) -> bool) -> Weighed {
        let stratum = |label: u32| if by_class { label as usize } else { 0 };
        let strata = problem.labels().iter().map(|&label| stratum(label) + 1).max().unwrap_or(0);
        let mut weighed = Weighed { strata: vec![[0.0; 2]; strata] };
        for (text, (&label, &weight)) in problem.labels().iter().zip(problem.weights()).enumerate() {
            if is_counted(text) {
                let weight = f64::from(weight);
                let [total, squares] = &mut weighed.strata[stratum(label)];
                *total += weight;
                *squares += weight * weight;
            }
        }
        weighed
    }

    pub(super) fn total(&self) -> f64 {
        self.strata.iter().fold(0.0, |total, [weight, _]| total + weight)
    }

    /// Those of several sets of texts.
    fn sum<'w>(several: impl Iterator<Item = &'w Weighed>) -> Weighed {
        let mut strata: Vec<[f64; 2]> = Vec::new();
        for weighed in several {
            strata.resize(strata.len().max(weighed.strata.len()), [0.0; 2]);
            for (sum, stratum) in strata.iter_mut().zip(&weighed.strata) {
                (0..2).for_each(|at| sum[at] += stratum[at]);
            }
        }
        Weighed { strata }
    }

    /// Fewer: by a share of the weight of `all`.
    pub(super) fn less(&self, share: f64, all: &Weighed) -> Weighed {
        let fewer = |(&[weight, squares], &[of_all, _]): (&[f64; 2], &[f64; 2])| {
            let left = (weight - share * of_all).max(0.0);
            [left, if weight > 0.0 { squares * left / weight } else { 0.0 }]
        };
        Weighed { strata: self.strata.iter().zip(&all.strata).map(fewer).collect() }
    }
}

/// The accuracy of what got `right` of `all` held-out texts, both by trial, and its standard error: that of the mean of
/// independent texts of fixed weights, which in each stratum are right at one rate. Where in every stratum all are right, or
/// none is, that is taken of one more text of each that is right and one that is wrong (Laplace's rule of succession).
pub(super) fn estimate<'w>(
    all: impl Iterator<Item = &'w Weighed>,
    right: impl Iterator<Item = &'w Weighed>,
) -> Estimate {
    let (all, right) = (Weighed::sum(all), Weighed::sum(right));
    let (total, total_right) = (all.total(), right.total());
    // Texts so light beside others that they weigh nothing tell nothing, and none of them is right.
    if total == 0.0 {
        return Estimate { accuracy: 0.0, standard_error: 0.0 };
    }
    let variance_of = |(&[weight, squares], &[of_right, squares_of_right]): (&[f64; 2], &[f64; 2])| {
        let rate = if weight > 0.0 { of_right / weight } else { 0.0 };
        let squares_of_wrong = (squares - squares_of_right).max(0.0);
        squares_of_right * (1.0 - rate) * (1.0 - rate) + squares_of_wrong * rate * rate
    };
    let mut variance: f64 = all.strata.iter().zip(&right.strata).map(variance_of).sum();
    if variance == 0.0 {
        let doubt_of = |&[weight, squares]: &[f64; 2]| {
            let texts = if squares > 0.0 { weight * weight / squares } else { 0.0 };
            squares * (texts + 1.0) / ((texts + 2.0) * (texts + 2.0))
        };
        variance = all.strata.iter().map(doubt_of).sum();
    }
    Estimate { accuracy: total_right / total, standard_error: variance.sqrt() / total }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetBuilder;
    use crate::text::FeatureSpec;

    /// The estimate of one trial, whose texts have these labels and weights and are right or wrong.
    fn estimated(texts: &[(&str, f32, bool)], balance: bool) -> Estimate {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for &(label, weight, _) in texts {
            builder.push(label, b"x", weight).unwrap();
        }
        let problem = Problem::all_held_out(&builder.finish(1).unwrap(), balance);
        let [all, right] =
            [false, true].map(|of_right| Weighed::of(&problem, balance, |text| !of_right || texts[text].2));
        estimate([&all].into_iter(), [&right].into_iter())
    }

    fn is_near(found: Estimate, accuracy: f64, standard_error: f64) -> bool {
        (found.accuracy - accuracy).abs() < 1e-6 && (found.standard_error - standard_error).abs() < 1e-6
    }

    #[test]
    fn the_standard_error_of_equal_texts_is_that_of_a_share() {
        let texts: Vec<_> = (0..100).map(|at| (["a", "b"][at % 2], 1.0, at < 80)).collect();
        assert!(is_near(estimated(&texts, false), 0.8, (0.8_f64 * 0.2 / 100.0).sqrt()));
    }

    #[test]
    fn balanced_accuracy_varies_as_much_as_the_classes_accuracies_do() {
        // Of a frequent class six tenths are right, and of a rare one all.
        let texts: Vec<_> =
            (0..1010).map(|at| if at < 1000 { ("a", 1.0, at < 600) } else { ("b", 1.0, true) }).collect();
        assert!(is_near(estimated(&texts, true), 0.8, (0.6_f64 * 0.4 / 1000.0).sqrt() / 2.0));
        // Of a frequent class all are right, and of a rare one half.
        let texts: Vec<_> =
            (0..1010).map(|at| if at < 1000 { ("a", 1.0, true) } else { ("b", 1.0, at < 1005) }).collect();
        assert!(is_near(estimated(&texts, true), 0.75, (0.5_f64 * 0.5 / 10.0).sqrt() / 2.0));
    }

    #[test]
    fn heavy_texts_add_to_the_standard_error_by_how_far_they_are_from_the_mean() {
        let mut texts = vec![("a", 1.0, true); 90];
        texts.extend(vec![("b", 1.0, false); 10]);
        texts.push(("b", 900.0, true));
        // 990 of 1,000 are right, at a rate that the heavy text is near to.
        let squares = 90.0 * 0.01 * 0.01 + 10.0 * 0.99 * 0.99 + 900.0 * 900.0 * 0.01 * 0.01;
        assert!(is_near(estimated(&texts, false), 0.99, f64::sqrt(squares) / 1000.0));
    }

    #[test]
    fn texts_that_are_all_right_or_all_wrong_leave_a_doubt_that_falls_with_their_number() {
        for is_right in [false, true] {
            let doubt = |texts: usize| {
                let texts: Vec<_> = (0..texts).map(|at| (["a", "b"][at % 2], 1.0, is_right)).collect();
                estimated(&texts, false)
            };
            let accuracy = f64::from(u8::from(is_right));
            assert!(is_near(doubt(2), accuracy, (3.0_f64 / 16.0 / 2.0).sqrt()));
            assert!(is_near(doubt(998), accuracy, (0.999_f64 * 0.001 / 998.0).sqrt()));
        }
    }

    #[test]
    fn classes_of_which_all_or_none_are_right_leave_a_doubt_each() {
        let texts: Vec<_> =
            (0..110).map(|at| if at < 100 { ("a", 1.0, true) } else { ("b", 1.0, false) }).collect();
        let doubt = |texts: f64| (texts + 1.0) / (texts + 2.0).powi(2) / texts;
        assert!(is_near(estimated(&texts, true), 0.5, (doubt(100.0) + doubt(10.0)).sqrt() / 2.0));
    }

    #[test]
    fn texts_that_weigh_nothing_make_no_accuracy_that_is_no_number() {
        let nothing = Weighed { strata: vec![[0.0; 2]] };
        let found = estimate([&nothing].into_iter(), [&nothing].into_iter());
        assert_eq!((found.accuracy, found.standard_error), (0.0, 0.0));
    }

    #[test]
    fn a_share_of_all_is_taken_from_what_is_right_and_no_more_than_there_is() {
        let (all, right) = (Weighed { strata: vec![[10.0, 20.0]] }, Weighed { strata: vec![[4.0, 8.0]] });
        assert_eq!(right.less(0.1, &all), Weighed { strata: vec![[3.0, 6.0]] });
        assert_eq!(right.less(0.5, &all), Weighed { strata: vec![[0.0, 0.0]] });
    }
}
