use super::*;
use crate::data::{DatasetBuilder, ReadOptions};
use crate::metrics::Confusion;
use crate::text::FeatureSpec;
use crate::train::{Objective, Params};

/// Each class has a word of its own, and one class fewer need have a weight.
fn with_own_words(classes: usize) -> Dataset {
    let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
    for at in 0..20 * classes {
        let text = format!("own{} a{} b{}", at % classes, at * 7 % 13, at * 5 % 11);
        builder.push(&format!("class{}", at % classes), text.as_bytes(), 1.0).unwrap();
    }
    builder.finish(1).unwrap()
}

#[test]
fn of_words_that_tell_as_much_those_are_kept_that_tell_texts_from_the_class_of_ties() {
    for classes in [2, 10] {
        let dataset = with_own_words(classes);
        for objective in [Objective::LogLoss, Objective::Auto] {
            let params = Params { budget: Budget::Nonzeros(classes - 1), objective, ..Params::default() };
            let report = params.check().unwrap().train(&dataset, None, &mut |_| ()).unwrap().report;
            assert_eq!((report.training_accuracy, report.estimate.accuracy), (1.0, 1.0), "{objective}");
        }
    }
}

#[test]
fn all_that_was_tried_is_told_by_size() {
    let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
    for at in 0..300_usize {
        let text = format!("sure{} likely{}", at % 50, at % 7);
        builder.push(["a", "b", "c"][at % 50 % 3], text.as_bytes(), 1.0).unwrap();
    }
    let dataset = builder.finish(1).unwrap();
    let sizes = |budget| -> Vec<usize> {
        let params = Params { budget, objective: Objective::LogLoss, folds: 2, ..Params::default() };
        let report = params.check().unwrap().train(&dataset, None, &mut |_| ()).unwrap().report;
        let tried: Vec<_> = report.candidates.iter().map(|tried| (tried.nonzeros, tried.choice)).collect();
        assert!((1..tried.len()).all(|at| !tried[..at].contains(&tried[at])), "{tried:?}");
        tried.iter().map(|&(nonzeros, _)| nonzeros).collect()
    };
    let possible = dataset.possible_weights() as usize;
    // Between two sizes that double, finer ones are told too, whether or not one of them is good enough.
    let doubling = sizes(Budget::AccuracyLoss(0.0));
    assert!(
        doubling.is_sorted()
            && doubling.contains(&8)
            && doubling.iter().any(|size| !size.is_power_of_two() && *size != possible)
    );
    let by_bytes = sizes(Budget::Bytes(300));
    assert!(by_bytes.is_sorted() && by_bytes.first() != by_bytes.last());
}

#[test]
fn of_sizes_that_are_accurate_enough_the_smallest_is_taken() {
    let (budget, objective) = (Budget::AccuracyLoss(0.0), Objective::LogLoss);
    let params = Params { budget, objective, l2: Some(1.0), folds: 2, ..Params::default() };
    let trained = params.check().unwrap().train(&with_own_words(11), None, &mut |_| ()).unwrap();
    let accurate = trained.report.candidates.iter().filter(|tried| tried.estimate.accuracy == 1.0);
    let accurate: Vec<usize> = accurate.map(|tried| tried.nonzeros).collect();
    // Between 8 and 16, which are tried first.
    assert_eq!((trained.model.nonzeros(), &accurate[..4]), (10, &[10, 12, 14, 16][..]));
}

#[test]
fn settings_are_told_apart_at_the_size_that_a_budget_of_bytes_turns_out_to_allow() {
    for bytes in [300, 350, 400] {
        let (budget, objective) = (Budget::Bytes(bytes), Objective::LogLoss);
        let params = Params { budget, objective, folds: 2, ..Params::default() };
        let trained = params.check().unwrap().train(&with_own_words(11), None, &mut |_| ()).unwrap();
        let tried: Vec<usize> = trained.report.candidates.iter().map(|tried| tried.nonzeros).collect();
        let first_guess = tried[tried.len() - 1];
        assert!(trained.model.nonzeros() * 6 / 5 < first_guess, "{bytes}: {tried:?}");
        let at_the_last = tried.iter().filter(|&&size| size == trained.model.nonzeros());
        assert!(at_the_last.count() >= 3, "{bytes}: {tried:?}");
    }
}

#[test]
fn a_file_is_filled_from_whatever_size_the_search_begins_with() {
    let files = [concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/titles.tsv").into()];
    let (dataset, _) =
        Dataset::from_files(&files, &ReadOptions::default(), FeatureSpec::default(), 1).unwrap();
    let params = Params { objective: Objective::LogLoss, l2: Some(1.0), ..Params::default() };
    let params = params.check().unwrap();
    let progress = &mut |_| ();
    let run = Run::new(&params, &dataset, None, progress).unwrap();
    let (problem, setting) = (run.all_texts(), Setting::plain(Loss { q: 0.0, margin: 0.0 }, 1.0));
    let estimate = Estimate { accuracy: 0.5, standard_error: 0.1 };
    let needed = run.file_length(setting, estimate, &[]);
    // The more nonzeros, the fewer bytes each takes: a little more than fits is hardest to get down from.
    let mut found = run.possible();
    for more in [3600, 1200, 300] {
        let room = Room { bytes: needed + more, needed };
        for start in [found, 1, found / 2, found * 103 / 100, found * 110 / 100] {
            let largest = run.largest_within(&problem, (setting, estimate), start, room);
            let (size, cells) = largest.expect("a nonzero fits");
            let length = run.file_length(setting, estimate, &cells);
            assert!(cells.len() <= size && length <= room.bytes, "{more} {start}");
            assert!(length - needed > more * 9 / 10, "{more} {start} {size} {}", length - needed);
            found = size;
        }
    }
}

#[test]
fn validation_texts_of_labels_that_were_not_learnt_are_wrong_and_of_classes_of_their_own() {
    let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
    for at in 0..60 {
        builder.push(["a", "a", "b"][at % 3], format!("w{} x{}", at % 3, at % 7).as_bytes(), 1.0).unwrap();
    }
    let dataset = builder.finish(1).unwrap();
    let validation =
        [("a", "w0"), ("a", "w1 x1"), ("a", "w2"), ("b", "w2"), ("c", "w0"), ("c", "x1"), ("d", "w2")];
    let validation = validation.map(|(label, text)| (label.to_string(), text.as_bytes().to_vec()));
    for balance in [false, true] {
        let (objective, l2, budget) = (Objective::LogLoss, Some(1.0), Budget::Nonzeros(6));
        let params = Params { objective, l2, budget, balance, ..Params::default() }.check().unwrap();
        let trained = params.train(&dataset, Some(&validation), &mut |_| ()).unwrap();
        let classifier = trained.model.into_classifier();
        let class = |label: &str| ["a", "b", "c", "d"].iter().position(|&other| other == label).unwrap();
        let mut confusion = Confusion::new(4);
        for (label, text) in &validation {
            confusion.add(class(label), class(classifier.classify(text)));
        }
        let [candidate] = &trained.report.candidates[..] else { panic!("one setting") };
        let macro_average = confusion.macro_average();
        let accuracy = if balance { macro_average.recall } else { confusion.accuracy() };
        assert!((candidate.estimate.accuracy - accuracy).abs() < 1e-6, "{balance}");
        let macro_f1 = balance.then_some(macro_average.f1);
        assert!((candidate.macro_f1.unwrap_or(0.0) - macro_f1.unwrap_or(0.0)).abs() < 1e-9, "{balance}");
        assert_eq!(candidate.macro_f1.is_some(), balance);
    }
}

#[test]
fn no_more_accuracy_is_lost_than_allowed_of_the_best_that_the_report_shows() {
    let files = [concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/titles.tsv").into()];
    let (dataset, _) =
        Dataset::from_files(&files, &ReadOptions::default(), FeatureSpec::default(), 1).unwrap();
    // Of so few texts, settings are told apart by expected accuracy.
    for points in [0.0, 2.0] {
        let (objective, budget) = (Objective::SoftmaxMargin(8.0), Budget::AccuracyLoss(points));
        let params = Params { objective, budget, ..Params::default() };
        let report = params.check().unwrap().train(&dataset, None, &mut |_| ()).unwrap().report;
        let accuracies = report.candidates.iter().map(|tried| tried.estimate.accuracy);
        let best = accuracies.fold(0.0, f64::max);
        assert!(report.estimate.accuracy >= best - points / 100.0, "{points}");
    }
}
