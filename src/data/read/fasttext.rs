//! Labelled records in fastText's form.

use std::io::BufRead;

use super::lines::Lines;
use super::{BadRecord, Intake, ReadError, Record, checked_label, error};

const LABEL_PREFIX: &[u8] = b"__label__";

pub(super) fn read(input: &mut dyn BufRead, intake: &mut Intake<'_>) -> Result<(), ReadError> {
    let mut lines = Lines::new(input);
    let mut line = Vec::new();
    while let Some(number) = lines.next(&mut line).map_err(|error| intake.fail(None, error))? {
        let line = line.trim_ascii_start();
        if !line.is_empty() {
            intake.take(number, record(line))?;
        }
    }
    Ok(())
}

fn record(line: &[u8]) -> Result<Record<'_>, BadRecord> {
    let end = line.iter().position(|&byte| is_separator(byte)).unwrap_or(line.len());
    let (first, rest) = line.split_at(end);
    let Some(label) = first.strip_prefix(LABEL_PREFIX) else {
        return Err(BadRecord::NoFastTextLabel(error::excerpt(first)));
    };
    let text = rest.get(1..).unwrap_or_default();
    if let Some(further) =
        text.split(|&byte| is_separator(byte)).find(|token| token.starts_with(LABEL_PREFIX))
    {
        return Err(BadRecord::FurtherLabel(error::excerpt(further)));
    }
    Ok(Record { label: checked_label(label)?, text, weight: 1.0 })
}

/// What separates tokens for fastText.
fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\x0b' | b'\x0c' | b'\0')
}
