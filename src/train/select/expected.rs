//! Expected accuracy: what few texts tell settings apart by.

use crate::train::cell::Cell;
use crate::train::problem::Problem;

/// The natural logarithms of the inverse temperatures that are searched.
const LEAST: f64 = -6.0;
const MOST: f64 = 4.0;
/// How often the interval of them is halved.
const HALVINGS: usize = 30;

/// The weight of the texts of `held_out` that are expected to be right: the sum of their own classes' probabilities, by the
/// softmax of the scores that `cells` give, divided by the temperature at which their log loss is least (temperature
/// scaling: Guo and others, "On calibration of modern neural networks", 2017).
///
/// It varies less from sample to sample than the weight of those that are right, as a text that is nearly right, or
/// barely, counts in part.
pub(super) fn expected_right(held_out: &Problem, cells: &[Cell]) -> f64 {
    let rows = Rows::new(held_out, cells);
    let (mut low, mut high) = (LEAST, MOST);
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if rows.slope(libm::exp(middle)) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    rows.own(libm::exp((low + high) / 2.0))
}

/// Texts' scores less those of their own classes, with their weights.
struct Rows {
    classes: usize,
    /// Shape (texts, classes).
    ahead: Vec<f64>,
    weights: Vec<f32>,
}

impl Rows {
    fn new(problem: &Problem, cells: &[Cell]) -> Rows {
        let classes = problem.classes();
        let mut ahead = vec![0.0; problem.texts() * classes];
        for &Cell { feature, class, weight } in cells {
            let (texts, counts) = problem.texts_of(feature);
            for (&text, &count) in texts.iter().zip(counts) {
                ahead[text as usize * classes + class as usize] += f64::from(weight) * f64::from(count);
            }
        }
        for (row, &label) in ahead.chunks_mut(classes).zip(problem.labels()) {
            let own = row.get(label as usize).copied().unwrap_or(0.0);
            row.iter_mut().for_each(|score| *score -= own);
        }
        // Labels that the fit cannot know have no probability at any temperature.
        let texts = problem.weights().iter().zip(problem.labels());
        let weights =
            texts.map(|(&weight, &label)| if (label as usize) < classes { weight } else { 0.0 }).collect();
        Rows { classes, ahead, weights }
    }

    /// Each text's weight, its probability of its own class, and how much its other scores are ahead in expectation, at an
    /// inverse temperature.
    fn at(&self, inverse: f64) -> impl Iterator<Item = (f64, f64, f64)> {
        self.ahead.chunks(self.classes).zip(&self.weights).map(move |(row, &weight)| {
            let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let odds = |ahead: f64| libm::exp((ahead - highest) * inverse);
            let (total, ahead) = row.iter().fold((0.0, 0.0), |(total, sum), &ahead| {
                let odds = odds(ahead);
                (total + odds, sum + odds * ahead)
            });
            (f64::from(weight), odds(0.0) / total, ahead / total)
        })
    }

    /// How fast the log likelihood grows with the inverse temperature; less so the greater that is.
    fn slope(&self, inverse: f64) -> f64 {
        self.at(inverse).map(|(weight, _, ahead)| -weight * ahead).sum()
    }

    /// The sum of the probabilities of the texts' own classes, each times its weight.
    fn own(&self, inverse: f64) -> f64 {
        self.at(inverse).map(|(weight, own, _)| weight * own).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetBuilder;
    use crate::text::FeatureSpec;

    /// Ten texts of a word, of which so many are of the class that it stands for, and as many of the other way round.
    fn problem(of_own: usize) -> Problem {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for at in 0..10 {
            let (one, other) = if at < of_own { ("a", "b") } else { ("b", "a") };
            builder.push(one, b"x", 1.0).unwrap();
            builder.push(other, b"y", 1.0).unwrap();
        }
        let dataset = builder.finish(1).unwrap();
        Problem::held_out(&dataset, &(0..20).collect::<Vec<_>>(), false)
    }

    /// What is expected of the model that gives each word such a score for the class it stands for.
    fn expected(of_own: usize, score: f32) -> f64 {
        let cell = |feature, class| Cell { feature, class, weight: score };
        expected_right(&problem(of_own), &[cell(1, 0), cell(2, 1)])
    }

    #[test]
    fn probabilities_are_those_of_the_best_temperature_however_large_the_scores() {
        // Where eight in ten are right, the best probability of each is 0.8.
        for score in [0.1, 1.0, 9.0] {
            assert!((expected(8, score) - 20.0 * (0.8 * 0.8 + 0.2 * 0.2)).abs() < 1e-4, "{score}");
        }
    }

    #[test]
    fn what_is_always_right_is_expected_to_be_and_what_says_nothing_is_by_chance() {
        assert!(expected(10, 1.0) > 19.999);
        assert!((expected(5, 1.0) - 10.0).abs() < 1e-2);
        assert_eq!(expected_right(&problem(8), &[]), 10.0);
    }
}
