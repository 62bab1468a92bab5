//! `paring classify`: a record out for each record in.

use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::{Args, ValueEnum};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use paring::data::input::STANDARD_INPUT;
use paring::data::{Column, Format, input};
use paring::stream::{Output, Stream, StreamError, StreamOptions, StreamSummary, Unknown};

use crate::common::{
    Failure, ModelArgument, Usage, at_least_one, check_standard_streams, display, tell, tell_of_stray_quotes,
    whole,
};
use crate::record_output::RecordOutput;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OutputArgument {
    /// The label alone, one a line
    Label,
    /// The record as it came, with the label added as a last column or field
    Append,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArgument {
    /// A text a line
    Lines,
    /// Columns separated by tabs, nothing quoted
    Tsv,
    /// Comma-separated values, quoted as RFC 4180 says
    Csv,
    /// A JSON object a line
    Jsonl,
}

/// Label texts: one record out for each record in, in order
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  paring classify titles.txt
  tail -f titles.txt | paring classify --scores
  paring classify --text title --output append titles.csv > labelled.csv
  paring classify --text job.title --unknown other --min-margin 0.5 titles.jsonl.gz")]
pub struct Classify {
    /// Files, read one after the other; gzip and Zstandard are read through; - is standard input
    #[arg(value_name = "FILE", default_value = STANDARD_INPUT)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    model: ModelArgument,

    /// How records are written [default: what each file's extension tells, or lines]. An empty line is a record among
    /// lines and in TSV of one column, and none in other tables and JSON Lines
    #[arg(long, value_enum)]
    format: Option<FormatArgument>,

    /// The column or field of the text; a dotted path reaches into JSON objects, or is a name itself [default: text]
    #[arg(long, value_name = "NAME", allow_negative_numbers = true)]
    text: Option<String>,

    /// TSV and CSV have no header: --text is a number, 1 for the first column [default: 1]
    #[arg(long)]
    no_header: bool,

    /// What to write for each record; in lines and TSV, tabs in a label become spaces
    #[arg(long, value_enum, default_value = "label")]
    output: OutputArgument,

    /// The name of the column or field that --output append adds [default: label]
    #[arg(long, value_name = "NAME")]
    label: Option<String>,

    /// Add the score and the margin over the next class, behind tabs or in columns or fields of these names. Scores are
    /// sums over a text's words: a margin grows with the number of those that speak for the label, and is twice as large
    /// where the same words stand twice
    #[arg(long)]
    scores: bool,

    /// Add the probability of the class: the softmax of the scores, not calibrated
    #[arg(long)]
    probabilities: bool,

    /// Give the K best classes, the best first, each with what was asked for; the margin of the last of all is infinite:
    /// `inf`, or null in JSON
    #[arg(long, value_name = "K", default_value_t = NonZeroUsize::MIN, value_parser = at_least_one)]
    top: NonZeroUsize,

    /// The label of texts in which the model knows no feature
    #[arg(long, value_name = "LABEL")]
    unknown: Option<String>,

    /// Give the unknown label also to texts whose margin is less
    #[arg(long, value_name = "X", requires = "unknown", allow_negative_numbers = true)]
    min_margin: Option<f32>,

    /// Go on past bad records: their label is the unknown one, or empty; --output append leaves them as they came, and
    /// ends all the same at an object that has a field by the name of one to be added
    #[arg(long)]
    skip_bad_records: bool,

    /// Threads that classify, or 0 for as many as the machine runs at once
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<usize>, allow_negative_numbers = true)]
    threads: usize,

    /// Write each record by itself
    #[arg(long)]
    line_buffered: bool,
}

impl Classify {
    fn options(&self) -> StreamOptions {
        let defaults = StreamOptions::default();
        let default_text = if self.no_header { "1" } else { "text" };
        StreamOptions {
            format: self.format.map(|format| match format {
                FormatArgument::Lines => Format::Lines,
                FormatArgument::Tsv => Format::Tsv,
                FormatArgument::Csv => Format::Csv,
                FormatArgument::Jsonl => Format::JsonLines,
            }),
            text: Column::from_argument(self.text.as_deref().unwrap_or(default_text), !self.no_header),
            header: !self.no_header,
            output: match self.output {
                OutputArgument::Label => Output::Label,
                OutputArgument::Append => Output::Append,
            },
            label: self.label.clone().unwrap_or(defaults.label),
            scores: self.scores,
            probabilities: self.probabilities,
            top: self.top.get(),
            unknown: self
                .unknown
                .clone()
                .map(|label| Unknown { label, min_margin: self.min_margin.unwrap_or(0.0) }),
            skip_bad_records: self.skip_bad_records,
            threads: self.threads,
            write_each_record: self.line_buffered,
            ..defaults
        }
    }
}

/// Classifies the files.
///
/// # Errors
/// As [`StreamError`] says, when the model cannot be loaded, and when an input is also the output. That nobody reads the
/// output any more is no error.
pub fn run(arguments: Classify) -> Result<(), Failure> {
    check_standard_streams(arguments.files.iter().chain(arguments.model.file()))?;
    if arguments.label.is_some() && !matches!(arguments.output, OutputArgument::Append) {
        let told = "--label names what --output append adds: expected both, or neither";
        return Err(Usage(told.into()).into());
    }
    let classifier = Arc::new(arguments.model.load()?.into_classifier());
    let progress = Arc::new(Progress::start());
    let (shown, told) = (progress.clone(), progress.clone());
    // A stream that follows a log has no other end than a signal.
    let output = RecordOutput::standard(move || told.tell_of_bad_records())?;
    let mut stream = Stream::new(classifier, arguments.options(), output)
        .map_err(StreamError::from)?
        .on_progress(move |summary| shown.show(summary));
    let mut before = None;
    for file in &arguments.files {
        let format = stream.check_input(file)?;
        if let (OutputArgument::Append, Some(before)) = (arguments.output, before)
            && before != format
        {
            return Err(StreamError::FormatDiffers { file: file.clone(), found: format, before }.into());
        }
        before = Some(format);
        if format == Format::Lines && (arguments.text.is_some() || arguments.no_header) {
            return Err(Usage(format!(
                "{}: --text and --no-header are about columns, and plain lines have none: say with --format how records \
                 are written",
                display(file)
            ))
            .into());
        }
    }
    let classified = arguments.files.iter().try_for_each(|file| -> Result<(), Failure> {
        let input = input::open(file).map_err(|error| format!("{}: {error}", display(file)))?;
        Ok(stream.classify(file, input)?)
    });
    progress.finish();
    progress.bad_records.store(stream.summary().bad_records, Ordering::Relaxed);
    tell_of_stray_quotes(stream.summary().stray_quotes);
    progress.tell_of_bad_records();
    for bad in stream.first_bad_records() {
        tell(format_args!("  {bad}"));
    }
    match classified {
        Err(error) if error.downcast_ref().is_some_and(StreamError::is_closed_output) => Ok(()),
        ended => ended,
    }
}

/// How far the stream has come, on a terminal's standard error.
struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    bad_records: AtomicU64,
}

impl Progress {
    fn start() -> Progress {
        // Where labels go to the terminal too, they show how far it has come.
        let is_shown = io::stderr().is_terminal() && !io::stdout().is_terminal();
        let bar = is_shown.then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(
                ProgressStyle::with_template("{spinner} {msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar
        });
        Progress { bar, started: Instant::now(), bad_records: AtomicU64::new(0) }
    }

    fn show(&self, summary: StreamSummary) {
        self.bad_records.store(summary.bad_records, Ordering::Relaxed);
        let Some(bar) = &self.bar else { return };
        let per_second = summary.bytes_read as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
        bar.set_message(format!(
            "{} records, {}, {:.1} MB/s",
            HumanCount(summary.records),
            HumanBytes(summary.bytes_read),
            per_second / 1e6
        ));
        bar.tick();
    }

    fn tell_of_bad_records(&self) {
        let bad_records = self.bad_records.load(Ordering::Relaxed);
        if bad_records > 0 {
            tell(format_args!("bad records, passed over: {}", HumanCount(bad_records)));
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
