//! Labelled records in rows of columns.

use std::io;

use super::{BadRecord, Column, ColumnRole, Intake, ReadError, ReadErrorKind, Record};
use super::{checked_label, checked_weight, error};

/// The most columns that a row may have: each takes memory of its own, however few bytes it has.
pub(crate) const MAX_COLUMNS: usize = 65_536;

/// A row of columns.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The line on which it begins, 1 for the first.
    pub(super) line: u64,
    /// The columns, one after the other, then anything.
    pub(super) bytes: Vec<u8>,
    /// Where each column ends in `bytes`.
    pub(super) ends: Vec<usize>,
    /// The bytes between the end of a column and the start of the next.
    pub(super) gap: usize,
    /// Whether text follows a closing quote.
    pub(super) has_stray_quote: bool,
}

impl Row {
    fn column(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] + self.gap };
        Some(&self.bytes[start..end])
    }

    fn columns(&self) -> impl Iterator<Item = &[u8]> + Clone {
        (0..self.ends.len()).filter_map(|index| self.column(index))
    }
}

/// Reads rows.
pub(super) trait Rows {
    /// Reads the next row into `row`; `None` at the end. Of a bad row, `row` has the line alone.
    fn next(&mut self, row: &mut Row) -> io::Result<Option<Result<(), BadRecord>>>;
}

/// Where in a row the columns are that were asked for.
#[derive(Debug, Clone, Copy)]
struct Columns {
    label: usize,
    text: usize,
    weight: Option<usize>,
}

impl Columns {
    fn locate(
        intake: &Intake<'_>,
        find: impl Fn(ColumnRole, &Column) -> Result<usize, ReadErrorKind>,
        line: Option<u64>,
    ) -> Result<Columns, ReadError> {
        let find = |role, column: &Column| find(role, column).map_err(|kind| intake.fail(line, kind));
        Ok(Columns {
            label: find(ColumnRole::Label, &intake.options.label)?,
            text: find(ColumnRole::Text, &intake.options.text)?,
            weight: match &intake.options.weight {
                Some(column) => Some(find(ColumnRole::Weight, column)?),
                None => None,
            },
        })
    }

    fn record<'a>(&self, row: &'a Row) -> Result<Record<'a>, BadRecord> {
        let column = |role, index| {
            row.column(index).ok_or(BadRecord::NoColumn { role, number: index + 1, found: row.ends.len() })
        };
        Ok(Record {
            label: checked_label(column(ColumnRole::Label, self.label)?)?,
            text: column(ColumnRole::Text, self.text)?,
            weight: match self.weight {
                Some(weight) => checked_weight(column(ColumnRole::Weight, weight)?)?,
                None => 1.0,
            },
        })
    }
}

pub(super) fn read(rows: &mut dyn Rows, intake: &mut Intake<'_>) -> Result<(), ReadError> {
    let mut row = Row::default();
    let mut width = None;
    let columns = if intake.options.header {
        match rows.next(&mut row) {
            Err(error) => return Err(intake.fail(None, error)),
            Ok(None) => return Err(intake.fail(None, ReadErrorKind::NoHeader)),
            Ok(Some(Err(problem))) => {
                return Err(intake.fail(Some(row.line), ReadErrorKind::Header(problem)));
            }
            Ok(Some(Ok(()))) => {}
        }
        width = Some(row.ends.len());
        Columns::locate(intake, |role, column| find_in_header(row.columns(), role, column), Some(row.line))?
    } else {
        Columns::locate(intake, by_number, None)?
    };
    loop {
        let record = match rows.next(&mut row) {
            Err(error) => return Err(intake.fail(None, error)),
            Ok(None) => return Ok(()),
            Ok(Some(Err(problem))) => Err(problem),
            Ok(Some(Ok(()))) => match width {
                Some(expected) if expected != row.ends.len() => {
                    Err(BadRecord::ColumnCount { found: row.ends.len(), expected })
                }
                _ => columns.record(&row),
            },
        };
        intake.summary.stray_quotes += u64::from(row.has_stray_quote);
        if record.is_ok() {
            width.get_or_insert(row.ends.len());
        }
        intake.take(row.line, record)?;
    }
}

pub(crate) fn by_number(role: ColumnRole, column: &Column) -> Result<usize, ReadErrorKind> {
    match column {
        Column::Number(number) => number.checked_sub(1).ok_or(ReadErrorKind::ColumnZero { role }),
        Column::Name(name) => Err(ReadErrorKind::NamelessColumns { role, name: name.clone() }),
    }
}

/// The index of a column, by the names that a header gives.
pub(crate) fn find_in_header<'a>(
    header: impl Iterator<Item = &'a [u8]> + Clone,
    role: ColumnRole,
    column: &Column,
) -> Result<usize, ReadErrorKind> {
    let missing = || {
        let (column, mut found) = (column.clone(), error::excerpts(header.clone()));
        match &mut found[..] {
            [only] if only.contains([';', '\t', '|', ',', '\r']) => {
                ReadErrorKind::Unseparated { role, column, found: std::mem::take(only) }
            }
            _ => ReadErrorKind::NoColumn { role, column, found },
        }
    };
    match column {
        Column::Number(_) => by_number(role, column)
            .and_then(|index| header.clone().nth(index).map(|_| index).ok_or_else(missing)),
        Column::Name(name) => {
            let mut places =
                header.clone().zip(0..).filter(|(found, _)| *found == name.as_bytes()).map(|(_, at)| at);
            let first = places.next().ok_or_else(missing)?;
            match places.next() {
                Some(_) => Err(ReadErrorKind::DuplicateColumn { role, name: name.clone() }),
                None => Ok(first),
            }
        }
    }
}
