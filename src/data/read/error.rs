//! What can be wrong with labelled data, where, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::table::MAX_COLUMNS;
use super::{Column, DatasetError, Skipped};
use crate::data::input::STANDARD_INPUT;
use crate::text::FeatureSpecError;

/// Characters of the input that an error quotes, at most.
const EXCERPT_CHARACTERS: usize = 60;

/// Names that an error lists, at most.
const NAMES_LISTED: usize = 20;

/// What a column is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnRole {
    /// The label.
    Label,
    /// The text.
    Text,
    /// The weight.
    Weight,
}

impl fmt::Display for ColumnRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Label => "label",
            Self::Text => "text",
            Self::Weight => "weight",
        })
    }
}

/// What is wrong with a record. What it quotes of the input is cut to 60 characters.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum BadRecord {
    /// The row has more or fewer columns than the header, or than the first record.
    ColumnCount {
        /// The columns of this row.
        found: usize,
        /// The columns of the header.
        expected: usize,
    },
    /// The row has no such column, and there is no header to measure it by.
    NoColumn {
        /// What the column is wanted for.
        role: ColumnRole,
        /// The number that was asked for.
        number: usize,
        /// The columns of this row.
        found: usize,
    },
    /// The row has more than 65,536 columns.
    TooManyColumns {
        /// The columns of this row.
        found: usize,
    },
    /// A quoted field goes on to the end of the file.
    OpenQuote {
        /// The lines from the record's first to the file's last: what they hold is no record any more.
        lines: u64,
    },
    /// The label is not UTF-8.
    LabelNotUtf8(String),
    /// The label is empty.
    EmptyLabel,
    /// The label holds a line break.
    LabelLineBreak(String),
    /// The weight is not a finite number above 0, or not one that an `f32` can hold.
    Weight(String),
    /// The line is not UTF-8, as JSON has to be.
    JsonNotUtf8,
    /// The line is not a JSON object.
    Json {
        /// What the parser says.
        message: String,
        /// Where, in bytes, 1 for the first.
        column: usize,
    },
    /// The line begins a JSON array.
    JsonArray,
    /// The object has no such field.
    NoField {
        /// What the field is wanted for.
        role: ColumnRole,
        /// Its dotted path.
        path: String,
        /// The names of the object's own fields.
        found: Vec<String>,
    },
    /// The field is null.
    NullField {
        /// What the field is wanted for.
        role: ColumnRole,
        /// Its dotted path.
        path: String,
    },
    /// The field is of a type that does not serve.
    FieldType {
        /// What the field is wanted for.
        role: ColumnRole,
        /// Its dotted path.
        path: String,
        /// Its value.
        found: String,
    },
    /// The object has a field already by a name that is to be added to it.
    FieldTaken(String),
    /// A string escapes half of a surrogate pair, which is no character.
    LoneSurrogate {
        /// What the field is wanted for.
        role: ColumnRole,
        /// Its dotted path.
        path: String,
    },
    /// The line does not begin with `__label__`.
    NoFastTextLabel(String),
    /// The line has more than this one fastText label.
    FurtherLabel(String),
}

impl fmt::Display for BadRecord {
    /// `what was found: what was expected`, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ColumnCount { found, expected } => {
                write!(f, "{}: expected {expected}, as in the first row", columns(*found))
            }
            Self::NoColumn { role, number, found } => {
                write!(f, "{}: expected the {role} in column {number}", columns(*found))
            }
            Self::TooManyColumns { found } => {
                write!(f, "{}: expected at most {MAX_COLUMNS}", columns(*found))
            }
            Self::OpenQuote { lines } => {
                let plural = if *lines == 1 { "" } else { "s" };
                write!(
                    f,
                    "a quoted field goes on to the end of the file, over {lines} line{plural}: expected a closing quote (\")"
                )
            }
            Self::LabelNotUtf8(label) => write!(f, "label {label:?}: expected UTF-8"),
            Self::EmptyLabel => write!(f, "an empty label: expected some text"),
            Self::LabelLineBreak(label) => write!(f, "label {label:?}: expected no line break"),
            Self::Weight(weight) => {
                write!(f, "weight {weight:?}: expected a number above 0, from 1e-45 to 3e38")
            }
            Self::JsonNotUtf8 => write!(f, "bytes that are not UTF-8: expected a JSON object, in UTF-8"),
            Self::Json { message, column } => {
                write!(f, "{message} at byte {column}: expected one JSON object on the line")
            }
            Self::JsonArray => write!(
                f,
                "a JSON array: expected one JSON object on the line; save one object a line (in pandas: lines=True)"
            ),
            Self::NullField { role, path } => write!(f, "null in field {path:?}: expected a {role}"),
            Self::NoField { role, path, found } => {
                write!(f, "no {role} in field {path:?}: found {}", Names(found, "fields"))
            }
            Self::FieldType { role, path, found } => {
                let expected = match role {
                    ColumnRole::Label => "a string, a number, true or false",
                    ColumnRole::Text | ColumnRole::Weight => "a string or a number",
                };
                write!(f, "{role} {found} in field {path:?}: expected {expected}")
            }
            Self::FieldTaken(name) => {
                write!(
                    f,
                    "a field {name:?} already, and one would be added: rename it, or choose another name for the label's"
                )
            }
            Self::LoneSurrogate { role, path } => {
                write!(
                    f,
                    "half of a surrogate pair for the {role} in field {path:?}: expected whole characters"
                )
            }
            Self::NoFastTextLabel(found) => {
                write!(f, "{found:?} at the start: expected __label__NAME, then the text")
            }
            Self::FurtherLabel(label) => {
                write!(f, "a further label {label:?}: expected one label for a text")
            }
        }
    }
}

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// Neither the file's name nor the options tell the format.
    UnknownFormat,
    /// The format carries no labels.
    NoLabels,
    /// The format carries no weights.
    NoWeights,
    /// A field of a JSON object was asked for by number.
    NumberedField {
        /// What the field is wanted for.
        role: ColumnRole,
    },
    /// A column was asked for by the number 0.
    ColumnZero {
        /// What the column is wanted for.
        role: ColumnRole,
    },
    /// A column was asked for by name where there is no header.
    NamelessColumns {
        /// What the column is wanted for.
        role: ColumnRole,
        /// The name that was asked for.
        name: String,
    },
    /// One column was asked for as label and as text.
    SameColumn(Column),
    /// The features asked for are out of range.
    Features(FeatureSpecError),
    /// The file cannot be opened or read, or its compression is damaged.
    Io(io::Error),
    /// The file is empty, or of empty lines alone, where there should be a header.
    NoHeader,
    /// The header itself cannot be read.
    Header(BadRecord),
    /// The header has no such column.
    NoColumn {
        /// What the column is wanted for.
        role: ColumnRole,
        /// The column that was asked for.
        column: Column,
        /// The names in the header.
        found: Vec<String>,
    },
    /// The header is one column whose name looks like those of several, with something else between them than separates
    /// columns in this format.
    Unseparated {
        /// What the column is wanted for.
        role: ColumnRole,
        /// The column that was asked for.
        column: Column,
        /// The name in the header.
        found: String,
    },
    /// The header names this column more than once.
    DuplicateColumn {
        /// What the column is wanted for.
        role: ColumnRole,
        /// The name.
        name: String,
    },
    /// A record is bad.
    Record(BadRecord),
    /// There is not one good record.
    NoRecords {
        /// The bad records that were left out.
        skipped: u64,
        /// The first of them.
        first: Option<Box<Skipped>>,
    },
    /// The records do not make a dataset.
    Dataset(DatasetError),
}

impl From<io::Error> for ReadErrorKind {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<BadRecord> for ReadErrorKind {
    fn from(problem: BadRecord) -> Self {
        Self::Record(problem)
    }
}

impl From<DatasetError> for ReadErrorKind {
    fn from(error: DatasetError) -> Self {
        Self::Dataset(error)
    }
}

impl From<FeatureSpecError> for ReadErrorKind {
    fn from(error: FeatureSpecError) -> Self {
        Self::Features(error)
    }
}

impl fmt::Display for ReadErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFormat => {
                write!(f, "its name does not tell its format: expected tsv, csv, jsonl or fasttext")
            }
            Self::NoLabels => {
                write!(f, "plain lines carry no labels: expected tsv, csv, jsonl or fasttext")
            }
            Self::NoWeights => write!(f, "fastText lines carry no weights: leave the weight column out"),
            Self::NumberedField { role } => {
                write!(f, "a number for the {role} field: JSON fields have names alone")
            }
            Self::ColumnZero { role } => {
                write!(f, "column 0 for the {role}: columns are numbered from 1")
            }
            Self::NamelessColumns { role, name } => {
                write!(
                    f,
                    "column {name:?} for the {role}: without a header columns have numbers, 1 for the first"
                )
            }
            Self::SameColumn(column) => {
                write!(f, "{column} for the label and the text: expected one for each")
            }
            Self::Features(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::NoHeader => {
                write!(f, "no header: expected one that names the columns, then records")
            }
            Self::Header(problem) => write!(f, "the header: {problem}"),
            Self::NoColumn { role, column, found } => {
                write!(f, "no {column} for the {role}: found {}; choose one", Names(found, "columns"))
            }
            Self::Unseparated { role, column, found } => write!(
                f,
                "no {column} for the {role}: found one column, {found:?}: expected commas between columns in CSV, tabs in TSV"
            ),
            Self::DuplicateColumn { role, name } => write!(
                f,
                "more than one column {name:?} for the {role}: expected one; rename the others in the header"
            ),
            Self::Record(problem @ BadRecord::FieldTaken(_)) => problem.fmt(f),
            Self::Record(problem) => {
                write!(f, "{problem}; correct it, or go past bad records")
            }
            Self::NoRecords { first: None, .. } => write!(f, "no records: expected labelled texts"),
            Self::NoRecords { skipped, first: Some(first) } => {
                write!(f, "no good records among {skipped}: expected labelled texts; the first is {first}")
            }
            Self::Dataset(error) => error.fmt(f),
        }
    }
}

/// Why labelled data cannot be read: what, and where.
#[derive(Debug)]
pub struct ReadError {
    file: Option<PathBuf>,
    line: Option<u64>,
    kind: ReadErrorKind,
}

impl ReadError {
    pub(crate) fn new(file: &Path, line: Option<u64>, kind: impl Into<ReadErrorKind>) -> ReadError {
        ReadError { file: Some(file.into()), line, kind: kind.into() }
    }

    /// An error of several files together, or of the one if it is one.
    pub(super) fn of_all(files: &[PathBuf], kind: impl Into<ReadErrorKind>) -> ReadError {
        let file = match files {
            [only] => Some(only.clone()),
            _ => None,
        };
        ReadError { file, line: None, kind: kind.into() }
    }

    /// The file, or `None` when it is a matter of several files or of none.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The line on which the record begins, 1 for the first; `None` when it is a matter of the whole file.
    pub fn line(&self) -> Option<u64> {
        self.line
    }

    /// What went wrong.
    pub fn kind(&self) -> &ReadErrorKind {
        &self.kind
    }

    /// Whether the options are at fault, whatever the files hold.
    pub fn is_usage(&self) -> bool {
        matches!(
            self.kind,
            ReadErrorKind::UnknownFormat
                | ReadErrorKind::NoLabels
                | ReadErrorKind::NoWeights
                | ReadErrorKind::NumberedField { .. }
                | ReadErrorKind::ColumnZero { .. }
                | ReadErrorKind::NamelessColumns { .. }
                | ReadErrorKind::SameColumn(_)
                | ReadErrorKind::Features(_)
        )
    }
}

impl fmt::Display for ReadError {
    /// `FILE:LINE: what was found: what was expected; what to do`, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file_name(file))?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            write!(f, ": ")?;
        }
        self.kind.fmt(f)
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The others are told in full by this error's own message.
        match &self.kind {
            ReadErrorKind::Io(error) => error.source(),
            _ => None,
        }
    }
}

/// The start of something found in the input.
pub(super) fn excerpt(found: &[u8]) -> String {
    // No character takes more than four bytes, so that the rest cannot matter.
    let start = String::from_utf8_lossy(&found[..found.len().min(4 * (EXCERPT_CHARACTERS + 1))]);
    match start.char_indices().nth(EXCERPT_CHARACTERS) {
        Some((end, _)) => format!("{}…", &start[..end]),
        None => start.into_owned(),
    }
}

/// Names for [`Names`] to list: a few more excerpts than it shows.
pub(crate) fn excerpts<'a>(names: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    names.take(NAMES_LISTED + 1).map(excerpt).collect()
}

pub(crate) fn file_name(file: &Path) -> impl fmt::Display {
    let is_standard_input = file == Path::new(STANDARD_INPUT);
    if is_standard_input { "standard input".to_string() } else { file.display().to_string() }
}

fn columns(number: usize) -> String {
    if number == 1 { "1 column".into() } else { format!("{number} columns") }
}

/// A list of names, or that there are none.
struct Names<'a>(&'a [String], &'static str);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Names(names, what) = self;
        match names {
            [] => return write!(f, "no {what}"),
            [first, others @ ..] => {
                write!(f, "{first:?}")?;
                for name in others.iter().take(NAMES_LISTED - 1) {
                    write!(f, ", {name:?}")?;
                }
            }
        }
        if names.len() > NAMES_LISTED { write!(f, " and others") } else { Ok(()) }
    }
}
