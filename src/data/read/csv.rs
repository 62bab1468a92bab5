//! Rows of comma-separated values.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader};

use super::BadRecord;
use super::table::{MAX_COLUMNS, Row, Rows};
use crate::data::input::grow_for_record;

/// Reads rows of CSV. It drives `csv-core` rather than `csv`, whose records tell a line that is one too low after a
/// CRLF, and do not tell that the end of the file came inside of quotes.
pub(super) struct CommaRows<R> {
    input: R,
    /// It counts line feeds; carriage returns that end a row by themselves are added to its count.
    parser: Reader,
    /// The last byte read ended a row and was a carriage return.
    is_after_return: bool,
    place: Place,
}

/// Where in a field the last byte read was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Unquoted,
    Quoted,
    ClosingQuote,
}

impl Place {
    /// Behind the next byte.
    fn after(self, byte: u8) -> Place {
        match (self, byte) {
            (Place::Quoted, b'"') => Place::ClosingQuote,
            // A doubled one closes nothing.
            (Place::Start | Place::ClosingQuote, b'"') | (Place::Quoted, _) => Place::Quoted,
            (_, b',' | b'\r' | b'\n') => Place::Start,
            _ => Place::Unquoted,
        }
    }
}

impl<R: BufRead> CommaRows<R> {
    pub(super) fn new(input: R) -> CommaRows<R> {
        let mut parser = Reader::new();
        // The byte-order mark has been passed over. A first call, with room for nothing, keeps the parser from
        // looking for another.
        parser.read_record(b"\n", &mut [], &mut []);
        CommaRows { input, parser, is_after_return: false, place: Place::Start }
    }

    /// Passes over empty lines, and the LF of a CRLF at whose CR the last row ended. Says whether there is a row.
    fn skip_line_ends(&mut self) -> io::Result<bool> {
        loop {
            let available = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                available => available?,
            };
            if available.is_empty() {
                return Ok(false);
            }
            let line_ends = available.iter().take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count();
            let is_at_row = line_ends < available.len();
            let mut lines = 0;
            for &byte in &available[..line_ends] {
                lines += u64::from(byte == b'\n' || self.is_after_return);
                self.is_after_return = byte == b'\r';
            }
            if is_at_row && self.is_after_return {
                lines += 1;
                self.is_after_return = false;
            }
            self.input.consume(line_ends);
            self.parser.set_line(self.parser.line() + lines);
            if is_at_row {
                return Ok(true);
            }
        }
    }
}

impl<R: BufRead> Rows for CommaRows<R> {
    fn next(&mut self, row: &mut Row) -> io::Result<Option<Result<(), BadRecord>>> {
        if !self.skip_line_ends()? {
            return Ok(None);
        }
        row.line = self.parser.line();
        row.gap = 0;
        row.has_stray_quote = false;
        self.place = Place::Start;
        let (mut written, mut fields, mut passed) = (0, 0, 0);
        let mut is_line_ended = false;
        loop {
            if row.bytes.len() - written < 256 {
                grow_for_record(&mut row.bytes)?;
            }
            if fields > MAX_COLUMNS {
                // Too many to keep.
                passed += fields;
                (written, fields) = (0, 0);
            }
            if row.ends.len() - fields < 16 {
                row.ends.resize((2 * row.ends.len()).max(64), 0);
            }
            let available = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                available => available?,
            };
            let is_at_end = available.is_empty();
            // At the end a line end closes the row, unless it is inside of quotes.
            let available = if is_at_end { b"\n" } else { available };
            let (result, read, bytes, ends) =
                self.parser.read_record(available, &mut row.bytes[written..], &mut row.ends[fields..]);
            for &byte in &available[..read] {
                let place = self.place.after(byte);
                row.has_stray_quote |= self.place == Place::ClosingQuote && place == Place::Unquoted;
                self.place = place;
            }
            if !is_at_end {
                self.is_after_return = available[..read].ends_with(b"\r");
                is_line_ended = available[..read].ends_with(b"\n");
                self.input.consume(read);
            }
            written += bytes;
            fields += ends;
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => break,
                ReadRecordResult::InputEmpty if is_at_end => {
                    // The parser has counted the line end that closed no row: that of the last line, if it had none.
                    let lines = self.parser.line() - row.line - u64::from(is_line_ended);
                    return Ok(Some(Err(BadRecord::OpenQuote { lines })));
                }
                ReadRecordResult::InputEmpty
                | ReadRecordResult::OutputFull
                | ReadRecordResult::OutputEndsFull => {}
            }
        }
        row.ends.truncate(fields);
        let found = passed + fields;
        if found > MAX_COLUMNS {
            return Ok(Some(Err(BadRecord::TooManyColumns { found })));
        }
        Ok(Some(Ok(())))
    }
}
