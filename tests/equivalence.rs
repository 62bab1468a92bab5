//! The engine gives the labels and scores of plain sums over a frozen model's matrix, however they are taken.

#![cfg(feature = "train")]

use std::path::{Path, PathBuf};

use paring::data::{Dataset, ReadOptions};
use paring::infer::Classifier;
use paring::text::{AffixLengths, FeatureSpec};
use paring::train::{Budget, Objective, Params};

/// The scores of every text from the model's matrix over all features, in f64.
fn dense_scores(dataset: &Dataset, classifier: &Classifier) -> Vec<Vec<f64>> {
    let model = classifier.model();
    let scores = model.to_sprs();
    let mut dense = vec![vec![0.0; dataset.features().len()]; dataset.classes().len()];
    for (&score, (class, column)) in scores.iter() {
        let name = &model.features()[column as usize];
        let feature = dataset.features().binary_search(name).expect("a feature of the training data");
        dense[class as usize][feature] = f64::from(score);
    }
    let sum = |row: &[f64], text: usize| -> f64 {
        let features = dataset.counts().outer_view(text).expect("a text of the training data");
        features.iter().map(|(feature, &count)| row[feature] * f64::from(count)).sum()
    };
    (0..dataset.texts()).map(|text| dense.iter().map(|row| sum(row, text)).collect()).collect()
}

/// The first of the largest: classes stand in the order in which ties are decided.
fn argmax(scores: &[f64]) -> usize {
    (0..scores.len()).rev().max_by(|&a, &b| scores[a].total_cmp(&scores[b])).expect("there are classes")
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = scores.iter().map(|score| (score - highest).exp()).sum();
    scores.iter().map(|score| (score - highest).exp() / total).collect()
}

fn check(path: &Path, spec: FeatureSpec, objective: Objective, nonzeros: usize) {
    let options = ReadOptions::default();
    let (dataset, _) = Dataset::from_files(&[path.to_path_buf()], &options, spec, 1).unwrap();
    let params = Params {
        budget: Budget::Nonzeros(nonzeros),
        objective,
        l2: Some(1.0),
        folds: 2,
        ..Params::default()
    };
    let trained = params.check().unwrap().train(&dataset, None, &mut |_| ()).unwrap();
    let classifier = trained.model.into_classifier();
    let scores = dense_scores(&dataset, &classifier);
    let mut texts = Vec::new();
    paring::data::read::read_labelled(&[path.to_path_buf()], &options, &mut |record| {
        texts.push(record.text.to_vec());
        Ok(())
    })
    .unwrap();
    assert_eq!(texts.len(), scores.len());
    let mut right = 0;
    for (at, (text, scores)) in texts.iter().zip(&scores).enumerate() {
        let label = classifier.classify(text);
        let of_dense = argmax(scores);
        assert_eq!(label, dataset.classes()[of_dense], "{:?}", String::from_utf8_lossy(text));
        // As many as the text has features, the intercept with them: what mean pooling divides by.
        let length =
            dataset.counts().outer_view(at).unwrap().iter().map(|(_, &count)| f64::from(count)).sum::<f64>();
        let pooled: Vec<f64> = scores.iter().map(|score| score / length).collect();
        assert_eq!(argmax(&pooled), of_dense);
        // Scores are multiples of 1/256, so that softmax keeps those that differ apart where it does not underflow.
        assert_eq!(scores[argmax(&softmax(scores))], scores[of_dense]);
        right += usize::from(of_dense as u32 == dataset.labels()[at]);
    }
    let accuracy = right as f64 / texts.len() as f64;
    assert!((accuracy - trained.report.training_accuracy).abs() < 1e-6);
}

fn titles() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/titles.tsv")
}

#[test]
fn the_engine_labels_as_plain_sums_over_the_matrix_do() {
    for nonzeros in [1, 20, 200, usize::MAX] {
        check(&titles(), FeatureSpec::default(), Objective::ZeroOne, nonzeros);
        check(&titles(), FeatureSpec::default(), Objective::SoftmaxMargin(2.0), nonzeros);
    }
}

#[test]
fn so_it_does_with_ngrams_and_affixes() {
    let spec = FeatureSpec { ngrams: 2, affixes: Some(AffixLengths { min: 3, max: 4 }) };
    check(&titles(), spec, Objective::ZeroOne, 60);
    check(&titles(), spec, Objective::LogLoss, 60);
}

#[test]
fn so_it_does_on_the_real_data_where_that_is_at_hand() {
    let Some(folder) = std::env::var_os("PARING_DATA") else {
        eprintln!("skipped: PARING_DATA does not name a folder of data");
        return;
    };
    for name in ["job-titles", "bank77", "dbpedia", "loghub"] {
        let path = Path::new(&folder).join(format!("{name}.train.tsv"));
        check(&path, FeatureSpec::default(), Objective::SoftmaxMargin(2.0), 100);
    }
}
