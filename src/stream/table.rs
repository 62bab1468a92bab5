//! The start of a table: where its text is, and the header of what is written.

use std::io::Write;
use std::path::Path;

use memchr::memchr_iter;

use super::blocks::{Block, Blocks, RecordEnds};
use super::records::{Layout, Row, TextColumn, fields};
use super::render::{Renderer, value_names};
use super::work::{Part, Worker};
use super::{Output, Stream, StreamError, unreadable};
use crate::data::read::table::{MAX_COLUMNS, by_number, find_in_header};
use crate::data::read::{BadRecord, ColumnRole, ReadErrorKind};
use crate::data::{Format, ReadError};

/// Bytes of empty lines after which TSV without a header is taken to have one column: they are its rows, then.
const MOST_EMPTY_LINES: usize = 1 << 20;

impl<W: Write + Send + 'static> Stream<W> {
    /// Reads up to the first row of a table whose text can be found, past the header if there is one, and adds the lines
    /// read to `lines`. `None` when there is no such row.
    pub(super) fn begin_table(
        &mut self,
        name: &Path,
        format: Format,
        blocks: &mut Blocks,
        lines: &mut u64,
    ) -> Result<Option<Layout>, StreamError> {
        let column = if self.options.header {
            self.begin_with_header(name, format, blocks, lines)?
        } else {
            self.begin_with_rows(name, format, blocks, lines)?
        };
        Ok(column.map(|column| Layout::of_table(format, column)))
    }

    fn begin_with_header(
        &mut self,
        name: &Path,
        format: Format,
        blocks: &mut Blocks,
        lines: &mut u64,
    ) -> Result<Option<TextColumn>, StreamError> {
        let is_appended = self.options.output == Output::Append;
        let ends = RecordEnds::of(format);
        let mut block = Block::default();
        let (row, columns) = loop {
            if !blocks.next(&mut block).map_err(|error| unreadable(name, error))? {
                return Ok(None);
            }
            if let Some(found) = first_row(format, block.records()) {
                break found;
            }
            // Empty lines alone.
            *lines += ends.count(block.records());
            if is_appended {
                self.sink().write_bytes(block.records().to_vec())?;
            }
        };
        let line = *lines + ends.count(&block.records()[..row.body.start]) + 1;
        let fail = |kind: ReadErrorKind| ReadError::new(name, Some(line), kind);
        let found = if row.columns > MAX_COLUMNS {
            Err(ReadErrorKind::Header(BadRecord::TooManyColumns { found: row.columns }))
        } else if row.is_open {
            Err(ReadErrorKind::Header(row.open_quote(block.records())))
        } else {
            find_in_header(columns.iter().map(Vec::as_slice), ColumnRole::Text, &self.options.text)
        };
        if is_appended {
            // As it is where it comes in a block of its own, whatever the header turns out to be.
            self.sink().write_bytes(block.records()[..row.body.start].to_vec())?;
        }
        let index = found.map_err(fail)?;
        if is_appended {
            self.append_header(name, format, block.records(), &row, &columns)?;
        }
        *lines += ends.count(&block.records()[..row.end]);
        blocks.unread(&block.records()[row.end..]);
        Ok(Some(TextColumn { index, width: Some(row.columns) }))
    }

    /// The first row that has the text tells how many columns all have; those before it are bad records.
    fn begin_with_rows(
        &mut self,
        name: &Path,
        format: Format,
        blocks: &mut Blocks,
        lines: &mut u64,
    ) -> Result<Option<TextColumn>, StreamError> {
        let role = ColumnRole::Text;
        let index = by_number(role, &self.options.text).map_err(|kind| ReadError::new(name, None, kind))?;
        let any_width = TextColumn { index, width: None };
        let mut width = None;
        if format == Format::Tsv && index == 0 {
            width = width_of_tsv(name, blocks)?.filter(|&columns| any_width.has_text(columns));
        }
        let classifier = self.classifier.clone();
        let plan = self.plan(format, Layout::of_table(format, any_width));
        let mut worker = Worker::new(&classifier, &plan);
        let (mut block, mut part) = (Block::default(), Part::default());
        while width.is_none() && blocks.next(&mut block).map_err(|error| unreadable(name, error))? {
            let mut bad = 0;
            while let Some((row, _)) = first_row(format, &block.records()[bad..]) {
                width = Some(row.columns).filter(|&columns| !row.is_open && any_width.has_text(columns));
                if width.is_some() {
                    break;
                }
                bad += row.end;
            }
            if width.is_none() {
                bad = block.records().len();
            }
            let (bad, rest) = block.records().split_at(bad);
            self.classify_block(name, &mut worker, bad, &mut part, *lines)?;
            *lines += plan.ends.count(bad);
            blocks.unread(rest);
        }
        let Some(found) = width else { return Ok(None) };
        let before = *self.width.get_or_insert(found);
        if self.options.output == Output::Append && before != found {
            return Err(StreamError::ColumnsDiffer { file: name.into(), found, before });
        }
        Ok(Some(TextColumn { index, width }))
    }

    /// Writes the header, unless it is that of the table before.
    fn append_header(
        &mut self,
        name: &Path,
        format: Format,
        block: &[u8],
        row: &Row,
        columns: &[Vec<u8>],
    ) -> Result<(), StreamError> {
        let added = value_names(&self.options, self.classifier.model());
        if let Some(taken) =
            added.into_iter().find(|name| columns.iter().any(|column| column == name.as_bytes()))
        {
            return Err(StreamError::ColumnTaken { file: name.into(), name: taken });
        }
        let header = &block[row.body.clone()];
        if let Some(before) = &self.header {
            return if before == header {
                Ok(())
            } else {
                Err(StreamError::HeaderDiffers { file: name.into() })
            };
        }
        let mut output = Vec::new();
        let renderer = Renderer::new(&self.options, format, self.classifier.model());
        renderer.add_header(header, &block[row.body.end..row.end], &mut output);
        self.header = Some(header.to_vec());
        self.sink().write_bytes(output)
    }
}

/// The columns of the first line of TSV that is not empty; one where there is none such, or after very many that are:
/// they are the rows, then. What was read comes again.
fn width_of_tsv(name: &Path, blocks: &mut Blocks) -> Result<Option<usize>, StreamError> {
    let (mut held, mut block) = (Vec::new(), Block::default());
    let width = loop {
        if !blocks.next(&mut block).map_err(|error| unreadable(name, error))? {
            break (!held.is_empty()).then_some(1);
        }
        let row = first_line(block.records()).map(|(row, _)| (held.len() + row.body.start, row.columns));
        held.extend_from_slice(block.records());
        match row {
            Some((start, columns)) if start < MOST_EMPTY_LINES => break Some(columns),
            None if held.len() < MOST_EMPTY_LINES => {}
            _ => break Some(1),
        }
    };
    blocks.unread(&held);
    Ok(width)
}

/// The first row that is not empty and its columns, of TSV or CSV.
fn first_row(format: Format, block: &[u8]) -> Option<(Row, Vec<Vec<u8>>)> {
    if format == Format::Csv { fields(block) } else { first_line(block) }
}

/// The first line of TSV that is not empty and its columns.
fn first_line(block: &[u8]) -> Option<(Row, Vec<Vec<u8>>)> {
    let mut start = 0;
    for line in block.split_inclusive(|&byte| byte == b'\n') {
        let body = line.strip_suffix(b"\n").unwrap_or(line);
        let body = body.strip_suffix(b"\r").unwrap_or(body);
        if body.is_empty() {
            start += line.len();
            continue;
        }
        let fields = body.split(|&byte| byte == b'\t').take(MAX_COLUMNS).map(<[u8]>::to_vec).collect();
        let columns = memchr_iter(b'\t', body).count() + 1;
        let body = start..start + body.len();
        let end = start + line.len();
        return Some((Row { body, end, columns, is_open: false, is_irregular: false }, fields));
    }
    None
}
