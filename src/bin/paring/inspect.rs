//! `paring inspect`: what a model is, and all that it learnt.

use clap::Args;
use indicatif::HumanCount;
use paring::Model;
use serde_json::json;

use crate::common::{
    Failure, ModelArgument, check_standard_streams, heading, line, padded, print, print_data, print_json,
    visible,
};

/// Show what a model is and everything that it learnt
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  paring inspect
  paring inspect -m titles.paring --tsv | sort -t\"$(printf '\\t')\" -k3,3gr | head")]
pub struct Inspect {
    #[command(flatten)]
    model: ModelArgument,

    /// One JSON object
    #[arg(long, conflicts_with = "tsv")]
    json: bool,

    /// Every nonzero score as FEATURE<TAB>CLASS<TAB>SCORE; a tab in a class is written as a space
    #[arg(long)]
    tsv: bool,
}

/// # Errors
/// When the model cannot be loaded.
pub fn run(arguments: &Inspect) -> Result<(), Failure> {
    check_standard_streams(arguments.model.file())?;
    let model = arguments.model.load()?;
    if arguments.tsv {
        print_data(
            &nonzeros(&model)
                .map(|(feature, class, score)| format!("{feature}\t{}\t{score}\n", class.replace('\t', " ")))
                .collect::<String>(),
        )
    } else if arguments.json {
        print_json(&as_json(&model))
    } else {
        print(&as_text(&model))
    }
}

fn nonzeros(model: &Model) -> impl Iterator<Item = (&str, &str, f32)> {
    model.features().iter().enumerate().flat_map(move |(at, feature)| {
        let (classes, scores) = model.column(at);
        let pairs = classes.iter().zip(scores);
        pairs.map(move |(&class, &score)| (feature.as_str(), model.classes()[class as usize].as_str(), score))
    })
}

/// The features of each class with their scores, the largest first.
fn scorecard(model: &Model) -> Vec<Vec<(&str, f32)>> {
    let mut card = vec![Vec::new(); model.classes().len()];
    for (at, feature) in model.features().iter().enumerate() {
        let (classes, scores) = model.column(at);
        for (&class, &score) in classes.iter().zip(scores) {
            card[class as usize].push((feature.as_str(), score));
        }
    }
    for features in &mut card {
        features.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    }
    card
}

fn density(model: &Model) -> Option<f64> {
    let possible: f64 = model.metadata_value("possible_weights")?.parse().ok()?;
    Some(model.nonzeros() as f64 / possible)
}

fn as_json(model: &Model) -> serde_json::Value {
    let classes: Vec<_> = scorecard(model)
        .iter()
        .enumerate()
        .map(|(at, features)| {
            let scores: serde_json::Map<_, _> =
                features.iter().map(|&(feature, score)| (feature.to_string(), json!(score))).collect();
            json!({ "name": model.classes()[at], "texts": model.class_counts()[at], "scores": scores })
        })
        .collect();
    let metadata: serde_json::Map<_, _> =
        model.metadata().iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "classes": model.classes().len(),
        "features": model.features().len(),
        "nonzeros": model.nonzeros(),
        "density": density(model),
        "bytes": model.to_bytes().len(),
        "training": metadata,
        "scorecard": classes,
    })
}

fn as_text(model: &Model) -> String {
    let count = |number: usize| HumanCount(number as u64);
    let mut out = String::new();
    out += &line("classes", count(model.classes().len()));
    out += &line("features", count(model.features().len()));
    out += &line("nonzeros", count(model.nonzeros()));
    if let Some(density) = density(model) {
        out += &line("density", format!("{:.4} % of the possible weights", 100.0 * density));
    }
    out += &line("bytes", count(model.to_bytes().len()));
    out += &heading("training");
    for (name, value) in model.metadata() {
        out += &line(&visible(name), visible(value));
    }
    for (at, features) in scorecard(model).iter().enumerate() {
        let texts = HumanCount(model.class_counts()[at]);
        out += &heading(&format!("{} ({texts} texts)", visible(&model.classes()[at])));
        for (feature, score) in features {
            out += &format!("{} {score:>+9.3}\n", padded(feature, 32));
        }
    }
    out
}
