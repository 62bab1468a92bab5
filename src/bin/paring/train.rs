//! `paring train`: from labelled texts to a model file.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use indicatif::HumanCount;
use paring::data::Dataset;
use paring::model::format::MAGIC;
use paring::text::INTERCEPT;
use paring::train::{Budget, Candidate, Estimate, HeldOut, Params, TrainError, Trained};

use crate::common::{
    Failure, Usage, check_output, check_standard_streams, display, heading, line, percent, print, tell, whole,
};
use crate::training::{Training, TrainingBar, bytes};

/// Train a model within a budget
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  paring train titles.tsv -o titles.paring --nonzeros 200
  paring train titles.csv.gz -o titles.paring --label role --text title --max-bytes 6K --affixes
  paring train a.jsonl b.jsonl -o titles.paring --text job.title --max-accuracy-loss 2

With no budget, a model gets the fewest nonzeros whose cross-validated accuracy is within one standard error of the best.")]
pub struct Train {
    #[command(flatten)]
    training: Training,

    /// The model file to write
    #[arg(short, long, value_name = "MODEL", help_heading = "Output")]
    output: PathBuf,

    #[command(flatten)]
    budget: BudgetArguments,

    /// Labelled records to choose by, in place of cross-validation
    #[arg(long, value_name = "FILE", help_heading = "Fit")]
    validation: Option<PathBuf>,
}

/// How many weights may stay.
#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Budget")]
struct BudgetArguments {
    /// At most so many nonzeros, the intercepts' included
    #[arg(long, value_name = "N", value_parser = whole::<usize>, allow_negative_numbers = true)]
    nonzeros: Option<usize>,

    /// A model file of at most so many bytes, as in 6144 or 64K
    #[arg(long, value_name = "BYTES", value_parser = bytes, allow_negative_numbers = true)]
    max_bytes: Option<u64>,

    /// The fewest nonzeros, of some from 8 up, whose cross-validated accuracy is within P percentage points of the best
    /// that was found
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    max_accuracy_loss: Option<f64>,
}

impl BudgetArguments {
    fn budget(&self) -> Budget {
        match (self.nonzeros, self.max_bytes, self.max_accuracy_loss) {
            (Some(nonzeros), _, _) => Budget::Nonzeros(nonzeros),
            (_, Some(bytes), _) => Budget::Bytes(bytes),
            (_, _, Some(points)) => Budget::AccuracyLoss(points),
            _ => Budget::OneStandardError,
        }
    }
}

/// # Errors
/// When an argument is out of range, the data cannot be learnt from, or the model cannot be written.
pub fn run(arguments: &Train) -> Result<(), Failure> {
    let started = Instant::now();
    let budget = arguments.budget.budget();
    let params = Params { budget, ..arguments.training.params() }.check()?;
    let inputs = || arguments.training.files.iter().chain(&arguments.validation);
    check_standard_streams(inputs())?;
    check_output(&arguments.output, inputs())?;
    check_replaced(&arguments.output)?;
    let dataset = arguments.training.dataset()?;
    let validation = match &arguments.validation {
        Some(path) => Some(arguments.training.texts(path)?),
        None => None,
    };
    let mut bar = TrainingBar::start("preparing");
    let trained = params.train(&dataset, validation.as_deref(), &mut |progress| bar.show(progress));
    bar.finish();
    let trained = trained.map_err(|error| match (&error, &arguments.validation) {
        (TrainError::NoValidation | TrainError::UnknownValidation { .. }, Some(path)) => {
            format!("{}: {error}", display(path)).into()
        }
        _ => arguments.training.failed(error),
    })?;
    arguments.training.tell_of_no_features(&dataset);
    if dataset.features().len() > 1 && trained.model.features().iter().all(|name| name == INTERCEPT) {
        tell("no word has a score in the model: it gives every text one label");
    }
    match &validation {
        Some(texts) => tell_of_unknown_labels(&dataset, texts),
        None => arguments.training.tell_of_single_texts(&dataset),
    }
    trained.model.save(&arguments.output)?;
    let measure = arguments.training.measure();
    let estimated = if validation.is_some() {
        format!("on the validation data{}", arguments.training.validation_measure())
    } else {
        format!("cross-validated{measure}")
    };
    let how = How { estimated, measure, started };
    print(&report(&dataset, &trained, budget, &how))
}

/// Refuses to replace what is no model: of `-o *.tsv` the shell makes an output of the first file of data.
fn check_replaced(output: &Path) -> Result<(), Failure> {
    let mut head = Vec::new();
    let is_file = std::fs::metadata(output).is_ok_and(|found| found.is_file());
    // What may not be read cannot be told from a model.
    let is_read = is_file
        && File::open(output).is_ok_and(|file| file.take(MAGIC.len() as u64).read_to_end(&mut head).is_ok());
    if is_read && !head.is_empty() && head != MAGIC {
        let told = "a file that is no model: expected a model or no file here; remove it first";
        return Err(Usage(format!("{}: {told}", display(output))).into());
    }
    Ok(())
}

/// Tells of texts that no setting can label right.
fn tell_of_unknown_labels(dataset: &Dataset, validation: HeldOut<'_>) {
    let is_unknown = |(label, _): &&(String, Vec<u8>)| !dataset.classes().contains(label);
    let unknown = validation.iter().filter(is_unknown).count();
    if unknown > 0 {
        let texts = validation.len();
        tell(format_args!(
            "{unknown} of {texts} texts of the validation data have labels that the training data do not have: they \
             count as wrong"
        ));
    }
}

/// What a report has to know of how the model was trained.
struct How {
    estimated: String,
    measure: &'static str,
    started: Instant,
}

fn report(dataset: &Dataset, trained: &Trained, budget: Budget, how: &How) -> String {
    let How { estimated, measure, started } = how;
    let Trained { model, report, .. } = trained;
    let count = |number: usize| HumanCount(number as u64);
    let mut text = String::new();
    text += &line("classes", count(dataset.classes().len()));
    text += &line("texts", count(dataset.texts()));
    text += &line("features", count(dataset.features().len()));
    text += &line("possible weights", HumanCount(dataset.possible_weights()));
    text += &match budget {
        Budget::Nonzeros(most) => {
            line("nonzeros kept", format!("{} of at most {}", count(model.nonzeros()), count(most)))
        }
        _ => line("nonzeros kept", count(model.nonzeros())),
    };
    let bytes = count(model.to_bytes().len());
    text += &match budget {
        Budget::Bytes(most) => line("bytes", format!("{bytes} of at most {}", HumanCount(most))),
        _ => line("bytes", bytes),
    };
    text += &line("objective", report.choice);
    let Estimate { accuracy, standard_error, .. } = report.estimate;
    text += &line("accuracy", format!("{} ± {:.2} ({estimated})", percent(accuracy), 100.0 * standard_error));
    text += &line(
        "on training data",
        percent(report.training_accuracy) + measure.strip_prefix(',').unwrap_or(""),
    );
    text += &line("time", format!("{:.1} s", started.elapsed().as_secs_f64()));
    if report.candidates.len() < 2 {
        return text;
    }
    text += &heading("tried: accuracy in % by nonzeros");
    text += &tried(&report.candidates, |candidate| Some(candidate.estimate.accuracy));
    let is_told =
        |merit: fn(&Candidate) -> Option<f64>| report.candidates.iter().any(|tried| merit(tried).is_some());
    if is_told(|candidate| candidate.macro_f1) {
        text += &heading("chosen by: macro F1 in %");
        text += &tried(&report.candidates, |candidate| candidate.macro_f1);
    } else if is_told(|candidate| candidate.expected_accuracy) {
        text += &heading("chosen by: expected accuracy in %, as texts are few");
        text += &tried(&report.candidates, |candidate| candidate.expected_accuracy);
    }
    text
}

/// A row for each way to fit, a column for each size, of those that have a share to show.
fn tried(candidates: &[Candidate], share: impl Fn(&Candidate) -> Option<f64>) -> String {
    let shown = || candidates.iter().filter_map(|candidate| Some((candidate, share(candidate)?)));
    let mut sizes: Vec<usize> = shown().map(|(candidate, _)| candidate.nonzeros).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    for (candidate, share) in shown() {
        let name = candidate.choice.to_string();
        let at = rows.iter().position(|(other, _)| *other == name).unwrap_or_else(|| {
            rows.push((name, vec!["-".into(); sizes.len()]));
            rows.len() - 1
        });
        let column = sizes.partition_point(|&size| size < candidate.nonzeros);
        rows[at].1[column] = format!("{:.2}", 100.0 * share);
    }
    let longest = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let row = |name: &str, cells: &[String]| {
        let cells: String = cells.iter().map(|cell| format!(" {cell:>7}")).collect();
        format!("{name:<longest$}{cells}\n")
    };
    let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    row("", &sizes) + &rows.iter().map(|(name, cells)| row(name, cells)).collect::<String>()
}
