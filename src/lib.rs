//! Text classifiers pared down to a few hundred numbers.
//!
//! A linear classifier of short texts has a score for every word and every class: 52,000 words and 26 classes make
//! 1.35 million numbers. `paring` finds the few that matter, say 200, freezes them into a compressed sparse column
//! matrix, and classifies by summing those that a text's words have. It computes no softmax, which would not change the
//! argmax.
//!
#![cfg_attr(
    feature = "train",
    doc = r#"
```
use paring::data::DatasetBuilder;
use paring::text::FeatureSpec;
use paring::train::{Budget, Params};

let mut builder = DatasetBuilder::new(FeatureSpec::default())?;
for (label, title) in [
    ("Health", "night nurse"), ("Health", "staff nurse"), ("Health", "school nurse"),
    ("Kitchen", "line cook"), ("Kitchen", "night cook"), ("Kitchen", "pastry cook"),
] {
    builder.push(label, title.as_bytes(), 1.0)?;
}
let dataset = builder.finish(1)?;

let params = Params { budget: Budget::Nonzeros(2), folds: 3, ..Params::default() }.check()?;
let trained = params.train(&dataset, None, &mut |_| ())?;
assert!(trained.model.nonzeros() <= 2);

let classifier = trained.model.into_classifier();
assert_eq!(classifier.classify("Senior nurse"), "Health");
assert_eq!(classifier.classify("Cook (nights)"), "Kitchen");
# Ok::<(), Box<dyn std::error::Error>>(())
```
"#
)]
//!
//! # The way the data flows
//!
//! | from | by | to |
//! |---|---|---|
//! | labelled records | `data::read`, or `data::DatasetBuilder` | `data::Dataset`: counts of shape (texts, features), a label for each text |
//! | `Dataset` | `train::Params::check`, then `train` | `train::Trained`: a [`Model`] within the budget, and a report |
//! | `Dataset` | `train::Params::check`, then `fit_dense`, `prune`, `refine`, `freeze`: the same stages one by one | `train::DenseFit`, `PrunedFit`, `RefinedFit`, a [`Model`] |
//! | [`Model`] | [`Model::into_classifier`] | [`Classifier`]: labels, scores, explanations |
//! | [`Model`] | `save`, [`to_bytes`](Model::to_bytes) | a file as [`model::format`] describes it |
//!
//! A frozen model cannot be pruned, and a classifier cannot be trained: each stage is a type of its own.
//!
//! # How it trains
//!
//! `scores = intercept + sum over the text's features t of count(t) * W[:, t]`, with `W` of shape (classes, features);
//! the intercept is the feature that every text has once, and its scores count in the budget like any other.
//!
//! 1. **Grow** from nothing: the (feature, class) that most lowers the loss at the best weight it can have, found by an
//!    exact line search among those whose gradients promise most; all weights are re-optimised whenever a quarter
//!    was added. Grows to twice the budget. Budgets above a sixty-fourth of all possible weights start from a dense fit with
//!    an L1 penalty instead (accelerated proximal steps, until one promises less than 5e-5 of the objective), and smaller ones
//!    where that does better.
//! 2. **Prune** to the budget, a fifth of the weights at a time, by what each cut costs, re-optimising what is left in
//!    between. What was cut stays zero.
//! 3. **Exchange** a fifth of what is left for the best others, twice at most (more was measured to give nothing); what does
//!    not lower the objective is undone, and fewer are exchanged next.
//! 4. **Finish under 0/1 loss**, if that serves: with all other weights fixed, training accuracy is a step function of one
//!    weight, whose steps are the margins of the texts that have the feature. Sorted, they give the best interval, and
//!    the weight goes to its middle. Again weights are exchanged, the cheapest first; in the
//!    fit that is kept, then three tenths at a time, drawn at random.
//!
//! No feature gets a weight for every class: to add one number to all of them changes no argmax and no probability, so that
//! one class can do without. Of two classes, a feature has a score for the one that it speaks for.
//!
//! The loss is softmax-margin: multinomial logistic regression with the true class's score lowered by a margin. It is taken
//! of scores over the square root of the text's length, which changes no argmax; by sums alone, long texts would outweigh
//! short ones.
//!
//! What is left open is chosen by stratified cross-validation at the very budget, one choice after the other:
//!
//! 1. the L2 strength;
//! 2. whether a weight is penalised the less the more its feature tells for or against the class, by naive Bayes;
//! 3. whether to cut from the dense fit where the budget would be grown;
//! 4. whether to finish under 0/1 loss, or to grow under it from nothing; and whether that loss is of four copies of each
//!    text too, each of whose features is left out of one, beside which the whole text counts for as much as all of them;
//! 5. the margin: 2, or for large budgets 4 or 8;
//! 6. whether to fit to such copies alone (dropout: it keeps a fit to few texts from leaning on single features), and the
//!    margin of that.
//!
//! Where the first half of the folds holds out 4,000 texts or more, what falls behind on it is not fitted to the
//! others. Where fewer than 2,000 texts are held out and fewer than four are fitted for each nonzero, the choice is by
//! expected accuracy, the mean probability of the right class, as accuracy says little of so few texts. Where classes
//! are to count the same, it is by macro F1.
//!
//! `benches/README.md` says what else was tried and what it gave.
//!
//! # Features
//!
//! | feature | brings | default |
//! |---|---|---|
//! | `cli` | the binary; `train` and `builtin-model` with it | yes |
//! | `train` | readers, training, metrics, streams; `std` with it | by `cli` |
//! | `std` | model files, instruction sets chosen at run time | by `train` |
//! | `builtin-model` | the model of job titles, 32 KB | by `cli` |
//!
//! Without any, what remains is [`text`], [`model`] and [`infer`]: `no_std` with `alloc`.
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(unsafe_code, missing_docs)]

extern crate alloc;

pub mod infer;
pub mod model;
pub mod text;

#[cfg(feature = "train")]
pub mod data;
#[cfg(feature = "train")]
pub mod metrics;
#[cfg(feature = "train")]
pub mod stream;
#[cfg(feature = "train")]
pub mod train;

#[cfg(feature = "builtin-model")]
pub mod builtin;

pub use infer::Classifier;
pub use model::Model;
/// The matrices of [`Model::to_sprs`] and of the counts and weights in training are this crate's.
#[cfg(feature = "train")]
pub use sprs;

#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
struct Readme;
