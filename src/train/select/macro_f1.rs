//! Macro F1: what settings are told apart by where classes are to count the same.

use crate::train::cell::Cell;
use crate::train::problem::Problem;
use crate::train::right::predicted;

/// What F1 is made of, for each class: the weight of the texts that are of it and labelled so, of those labelled so, and of
/// those that are of it.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    classes: Vec<[f64; 3]>,
}

impl Tally {
    /// What a model of these cells makes of held-out texts with these weights. They are not those by which every class
    /// weighs the same: by them, what a rare class takes from a frequent one would hardly lower its precision.
    pub(super) fn of(held_out: &Problem, weights: &[f32], cells: &[Cell]) -> Tally {
        let mut classes = vec![[0.0; 3]; held_out.classes()];
        let texts = held_out.labels().iter().zip(predicted(held_out, cells)).zip(weights);
        for ((&label, predicted), &weight) in texts {
            let weight = f64::from(weight);
            classes[label as usize][2] += weight;
            classes[predicted as usize][1] += weight;
            if predicted == label {
                classes[label as usize][0] += weight;
            }
        }
        Tally { classes }
    }

    /// The macro F1 of the texts of several: the mean over the classes that have texts.
    pub(super) fn macro_f1<'t>(tallies: impl Iterator<Item = &'t Tally>) -> f64 {
        let mut sums: Vec<[f64; 3]> = Vec::new();
        for Tally { classes } in tallies {
            sums.resize(classes.len(), [0.0; 3]);
            for (sum, class) in sums.iter_mut().zip(classes) {
                (0..3).for_each(|at| sum[at] += class[at]);
            }
        }
        sums.retain(|&[_, _, of_it]| of_it > 0.0);
        let f1 = |&[right, labelled, of_it]: &[f64; 3]| 2.0 * right / (labelled + of_it);
        sums.iter().map(f1).sum::<f64>() / sums.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetBuilder;
    use crate::text::FeatureSpec;
    use crate::train::{Budget, Params};

    #[test]
    fn macro_f1_is_the_mean_over_the_classes_that_have_texts_weighted_as_given() {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for (label, word) in [("a", "x"), ("a", "x"), ("a", "y"), ("b", "y"), ("c", "x")] {
            builder.push(label, word.as_bytes(), 1.0).unwrap();
        }
        let dataset = builder.finish(1).unwrap();
        // `x` is for class a, `y` for b.
        let cells = [(1, 0), (2, 1)].map(|(feature, class)| Cell { feature, class, weight: 1.0 });
        let macro_f1 = |rows: &[u32], weights: &[f32]| {
            let tally = Tally::of(&Problem::held_out(&dataset, rows, true), weights, &cells);
            Tally::macro_f1([tally].iter())
        };
        // Of a 2 of 3, 3 labelled so; of b 1 of 1, 2 labelled so; c is never found.
        let expected = (2.0 * 2.0 / 6.0 + 2.0 / 3.0 + 0.0) / 3.0;
        assert!((macro_f1(&[0, 1, 2, 3, 4], &[1.0; 5]) - expected).abs() < 1e-9);
        let expected = (2.0 * 4.0 / 9.0 + 2.0 / 3.0) / 2.0;
        assert!((macro_f1(&[0, 1, 2, 3], &[2.0, 2.0, 1.0, 1.0]) - expected).abs() < 1e-9);
    }

    #[test]
    fn balanced_classes_are_chosen_for_by_macro_f1() {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for at in 0..400_usize {
            // Words of a rare class that a frequent one has now and then.
            let (label, word) = if at % 20 == 0 { ("rare", at % 3) } else { ("frequent", at % 37) };
            builder.push(label, format!("w{word} n{}", at * 7 % 13).as_bytes(), 1.0).unwrap();
        }
        let dataset = builder.finish(1).unwrap();
        let report = |balance| {
            let params = Params { budget: Budget::Nonzeros(6), balance, ..Params::default() };
            params.check().unwrap().train(&dataset, None, &mut |_| ()).unwrap().report
        };
        let balanced = report(true);
        let most = balanced.candidates.iter().filter_map(|tried| tried.macro_f1).fold(0.0, f64::max);
        let chosen = balanced.candidates.iter().filter(|tried| tried.choice == balanced.choice);
        assert!(balanced.candidates.iter().all(|tried| tried.macro_f1.is_some()));
        assert_eq!(chosen.filter_map(|tried| tried.macro_f1).collect::<Vec<_>>(), [most]);
        assert!(report(false).candidates.iter().all(|tried| tried.macro_f1.is_none()));
    }
}
