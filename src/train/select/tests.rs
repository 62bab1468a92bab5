use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::data::DatasetBuilder;
use crate::text::FeatureSpec;
use crate::train::memory::BYTES_OF_WEIGHT;
use crate::train::random::Random;
use crate::train::{Budget, Choice, folds};

/// Texts of two words: one of fifty that say the class, and one of three that mostly do.
fn dataset(texts: usize) -> Dataset {
    let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
    for at in 0..texts {
        let (sure, class) = (at % 50, at % 50 % 3);
        let likely = (class + usize::from(sure % 3 == 0)) % 3;
        let text = format!("sure{sure} likely{likely}");
        builder.push(["a", "b", "c"][class], text.as_bytes(), 1.0).unwrap();
    }
    builder.finish(1).unwrap()
}

#[test]
fn folds_of_more_and_of_less_than_fifty_texts_for_each_nonzero_try_the_same() {
    let dataset = dataset(299);
    // Fits to 149 and to 150 texts.
    let params = Params { budget: Budget::Nonzeros(3), folds: 2, ..Params::default() };
    let trained = params.check().unwrap().train(&dataset, None, &mut |_| ()).unwrap();
    assert!(trained.report.candidates.len() > 3);
}

/// Whether something like that is tried of so many nonzeros with a byte less than so many, and with all of them.
fn is_tried(dataset: &Dataset, size: usize, needed: u64, is_such: fn(&Choice) -> bool) -> (bool, bool) {
    let is_tried = |max_memory| {
        let budget = Budget::Nonzeros(size);
        let params = Params { budget, folds: 2, l2: Some(1.0), max_memory, ..Params::default() };
        let trained = params.check().unwrap().train(dataset, None, &mut |_| ()).unwrap();
        trained.report.candidates.iter().any(|candidate| is_such(&candidate.choice))
    };
    (is_tried(needed - 1), is_tried(needed))
}

#[test]
fn the_naive_bayes_penalty_is_tried_where_all_weights_have_room() {
    let dataset = dataset(299);
    let needed = dataset.possible_weights() * BYTES_OF_WEIGHT;
    assert_eq!(is_tried(&dataset, 3, needed, |choice| choice.naive_bayes), (false, true));
}

#[test]
fn a_cut_of_what_would_be_grown_is_tried_where_all_weights_have_room() {
    let dataset = dataset(299);
    let needed = dataset.possible_weights() * BYTES_OF_WEIGHT;
    assert_eq!(is_tried(&dataset, 2, needed, |choice| choice.is_cut), (false, true));
}

#[test]
fn leaving_features_out_is_tried_where_the_scores_of_all_copies_have_room() {
    let dataset = dataset(299);
    let needed = memory::of_scores(&dataset) * MOST_COPIES as u64;
    assert_eq!(is_tried(&dataset, 3, needed, |choice| choice.dropout), (false, true));
}

#[test]
fn no_more_weights_are_fitted_than_have_room() {
    let dataset = dataset(100);
    let max_memory = memory::of_scores(&dataset);
    let most = memory::most_weights(&Params { max_memory, ..Params::default() });
    let nonzeros = |max_memory| {
        let (objective, l2, budget) = (Objective::LogLoss, Some(1.0), Budget::Nonzeros(usize::MAX));
        let params = Params { objective, l2, budget, folds: 2, max_memory, ..Params::default() };
        params.check().unwrap().train(&dataset, None, &mut |_| ()).unwrap().model.nonzeros()
    };
    assert!(nonzeros(max_memory) <= most && nonzeros(u64::MAX) > most);
}

#[test]
fn growth_under_0_1_loss_from_nothing_is_tried_with_fifty_texts_for_each_nonzero() {
    let is_tried = |size| {
        let params = Params { budget: Budget::Nonzeros(size), folds: 2, ..Params::default() };
        let trained = params.check().unwrap().train(&dataset(300), None, &mut |_| ()).unwrap();
        let is_such = |choice: Choice| choice.objective == Objective::ZeroOne && choice.l2 == 0.0;
        trained.report.candidates.iter().any(|candidate| is_such(candidate.choice))
    };
    assert_eq!((is_tried(3), is_tried(4)), (true, false));
}

#[test]
fn what_ends_under_0_1_loss_starts_from_the_best_smooth_fit() {
    let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
    for (label, text) in [("a", "z"), ("a", "z"), ("b", "x y"), ("b", "y")] {
        builder.push(label, text.as_bytes(), 1.0).unwrap();
    }
    let dataset = builder.finish(1).unwrap();
    // Either word gets all texts right that are fitted to, and one of them that which is held out.
    let fold = folds::Fold { fitted: vec![0, 1, 2], held_out: vec![3] };
    let trials = [Trial::of_fold(&dataset, &fold, false)];
    let search = Search {
        dataset: &dataset,
        params: &Params::default(),
        trials: &trials,
        sizes: &[1],
        sought: Sought::BestAtEach,
        finished: vec![true],
        expected: vec![false],
        step: &|_| (),
    };
    let setting = Setting::without_choice(&Params::default());
    let followed = |word: &str, accuracy| {
        let feature = dataset.features().iter().position(|feature| feature == word).unwrap() as u32;
        let estimates = vec![Some(Estimate { accuracy, standard_error: 0.0 })];
        let scored = Scored { setting, estimates, expected: vec![None], macro_f1: vec![None] };
        let cells = vec![Cell { feature, class: 1, weight: 1.0 }];
        let fit = Fit { cells, ..Fit::by_right(trials[0].all.clone()) };
        Followed { scored, fits: vec![vec![Some(fit)]] }
    };
    let smooth = [followed("x", 0.0), followed("y", 1.0), followed("x", 0.5)];
    let finish = Setting { zero_one: ZeroOne::Finish, ..setting };
    let ended = search.follow(vec![(finish, vec![true])], &smooth, 1);
    assert_eq!(ended[0].scored.estimates[0].unwrap().accuracy, 1.0);
}

/// What the settings of `params` score at 20 nonzeros on four folds, and how many fits that takes.
fn scored_and_fits(texts: usize, params: &Params) -> (Vec<Scored>, usize) {
    let dataset = dataset(texts);
    let folds = folds::stratified(&dataset, 4, 1);
    let trials: Vec<Trial> = folds.iter().map(|fold| Trial::of_fold(&dataset, fold, false)).collect();
    let fits = AtomicUsize::new(0);
    let count = |_| {
        fits.fetch_add(1, Ordering::Relaxed);
    };
    let scored = score(&dataset, params, &trials, &[20], Sought::BestAtEach, &count);
    (scored, fits.into_inner())
}

#[test]
fn what_falls_behind_is_not_fitted_to_all_folds_and_what_is_chosen_is() {
    let texts = 2 * ENOUGH_FOR_A_RACE;
    let params = Params { objective: Objective::SoftmaxMargin(2.0), ..Params::default() };
    let (scored, fits) = scored_and_fits(texts, &params);
    assert!(fits < 4 * scored.len(), "{fits} fits of {}", scored.len());
    let (setting, estimate) = best(&scored, 0);
    let (alone, fits) = scored_and_fits(texts, &Params { l2: Some(f64::from(setting.l2)), ..params });
    assert_eq!((best(&alone, 0), fits), ((setting, estimate), 4));
}

#[test]
fn for_the_smallest_size_sought_nothing_is_tried_at_those_larger_than_what_makes_no_error() {
    let dataset = dataset(3000);
    let folds = folds::stratified(&dataset, 2, 1);
    let trials: Vec<Trial> = folds.iter().map(|fold| Trial::of_fold(&dataset, fold, false)).collect();
    let scored = |objective, sought| {
        let params = Params { objective, ..Params::default() };
        score(&dataset, &params, &trials, &[10, 60, 160], sought, &|_| ())
    };
    let tried =
        |scored: &[Scored], at: usize| scored.iter().filter(|scored| scored.estimates[at].is_some()).count();
    let each = scored(Objective::Auto, Sought::BestAtEach);
    let smallest = scored(Objective::Auto, Sought::Smallest(Allowed::StandardError));
    assert!(best(&each, 0).1.accuracy < 1.0 && best(&each, 1).1.accuracy == 1.0);
    assert_eq!(best(&smallest, 1), best(&each, 1));
    assert!(tried(&smallest, 2) == L2.len() && tried(&each, 2) > L2.len());
    let zero_one = scored(Objective::ZeroOne, Sought::Smallest(Allowed::StandardError));
    assert!((0..3).all(|at| tried(&zero_one, at) > 0));
}

#[test]
fn where_the_smallest_is_sought_sizes_are_gone_on_with_that_may_become_it_or_decide_what_is_enough() {
    let dataset = dataset(30);
    let open = |accuracies: &[f64], sought| {
        let setting = Setting::without_choice(&Params::default());
        let estimate = |&accuracy: &f64| Some(Estimate { accuracy, standard_error: 0.01 });
        let estimates = accuracies.iter().map(estimate).collect();
        let scored = Scored {
            setting,
            estimates,
            expected: vec![None; accuracies.len()],
            macro_f1: vec![None; accuracies.len()],
        };
        let search = Search {
            dataset: &dataset,
            params: &Params::default(),
            trials: &[],
            sizes: &vec![1; accuracies.len()],
            sought,
            finished: Vec::new(),
            expected: Vec::new(),
            step: &|_| (),
        };
        let open = search.open(&[Followed { scored, fits: Vec::new() }]);
        (0..open.len()).filter(|&at| open[at]).collect::<Vec<_>>()
    };
    let accuracies = [0.5, 0.76, 0.775, 0.796, 0.8, 0.798, 0.791];
    assert_eq!(open(&accuracies, Sought::BestAtEach), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(open(&accuracies, Sought::Smallest(Allowed::StandardError)), [2, 3, 4, 6]);
    assert_eq!(open(&accuracies, Sought::Smallest(Allowed::Accuracy(0.02))), [1, 2, 3, 4, 6]);
    assert_eq!(open(&accuracies, Sought::Smallest(Allowed::Accuracy(0.0))), [3, 4, 6]);
    assert_eq!(open(&[0.9, 0.995, 1.0, 1.0, 0.999], Sought::Smallest(Allowed::Accuracy(0.0))), [1]);
}

#[test]
fn a_naive_bayes_penalty_is_gone_on_from_where_it_is_half_a_standard_error_better() {
    let followed = |naive_bayes, accuracy| {
        let setting = Setting { naive_bayes, ..Setting::without_choice(&Params::default()) };
        let estimates = vec![Some(Estimate { accuracy, standard_error: 0.01 })];
        let scored = Scored { setting, estimates, expected: vec![None], macro_f1: vec![None] };
        Followed { scored, fits: Vec::new() }
    };
    let goes_on = |accuracy| {
        let all = [followed(false, 0.7), followed(true, accuracy)];
        best_followed(&all, 0).scored.setting.naive_bayes
    };
    assert!(goes_on(0.706) && !goes_on(0.704));
}

#[test]
fn half_a_standard_error_more_is_clearly_ahead_and_nothing_is_ahead_of_none() {
    let followed = |accuracy: Option<f64>| {
        let setting = Setting::without_choice(&Params::default());
        let estimates = vec![accuracy.map(|accuracy| Estimate { accuracy, standard_error: 0.01 })];
        let scored = Scored { setting, estimates, expected: vec![None], macro_f1: vec![None] };
        Followed { scored, fits: Vec::new() }
    };
    let others = [followed(Some(0.7)), followed(Some(0.6)), followed(None)];
    let is_ahead = |some: &[Followed], others: &[Followed]| is_ahead(some, others, 0, CLEARLY);
    assert!(is_ahead(&[followed(Some(0.65)), followed(Some(0.706))], &others));
    assert!(!is_ahead(&[followed(Some(0.704))], &others) && !is_ahead(&[followed(None)], &others));
    assert!(!is_ahead(&[], &others) && !is_ahead(&others, &[]));
}

#[test]
fn dropout_of_a_loss_that_is_clearly_behind_is_tried_only_where_few_texts_are_held_out() {
    // Words that each say a little of the class: 0/1 loss fits noise.
    let tries_copies = |texts: usize| {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        let mut random = Random::new(1);
        for at in 0..texts {
            let word = |_| {
                let word = random.below(100);
                if random.below(100) < 60 { 2 * word + at % 2 } else { 2 * word + 1 - at % 2 }
            };
            let text: Vec<String> = (0..8).map(word).map(|word| format!("w{word}")).collect();
            builder.push(["a", "b"][at % 2], text.join(" ").as_bytes(), 1.0).unwrap();
        }
        let dataset = builder.finish(1).unwrap();
        let folds = folds::stratified(&dataset, 4, 1);
        let trials: Vec<Trial> = folds.iter().map(|fold| Trial::of_fold(&dataset, fold, false)).collect();
        let params = Params { l2: Some(1.0), ..Params::default() };
        let scored = score(&dataset, &params, &trials, &[150], Sought::BestAtEach, &|_| ());
        scored.iter().any(|scored| scored.setting.dropout && scored.setting.zero_one == ZeroOne::Finish)
    };
    let enough = 2 * ENOUGH_FOR_A_RACE;
    assert_eq!((tries_copies(enough), tries_copies(enough - 8)), (false, true));
}

#[test]
fn where_few_texts_are_held_out_all_settings_are_fitted_to_all_folds() {
    let params = Params { objective: Objective::SoftmaxMargin(2.0), ..Params::default() };
    let (scored, fits) = scored_and_fits(2 * ENOUGH_FOR_A_RACE - 8, &params);
    assert_eq!(fits, 4 * scored.len());
}

#[test]
fn expected_accuracy_is_what_fewer_than_2000_held_out_texts_and_fewer_than_four_for_each_nonzero_are_told_by()
{
    let is_expected = |texts: usize, size: usize| {
        let dataset = dataset(texts);
        let folds = folds::stratified(&dataset, 4, 1);
        let trials: Vec<Trial> = folds.iter().map(|fold| Trial::of_fold(&dataset, fold, false)).collect();
        super::is_expected(&trials, size)
    };
    // Fits to three quarters of them.
    assert_eq!([374, 375].map(|size| is_expected(1999, size)), [false, true]);
    assert!(!is_expected(2000, 1000));
}

#[test]
fn far_weaker_penalties_are_tried_where_classes_are_many_and_small_and_only_there() {
    // Every class has a word of its own in its few texts.
    let strengths = |classes: usize, of_each: usize| {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        let mut random = Random::new(1);
        for at in 0..classes * of_each {
            let text = format!("own{} noise{} noise{}", at % classes, random.below(40), random.below(40));
            builder.push(&format!("class{}", at % classes), text.as_bytes(), 1.0).unwrap();
        }
        let dataset = builder.finish(1).unwrap();
        let folds = folds::stratified(&dataset, 2, 1);
        let trials: Vec<Trial> = folds.iter().map(|fold| Trial::of_fold(&dataset, fold, false)).collect();
        let params = Params { objective: Objective::SoftmaxMargin(2.0), ..Params::default() };
        let scored = score(&dataset, &params, &trials, &[classes], Sought::BestAtEach, &|_| ());
        scored.iter().map(|scored| scored.setting.l2).fold(f32::INFINITY, f32::min)
    };
    assert!(strengths(450, 2) < 0.1);
    assert!(strengths(5, 100) >= 0.1);
}
