//! Cuts a stream of bytes into blocks of whole records.

use std::io::{self, Read};

use memchr::{memchr_iter, memrchr, memrchr2};

use super::scan::Places;
use crate::data::{Format, input};

/// A buffer with whole records at its start.
#[derive(Debug, Default)]
pub(super) struct Block {
    buffer: Vec<u8>,
    records_end: usize,
}

impl Block {
    pub(super) fn records(&self) -> &[u8] {
        &self.buffer[..self.records_end]
    }
}

/// Reads blocks. One is at least a record, at most `block_bytes` unless a single record is longer, and no more than
/// what is there to read: input that pauses is not waited for while there is a whole record.
pub(super) struct Blocks {
    input: Box<dyn Read + Send>,
    ends: RecordEnds,
    block_bytes: usize,
    /// What has been read and not been given.
    carry: Vec<u8>,
    search: Search,
    is_at_end: bool,
}

impl Blocks {
    pub(super) fn new(input: Box<dyn Read + Send>, ends: RecordEnds, block_bytes: usize) -> Blocks {
        Blocks { input, ends, block_bytes, carry: Vec::new(), search: Search::new(), is_at_end: false }
    }

    /// Fills a block with the next records; false when there are none left.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub(super) fn next(&mut self, block: &mut Block) -> io::Result<bool> {
        let Block { buffer, records_end } = block;
        // What one long record needed is not kept for all that follow.
        if buffer.len() > 2 * self.block_bytes + self.carry.len() {
            *buffer = Vec::new();
        }
        let mut filled = self.carry.len();
        if buffer.len() < filled.max(self.block_bytes) {
            buffer.resize(filled.max(self.block_bytes), 0);
        }
        buffer[..filled].copy_from_slice(&self.carry);
        self.carry.clear();
        self.search.restart();
        loop {
            *records_end = self.search.advance(self.ends, &buffer[..filled]);
            if *records_end > 0 {
                self.carry.extend_from_slice(&buffer[*records_end..filled]);
                return Ok(true);
            }
            if self.is_at_end {
                *records_end = filled;
                return Ok(filled > 0);
            }
            if filled == buffer.len() {
                input::grow_for_record(buffer)?;
            }
            let room = (filled + self.block_bytes).min(buffer.len());
            match self.input.read(&mut buffer[filled..room]) {
                Ok(0) => self.is_at_end = true,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives these bytes back, the last that were given: they come again.
    pub(super) fn unread(&mut self, bytes: &[u8]) {
        self.carry.splice(..0, bytes.iter().copied());
    }
}

/// What ends a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordEnds {
    /// A line feed.
    LineFeed,
    /// As RFC 4180 says, and as `csv-core` reads it: a line feed or a carriage return that is not in quotes. A quote
    /// opens a quoted field only at the field's start, and a doubled one does not close it.
    OutsideQuotes,
}

impl RecordEnds {
    pub(super) fn of(format: Format) -> RecordEnds {
        if format == Format::Csv { RecordEnds::OutsideQuotes } else { RecordEnds::LineFeed }
    }

    /// The line ends in some bytes, which begin with a record: line feeds, in quotes too, and carriage returns that end
    /// a record by themselves.
    pub(super) fn count(self, bytes: &[u8]) -> u64 {
        let line_feeds = memchr_iter(b'\n', bytes).count();
        let is_lone = |at: usize| bytes.get(at + 1) != Some(&b'\n');
        let has_returns = self == RecordEnds::OutsideQuotes && memchr_iter(b'\r', bytes).any(is_lone);
        let returns = if has_returns { lone_returns(bytes) } else { 0 };
        (line_feeds + returns) as u64
    }
}

/// The carriage returns, not in quotes, that no line feed follows, in bytes that begin with a record.
fn lone_returns(bytes: &[u8]) -> usize {
    let (mut count, mut is_in_quotes, mut before) = (0, false, b'\n');
    let mut bytes = bytes.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if is_in_quotes => is_in_quotes = bytes.next_if_eq(&b'"').is_some(),
            b'"' => is_in_quotes = matches!(before, b',' | b'\n' | b'\r'),
            b'\r' if !is_in_quotes && bytes.peek() != Some(&b'\n') => count += 1,
            _ => {}
        }
        before = byte;
    }
    count
}

/// The search for the last end of a record in a buffer that grows.
#[derive(Debug)]
struct Search {
    searched: usize,
    is_in_quotes: bool,
    last_end: usize,
    quotes: Places,
}

/// How far before the end of what has been read the last end of a record is looked for at first.
const TAIL_BYTES: usize = if cfg!(test) { 16 } else { 4 << 10 };

impl Search {
    fn new() -> Search {
        Search { searched: 0, is_in_quotes: false, last_end: 0, quotes: Places::new() }
    }

    fn restart(&mut self) {
        self.searched = 0;
        self.is_in_quotes = false;
        self.last_end = 0;
    }

    /// The end of the last whole record in `bytes`, which begin as those of the last call did; 0 if there is none.
    fn advance(&mut self, ends: RecordEnds, bytes: &[u8]) -> usize {
        match ends {
            RecordEnds::LineFeed => {
                if let Some(at) = memrchr(b'\n', &bytes[self.searched..]) {
                    self.last_end = self.searched + at + 1;
                }
                self.searched = bytes.len();
            }
            RecordEnds::OutsideQuotes => {
                let (searched, is_in_quotes) = (self.searched, self.is_in_quotes);
                self.pass_quotes(bytes, bytes.len().saturating_sub(TAIL_BYTES), false);
                self.pass_quotes(bytes, bytes.len(), true);
                if self.last_end == 0 {
                    (self.searched, self.is_in_quotes) = (searched, is_in_quotes);
                    self.pass_quotes(bytes, bytes.len(), true);
                }
            }
        }
        self.last_end
    }

    /// Goes on to the first quote from `until` on, or the end; looks for ends of records on the way if asked to.
    fn pass_quotes(&mut self, bytes: &[u8], until: usize, is_looking: bool) {
        self.quotes.restart(self.searched);
        loop {
            let quote = self.quotes.next(bytes, [b'"']);
            if quote.is_some_and(|quote| quote >= until) {
                return;
            }
            if self.is_in_quotes {
                let Some(quote) = quote else {
                    self.searched = bytes.len();
                    return;
                };
                match bytes.get(quote + 1) {
                    // What comes next decides whether it is a doubled quote.
                    None => {
                        self.searched = quote;
                        return;
                    }
                    Some(b'"') => {
                        self.quotes.next(bytes, [b'"']);
                        self.searched = quote + 2;
                    }
                    Some(_) => {
                        self.is_in_quotes = false;
                        self.searched = quote + 1;
                    }
                }
            } else {
                // A carriage return at the very end may be the half of a CRLF.
                let is_undecided = quote.is_none() && bytes.ends_with(b"\r");
                let stop = quote.unwrap_or(bytes.len() - usize::from(is_undecided));
                if is_looking && let Some(at) = memrchr2(b'\n', b'\r', &bytes[self.searched..stop]) {
                    self.last_end = self.searched + at + 1;
                }
                let Some(quote) = quote else {
                    if is_looking {
                        self.searched = stop;
                    }
                    return;
                };
                self.is_in_quotes = quote == 0 || matches!(bytes[quote - 1], b',' | b'\n' | b'\r');
                self.searched = quote + 1;
            }
        }
    }
}
