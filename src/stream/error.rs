//! Why a stream ended before its input did.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::OptionsError;
use crate::data::read::error::file_name;
use crate::data::{Format, ReadError};

/// Why a stream ended before its input did. All records before the one at fault have been written.
#[derive(Debug)]
#[non_exhaustive]
pub enum StreamError {
    /// The options make no sense.
    Options(OptionsError),
    /// The input cannot be read, or a record of it is bad.
    Input(ReadError),
    /// The header has a column already by a name that is to be added.
    ColumnTaken {
        /// The file.
        file: PathBuf,
        /// The name.
        name: String,
    },
    /// The records of this file do not have the columns of the files before it, and cannot follow them in one table.
    HeaderDiffers {
        /// The file.
        file: PathBuf,
    },
    /// The records of this file have another number of columns than those of the files before it, all of them without
    /// headers, and cannot follow them in one table.
    ColumnsDiffer {
        /// The file.
        file: PathBuf,
        /// How many columns its first row has.
        found: usize,
        /// How many those of the files before have.
        before: usize,
    },
    /// The records of this file are written otherwise than those of the files before it, and cannot follow them.
    FormatDiffers {
        /// The file.
        file: PathBuf,
        /// Its format.
        found: Format,
        /// The format of the file before.
        before: Format,
    },
    /// The file before this one ends in a quoted field that is not closed, and was copied so.
    InQuotes {
        /// The file.
        file: PathBuf,
    },
    /// The output cannot be written.
    Output(io::Error),
    /// This file is written in fastText's format, by its name.
    FastText {
        /// The file.
        file: PathBuf,
    },
    /// No thread can be started.
    Threads(io::Error),
    /// A thread that classified has ended without its work done.
    Stopped,
}

impl StreamError {
    /// Whether the options are at fault, whatever the input holds.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Options(_) | Self::FormatDiffers { .. } | Self::FastText { .. } => true,
            Self::Input(error) => error.is_usage(),
            _ => false,
        }
    }

    /// Whether nobody reads the output any more: a pipe whose other end is closed.
    pub fn is_closed_output(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<OptionsError> for StreamError {
    fn from(error: OptionsError) -> Self {
        Self::Options(error)
    }
}

impl From<ReadError> for StreamError {
    fn from(error: ReadError) -> Self {
        Self::Input(error)
    }
}

impl fmt::Display for StreamError {
    /// `FILE:LINE: what was found: what was expected; what to do`, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(error) => error.fmt(f),
            Self::Input(error) => error.fmt(f),
            Self::ColumnTaken { file, name } => write!(
                f,
                "{}: the header has a column {name:?} already, and one would be added: rename it, or choose another name for \
                 the label's",
                file_name(file)
            ),
            Self::HeaderDiffers { file } => write!(
                f,
                "{}: its header is not that of the files before it: expected the same columns; classify it by itself",
                file_name(file)
            ),
            Self::ColumnsDiffer { file, found, before } => write!(
                f,
                "{}: its records have {found} columns, those of the files before it {before}: expected as many; classify it by \
                 itself",
                file_name(file)
            ),
            Self::FormatDiffers { file, found, before } => write!(
                f,
                "{}: {found} cannot follow {before} in one output: expected files of one format; classify it by itself",
                file_name(file)
            ),
            Self::InQuotes { file } => write!(
                f,
                "{}: the file before it ends in a quoted field without a closing quote (\"), which would take in what \
                 follows; classify it by itself",
                file_name(file)
            ),
            Self::FastText { file } => {
                write!(f, "{}: {}; name another", file_name(file), OptionsError::Format(Format::FastText))
            }
            Self::Output(error) => write!(f, "the output cannot be written: {error}"),
            Self::Threads(error) => write!(f, "no thread can be started: {error}"),
            Self::Stopped => write!(f, "a classifying thread has stopped before its work was done"),
        }
    }
}

impl std::error::Error for StreamError {}
