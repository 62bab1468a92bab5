//! Lines, and rows of columns separated by tabs.

use std::io::{self, BufRead};

use memchr::memchr_iter;

use super::BadRecord;
use super::table::{MAX_COLUMNS, Row, Rows};
use crate::data::input::read_line;

/// Reads lines and counts them.
pub(super) struct Lines<R> {
    input: R,
    read: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Lines<R> {
        Lines { input, read: 0 }
    }

    /// Reads the next line into `line`, without its end, and gives its number; `None` at the end.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
        if !read_line(&mut self.input, line)? {
            return Ok(None);
        }
        self.read += 1;
        Ok(Some(self.read))
    }
}

/// Reads rows of TSV.
pub(super) struct TabRows<R>(Lines<R>);

impl<R: BufRead> TabRows<R> {
    pub(super) fn new(input: R) -> TabRows<R> {
        TabRows(Lines::new(input))
    }
}

impl<R: BufRead> Rows for TabRows<R> {
    fn next(&mut self, row: &mut Row) -> io::Result<Option<Result<(), BadRecord>>> {
        while let Some(line) = self.0.next(&mut row.bytes)? {
            if row.bytes.is_empty() {
                continue;
            }
            row.line = line;
            row.gap = 1;
            row.ends.clear();
            let found = memchr_iter(b'\t', &row.bytes).count() + 1;
            if found > MAX_COLUMNS {
                return Ok(Some(Err(BadRecord::TooManyColumns { found })));
            }
            row.ends.extend(memchr_iter(b'\t', &row.bytes));
            row.ends.push(row.bytes.len());
            return Ok(Some(Ok(())));
        }
        Ok(None)
    }
}
