//! From the cells that survived to a frozen model.

use sprs::TriMatI;

use super::cell::{Cell, magnified};
use super::problem::PARTIAL_COPIES;
use super::setting::Setting;
use super::{Estimate, Params, PruneBy};
use crate::data::Dataset;
use crate::model::{Model, ModelParts, round_score};

/// The model that has these cells, [`magnified`], for its nonzeros, but for those that round to zero.
pub(super) fn freeze(dataset: &Dataset, cells: &[Cell], metadata: Vec<(String, String)>) -> Model {
    let mut cells: Vec<Cell> =
        magnified(cells).iter().map(|&cell| Cell { weight: round_score(cell.weight), ..cell }).collect();
    cells.retain(|cell| cell.weight != 0.0);
    if let [_, _] = dataset.classes() {
        // Against one of two classes is for the other: a positive score is the easier one to read.
        for cell in cells.iter_mut().filter(|cell| cell.weight < 0.0) {
            *cell = Cell { class: 1 - cell.class, weight: -cell.weight, ..*cell };
        }
    }
    // The columns of features without a nonzero are left out before the matrix is compressed: over the full
    // vocabulary its column pointers would take more than all that it holds.
    let mut kept: Vec<u32> = cells.iter().map(|cell| cell.feature).collect();
    kept.sort_unstable();
    kept.dedup();
    let mut triplets = TriMatI::<f32, u32>::new((dataset.classes().len(), kept.len()));
    for cell in &cells {
        let column = kept.binary_search(&cell.feature).expect("the feature of every cell is kept");
        triplets.add_triplet(cell.class as usize, column, cell.weight);
    }
    let scores = triplets.to_csc::<u32>();
    let (indptr, indices, data) = scores.into_raw_storage();
    Model::from_parts_however_spelt(ModelParts {
        classes: dataset.classes().to_vec(),
        class_counts: dataset.class_counts().to_vec(),
        features: kept.iter().map(|&feature| dataset.features()[feature as usize].clone()).collect(),
        indptr,
        indices,
        data,
        metadata,
    })
    .expect("a dataset's classes and features and rounded scores make a model")
}

/// What is known about how a model was made; an estimate of its accuracy by the name that tells how it came about.
pub(super) fn metadata(
    dataset: &Dataset,
    params: &Params,
    setting: &Setting,
    estimate: Option<(&str, Estimate)>,
) -> Vec<(String, String)> {
    let mut entries: Vec<(&str, String)> = vec![
        ("paring", env!("CARGO_PKG_VERSION").to_string()),
        ("texts", dataset.texts().to_string()),
        ("features", dataset.features().len().to_string()),
        ("possible_weights", dataset.possible_weights().to_string()),
        ("ngrams", dataset.spec().ngrams.to_string()),
        ("objective", setting.objective().to_string()),
        ("l2", setting.l2.to_string()),
        ("seed", params.seed.to_string()),
        ("data_sha256", dataset.digest().to_string()),
    ];
    if let Some(affixes) = dataset.spec().affixes {
        entries.push(("affixes", format!("{}-{}", affixes.min, affixes.max)));
    }
    if dataset.min_count() > 1 {
        entries.push(("min_count", dataset.min_count().to_string()));
    }
    if setting.naive_bayes {
        entries.push(("penalty", "naive Bayes".into()));
    }
    if setting.is_cut {
        entries.push(("start", "dense fit".into()));
    }
    if setting.dropout {
        entries.push(("dropout", format!("1/{PARTIAL_COPIES}")));
    }
    if let Some(l1) = params.l1 {
        entries.push(("l1", l1.to_string()));
    }
    if params.prune_by == PruneBy::Magnitude {
        entries.push(("prune_by", "magnitude".into()));
    }
    if params.balance {
        entries.push(("balance", "true".into()));
    }
    if dataset.weights().iter().any(|&weight| weight != dataset.weights()[0]) {
        entries.push(("weights", "of records".into()));
    }
    if params.folds != Params::default().folds {
        entries.push(("folds", params.folds.to_string()));
    }
    if let Some((name, estimate)) = estimate {
        entries.push((name, format!("{:.4}", estimate.accuracy)));
    }
    entries.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetBuilder;
    use crate::text::{AffixLengths, FeatureSpec};

    #[test]
    fn metadata_tells_what_was_chosen_and_asked_for_and_nothing_else() {
        let entries = |dataset: &Dataset, params: &Params, setting: &Setting, estimate| -> Vec<String> {
            let entries = metadata(dataset, params, setting, estimate);
            let entry = |(name, value): &(String, String)| format!("{name} {value}");
            entries.iter().filter(|(name, _)| name != "data_sha256" && name != "paring").map(entry).collect()
        };
        let dataset = |spec, min_count, weights: [f32; 2]| {
            let mut builder = DatasetBuilder::new(spec).unwrap();
            for (label, weight) in ["a", "b"].into_iter().zip(weights) {
                builder.push(label, label.as_bytes(), weight).unwrap();
            }
            builder.finish(min_count).unwrap()
        };
        let params = Params { seed: 7, ..Params::default() };
        let setting = Setting { l2: 0.3, ..Setting::without_choice(&params) };
        let always = [
            "texts 2",
            "features 3",
            "possible_weights 6",
            "ngrams 1",
            "objective softmax-margin:2",
            "l2 0.3",
            "seed 7",
        ];
        assert_eq!(entries(&dataset(FeatureSpec::default(), 1, [3.0; 2]), &params, &setting, None), always);
        let asked = Params { l1: Some(0.5), prune_by: PruneBy::Magnitude, balance: true, folds: 3, ..params };
        let chosen = Setting { naive_bayes: true, is_cut: true, dropout: true, ..setting };
        let estimate = Estimate { accuracy: 0.66667, standard_error: 0.1 };
        let affixes = Some(AffixLengths { min: 4, max: 6 });
        let dataset = dataset(FeatureSpec { ngrams: 1, affixes }, 2, [1.0, 2.0]);
        let all = entries(&dataset, &asked, &chosen, Some(("validation_accuracy", estimate)));
        let more = [
            "affixes 4-6",
            "min_count 2",
            "penalty naive Bayes",
            "start dense fit",
            "dropout 1/4",
            "l1 0.5",
            "prune_by magnitude",
            "balance true",
            "weights of records",
            "folds 3",
            "validation_accuracy 0.6667",
        ];
        assert_eq!(all[always.len()..], more);
    }

    #[test]
    fn words_that_the_tokenizer_would_not_give_back_can_be_learnt() {
        let mut builder = DatasetBuilder::new(FeatureSpec { ngrams: 2, affixes: None }).unwrap();
        for (label, text) in [("a", "a㈠b"), ("b", "α\u{37A} \u{140}\u{301}"), ("c", &"\u{FDFA}".repeat(80))]
        {
            builder.push(label, text.as_bytes(), 1.0).unwrap();
        }
        let dataset = builder.finish(1).unwrap();
        let cells: Vec<Cell> = (1..dataset.features().len() as u32)
            .map(|feature| Cell { feature, class: 0, weight: 1.0 })
            .collect();
        let model = freeze(&dataset, &cells, Vec::new());
        assert!(model.features().contains(&"a一b".to_string()), "{:?}", model.features());
    }
}
