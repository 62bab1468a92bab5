//! Stratified folds.

use super::random::Random;
use crate::data::Dataset;

/// Held-out texts enough to tell settings apart: with this many seen, no more folds are fitted.
const ENOUGH_HELD_OUT: usize = 12_000;

/// A fold is fitted to this many texts at most, or hardly more: settings that differ on so many differ on more as well.
const MOST_FITTED: usize = 100_000;

/// The texts to fit to and the texts held out, of one fold; as indices into the dataset, increasing.
#[derive(Debug, Clone)]
pub(super) struct Fold {
    pub fitted: Vec<u32>,
    pub held_out: Vec<u32>,
}

/// Deals the texts of every class out to `folds` folds, in an order that `seed` decides. Of large data only so
/// many folds are given as hold out 12,000 texts in all.
pub(super) fn stratified(dataset: &Dataset, folds: usize, seed: u64) -> Vec<Fold> {
    deal(dataset.labels(), folds, seed, ENOUGH_HELD_OUT, MOST_FITTED)
}

fn deal(labels: &[u32], folds: usize, seed: u64, enough_held_out: usize, most_fitted: usize) -> Vec<Fold> {
    let texts = labels.len();
    let folds = folds.min(texts);
    let mut order: Vec<u32> = (0..texts as u32).collect();
    Random::new(seed).shuffle(&mut order);
    // Classes go on where the one before stopped, so that classes of one text do not all fall into fold 0.
    order.sort_by_key(|&text| labels[text as usize]);
    let stride = (texts - texts / folds).div_ceil(most_fitted);
    let mut fold_of = vec![0; texts];
    let mut is_drawn = vec![true; texts];
    let mut dealt = 0;
    for class in order.chunk_by(|&a, &b| labels[a as usize] == labels[b as usize]) {
        for (rank, &text) in class.iter().enumerate() {
            fold_of[text as usize] = (dealt + rank) % folds;
            // The first of each class in every fold, so that no fit is without a class that has texts in others.
            is_drawn[text as usize] = (rank / folds).is_multiple_of(stride);
        }
        dealt += class.len();
    }
    let used = enough_held_out.div_ceil(texts.div_ceil(folds)).clamp(1, folds);
    (0..used)
        .map(|fold| {
            let (held_out, mut fitted): (Vec<u32>, Vec<u32>) =
                (0..texts as u32).partition(|&text| fold_of[text as usize] == fold);
            fitted.retain(|&text| is_drawn[text as usize]);
            Fold { fitted, held_out }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetBuilder;
    use crate::text::FeatureSpec;

    fn dataset() -> Dataset {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for at in 0..103 {
            let label = if at % 4 == 0 { "rare" } else { "common" };
            builder.push(label, format!("text {at}").as_bytes(), 1.0).unwrap();
        }
        builder.finish(1).unwrap()
    }

    #[test]
    fn every_text_is_held_out_once_and_classes_are_dealt_evenly() {
        let dataset = dataset();
        let folds = stratified(&dataset, 5, 1);
        let mut held_out: Vec<u32> = folds.iter().flat_map(|fold| fold.held_out.clone()).collect();
        held_out.sort_unstable();
        assert_eq!(held_out, (0..103).collect::<Vec<_>>());
        for fold in &folds {
            assert_eq!(fold.fitted.len() + fold.held_out.len(), 103);
            assert!(fold.held_out.iter().all(|text| !fold.fitted.contains(text)));
            let rare = fold.held_out.iter().filter(|&&text| dataset.labels()[text as usize] == 1).count();
            assert!((5..=6).contains(&rare));
        }
    }

    #[test]
    fn of_large_data_some_folds_are_given_and_fitted_to_some_texts_of_every_class() {
        let labels: Vec<u32> = (0..1000).map(|at| u32::from(at % 10 == 0)).collect();
        let folds = deal(&labels, 5, 1, 350, 300);
        assert_eq!(folds.len(), 2);
        assert!(folds[0].held_out.iter().all(|text| !folds[1].held_out.contains(text)));
        for Fold { fitted, held_out } in &folds {
            assert!(fitted.iter().all(|text| !held_out.contains(text)));
            assert_eq!(held_out.len(), 200);
            assert!((250..=300).contains(&fitted.len()), "{}", fitted.len());
            for texts in [fitted, held_out] {
                let rare = texts.iter().filter(|&&text| labels[text as usize] == 1).count();
                assert!((texts.len() / 10).abs_diff(rare) <= 2, "{rare} of {}", texts.len());
            }
        }
    }

    #[test]
    fn of_large_data_a_fit_has_every_class_that_has_texts_in_other_folds() {
        let frequent = std::iter::repeat_n(0, 900);
        let rare = (1..51).flat_map(|class| std::iter::repeat_n(class, 4));
        let labels: Vec<u32> = frequent.chain(rare).collect();
        for Fold { fitted, held_out } in deal(&labels, 5, 1, 1100, 300) {
            assert!(fitted.len() < 500);
            for text in held_out {
                let is_same = |&other: &u32| labels[other as usize] == labels[text as usize];
                assert!(fitted.iter().any(is_same), "class {}", labels[text as usize]);
            }
        }
    }

    #[test]
    fn the_seed_decides_the_folds() {
        let dataset = dataset();
        let held_out = |seed| stratified(&dataset, 5, seed)[0].held_out.clone();
        assert_eq!(held_out(1), held_out(1));
        assert_ne!(held_out(1), held_out(2));
    }
}
