//! `paring inspect`: what a model is, and all that it learnt.

use clap::Args;
use indicatif::HumanCount;
use paring::Model;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::common::{
    Failure, ModelArgument, check_standard_streams, column, heading, line, padded, print, print_pieces,
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
        print_pieces(|output| {
            nonzeros(&model).try_for_each(|(feature, class, score)| {
                writeln!(output, "{feature}\t{}\t{score}", class.replace('\t', " "))
            })
        })
    } else if arguments.json {
        print_pieces(|output| {
            serde_json::to_writer_pretty(&mut *output, &AsJson::of(&model))?;
            writeln!(output)
        })
    } else {
        print(&as_text(&model))
    }
}

/// Scores as `f64`, in which all their digits are printed.
fn nonzeros(model: &Model) -> impl Iterator<Item = (&str, &str, f64)> {
    model.features().iter().enumerate().flat_map(move |(at, feature)| {
        let (classes, scores) = model.column(at);
        let pairs = classes.iter().zip(scores);
        pairs.map(move |(&class, &score)| {
            (feature.as_str(), model.classes()[class as usize].as_str(), f64::from(score))
        })
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

/// What `--json` prints: names are borrowed, as each may have a score for every class.
#[derive(Serialize)]
struct AsJson<'m> {
    classes: usize,
    features: usize,
    nonzeros: usize,
    density: Option<f64>,
    bytes: usize,
    training: Map<String, Value>,
    scorecard: Vec<Class<'m>>,
}

#[derive(Serialize)]
struct Class<'m> {
    name: &'m str,
    texts: u64,
    #[serde(serialize_with = "as_object")]
    scores: Vec<(&'m str, f32)>,
}

fn as_object<S: Serializer>(scores: &[(&str, f32)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(scores.iter().map(|&(feature, score)| (feature, f64::from(score))))
}

impl AsJson<'_> {
    fn of(model: &Model) -> AsJson<'_> {
        let entry = |(name, value): &(String, String)| (name.clone(), Value::from(value.as_str()));
        let class = |(at, scores): (usize, _)| Class {
            name: &model.classes()[at],
            texts: model.class_counts()[at],
            scores,
        };
        AsJson {
            classes: model.classes().len(),
            features: model.features().len(),
            nonzeros: model.nonzeros(),
            density: density(model),
            bytes: model.to_bytes().len(),
            training: model.metadata().iter().map(entry).collect(),
            scorecard: scorecard(model).into_iter().enumerate().map(class).collect(),
        }
    }
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
    let width = column(model.metadata().iter().map(|(name, _)| name.as_str()), 0, 40);
    for (name, value) in model.metadata() {
        out += &line(&padded(name, width), visible(value));
    }
    let width = column(model.features().iter().map(String::as_str), 0, 72);
    for (at, features) in scorecard(model).iter().enumerate() {
        let texts = HumanCount(model.class_counts()[at]);
        out += &heading(&format!("{} ({texts} texts)", visible(&model.classes()[at])));
        for (feature, score) in features {
            out += &format!("{} {score:>+9.3}\n", padded(feature, width));
        }
    }
    out
}
