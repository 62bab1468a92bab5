//! Which option does what an error of the library says is to be done.

use std::error::Error;

use paring::data::ReadError;
use paring::data::read::{BadRecord, ReadErrorKind};
use paring::stream::StreamError;
use paring::train::TrainError;

/// What follows the error's own message: nothing if no option has to do with it.
pub fn advice(error: &(dyn Error + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<ReadError>() {
        of_input(error)
    } else if let Some(StreamError::Input(error)) = error.downcast_ref() {
        of_input(error)
    } else if let Some(StreamError::FastText { .. }) = error.downcast_ref() {
        " with --format".into()
    } else if let Some(StreamError::ColumnTaken { .. }) = error.downcast_ref() {
        " with --label NAME".into()
    } else if let Some(error) = error.downcast_ref() {
        of_training(error).into()
    } else {
        String::new()
    }
}

fn of_input(error: &ReadError) -> String {
    match error.kind() {
        ReadErrorKind::Io(_) if is_range(error) => "; say --affixes=MIN-MAX if these are lengths".into(),
        ReadErrorKind::UnknownFormat | ReadErrorKind::NoLabels => "; name it with --format".into(),
        ReadErrorKind::NumberedField { role } => format!("; name it with --{role} NAME"),
        ReadErrorKind::NamelessColumns { role, .. } => format!(", as in --{role} 1"),
        ReadErrorKind::Unseparated { found, .. } if found.contains('\t') => {
            "; say --format tsv for tabs".into()
        }
        ReadErrorKind::Unseparated { found, .. } if found.contains(',') => {
            "; say --format csv for commas".into()
        }
        ReadErrorKind::Unseparated { .. } => "; save it so".into(),
        ReadErrorKind::NoColumn { found, .. } if found.iter().any(|name| name.contains('\u{fffd}')) => {
            ", or convert the file: it is not UTF-8".into()
        }
        ReadErrorKind::NoColumn { role, .. } => {
            format!(" with --{role}, or say with --no-header that the first line is a record")
        }
        ReadErrorKind::Record(BadRecord::FieldTaken(_)) => " with --label NAME".into(),
        ReadErrorKind::Record(BadRecord::NoField { role, .. } | BadRecord::NullField { role, .. }) => {
            format!(" with --skip-bad-records, or choose another field with --{role}")
        }
        ReadErrorKind::Record(_) => " with --skip-bad-records".into(),
        _ => String::new(),
    }
}

/// Whether what was taken for a file is two numbers.
fn is_range(error: &ReadError) -> bool {
    let name = error.file().and_then(|file| file.to_str());
    name.and_then(|name| name.split_once('-'))
        .is_some_and(|(min, max)| min.parse::<u8>().is_ok() && max.parse::<u8>().is_ok())
}

fn of_training(error: &TrainError) -> &'static str {
    match error {
        TrainError::Bytes { .. } => " with --max-bytes",
        TrainError::Memory { .. } | TrainError::DenseMemory { .. } => " with --max-memory",
        _ => "",
    }
}
