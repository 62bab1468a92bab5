//! From the words in a window to the features that the model knows, line by line.

#![forbid(unsafe_code)]

use alloc::vec;
use alloc::vec::Vec;

use super::key::{self, HIGH_BITS, Key, LOW_BYTES, MAX_EXACT};
use super::lexicon::Lexicon;
use super::window::{self, Window};
use crate::Model;
use crate::text::features::MAX_NGRAMS;
use crate::text::{MAX_TOKEN_BYTES, Tokenizer};

/// Columns are read in groups of so many; see [`Hits::columns`].
pub(super) const GROUP: usize = 4;

/// The columns of the features found, line by line.
#[derive(Debug, Clone)]
pub(super) struct Hits {
    columns: Vec<u32>,
    count: usize,
    /// For each line, how many hits there are up to its end.
    line_ends: Vec<u32>,
    lines: usize,
}

impl Hits {
    /// Where the hits of each line end.
    #[inline(always)]
    pub(super) fn line_ends(&self) -> &[u32] {
        &self.line_ends[..self.lines]
    }

    /// All hits, and behind them some columns of no meaning, [`GROUP`] at least.
    #[inline(always)]
    pub(super) fn columns(&self) -> &[u32] {
        &self.columns
    }

    /// The hits of a line that goes on, or of all lines.
    pub(super) fn all(&self) -> &[u32] {
        &self.columns[..self.count]
    }
}

/// Finds features, and remembers the words that the next n-gram may begin with.
#[derive(Debug, Clone)]
pub(super) struct Finder {
    tokenizer: Tokenizer,
    last: Last,
}

/// The number of the known n-gram of `1 + index` words that ends with the last word, or [`UNKNOWN`].
type Last = [u32; MAX_NGRAMS as usize];

/// No number; there is no key of it.
const UNKNOWN: u32 = u32::MAX;

impl Finder {
    pub(super) fn new() -> Finder {
        Finder { tokenizer: Tokenizer::default(), last: [UNKNOWN; MAX_NGRAMS as usize] }
    }

    /// Room for what is found in one window.
    pub(super) fn hits(lexicon: &Lexicon) -> Hits {
        // A token and what separates it from the next take two bytes at least, a line end takes one.
        let (tokens, lines) = (window::SIZE / 2 + 1, window::SIZE + 1);
        let features = lexicon.ngrams() + lexicon.prefixes().len() + lexicon.suffixes().len();
        Hits {
            columns: vec![0; tokens * features + GROUP],
            count: 0,
            line_ends: vec![0; lines + 1],
            lines: 0,
        }
    }

    /// Forgets the words of the last line.
    pub(super) fn start_line(&mut self) {
        self.last = [UNKNOWN; MAX_NGRAMS as usize];
    }

    /// Puts what is found in `window` into `hits`. Lines that ended before are started anew; one that
    /// goes on is not.
    #[inline(always)]
    pub(super) fn find(&mut self, model: &Model, lexicon: &Lexicon, window: &Window, hits: &mut Hits) {
        if lexicon.is_words_only() {
            self.find_kinds::<false>(model, lexicon, window, hits);
        } else {
            self.find_kinds::<true>(model, lexicon, window, hits);
        }
    }

    /// [`find`](Self::find) for words alone, or `WIDE` for all kinds.
    #[inline(always)]
    fn find_kinds<const WIDE: bool>(
        &mut self,
        model: &Model,
        lexicon: &Lexicon,
        window: &Window,
        hits: &mut Hits,
    ) {
        let table = lexicon.table();
        let Hits { columns, line_ends, .. } = hits;
        // All that the loop changes is local, so that it can stay in registers.
        let (columns, line_ends) = (&mut columns[..], &mut line_ends[..]);
        let (mut count, mut lines) = (0, 0);
        for (start, end) in window.events() {
            let length = usize::from(end.wrapping_sub(start));
            let bytes = window.key(start);
            let word = bytes & LOW_BYTES[length.min(MAX_EXACT)];
            if length > MAX_EXACT || word & HIGH_BITS != 0 {
                count = self.find_in_run(model, lexicon, window, (start, end), (columns, count));
                continue;
            }
            let (number, found) = table.find(word);
            let is_column = !WIDE || number < lexicon.columns();
            columns[count] = number;
            count += usize::from(found & is_column);
            if WIDE {
                let mut note = |column, found| {
                    columns[count] = column;
                    count += usize::from(found);
                };
                for prefix in lexicon.prefixes() {
                    let (number, found) = table.find(prefix.key(bytes, length));
                    note(number, found);
                }
                for suffix in lexicon.suffixes() {
                    let bytes = window.key(end - u16::from(suffix.length) - 1);
                    let (number, found) = table.find(suffix.key(bytes, length));
                    note(number, found);
                }
                // A line end is no word that is known, and so no n-gram reaches across it.
                find_ngrams(lexicon, &mut self.last, if found { number } else { UNKNOWN }, note);
            }
            line_ends[lines] = count as u32;
            lines += usize::from(word == Key::from(b'\n'));
        }
        (hits.count, hits.lines) = (count, lines);
    }

    /// Finds the features of a run that is longer than a key or not all ASCII.
    #[cold]
    #[inline(never)]
    fn find_in_run(
        &mut self,
        model: &Model,
        lexicon: &Lexicon,
        window: &Window,
        (start, end): (u16, u16),
        (columns, mut count): (&mut [u32], usize),
    ) -> usize {
        let run = window.lowered_run(start, end);
        let note = |column| {
            columns[count] = column;
            count += 1;
        };
        if !run.is_ascii() {
            self.find_in_text(model, lexicon, window.original_run(start, end), note);
        } else if run.len() <= MAX_TOKEN_BYTES
            && let Ok(token) = core::str::from_utf8(run)
        {
            find_in_token(model, lexicon, &mut self.last, token, note);
        }
        count
    }

    /// Calls `note` with the column of each feature of a text of any length that the model knows.
    pub(super) fn find_in_text(
        &mut self,
        model: &Model,
        lexicon: &Lexicon,
        text: &[u8],
        mut note: impl FnMut(u32),
    ) {
        let Finder { tokenizer, last } = self;
        tokenizer.for_each_token(text, |token| find_in_token(model, lexicon, last, token, &mut note));
    }
}

/// Calls `note` with the column of each feature of a token, and of the n-grams that end with it.
fn find_in_token(model: &Model, lexicon: &Lexicon, last: &mut Last, token: &str, mut note: impl FnMut(u32)) {
    let number = lexicon.find_name(model, [token.as_bytes(), b""]);
    let mut note_column = |number: Option<u32>| {
        if let Some(column) = number.filter(|&number| number < lexicon.columns()) {
            note(column);
        }
    };
    note_column(number);
    for prefix in lexicon.prefixes() {
        // The end of the last character: there is none in a token with fewer characters.
        let end = token.char_indices().map(|(at, c)| at + c.len_utf8()).nth(usize::from(prefix.length) - 1);
        note_column(end.and_then(|end| lexicon.find_name(model, [&token.as_bytes()[..end], b"*"])));
    }
    for suffix in lexicon.suffixes() {
        let start = token.char_indices().rev().map(|(at, _)| at).nth(usize::from(suffix.length) - 1);
        note_column(start.and_then(|start| lexicon.find_name(model, [b"*", &token.as_bytes()[start..]])));
    }
    find_ngrams(lexicon, last, number.unwrap_or(UNKNOWN), |column, found| {
        if found {
            note(column);
        }
    });
}

/// Calls `note`, for each n-gram that ends with word number `word`, with its column and whether it is
/// one; if it is not, the column means nothing.
#[inline(always)]
fn find_ngrams(lexicon: &Lexicon, last: &mut Last, word: u32, mut note: impl FnMut(u32, bool)) {
    for length in (1..lexicon.ngrams()).rev() {
        let (number, found) = lexicon.table().find(key::of_ngram(last[length - 1], word));
        last[length] = if found { number } else { UNKNOWN };
        note(number, found & (number < lexicon.columns()));
    }
    last[0] = word;
}
