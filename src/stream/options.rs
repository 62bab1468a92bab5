//! What a stream's user can choose.

use std::fmt;

use super::render::value_names;
use crate::Model;
use crate::data::input::MAX_RECORD_BYTES;
use crate::data::{Column, Format};

/// Bytes of input that are classified at a time, unless options say otherwise.
pub const DEFAULT_BLOCK_BYTES: usize = 256 << 10;

/// Threads that may classify.
const MAX_THREADS: usize = 1024;

/// What is written for each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Output {
    /// The label, on a line of its own. Further values, if asked for, follow in columns separated by tabs.
    #[default]
    Label,
    /// The record as it came, byte for byte, with the label and further values added to it.
    Append,
}

/// Which texts get a label that says that the model does not know.
#[derive(Debug, Clone, PartialEq)]
pub struct Unknown {
    /// The label that they get: no line breaks.
    pub label: String,
    /// Texts get it in which the model knows no feature, and those whose margin is less than this: finite, not
    /// negative. With 0 no text gets it for its margin.
    pub min_margin: f32,
}

/// How a [`Stream`](super::Stream) reads, classifies and writes.
///
/// | field | meaning | default | range |
/// |---|---|---|---|
/// | `format` | how records are written | what the name's extension tells, or plain lines | not fastText |
/// | `text` | the column or field of the text | `text` | by name; by number for TSV and CSV |
/// | `header` | whether TSV and CSV begin with the names of the columns | true | |
/// | `output` | the label alone, or the record with the label added | the label | |
/// | `label` | the name of the column or field that is added | `label` | not empty, no line breaks, not the name of another that is added |
/// | `scores` | whether score and margin follow the label | false | |
/// | `probabilities` | whether the softmax probability follows | false | |
/// | `top` | how many classes, the best first | 1 | at least 1; at most as many as there are |
/// | `unknown` | the label for texts that the model does not know | none | |
/// | `skip_bad_records` | whether a bad record goes unlabelled rather than end the stream, unless a name that is to be added is taken | false | |
/// | `threads` | how many threads classify; 0 for as many as the machine runs at once | 0 | 0 to 1,024 |
/// | `write_each_record` | whether each record is written by itself | false | |
/// | `block_bytes` | bytes that are read and classified at a time | 256 KiB | 1 to 2 GiB |
#[derive(Debug, Clone, PartialEq)]
pub struct StreamOptions {
    /// How records are written; `None` for what the extension of the input's name tells, or plain lines.
    pub format: Option<Format>,
    /// The column of the text.
    pub text: Column,
    /// Whether TSV and CSV begin with the names of the columns.
    pub header: bool,
    /// What is written for each record.
    pub output: Output,
    /// The name of the column or field that [`Output::Append`] adds.
    pub label: String,
    /// Whether the score and the margin follow each label.
    pub scores: bool,
    /// Whether the class's probability follows each label.
    pub probabilities: bool,
    /// How many classes are given, the best first.
    pub top: usize,
    /// The label for texts that the model does not know.
    pub unknown: Option<Unknown>,
    /// Whether a bad record goes unlabelled rather than end the stream.
    pub skip_bad_records: bool,
    /// How many threads classify, or 0 for as many as the machine runs at once.
    pub threads: usize,
    /// Whether each record is written by itself.
    pub write_each_record: bool,
    /// Bytes that are read and classified at a time.
    pub block_bytes: usize,
}

impl Default for StreamOptions {
    fn default() -> Self {
        StreamOptions {
            format: None,
            text: Column::Name("text".into()),
            header: true,
            output: Output::Label,
            label: "label".into(),
            scores: false,
            probabilities: false,
            top: 1,
            unknown: None,
            skip_bad_records: false,
            threads: 0,
            write_each_record: false,
            block_bytes: DEFAULT_BLOCK_BYTES,
        }
    }
}

/// A field of [`StreamOptions`] out of range.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OptionsError {
    /// The format is fastText's.
    Format(Format),
    /// A name or label that is to be written is empty or holds a line break.
    Name(String),
    /// `min_margin` is negative or not finite.
    MinMargin(f32),
    /// Two columns or fields of this name would be added.
    NameTwice(String),
    /// This field is 0.
    Zero(&'static str),
    /// `block_bytes` is more than 2 GiB.
    BlockBytes(usize),
    /// `threads` is more than 1,024.
    Threads(usize),
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(format) => {
                write!(f, "format {format} cannot be classified: expected lines, tsv, csv or jsonl")
            }
            Self::Name(name) => write!(f, "label {name:?}: expected some text without line breaks"),
            Self::MinMargin(found) => {
                write!(f, "smallest margin {found}: expected a finite number, at least 0")
            }
            Self::NameTwice(name) => write!(
                f,
                "two columns {name:?} would be added: expected a name for the label that the others do not have"
            ),
            Self::BlockBytes(found) => write!(f, "block_bytes of {found}: expected at most 2 GiB"),
            Self::Threads(found) => write!(f, "threads of {found}: expected at most 1,024"),
            Self::Zero(field) => write!(f, "{field} of 0: expected at least 1"),
        }
    }
}

impl std::error::Error for OptionsError {}

impl StreamOptions {
    /// How many threads that makes.
    pub(super) fn number_of_threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS),
            asked => asked,
        }
    }

    pub(super) fn check(&self, model: &Model) -> Result<(), OptionsError> {
        let is_writable = |name: &str| !name.is_empty() && !name.contains(['\n', '\r']);
        if let Some(format @ Format::FastText) = self.format {
            return Err(OptionsError::Format(format));
        }
        if !is_writable(&self.label) {
            return Err(OptionsError::Name(self.label.clone()));
        }
        if let Some(Unknown { label, min_margin }) = &self.unknown {
            if !is_writable(label) {
                return Err(OptionsError::Name(label.clone()));
            }
            if !(min_margin.is_finite() && *min_margin >= 0.0) {
                return Err(OptionsError::MinMargin(*min_margin));
            }
        }
        for (field, value) in [("top", self.top), ("block_bytes", self.block_bytes)] {
            if value == 0 {
                return Err(OptionsError::Zero(field));
            }
        }
        if self.block_bytes > MAX_RECORD_BYTES {
            return Err(OptionsError::BlockBytes(self.block_bytes));
        }
        if self.threads > MAX_THREADS {
            return Err(OptionsError::Threads(self.threads));
        }
        if self.output == Output::Append {
            let mut names = value_names(self, model);
            names.sort_unstable();
            if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(OptionsError::NameTwice(pair[0].clone()));
            }
        }
        Ok(())
    }
}
