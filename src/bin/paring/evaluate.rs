//! `paring evaluate`: how good a model's labels are.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::Args;
use indicatif::HumanCount;
use paring::Model;
use paring::data::ReadError;
use paring::data::read::read_labelled;
use paring::metrics::{Confusion, Scores, wilson_interval};
use serde_json::json;

use crate::common::{
    Failure, Labelled, ModelArgument, check_output, check_standard_streams, column, heading, line, padded,
    percent, print, print_json, tell, tell_of, visible, write_file,
};

/// Measure a model on labelled texts that it was not trained on
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  paring evaluate -m titles.paring test.tsv
  paring evaluate -m titles.paring test.csv --label role --text title --json")]
pub struct Evaluate {
    /// Files of labelled records, read as one; gzip and Zstandard are read through; - is standard input
    #[arg(value_name = "TEST", required = true)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    model: ModelArgument,

    #[command(flatten)]
    labelled: Labelled,

    /// One JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Write the confusion matrix: a row for each actual class, a column for each label
    #[arg(long, value_name = "FILE.csv", help_heading = "Output")]
    confusion: Option<PathBuf>,
}

/// What was measured.
#[derive(Debug)]
pub struct Evaluation {
    /// The model's classes, then those that only the texts have.
    pub classes: Vec<String>,
    pub confusion: Confusion,
    /// Texts in which the model knows a feature, and how many of them are right.
    pub known: u64,
    pub known_right: u64,
}

/// # Errors
/// When the model cannot be loaded, the texts not be read, or the confusion matrix not be written.
pub fn run(arguments: &Evaluate) -> Result<(), Failure> {
    let inputs = || arguments.files.iter().chain(arguments.model.file());
    check_standard_streams(inputs())?;
    if let Some(path) = &arguments.confusion {
        check_output(path, inputs())?;
    }
    let model = arguments.model.load()?;
    let bytes = model.to_bytes().len();
    let evaluation = evaluate(&model, |take| {
        let summary = read_labelled(&arguments.files, &arguments.labelled.options(None), &mut |record| {
            take(record.label, record.text);
            Ok(())
        })?;
        tell_of(&summary);
        Ok::<(), ReadError>(())
    })?;
    if !evaluation.knows_a_label(&model) {
        tell(NO_LABEL_IS_KNOWN);
    }
    if let Some(path) = &arguments.confusion {
        evaluation.check_size()?;
        write_file(path, &evaluation.as_csv()?)?;
    }
    if arguments.json {
        print_json(&evaluation.as_json(&model, bytes))
    } else {
        print(&evaluation.as_text(&model, bytes))
    }
}

/// Has `read` give it each label with its text.
///
/// # Errors
/// Those of `read`.
pub fn evaluate<E>(
    model: &Model,
    read: impl FnOnce(&mut dyn FnMut(&str, &[u8])) -> Result<(), E>,
) -> Result<Evaluation, E> {
    let classifier = model.clone().into_classifier();
    let mut scorer = classifier.scorer();
    let mut classes = model.classes().to_vec();
    let mut numbers: HashMap<String, usize> =
        classes.iter().enumerate().map(|(at, class)| (class.clone(), at)).collect();
    let mut labels = Vec::new();
    let (mut known, mut known_right) = (0, 0);
    read(&mut |label, text| {
        let actual = match numbers.get(label) {
            Some(&number) => number,
            None => {
                numbers.insert(label.into(), classes.len());
                classes.push(label.into());
                classes.len() - 1
            }
        };
        let prediction = scorer.predict(text);
        let predicted = prediction.class as usize;
        if prediction.known {
            known += 1;
            known_right += u64::from(actual == predicted);
        }
        labels.push((actual, predicted));
    })?;
    let mut confusion = Confusion::new(classes.len());
    for (actual, predicted) in labels {
        confusion.add(actual, predicted);
    }
    Ok(Evaluation { classes, confusion, known, known_right })
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Most likely the model is another than was meant.
pub const NO_LABEL_IS_KNOWN: &str =
    "none of the labels of the texts is a class of the model: no text can be right";

const WEIGHTED: &str = "weighted average";

/// With four columns of numbers, what a wide terminal has room for.
const WIDEST: usize = 72;

/// A confusion matrix has a cell for each pair of classes: more are no use to anybody, and fill the disk.
const MOST_CLASSES_OF_MATRIX: usize = 5_000;

impl Evaluation {
    /// Whether the texts of any class that a model has are among those measured.
    fn knows_a_label(&self, model: &Model) -> bool {
        (0..model.classes().len()).any(|class| self.confusion.support(class) > 0)
    }

    /// # Errors
    /// When there are too many classes for a confusion matrix.
    fn check_size(&self) -> Result<(), Failure> {
        let classes = self.classes.len();
        if classes > MOST_CLASSES_OF_MATRIX {
            return Err(format!(
                "a confusion matrix of {classes} classes: expected at most {MOST_CLASSES_OF_MATRIX}; leave --confusion out"
            )
            .into());
        }
        Ok(())
    }

    fn coverage(&self) -> f64 {
        share(self.known, self.confusion.texts()).unwrap_or(0.0)
    }

    /// Accuracy on the texts in which the model knows a feature, and on the others.
    fn with_and_without(&self) -> (Option<f64>, Option<f64>) {
        let confusion = &self.confusion;
        let without = share(confusion.right() - self.known_right, confusion.texts() - self.known);
        (share(self.known_right, self.known), without)
    }

    fn as_json(&self, model: &Model, bytes: usize) -> serde_json::Value {
        let confusion = &self.confusion;
        let scores = |scores: Scores| json!({ "precision": scores.precision, "recall": scores.recall, "f1": scores.f1 });
        let (low, high) = wilson_interval(confusion.right(), confusion.texts());
        let (known, unknown) = self.with_and_without();
        let classes: Vec<_> = (0..self.classes.len())
            .map(|class| {
                let Scores { precision, recall, f1, .. } = confusion.class(class);
                json!({
                    "name": self.classes[class],
                    "support": confusion.support(class),
                    "predicted": confusion.predicted(class),
                    "precision": precision,
                    "recall": recall,
                    "f1": f1,
                })
            })
            .collect();
        let confusions: Vec<_> = confusion
            .largest_confusions(20)
            .into_iter()
            .map(|(actual, predicted, count)| {
                json!({ "actual": self.classes[actual], "label": self.classes[predicted], "texts": count })
            })
            .collect();
        json!({
            "texts": confusion.texts(),
            "accuracy": confusion.accuracy(),
            "accuracy_interval": [low, high],
            "macro_f1": confusion.macro_average().f1,
            "macro": scores(confusion.macro_average()),
            "weighted": scores(confusion.weighted_average()),
            "coverage": self.coverage(),
            "accuracy_covered": known,
            "accuracy_not_covered": unknown,
            "nonzeros": model.nonzeros(),
            "bytes": bytes,
            "per_class": classes,
            "largest_confusions": confusions,
        })
    }

    fn as_text(&self, model: &Model, bytes: usize) -> String {
        let confusion = &self.confusion;
        let (low, high) = wilson_interval(confusion.right(), confusion.texts());
        let (known, unknown) = self.with_and_without();
        let maybe = |share: Option<f64>| share.map_or("-".into(), percent);
        let mut out = String::new();
        out += &line("texts", HumanCount(confusion.texts()));
        out += &line("nonzeros", HumanCount(model.nonzeros() as u64));
        out += &line("bytes", HumanCount(bytes as u64));
        out += &line(
            "accuracy",
            format!(
                "{} (95% interval {:.2} to {:.2})",
                percent(confusion.accuracy()),
                100.0 * low,
                100.0 * high
            ),
        );
        out += &line(
            "coverage",
            format!(
                "{}; accuracy with a known feature {}, without {}",
                percent(self.coverage()),
                maybe(known),
                maybe(unknown)
            ),
        );
        let occurs = |class: &usize| confusion.support(*class) + confusion.predicted(*class) > 0;
        let occurring: Vec<usize> = (0..self.classes.len()).filter(occurs).collect();
        let names = occurring.iter().map(|&class| self.classes[class].as_str());
        let width = column(names.chain([WEIGHTED]), 0, WIDEST);
        let row = |name: &str, scores: Scores, support: u64| {
            let Scores { precision, recall, f1, .. } = scores;
            format!(
                "{} {precision:>9.4} {recall:>9.4} {f1:>9.4} {:>9}\n",
                padded(name, width),
                HumanCount(support).to_string()
            )
        };
        out += &heading(&format!("{} precision    recall        F1   support", padded("class", width)));
        for class in occurring {
            out += &row(&self.classes[class], confusion.class(class), confusion.support(class));
        }
        out += &row("macro average", confusion.macro_average(), confusion.texts());
        out += &row(WEIGHTED, confusion.weighted_average(), confusion.texts());
        let confusions = confusion.largest_confusions(10);
        if !confusions.is_empty() {
            out += &heading("most frequent confusions");
        }
        let width = column(confusions.iter().map(|&(actual, ..)| self.classes[actual].as_str()), 0, WIDEST);
        for (actual, predicted, count) in confusions {
            out += &format!(
                "{:>9}  {} labelled {}\n",
                HumanCount(count).to_string(),
                padded(&self.classes[actual], width),
                visible(&self.classes[predicted])
            );
        }
        out
    }

    fn as_csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(std::iter::once("").chain(self.classes.iter().map(String::as_str)))?;
        for (actual, name) in self.classes.iter().enumerate() {
            let counts = (0..self.classes.len()).map(|label| self.confusion.count(actual, label).to_string());
            writer.write_record(std::iter::once(name.clone()).chain(counts))?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }
}
