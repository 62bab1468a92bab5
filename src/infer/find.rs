//! From the words in a window to the features that the model knows, line by line.

#![forbid(unsafe_code)]

use alloc::vec;
use alloc::vec::Vec;

use super::key::{self, MAX_EXACT, NO_KEY};
use super::lexicon::Lexicon;
use super::window::{self, Window};
use crate::Model;
use crate::text::features::MAX_NGRAMS;
use crate::text::{MAX_TOKEN_BYTES, Tokenizer};

/// The columns of the features found, and the [`line_end`](Lexicon::line_end) behind those of each line.
#[derive(Debug, Clone)]
pub(super) struct Hits {
    numbers: Vec<u32>,
    count: usize,
    /// Where the line ends are in `numbers`.
    line_ends: Vec<u32>,
    lines: usize,
}

impl Hits {
    /// All hits and line ends.
    pub(super) fn all(&self) -> &[u32] {
        &self.numbers[..self.count]
    }

    /// The hits of each line, and the line end behind them.
    #[inline(always)]
    pub(super) fn lines(&self) -> impl Iterator<Item = &[u32]> {
        let mut from = 0;
        self.line_ends[..self.lines].iter().map(move |&end| {
            let line = &self.numbers[from..=end as usize];
            from = end as usize + 1;
            line
        })
    }

    /// Notes where the first `count` numbers are line ends.
    #[inline(always)]
    fn end(&mut self, count: usize, line_end: u32) {
        let (mut lines, line_ends) = (0, &mut self.line_ends[..]);
        for (at, &number) in (0..).zip(&self.numbers[..count]) {
            line_ends[lines] = at;
            lines += usize::from(number == line_end);
        }
        (self.count, self.lines) = (count, lines);
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
        let features = lexicon.ngrams() + lexicon.prefixes().len() + lexicon.suffixes().len();
        // A token and what separates it from the next, a line end perhaps, take two bytes at least.
        let most = window::POSITIONS / 2 * (features + 1);
        Hits { numbers: vec![0; most], count: 0, line_ends: vec![0; window::POSITIONS], lines: 0 }
    }

    /// Forgets the words of the last line.
    pub(super) fn start_line(&mut self) {
        self.last = [UNKNOWN; MAX_NGRAMS as usize];
    }

    /// Puts what is found in `window` into `hits`. Lines that ended before are started anew; one that
    /// goes on is not.
    #[inline(always)]
    pub(super) fn find(&mut self, model: &Model, lexicon: &Lexicon, window: &Window, hits: &mut Hits) {
        let count = match (lexicon.is_words_only(), window.is_ascii()) {
            (true, true) => self.find_kinds::<false, true>(model, lexicon, window, &mut hits.numbers),
            (true, false) => self.find_kinds::<false, false>(model, lexicon, window, &mut hits.numbers),
            (false, _) => self.find_kinds::<true, false>(model, lexicon, window, &mut hits.numbers),
        };
        hits.end(count, lexicon.line_end());
    }

    /// [`find`](Self::find): `WIDE` for all kinds of features or words alone, `ASCII` for a window that is.
    #[inline(always)]
    fn find_kinds<const WIDE: bool, const ASCII: bool>(
        &mut self,
        model: &Model,
        lexicon: &Lexicon,
        window: &Window,
        numbers: &mut [u32],
    ) -> usize {
        let table = lexicon.table();
        let mut count = 0;
        for (start, end) in window.events() {
            let length = usize::from(end.wrapping_sub(start));
            let is_short = length <= MAX_EXACT;
            let bytes = window.key(start);
            let word = if is_short { bytes & key::low_bytes(length) } else { NO_KEY };
            if !is_short || !ASCII && !key::is_ascii(word) {
                count = self.find_in_run(model, lexicon, window, (start, end), (numbers, count));
                continue;
            }
            let (number, found) = table.find(word);
            let mut note = |number, found| {
                numbers[count] = number;
                count += usize::from(found);
            };
            note(number, found & (!WIDE || number <= lexicon.line_end()));
            if WIDE {
                for prefix in lexicon.prefixes() {
                    let (number, found) = table.find(prefix.key(bytes, length));
                    note(number, found);
                }
                for suffix in lexicon.suffixes() {
                    let bytes = window.key(end - u16::from(suffix.length) - 1);
                    let (number, found) = table.find(suffix.key(bytes, length));
                    note(number, found);
                }
                // No n-gram reaches across a line end: none has its number as a part.
                find_ngrams(lexicon, &mut self.last, if found { number } else { UNKNOWN }, note);
            }
        }
        count
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
        (numbers, mut count): (&mut [u32], usize),
    ) -> usize {
        let run = window.lowered_run(start, end);
        let note = |column| {
            numbers[count] = column;
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
        if let Some(column) = number.filter(|&number| number < lexicon.line_end()) {
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
        note(number, found & (number < lexicon.line_end()));
    }
    last[0] = word;
}
