//! Rows of comma-separated values, as `csv-core` reads them.

use std::ops::Range;

use super::{Batch, TextColumn};
use crate::data::read::BadRecord;
use crate::data::read::table::MAX_COLUMNS;
use crate::stream::scan::Places;
use csv_core::Reader;
use memchr::memchr_iter;

/// The bytes that make rows and fields.
const STRUCTURAL: [u8; 4] = *b",\"\r\n";

/// A row that has been found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::stream) struct Row {
    /// From its first byte to the end of its last column.
    pub(in crate::stream) body: Range<usize>,
    /// Where it ends, with its line end.
    pub(in crate::stream) end: usize,
    /// The number of columns.
    pub(in crate::stream) columns: usize,
    /// Whether its last column has no closing quote.
    pub(in crate::stream) is_open: bool,
    /// Whether something follows a closing quote in any of its fields.
    pub(in crate::stream) is_irregular: bool,
}

impl Row {
    /// What is wrong with a row of `block` whose last column has no closing quote.
    pub(in crate::stream) fn open_quote(&self, block: &[u8]) -> BadRecord {
        let record = &block[self.body.clone()];
        let line_feeds = memchr_iter(b'\n', record).count() as u64;
        BadRecord::OpenQuote { lines: line_feeds + u64::from(!record.ends_with(b"\n")) }
    }
}

pub(super) fn fill(column: TextColumn, block: &[u8], mut start: usize, batch: &mut Batch) {
    let mut unquoted = Vec::new();
    batch.places.restart(start);
    while !batch.is_full() {
        let mut text = None;
        let row = next_row(block, start, &mut batch.places, |index, field| {
            if index == column.index {
                text = Some(field);
            }
        });
        let Some(row) = row else { break };
        batch.stray_quotes += u64::from(row.is_irregular);
        let text = if row.is_open {
            Err(row.open_quote(block))
        } else {
            column.check(row.columns).map(|()| text.map_or(&[][..], |field| field.text(block, &mut unquoted)))
        };
        batch.push(&(row.body.start..row.end), row.body.end, text);
        start = row.end;
    }
}

/// A field as it is written, its quotes included.
#[derive(Debug, Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    /// Whether something follows the closing quote.
    is_irregular: bool,
}

impl Field {
    /// The field's text; doubled quotes are left so, because one quote separates tokens as two do.
    fn text<'b>(self, block: &'b [u8], unquoted: &'b mut Vec<u8>) -> &'b [u8] {
        let written = &block[self.start..self.end];
        match written {
            _ if self.is_irregular => {
                *unquoted = parsed(written);
                unquoted
            }
            [b'"', quoted @ .., b'"'] => quoted,
            _ => written,
        }
    }
}

/// A field without its quotes.
fn parsed(written: &[u8]) -> Vec<u8> {
    let mut text = vec![0; written.len() + 1];
    let mut reader = past_byte_order_mark();
    let (_, _, length) = reader.read_field(written, &mut text);
    text.truncate(length);
    text
}

/// A parser that takes a byte-order mark for text: one that is at a file's start has been passed over.
fn past_byte_order_mark() -> Reader {
    let mut reader = Reader::new();
    reader.read_record(b"\n", &mut [], &mut []);
    reader
}

/// The fields of the row at the start of `bytes`, without their quotes.
pub(in crate::stream) fn fields(bytes: &[u8]) -> Option<(Row, Vec<Vec<u8>>)> {
    let mut fields = Vec::new();
    let row = next_row(bytes, 0, &mut Places::new(), |index, field| {
        if index < MAX_COLUMNS {
            fields.push(parsed(&bytes[field.start..field.end]));
        }
    })?;
    Some((row, fields))
}

/// Finds the row at `start`, past empty lines, and calls `take` with the index of each field and the field. `None` when
/// there is no row left. `places` must have been restarted at the start of the first row, and is where it left off.
fn next_row(
    block: &[u8],
    start: usize,
    places: &mut Places,
    mut take: impl FnMut(usize, Field),
) -> Option<Row> {
    let row_start = start + block[start..].iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    // Line ends before the row, and the second half of the CRLF of the row before.
    let mut place = places.next(block, STRUCTURAL);
    while place.is_some_and(|place| place < row_start) {
        place = places.next(block, STRUCTURAL);
    }
    let (mut field_start, mut columns, mut is_irregular) = (row_start, 0, false);
    loop {
        let mut field = Field { start: field_start, end: block.len(), is_irregular: false };
        if block.get(field_start) == Some(&b'"') {
            let close = closing_quote(block, places);
            place = places.next(block, STRUCTURAL);
            let Some(close) = close else {
                let body = row_start..block.len();
                let columns = columns + 1;
                return Some(Row { body, end: block.len(), columns, is_open: true, is_irregular });
            };
            field.is_irregular = close + 1 < block.len() && place != Some(close + 1);
            is_irregular |= field.is_irregular;
        }
        // Inside of a field that is not quoted, a quote is a character like any other.
        while place.is_some_and(|place| block[place] == b'"') {
            place = places.next(block, STRUCTURAL);
        }
        field.end = place.unwrap_or(block.len());
        take(columns, field);
        columns += 1;
        match block.get(field.end) {
            Some(b',') => {}
            end => {
                let is_crlf = end == Some(&b'\r') && block.get(field.end + 1) == Some(&b'\n');
                let end = (field.end + 1 + usize::from(is_crlf)).min(block.len());
                let body = row_start..field.end;
                return Some(Row { body, end, columns, is_open: false, is_irregular });
            }
        }
        field_start = field.end + 1;
        place = places.next(block, STRUCTURAL);
    }
}

/// The next quote that is not doubled.
fn closing_quote(block: &[u8], places: &mut Places) -> Option<usize> {
    loop {
        let place = places.next(block, STRUCTURAL)?;
        if block[place] != b'"' {
            continue;
        }
        if block.get(place + 1) != Some(&b'"') {
            return Some(place);
        }
        places.next(block, STRUCTURAL);
    }
}
