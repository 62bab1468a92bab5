//! Macro F1: what settings are told apart by where classes are to count the same.

use crate::train::problem::Problem;

/// What F1 is made of, for each class: the weight of the texts that are of it and predicted to be, of those predicted to be,
/// and of those that are of it. ([`Confusion`](crate::metrics::Confusion) counts texts, which have no weights there.)
#[derive(Debug, Clone)]
pub(super) struct Tally {
    classes: Vec<[f64; 3]>,
}

impl Tally {
    /// What is predicted of held-out texts with these weights. They are not those by which every class weighs the same: by
    /// them, what a rare class takes from a frequent one would hardly lower its precision.
    pub(super) fn of(held_out: &Problem, weights: &[f32], predicted: &[u32]) -> Tally {
        let labels = held_out.labels().iter().map(|&label| label as usize + 1).max().unwrap_or(0);
        let mut classes = vec![[0.0; 3]; held_out.classes().max(labels)];
        let texts = held_out.labels().iter().zip(predicted).zip(weights);
        for ((&label, &predicted), &weight) in texts {
            let weight = f64::from(weight);
            classes[label as usize][2] += weight;
            classes[predicted as usize][1] += weight;
            if predicted == label {
                classes[label as usize][0] += weight;
            }
        }
        Tally { classes }
    }

    /// The macro F1 of the texts of several: the mean over the classes that some text is of or predicted to be.
    pub(super) fn macro_f1<'t>(tallies: impl Iterator<Item = &'t Tally>) -> f64 {
        let mut sums: Vec<[f64; 3]> = Vec::new();
        for Tally { classes } in tallies {
            sums.resize(sums.len().max(classes.len()), [0.0; 3]);
            for (sum, class) in sums.iter_mut().zip(classes) {
                (0..3).for_each(|at| sum[at] += class[at]);
            }
        }
        sums.retain(|&[_, predicted, of_it]| predicted + of_it > 0.0);
        let f1 = |&[right, predicted, of_it]: &[f64; 3]| 2.0 * right / (predicted + of_it);
        sums.iter().map(f1).sum::<f64>() / sums.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetBuilder;
    use crate::metrics::Confusion;
    use crate::text::FeatureSpec;
    use crate::train::random::Random;
    use crate::train::select::first_best;
    use crate::train::{Budget, Candidate, Params};

    #[test]
    fn macro_f1_is_that_of_a_confusion_matrix_in_which_texts_stand_as_often_as_they_weigh() {
        let labels = ["a", "a", "a", "b", "c", "d"];
        let predicted = [0, 0, 1, 1, 0, 2];
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for label in labels {
            builder.push(label, b"x", 1.0).unwrap();
        }
        let dataset = builder.finish(1).unwrap();
        for weights in [[1_u8; 6], [2, 2, 1, 1, 3, 5]] {
            // Texts of `d` are not held out, though one of another class is taken for it.
            for held_out in [0..6_usize, 0..4, 3..5] {
                let rows: Vec<u32> = held_out.clone().map(|row| row as u32).collect();
                let problem = Problem::held_out(&dataset, &rows, true);
                let of_rows =
                    weights[held_out.clone()].iter().map(|&weight| f32::from(weight)).collect::<Vec<_>>();
                let tally = Tally::of(&problem, &of_rows, &predicted[held_out.clone()]);
                let mut confusion = Confusion::new(4);
                for row in held_out {
                    for _ in 0..weights[row] {
                        confusion.add(dataset.labels()[row] as usize, predicted[row] as usize);
                    }
                }
                let expected = confusion.macro_average().f1;
                assert!((Tally::macro_f1([tally].iter()) - expected).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn balanced_classes_are_chosen_for_by_macro_f1_and_not_by_balanced_accuracy() {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        let mut random = Random::new(1);
        for at in 0..400 {
            // Words of which a class has its own half more often than not.
            let class = usize::from(at % 10 == 0);
            let mut word = || {
                let word = random.below(40);
                let is_own = random.below(100) < 65;
                format!("w{}", 2 * word + if is_own { class } else { 1 - class })
            };
            let text: Vec<String> = (0..5).map(|_| word()).collect();
            builder.push(["frequent", "rare"][class], text.join(" ").as_bytes(), 1.0).unwrap();
        }
        let dataset = builder.finish(1).unwrap();
        let report = |balance| {
            let params = Params { budget: Budget::Nonzeros(20), balance, ..Params::default() };
            params.check().unwrap().train(&dataset, None, &mut |_| ()).unwrap().report
        };
        let balanced = report(true);
        let by = |merit: fn(&Candidate) -> f64| {
            first_best(balanced.candidates.iter(), |tried| merit(tried)).unwrap().choice
        };
        let (by_f1, by_accuracy) = (by(|tried| tried.macro_f1.unwrap()), by(|tried| tried.estimate.accuracy));
        assert_ne!(by_f1, by_accuracy);
        assert_eq!(balanced.choice, by_f1);
        assert!(report(false).candidates.iter().all(|tried| tried.macro_f1.is_none()));
    }
}
