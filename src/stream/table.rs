//! The start of a table: where its text is, and the header of what is written.

use std::io::Write;
use std::path::Path;

use memchr::memchr_iter;

use super::blocks::{Block, Blocks, RecordEnds};
use super::records::{Layout, Row, TextColumn, fields};
use super::render::{Renderer, value_names};
use super::{Output, Stream, StreamError};
use crate::data::read::table::{MAX_COLUMNS, by_number, find_in_header};
use crate::data::read::{BadRecord, ColumnRole, ReadErrorKind};
use crate::data::{Format, ReadError};

impl<W: Write + Send + 'static> Stream<W> {
    /// Reads up to the first row of a table, past it if it is the header, and adds the lines read to `lines`. `None`
    /// when there is no row.
    pub(super) fn begin_table(
        &mut self,
        name: &Path,
        format: Format,
        blocks: &mut Blocks,
        lines: &mut u64,
    ) -> Result<Option<Layout>, StreamError> {
        let is_appended = self.options.output == Output::Append;
        let ends = RecordEnds::of(format);
        let unreadable = |error| ReadError::new(name, None, error);
        let mut block = Block::default();
        let (row, columns) = loop {
            if !blocks.next(&mut block).map_err(unreadable)? {
                return Ok(None);
            }
            let found = first_row(format, block.records(), self.options.header);
            if let Some(found) = found {
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
        let role = ColumnRole::Text;
        let column = if self.options.header {
            if row.columns > MAX_COLUMNS {
                return Err(fail(BadRecord::TooManyColumns { found: row.columns }.into()).into());
            }
            let found = if row.is_open {
                Err(ReadErrorKind::Header(BadRecord::OpenQuote))
            } else {
                find_in_header(columns.iter().map(Vec::as_slice), role, &self.options.text)
            };
            if found.is_err() && is_appended {
                // What stands before the header is written, as it is where it came in a block of its own.
                self.sink().write_bytes(block.records()[..row.body.start].to_vec())?;
            }
            let index = found.map_err(fail)?;
            if is_appended {
                self.append_header(name, format, block.records(), &row, &columns)?;
            }
            *lines += ends.count(&block.records()[..row.end]);
            blocks.unread(&block.records()[row.end..]);
            TextColumn { index, width: row.columns }
        } else {
            let index =
                by_number(role, &self.options.text).map_err(|kind| ReadError::new(name, None, kind))?;
            let problem = |columns: usize| match columns {
                found if found > MAX_COLUMNS => Some(BadRecord::TooManyColumns { found }),
                found if found <= index => Some(BadRecord::NoColumn { role, number: index + 1, found }),
                _ => None,
            };
            // A row that is to be passed over does not tell how many columns the others have.
            let (mut width, mut rest) = (row.columns, &block.records()[row.end..]);
            while self.options.skip_bad_records && problem(width).is_some() {
                let Some((next, _)) = first_row(format, rest, false) else { break };
                (width, rest) = (next.columns, &rest[next.end..]);
            }
            if problem(width).is_some() {
                let problem = problem(row.columns).expect("the search begins with the first row");
                return Err(fail(problem.into()).into());
            }
            let before = *self.width.get_or_insert(width);
            if is_appended && before != width {
                return Err(StreamError::ColumnsDiffer { file: name.into(), found: width, before });
            }
            blocks.unread(block.records());
            TextColumn { index, width }
        };
        Ok(Some(if format == Format::Csv { Layout::Csv(column) } else { Layout::Tsv(column) }))
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
        let mut output = block[..row.body.start].to_vec();
        let renderer = Renderer::new(&self.options, format, self.classifier.model());
        renderer.add_header(header, &block[row.body.end..row.end], &mut output);
        self.header = Some(header.to_vec());
        self.sink().write_bytes(output)
    }
}

/// The first row and its columns, of TSV or CSV.
fn first_row(format: Format, block: &[u8], is_header: bool) -> Option<(Row, Vec<Vec<u8>>)> {
    if format == Format::Csv { fields(block) } else { first_line(block, is_header) }
}

/// The first line of a TSV file and its columns; a header is the first that is not empty.
fn first_line(block: &[u8], is_header: bool) -> Option<(Row, Vec<Vec<u8>>)> {
    let mut start = 0;
    for line in block.split_inclusive(|&byte| byte == b'\n') {
        let body = line.strip_suffix(b"\n").unwrap_or(line);
        let body = body.strip_suffix(b"\r").unwrap_or(body);
        if is_header && body.is_empty() {
            start += line.len();
            continue;
        }
        let fields = body.split(|&byte| byte == b'\t').take(MAX_COLUMNS).map(<[u8]>::to_vec).collect();
        let columns = memchr_iter(b'\t', body).count() + 1;
        let body = start..start + body.len();
        return Some((Row { body, end: start + line.len(), columns, is_open: false }, fields));
    }
    None
}
