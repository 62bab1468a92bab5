//! The arguments of training, and its progress.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use paring::data::Dataset;
use paring::data::read::read_labelled;
use paring::text::{AffixLengths, FeatureSpec};
use paring::train::{Objective, Params, Progress, PruneBy, TrainError};

use crate::advice::advice;
use crate::common::{Failure, Labelled, display, tell, tell_of, whole};

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PruneByArgument {
    /// What the loss rises by when the weight goes
    Cost,
    /// The size of the weight, under log loss alone: the usual baseline, far worse
    Magnitude,
}

/// What is learnt from, and how.
#[derive(Debug, Args)]
pub struct Training {
    /// Files of labelled records, read as one; gzip and Zstandard are read through; - is standard input
    #[arg(value_name = "TRAIN", required = true)]
    pub files: Vec<PathBuf>,

    #[command(flatten)]
    pub labelled: Labelled,

    /// The column or field of a record's weight: how much it counts, in accuracies too, but for those on validation
    /// and test data, whose records count alike [default: every record counts 1]
    #[arg(long, value_name = "NAME", help_heading = "Labelled records")]
    weight: Option<String>,

    /// Up to so many consecutive words make a feature, 1 to 8
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole::<u8>, allow_negative_numbers = true, help_heading = "Features")]
    ngrams: u8,

    /// Prefixes and suffixes of words are features too, of these lengths in characters, 1 to 15 [lengths: 4-6 if not given]
    #[arg(
        long,
        value_name = "MIN-MAX",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "4-6",
        value_parser = affix_lengths,
        help_heading = "Features"
    )]
    affixes: Option<AffixLengths>,

    /// Leave out features that fewer texts have
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole::<u32>, allow_negative_numbers = true, help_heading = "Features")]
    min_count: u32,

    /// The loss that is lowered: auto (chosen by cross-validation), log-loss, softmax-margin:M (0 to 100), gce:Q
    /// (1e-6 to 1), zero-one
    #[arg(long, default_value = "auto", help_heading = "Fit")]
    objective: Objective,

    /// L2 strength: adds L2/2 times the sum of squares to the sum of losses, weights of records scaled to a mean of 1;
    /// where `auto` takes the naive Bayes penalty, less for weights that tell classes apart and more for others
    /// [default: chosen by cross-validation]
    #[arg(long, value_name = "L2", allow_negative_numbers = true, help_heading = "Fit")]
    l2: Option<f64>,

    /// L1 strength of a dense fit that the budget is cut from, for a mean loss [default: budgets below a
    /// sixty-fourth of the possible weights are grown instead, others cut from a weak one]
    #[arg(long, value_name = "L1", allow_negative_numbers = true, help_heading = "Fit")]
    l1: Option<f64>,

    /// What decides which weights are pruned first
    #[arg(long, value_enum, default_value = "cost", help_heading = "Fit")]
    prune_by: PruneByArgument,

    /// For macro F1, to which every class is equal whatever its number of texts: settings are chosen by it, and in a fit a
    /// class weighs the square root of what its texts do. Accuracies are balanced ones then, but for those on test data
    #[arg(long, help_heading = "Fit")]
    balance: bool,

    /// Folds of the cross-validation, 2 to 20; no more of them are fitted than hold out 12,000 texts together
    #[arg(long, value_name = "N", default_value_t = Params::default().folds, value_parser = whole::<usize>, allow_negative_numbers = true, help_heading = "Fit")]
    folds: usize,

    /// Decides the folds, and the random exchanges under 0/1 loss
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u64>, default_value_t = Params::default().seed, help_heading = "Fit")]
    seed: u64,

    /// Threads, or 0 for as many as the machine runs at once; the model is the same on any number
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<usize>, allow_negative_numbers = true, help_heading = "Machine")]
    threads: usize,

    /// Memory for the weights of a dense fit, as in 512M or 2G, beyond which none is cut from and a fit has one for
    /// each 32 bytes at most, and for the scores of all texts, beyond which training fails
    #[arg(long, value_name = "BYTES", default_value = "2G", value_parser = bytes, allow_negative_numbers = true, help_heading = "Machine")]
    max_memory: u64,
}

impl Training {
    /// Everything but the budget.
    pub fn params(&self) -> Params {
        Params {
            objective: self.objective,
            prune_by: match self.prune_by {
                PruneByArgument::Cost => PruneBy::Cost,
                PruneByArgument::Magnitude => PruneBy::Magnitude,
            },
            l1: self.l1,
            l2: self.l2,
            balance: self.balance,
            folds: self.folds,
            seed: self.seed,
            threads: self.threads,
            max_memory: self.max_memory,
            ..Params::default()
        }
    }

    /// # Errors
    /// When the files cannot be learnt from.
    pub fn dataset(&self) -> Result<Dataset, Failure> {
        let spec = FeatureSpec { ngrams: self.ngrams, affixes: self.affixes };
        let options = self.labelled.options(self.weight.as_deref());
        let bar = TrainingBar::start("reading");
        let read = Dataset::from_files(&self.files, &options, spec, self.min_count);
        bar.finish();
        let (dataset, summary) = read?;
        tell_of(&summary);
        Ok(dataset)
    }

    /// What accuracies of training are, where they are not plain ones.
    pub fn measure(&self) -> &'static str {
        match (self.balance, &self.weight) {
            (true, _) => ", balanced over the classes",
            (false, Some(_)) => ", by weight",
            (false, None) => "",
        }
    }

    /// The same for validation data, whose texts have no weights.
    pub fn validation_measure(&self) -> &'static str {
        if self.balance { self.measure() } else { "" }
    }

    /// Tells of data with nothing to learn from.
    pub fn tell_of_no_features(&self, dataset: &Dataset) {
        match (dataset.features().len(), self.min_count) {
            (1, 0 | 1) => tell("no text has a word: the model gives every text one label"),
            (1, least) => tell(format_args!(
                "no feature is left but the intercept (with --min-count {least}): the model gives every text one label"
            )),
            _ => {}
        }
    }

    /// Tells of classes that cannot be cross-validated.
    pub fn tell_of_single_texts(&self, dataset: &Dataset) {
        let classes = dataset.classes().iter().zip(dataset.class_counts());
        let single: Vec<&str> =
            classes.filter(|&(_, &count)| count == 1).map(|(name, _)| name.as_str()).collect();
        if let Some(first) = single.first() {
            tell(format_args!(
                "{} of {} classes have a single text, {first:?} for one: held out, it can be right by chance alone, and \
                 cross-validated accuracies are the lower for it",
                single.len(),
                dataset.classes().len()
            ));
        }
    }

    /// An error of training, with the file that it is about, if it is one.
    pub fn failed(&self, error: TrainError) -> Failure {
        match &self.files[..] {
            [only] => format!("{}: {error}{}", display(only), advice(&error)).into(),
            _ => error.into(),
        }
    }

    /// The labels and texts of a file that is not learnt from, written as those that are.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn texts(&self, path: &PathBuf) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let mut texts = Vec::new();
        let summary =
            read_labelled(std::slice::from_ref(path), &self.labelled.options(None), &mut |record| {
                texts.push((record.label.to_string(), record.text.to_vec()));
                Ok(())
            })?;
        tell_of(&summary);
        Ok(texts)
    }
}

fn affix_lengths(argument: &str) -> Result<AffixLengths, String> {
    let lengths = argument.split_once('-').and_then(|(min, max)| min.parse().ok().zip(max.parse().ok()));
    let (min, max) = lengths.ok_or("expected two lengths of 1 to 15, as in 4-6")?;
    Ok(AffixLengths { min, max })
}

/// A number of bytes, perhaps with K, M, G or T for powers of 1,024.
pub fn bytes(argument: &str) -> Result<u64, String> {
    let digits = argument.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match argument[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" | "KIB" => 1 << 10,
        "M" | "MB" | "MIB" => 1 << 20,
        "G" | "GB" | "GIB" => 1 << 30,
        "T" | "TB" | "TIB" => 1 << 40,
        _ => return Err("expected a number of bytes, as in 6144, 64K or 2G".into()),
    };
    let number: u64 = digits.parse().map_err(|_| "expected a number of bytes, as in 6144, 64K or 2G")?;
    number.checked_mul(unit).ok_or_else(|| "more bytes than there can be".into())
}

/// What training has to show until it has told how far it is.
const BEFORE: &str = "{prefix:16} {elapsed}";

/// What it shows from then on, without the time left: how many rounds and stages there will be is not known.
const WITHIN: &str = "{prefix:16} {wide_bar} {percent:>3} %{msg}";

/// A bar on a terminal's standard error.
pub struct TrainingBar {
    bar: Option<ProgressBar>,
    stage: &'static str,
}

impl TrainingBar {
    pub fn start(stage: &'static str) -> TrainingBar {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(1000);
            bar.set_style(style(BEFORE));
            bar.set_prefix(stage);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        TrainingBar { bar, stage }
    }

    pub fn show(&mut self, progress: Progress) {
        let Some(bar) = &self.bar else { return };
        if progress.stage != self.stage {
            self.stage = progress.stage;
            bar.set_style(style(WITHIN));
            bar.set_prefix(progress.stage);
            bar.reset();
        }
        bar.set_position((1000.0 * progress.done) as u64);
        // A dense fit that begins has none.
        if progress.nonzeros > 0 {
            bar.set_message(format!(
                "  loss {:.4}, {} nonzeros",
                progress.loss,
                HumanCount(progress.nonzeros as u64)
            ));
        }
    }

    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_bytes_may_have_a_unit() {
        for (argument, expected) in [
            ("6144", 6144),
            ("7B", 7),
            ("64K", 64 << 10),
            ("64k", 64 << 10),
            ("64KB", 64 << 10),
            ("64KiB", 64 << 10),
            ("3M", 3 << 20),
            ("3mb", 3 << 20),
            ("3MiB", 3 << 20),
            ("2G", 2 << 30),
            ("2GB", 2 << 30),
            ("2GiB", 2 << 30),
            ("5T", 5 << 40),
            ("5TB", 5 << 40),
            ("5TiB", 5 << 40),
            ("16777215T", ((1 << 24) - 1) << 40),
        ] {
            assert_eq!(bytes(argument), Ok(expected), "{argument}");
        }
        for argument in ["", "K", "-1", "1.5K", "1 K", "1P", "1Ki", "1BK", "99999999999999999999"] {
            assert!(bytes(argument).unwrap_err().contains("as in 6144, 64K or 2G"), "{argument}");
        }
        assert_eq!(bytes("16777216T"), Err("more bytes than there can be".into()));
    }
}
