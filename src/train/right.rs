//! The texts that a model of some cells gets right.

use super::cell::{Cell, magnified};
use super::problem::Problem;
use crate::data::Dataset;
use crate::model::{SCORE_STEPS, round_score};

/// So many texts are scored at once: few enough for their scores to stay in a cache, many enough for each cell to have
/// some.
const BLOCK: usize = 1024;

/// The total weight of the texts that the frozen model of these cells labels with their own class.
pub(super) fn right(problem: &Problem, cells: &[Cell]) -> f64 {
    let predicted = predicted(problem, cells);
    let texts = predicted.iter().zip(problem.labels()).zip(problem.weights());
    let right = texts.filter(|((predicted, label), _)| predicted == label);
    // Not `sum`: that of none is -0.
    right.fold(0.0, |right, (_, &weight)| right + f64::from(weight))
}

/// The accuracy of the frozen model of these cells on all texts, which `fitted` holds: by weight, or balanced over the
/// classes, for which those that are fitted to do not weigh.
pub(super) fn training_accuracy(dataset: &Dataset, fitted: &Problem, cells: &[Cell], balance: bool) -> f64 {
    let even = balance.then(|| Problem::all_held_out(dataset, true));
    let measured = even.as_ref().unwrap_or(fitted);
    right(measured, cells) / measured.total_weight()
}

/// The class of each text in the frozen model of these cells: the first of those with the best score.
pub(super) fn predicted(problem: &Problem, cells: &[Cell]) -> Vec<u32> {
    let classes = problem.classes();
    let cells = magnified(cells);
    let mut predicted = Vec::with_capacity(problem.texts());
    let mut scores = vec![0_i64; classes * BLOCK.min(problem.texts())];
    // How many of the texts that have its feature each cell was added to.
    let mut added = vec![0; cells.len()];
    for start in (0..problem.texts()).step_by(BLOCK) {
        scores.fill(0);
        for (cell, added) in cells.iter().zip(&mut added) {
            let steps = (round_score(cell.weight) * SCORE_STEPS) as i64;
            let (texts, counts) = problem.texts_of(cell.feature);
            let of_block = texts[*added..].iter().zip(&counts[*added..]);
            for (&text, &count) in of_block.take_while(|&(&text, _)| (text as usize) < start + BLOCK) {
                scores[(text as usize - start) * classes + cell.class as usize] += steps * count as i64;
                *added += 1;
            }
        }
        let texts = BLOCK.min(problem.texts() - start);
        let first_best = |scores: &[i64]| {
            let best = scores.iter().copied().fold(i64::MIN, i64::max);
            scores.iter().position(|&score| score == best).unwrap_or(0) as u32
        };
        predicted.extend(scores.chunks(classes).take(texts).map(first_best));
    }
    predicted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::DatasetBuilder;
    use crate::text::FeatureSpec;
    use crate::train::freeze::freeze;

    proptest! {
        #[test]
        fn what_is_right_is_what_the_frozen_model_gets_right(
            texts in proptest::collection::vec((proptest::collection::vec(0..5_usize, 0..4), 0..3_usize), 1..2500),
            weights in proptest::collection::vec(-300..300_i32, 18),
        ) {
            let labels = ["a", "b", "c"];
            let text = |words: &[usize]| words.iter().map(|word| format!("w{word} ")).collect::<String>();
            let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
            for (words, label) in &texts {
                builder.push(labels[*label], text(words).as_bytes(), 1.0).unwrap();
            }
            let Ok(dataset) = builder.finish(1) else { return Ok(()) };
            let (features, classes) = (dataset.features().len(), dataset.classes().len());
            let places = (0..features).flat_map(|feature| (0..classes).map(move |class| (feature, class)));
            let cell = |((feature, class), weight): ((usize, usize), &i32)| {
                Cell { feature: feature as u32, class: class as u32, weight: *weight as f32 / 1000.0 }
            };
            let cells: Vec<Cell> = places.zip(&weights).map(cell).collect();
            let classifier = freeze(&dataset, &cells, Vec::new()).into_classifier();
            let is_right = |(words, label): &&(Vec<usize>, usize)| classifier.classify(text(words)) == labels[*label];
            let expected = texts.iter().filter(is_right).count();
            prop_assert_eq!(right(&Problem::of_all(&dataset, false), &cells), expected as f64);
        }
    }

    #[test]
    fn scores_of_words_repeated_a_million_times_are_not_cut_off() {
        let (a, b) = ("a ".repeat(600_000), "b ".repeat(1_200_000));
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for (label, text) in [("b", a.clone() + &b), ("a", a.clone() + &b), ("a", a)] {
            builder.push(label, text.as_bytes(), 1.0).unwrap();
        }
        let dataset = builder.finish(1).unwrap();
        assert_eq!((dataset.classes()[0].as_str(), dataset.features()[1].as_str()), ("a", "a"));
        // As small as those of very long texts are, weights do not round to nothing.
        for weight in [100.0, 0.0001] {
            let cells = [0, 1].map(|class| Cell { feature: class + 1, class, weight });
            assert_eq!(right(&Problem::of_all(&dataset, false), &cells), 2.0);
            assert_eq!(freeze(&dataset, &cells, Vec::new()).nonzeros(), 2);
        }
    }
}
