//! Finds the records of a block and the text of each.

mod csv;
mod json;
mod tsv;

use std::ops::Range;

use memchr::memchr;

use super::scan::Places;
use crate::data::Format;
use crate::data::read::table::MAX_COLUMNS;
use crate::data::read::{BadRecord, ColumnRole, SKIPPED_TOLD};
pub(super) use csv::{Row, fields};
pub(super) use json::Fields;

/// Records of a batch, unless fewer are asked for: what is kept of them should stay in a fast cache.
pub(super) const BATCH_RECORDS: usize = if cfg!(test) { 5 } else { 1024 };

/// Bytes of text of a batch, unless one text is longer.
const BATCH_TEXT_BYTES: usize = if cfg!(test) { 16 } else { 32 << 10 };

/// The same where lines are texts as they stand. A label may be many times as long as its line: what a batch makes
/// should be little beside what is written at a time.
const BATCH_LINES_BYTES: usize = if cfg!(test) { 16 } else { 8 << 10 };

/// How a file's records give their texts.
#[derive(Debug, Clone)]
pub(super) enum Layout {
    /// The line is the text.
    Lines,
    /// A column of a table.
    Tsv(TextColumn),
    /// A column of a table with quoted fields.
    Csv(TextColumn),
    /// A field of a JSON object.
    Json(Fields),
}

/// Which column of a table has the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextColumn {
    /// The index of the column.
    pub(super) index: usize,
    /// The columns of every row; `None` while no row has had the text.
    pub(super) width: Option<usize>,
}

impl TextColumn {
    /// Whether a row of so many columns, before which there was none that had the text, has it.
    pub(super) fn has_text(self, columns: usize) -> bool {
        (self.index + 1..=MAX_COLUMNS).contains(&columns)
    }

    /// What is wrong with a row of so many columns.
    fn check(self, found: usize) -> Result<(), BadRecord> {
        match self.width {
            Some(expected) if expected == found => Ok(()),
            Some(expected) => Err(BadRecord::ColumnCount { found, expected }),
            None if found > MAX_COLUMNS => Err(BadRecord::TooManyColumns { found }),
            None => Err(BadRecord::NoColumn { role: ColumnRole::Text, number: self.index + 1, found }),
        }
    }
}

/// A record in its block. What lies before it, back to the record before, is no record: empty lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Where the record ends, its line end included.
    pub(super) end: usize,
    /// Where further columns or fields go.
    pub(super) insert_at: usize,
    pub(super) is_bad: bool,
}

/// Some records of a block, in order.
#[derive(Debug)]
pub(super) struct Batch {
    /// A line for each record: its text, with a space for each line feed. Both separate tokens, so that the features
    /// are the same. Bad records have an empty line.
    pub(super) lines: Vec<u8>,
    pub(super) spans: Vec<Span>,
    /// Where the first bad record begins that ends the stream, and what is wrong with it.
    pub(super) fatal: Option<(usize, BadRecord)>,
    /// Likewise the first of those that are passed over.
    pub(super) skipped: Vec<(usize, BadRecord)>,
    /// Whether the last record has no closing quote.
    pub(super) ends_in_quotes: bool,
    /// How many records have text behind a closing quote.
    pub(super) stray_quotes: u64,
    /// Whether others are passed over.
    skip_bad_records: bool,
    /// How many records there may be.
    most_records: usize,
    places: Places,
}

impl Batch {
    pub(super) fn new(most_records: usize, skip_bad_records: bool) -> Batch {
        Batch {
            lines: Vec::new(),
            spans: Vec::new(),
            fatal: None,
            skipped: Vec::new(),
            ends_in_quotes: false,
            stray_quotes: 0,
            skip_bad_records,
            most_records,
            places: Places::new(),
        }
    }

    pub(super) fn has_bad(&self) -> bool {
        self.fatal.is_some() || !self.skipped.is_empty()
    }

    fn is_full(&self) -> bool {
        self.spans.len() >= self.most_records || self.lines.len() >= BATCH_TEXT_BYTES
    }

    fn push(&mut self, record: &Range<usize>, insert_at: usize, text: Result<&[u8], BadRecord>) {
        let is_bad = text.is_err();
        match text {
            Ok(text) => {
                let start = self.lines.len();
                self.lines.extend_from_slice(text);
                let mut line = &mut self.lines[start..];
                while let Some(at) = memchr(b'\n', line) {
                    line[at] = b' ';
                    line = &mut line[at + 1..];
                }
            }
            Err(problem) => {
                self.ends_in_quotes |= matches!(problem, BadRecord::OpenQuote { .. });
                // Passed over, the record would seem to have been given the label that it came with.
                if !self.skip_bad_records || matches!(problem, BadRecord::FieldTaken(_)) {
                    self.fatal.get_or_insert((record.start, problem));
                } else if self.skipped.len() < SKIPPED_TOLD {
                    self.skipped.push((record.start, problem));
                }
            }
        }
        self.lines.push(b'\n');
        self.spans.push(Span { end: record.end, insert_at, is_bad });
    }
}

impl Layout {
    pub(super) fn of_table(format: Format, column: TextColumn) -> Layout {
        if format == Format::Csv { Layout::Csv(column) } else { Layout::Tsv(column) }
    }

    /// Fills `batch` with the records of `block` from `start` on, a record's start, and gives the end of the last;
    /// `start` itself when there are no more.
    pub(super) fn fill(&self, block: &[u8], start: usize, batch: &mut Batch) -> usize {
        batch.lines.clear();
        batch.spans.clear();
        batch.fatal = None;
        batch.skipped.clear();
        batch.ends_in_quotes = false;
        batch.stray_quotes = 0;
        match self {
            Layout::Lines => {
                for_each_line(block, start, batch, |batch, line, body| {
                    batch.push(line, body.end, Ok(&block[body.clone()]));
                });
            }
            Layout::Tsv(column) => {
                for_each_line(block, start, batch, |batch, line, body| {
                    tsv::push(*column, block, line, body, batch);
                });
            }
            Layout::Csv(column) => csv::fill(*column, block, start, batch),
            Layout::Json(fields) => {
                for_each_line(block, start, batch, |batch, line, body| {
                    json::push(fields, block, line, body, batch);
                });
            }
        }
        batch.spans.last().map_or(start, |last| last.end)
    }

    /// The whole lines of `block` from `start` on that make a batch of at most so many records, if lines are texts as they
    /// stand.
    pub(super) fn lines_alone<'b>(
        &self,
        block: &'b [u8],
        start: usize,
        most_records: usize,
    ) -> Option<&'b [u8]> {
        let Layout::Lines = self else { return None };
        let rest = &block[start..];
        // Every line has a byte at least.
        let most_bytes = BATCH_LINES_BYTES.min(most_records);
        if rest.len() <= most_bytes {
            return Some(rest);
        }
        let end = match memchr::memrchr(b'\n', &rest[..most_bytes]) {
            Some(at) => at + 1,
            None => memchr(b'\n', rest).map_or(rest.len(), |at| at + 1),
        };
        Some(&rest[..end])
    }
}

/// Calls `take` with each line and its body, without its end, until the batch is full.
fn for_each_line(
    block: &[u8],
    mut start: usize,
    batch: &mut Batch,
    mut take: impl FnMut(&mut Batch, &Range<usize>, &Range<usize>),
) {
    while start < block.len() && !batch.is_full() {
        let line_feed = memchr(b'\n', &block[start..]).map(|at| start + at);
        let end = line_feed.map_or(block.len(), |at| at + 1);
        let mut body_end = line_feed.unwrap_or(block.len());
        if block[start..body_end].ends_with(b"\r") {
            body_end -= 1;
        }
        take(batch, &(start..end), &(start..body_end));
        start = end;
    }
}
