//! Rows of columns separated by tabs.

use std::ops::Range;

use memchr::memchr_iter;

use super::{Batch, TextColumn};

/// Takes a line. An empty one is a row where there is one column only, and otherwise no record.
pub(super) fn push(
    column: TextColumn,
    block: &[u8],
    line: &Range<usize>,
    body: &Range<usize>,
    batch: &mut Batch,
) {
    if body.is_empty() && column.width != Some(1) {
        return;
    }
    let row = &block[body.clone()];
    let (mut start, mut end, mut tabs) = (0, row.len(), 0);
    for tab in memchr_iter(b'\t', row) {
        tabs += 1;
        if tabs == column.index {
            start = tab + 1;
        } else if tabs == column.index + 1 {
            end = tab;
        }
    }
    batch.push(line, body.end, column.check(tabs + 1).map(|()| &row[start..end]));
}
