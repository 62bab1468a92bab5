//! Reading labelled records.
//!
//! | format | a record | its columns |
//! |---|---|---|
//! | TSV | a line | separated by tabs, nothing quoted: a `"` is a character like any other |
//! | CSV | as RFC 4180 says; a quoted field may hold line breaks | separated by commas |
//! | JSON Lines | a line with one JSON object | its fields; a dotted path reaches into nested objects, or is the whole name of a field |
//! | fastText | a line, `__label__NAME` and the text after one space or tab | none |
//!
//! * The first record of TSV and CSV is a header with the names of the columns, unless [`ReadOptions::header`] says
//!   otherwise. All records have as many columns as the header, or as the first record where there is none.
//! * Lines end with LF or CRLF, in any mixture; CSV takes a lone CR for a line end too, but in quotes. A byte-order
//!   mark at the start of a file is passed over.
//! * Empty lines are no records; nor, in JSON Lines and fastText, are lines of white space alone.
//! * A label is UTF-8, not empty, and without line breaks; it is taken as it is, spaces at its ends included. A text is
//!   any bytes, none included; JSON alone has to be UTF-8 throughout.
//! * In JSON Lines a label may be a string, a number, `true` or `false`, and a text a string or a number: other than
//!   strings they are taken as written (`1.0` stays `1.0`). Of two fields of one name the last counts.
//! * In fastText a line has one label, its first token. A further token that begins with `__label__` makes it a bad
//!   record, because a text has one class here.
//!
//! What is in memory at a time is one record, and for TSV and CSV the place where each of its columns ends.

mod csv;
pub(crate) mod error;
mod fasttext;
pub(crate) mod json;
mod lines;
pub(crate) mod table;

use std::fmt;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

pub use error::{BadRecord, ColumnRole, ReadError, ReadErrorKind};

use super::{Dataset, DatasetBuilder, DatasetError, Format, input};
use crate::text::FeatureSpec;

/// Skipped records that are told about; the others are only counted.
pub(crate) const SKIPPED_TOLD: usize = 5;

const READ_BYTES: usize = 64 << 10;

/// A column of a table, or a field of a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Column {
    /// By its name in the header; in JSON Lines a dotted path: `job.title` is the field `title` of the object in the
    /// field `job`.
    Name(String),
    /// By its number, 1 for the first.
    Number(usize),
}

impl Column {
    /// The column that a command line's argument means: a number where there is no header, a name otherwise.
    pub fn from_argument(argument: &str, header: bool) -> Column {
        let is_number = !argument.is_empty() && argument.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && !header {
            // One that is too large is as far from any column as the largest.
            return Column::Number(argument.parse().unwrap_or(usize::MAX));
        }
        Column::Name(argument.into())
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "column {name:?}"),
            Self::Number(number) => write!(f, "column {number}"),
        }
    }
}

/// How labelled records are read.
///
/// | field | meaning | default |
/// |---|---|---|
/// | `format` | how records are written | told by each file's extension |
/// | `label` | the column of the label | `label` |
/// | `text` | the column of the text | `text` |
/// | `weight` | the column of the weight, a number above 0, from 1e-45 to 3e38 | none: every weight is 1 |
/// | `header` | whether TSV and CSV begin with the names of the columns | true |
/// | `skip_bad_records` | whether bad records are counted and left out, rather than errors | false |
///
/// fastText has no columns, so that `label` and `text` mean nothing there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// How records are written; `None` for what each file's extension tells.
    pub format: Option<Format>,
    /// The column of the label.
    pub label: Column,
    /// The column of the text.
    pub text: Column,
    /// The column of the weight.
    pub weight: Option<Column>,
    /// Whether TSV and CSV begin with the names of the columns.
    pub header: bool,
    /// Whether bad records are counted and left out, rather than errors.
    pub skip_bad_records: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions {
            format: None,
            label: Column::Name("label".into()),
            text: Column::Name("text".into()),
            weight: None,
            header: true,
            skip_bad_records: false,
        }
    }
}

/// A labelled text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record<'a> {
    /// The label: not empty, without line breaks.
    pub label: &'a str,
    /// The text: any bytes.
    pub text: &'a [u8],
    /// How much the text counts: finite and above 0; 1 where no column says otherwise.
    pub weight: f32,
}

/// A bad record that was left out, or passed over.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Skipped {
    /// The file.
    pub file: PathBuf,
    /// The line on which the record begins, 1 for the first.
    pub line: u64,
    /// What is wrong with it.
    pub problem: BadRecord,
}

impl fmt::Display for Skipped {
    /// `FILE:LINE: what was found: what was expected`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", error::file_name(&self.file), self.line, self.problem)
    }
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ReadSummary {
    /// Good records.
    pub records: u64,
    /// Those whose text has bytes that are not UTF-8, which separate words.
    pub not_utf8: u64,
    /// Those whose text is empty, or white space alone.
    pub empty: u64,
    /// Those of TSV whose label or text begins with a quotation mark, which is a part of it: nothing is quoted in TSV.
    pub quoted: u64,
    /// Records of CSV in which text follows a closing quote, which is taken to be part of the field: a stray quote may have
    /// made one record of several.
    pub stray_quotes: u64,
    /// Bad records, left out.
    pub skipped: u64,
    /// The first few of those left out.
    pub first_skipped: Vec<Skipped>,
}

/// Reads files one after the other, as if they were one, and gives each record to `sink`. The path `-` is standard
/// input; gzip and Zstandard are read through (see [`input`]). In what formats, the [module](self) says.
///
/// ```
/// # use paring::data::read::{ReadOptions, read_labelled};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("titles.tsv");
/// std::fs::write(&path, "label\ttext\nHealth\tNight nurse\nKitchen\tCook\n")?;
/// let mut labels = Vec::new();
/// let summary = read_labelled(&[path], &ReadOptions::default(), &mut |record| {
///     labels.push(record.label.to_string());
///     Ok(())
/// })?;
/// assert_eq!(labels, ["Health", "Kitchen"]);
/// assert_eq!(summary.records, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the options make no sense for a file, a file cannot be read, a column is missing, there are no records at all,
/// or `sink` refuses one. A bad record is an error too, unless `options` have it skipped.
pub fn read_labelled(
    paths: &[PathBuf],
    options: &ReadOptions,
    sink: &mut dyn FnMut(Record<'_>) -> Result<(), DatasetError>,
) -> Result<ReadSummary, ReadError> {
    // A usage error in the last file is told before the first is read.
    for path in paths {
        match checked_format(path, options) {
            Err(error) if matches!(error.kind(), ReadErrorKind::UnknownFormat) => {
                return Err(missing(path).unwrap_or(error));
            }
            checked => checked?,
        };
    }
    let mut summary = ReadSummary::default();
    for path in paths {
        let mut input = input::open(path).map_err(|error| ReadError::new(path, None, error))?;
        read_file(&mut input, path, options, sink, &mut summary)?;
    }
    if summary.records == 0 {
        let (skipped, first) = (summary.skipped, summary.first_skipped.into_iter().next().map(Box::new));
        return Err(ReadError::of_all(paths, ReadErrorKind::NoRecords { skipped, first }));
    }
    Ok(summary)
}

/// Reads records from `input`, which is not decompressed. `name` stands for it in errors, and tells the format if
/// `options` do not.
///
/// # Errors
/// As for [`read_labelled`], but to hold no records is no error, unless a header is expected and missing.
pub fn read_labelled_from(
    input: &mut dyn Read,
    name: &Path,
    options: &ReadOptions,
    sink: &mut dyn FnMut(Record<'_>) -> Result<(), DatasetError>,
) -> Result<ReadSummary, ReadError> {
    checked_format(name, options)?;
    let mut summary = ReadSummary::default();
    read_file(input, name, options, sink, &mut summary)?;
    Ok(summary)
}

/// Why there is no such file, if there is none: that matters more than what its name does not tell.
fn missing(path: &Path) -> Option<ReadError> {
    if path == Path::new(input::STANDARD_INPUT) {
        return None;
    }
    let error = match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => io::ErrorKind::IsADirectory.into(),
        Ok(_) => return None,
        Err(error) => error,
    };
    Some(ReadError::new(path, None, error))
}

/// The format of a file, if the options make sense for it.
fn checked_format(file: &Path, options: &ReadOptions) -> Result<Format, ReadError> {
    let usage = |kind: ReadErrorKind| ReadError::new(file, None, kind);
    let Some(format) = options.format.or_else(|| Format::from_path(file)) else {
        return Err(usage(ReadErrorKind::UnknownFormat));
    };
    let columns = [
        (ColumnRole::Label, Some(&options.label)),
        (ColumnRole::Text, Some(&options.text)),
        (ColumnRole::Weight, options.weight.as_ref()),
    ];
    if options.label == options.text && format != Format::FastText {
        return Err(usage(ReadErrorKind::SameColumn(options.label.clone())));
    }
    for (role, column) in columns.into_iter().filter_map(|(role, column)| Some((role, column?))) {
        match format {
            Format::Lines => return Err(usage(ReadErrorKind::NoLabels)),
            Format::FastText if role == ColumnRole::Weight => return Err(usage(ReadErrorKind::NoWeights)),
            _ => check_column(format, options.header, role, column).map_err(usage)?,
        }
    }
    Ok(format)
}

/// Whether a column can be found in records of this format, as far as that can be told without them.
pub(crate) fn check_column(
    format: Format,
    header: bool,
    role: ColumnRole,
    column: &Column,
) -> Result<(), ReadErrorKind> {
    match (format, column) {
        (Format::JsonLines, Column::Number(_)) => Err(ReadErrorKind::NumberedField { role }),
        (Format::Tsv | Format::Csv, Column::Number(0)) => Err(ReadErrorKind::ColumnZero { role }),
        (Format::Tsv | Format::Csv, Column::Name(name)) if !header => {
            Err(ReadErrorKind::NamelessColumns { role, name: name.clone() })
        }
        _ => Ok(()),
    }
}

fn read_file(
    input: &mut dyn Read,
    file: &Path,
    options: &ReadOptions,
    sink: &mut dyn FnMut(Record<'_>) -> Result<(), DatasetError>,
    summary: &mut ReadSummary,
) -> Result<(), ReadError> {
    let format = checked_format(file, options)?;
    let head = input::past_byte_order_mark(input).map_err(|error| ReadError::new(file, None, error))?;
    let mut input = BufReader::with_capacity(READ_BYTES, head.0.chain(input));
    let mut intake = Intake { file, format, options, sink, summary };
    match format {
        Format::Tsv => table::read(&mut lines::TabRows::new(&mut input), &mut intake),
        Format::Csv => table::read(&mut csv::CommaRows::new(&mut input), &mut intake),
        Format::JsonLines => json::read(&mut input, &mut intake),
        Format::FastText => fasttext::read(&mut input, &mut intake),
        Format::Lines => Err(intake.fail(None, ReadErrorKind::NoLabels)),
    }
}

/// Where the records of one file go, good or bad.
struct Intake<'a> {
    file: &'a Path,
    format: Format,
    options: &'a ReadOptions,
    sink: &'a mut dyn FnMut(Record<'_>) -> Result<(), DatasetError>,
    summary: &'a mut ReadSummary,
}

impl Intake<'_> {
    fn fail(&self, line: Option<u64>, kind: impl Into<ReadErrorKind>) -> ReadError {
        ReadError::new(self.file, line, kind)
    }

    /// Takes the record that begins on this line.
    fn take(&mut self, line: u64, record: Result<Record<'_>, BadRecord>) -> Result<(), ReadError> {
        match record {
            Ok(record) => {
                let is_quoted = record.label.starts_with('"') || record.text.starts_with(b"\"");
                self.summary.quoted += u64::from(self.format == Format::Tsv && is_quoted);
                self.summary.empty += u64::from(record.text.trim_ascii().is_empty());
                self.summary.not_utf8 += u64::from(str::from_utf8(record.text).is_err());
                (self.sink)(record).map_err(|error| self.fail(Some(line), error))?;
                self.summary.records += 1;
            }
            Err(problem) if self.options.skip_bad_records => {
                self.summary.skipped += 1;
                if self.summary.first_skipped.len() < SKIPPED_TOLD {
                    let file = self.file.to_path_buf();
                    self.summary.first_skipped.push(Skipped { file, line, problem });
                }
            }
            Err(problem) => return Err(self.fail(Some(line), problem)),
        }
        Ok(())
    }
}

fn checked_label(label: &[u8]) -> Result<&str, BadRecord> {
    match str::from_utf8(label) {
        Err(_) => Err(BadRecord::LabelNotUtf8(error::excerpt(label))),
        Ok("") => Err(BadRecord::EmptyLabel),
        Ok(label) if label.contains(['\n', '\r']) => {
            Err(BadRecord::LabelLineBreak(error::excerpt(label.as_bytes())))
        }
        Ok(label) => Ok(label),
    }
}

fn checked_weight(weight: &[u8]) -> Result<f32, BadRecord> {
    let number = str::from_utf8(weight).ok().and_then(|weight| weight.trim().parse::<f32>().ok());
    number
        .filter(|weight| weight.is_finite() && *weight > 0.0)
        .ok_or_else(|| BadRecord::Weight(error::excerpt(weight)))
}

impl Dataset {
    /// Reads files as [`read_labelled`] does and draws the features of `spec` that at least `min_count` texts have.
    ///
    /// # Errors
    /// As for [`read_labelled`]; also when `spec` is out of range, or all texts have one label.
    pub fn from_files(
        paths: &[PathBuf],
        options: &ReadOptions,
        spec: FeatureSpec,
        min_count: u32,
    ) -> Result<(Dataset, ReadSummary), ReadError> {
        let mut builder = DatasetBuilder::new(spec).map_err(|error| ReadError::of_all(&[], error))?;
        let summary = read_labelled(paths, options, &mut |record| {
            builder.push(record.label, record.text, record.weight)
        })?;
        let dataset = builder.finish(min_count).map_err(|error| ReadError::of_all(paths, error))?;
        Ok((dataset, summary))
    }
}

#[cfg(test)]
mod tests;
