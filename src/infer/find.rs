//! From the words in a window to the features that the model knows, line by line.

#![forbid(unsafe_code)]

use alloc::vec;
use alloc::vec::Vec;

use super::key::{self, MAX_EXACT};
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
///
/// It goes over the events twice. The first pass asks the [`Sieve`](super::sieve::Sieve) alone, in as few
/// instructions as can be, and notes the few features that may be known; the second looks those up.
#[derive(Debug, Clone)]
pub(super) struct Finder {
    tokenizer: Tokenizer,
    last: Last,
    /// What the first pass notes: the place of an event among all, and in the lowest byte what of it may be known.
    candidates: Vec<u32>,
}

/// The candidate is a word or a line end; 1 and higher are the affixes of the lexicon, in order.
const WORD: u32 = 0;

/// The candidate is all features of a run that is longer than a key, or not all ASCII.
const RUN: u32 = 0xFF;

/// The number of the known n-gram of `1 + index` words that ends with the last word, or [`UNKNOWN`].
type Last = [u32; MAX_NGRAMS as usize];

/// No number; there is no key of it.
const UNKNOWN: u32 = u32::MAX;

/// No words that an n-gram could begin with.
const NO_WORDS: Last = [UNKNOWN; MAX_NGRAMS as usize];

/// How many features may be found in one window.
fn most_hits(lexicon: &Lexicon) -> usize {
    // A token and what separates it from the next, a line end perhaps, take two bytes at least.
    window::POSITIONS / 2 * (lexicon.ngrams() + lexicon.affixes().len() + 1)
}

/// How many features of one window may pass the sieve.
fn most_candidates(lexicon: &Lexicon) -> usize {
    // A line end takes one byte, and the sieve is asked as for a word of one letter: for its shortest affixes as well.
    let of_one = 1 + lexicon.affixes().iter().filter(|affix| affix.length == 1).count();
    window::POSITIONS * of_one + window::POSITIONS / 2 * lexicon.affixes().len()
}

impl Finder {
    pub(super) fn new(lexicon: &Lexicon) -> Finder {
        let candidates = vec![0; most_candidates(lexicon)];
        Finder { tokenizer: Tokenizer::default(), last: NO_WORDS, candidates }
    }

    /// Room for what is found in one window.
    pub(super) fn hits(lexicon: &Lexicon) -> Hits {
        let numbers = vec![0; most_hits(lexicon)];
        Hits { numbers, count: 0, line_ends: vec![0; window::POSITIONS], lines: 0 }
    }

    /// Forgets the words of the last line.
    pub(super) fn start_line(&mut self) {
        self.last = NO_WORDS;
    }

    /// Puts what is found in `window` into `hits`. Lines that ended before are started anew; one that
    /// goes on is not.
    #[inline(always)]
    pub(super) fn find(&mut self, model: &Model, lexicon: &Lexicon, window: &Window, hits: &mut Hits) {
        let numbers = &mut hits.numbers[..];
        let count = if lexicon.is_words_only() {
            self.find_kinds::<false>(model, lexicon, window, numbers)
        } else {
            self.find_kinds::<true>(model, lexicon, window, numbers)
        };
        hits.end(count, lexicon.line_end());
    }

    /// Puts what is found into `numbers`, and returns how much that is: `WIDE` for all kinds of features or words alone.
    #[inline(always)]
    fn find_kinds<const WIDE: bool>(
        &mut self,
        model: &Model,
        lexicon: &Lexicon,
        window: &Window,
        numbers: &mut [u32],
    ) -> usize {
        let candidates = if window.is_ascii() {
            self.sift::<WIDE, true>(lexicon, window)
        } else {
            self.sift::<WIDE, false>(lexicon, window)
        };
        self.look_up::<WIDE>(model, lexicon, window, candidates, numbers)
    }

    /// Notes what may be known, and returns how much that is; `ASCII` for a window that is.
    #[inline(always)]
    fn sift<const WIDE: bool, const ASCII: bool>(&mut self, lexicon: &Lexicon, window: &Window) -> usize {
        let sieve = lexicon.sieve();
        let candidates = &mut self.candidates[..];
        let mut count = 0;
        for (event, (start, end)) in (0_u32..).step_by(0x100).zip(window.events()) {
            let mut note = |candidate, passes| {
                candidates[count] = event | candidate;
                count += usize::from(passes);
            };
            let length = usize::from(end.wrapping_sub(start));
            if length > MAX_EXACT || !ASCII && !key::is_ascii(window.key(start) & key::low_bytes(length)) {
                note(RUN, true);
                continue;
            }
            let bytes = window.key_low(start);
            note(WORD, sieve.passes(bytes & key::low_bytes_low(length)));
            if WIDE {
                for (kind, affix) in (WORD + 1..).zip(lexicon.affixes()) {
                    let low = affix.low(window.key_low(affix.position(start, end)));
                    note(kind, sieve.passes(low) & (length >= usize::from(affix.length)));
                }
            }
        }
        count
    }

    /// Looks the first `candidates` up that were noted, and returns how many of their numbers are known.
    #[inline(always)]
    fn look_up<const WIDE: bool>(
        &mut self,
        model: &Model,
        lexicon: &Lexicon,
        window: &Window,
        candidates: usize,
        numbers: &mut [u32],
    ) -> usize {
        let table = lexicon.table();
        let line_end = lexicon.line_end();
        let mut count = 0;
        // The event that follows the last word that was known: only there an n-gram goes on.
        let mut next = 0;
        for at in 0..candidates {
            let candidate = self.candidates[at];
            let (event, kind) = ((candidate >> 8) as usize, candidate & 0xFF);
            let (start, end) = window.event(event);
            if kind == RUN {
                if event != next {
                    self.start_line();
                }
                next = event + 1;
                count = self.find_in_run(model, lexicon, window, (start, end), (numbers, count));
                continue;
            }
            let length = usize::from(end.wrapping_sub(start)).min(MAX_EXACT);
            let word = |bytes| bytes & key::low_bytes(length);
            let key = match lexicon.affixes().get((kind as usize).wrapping_sub(1)) {
                Some(affix) if WIDE => affix.key(window.key(affix.position(start, end))),
                _ => word(window.key(start)),
            };
            let (number, found) = table.find(key);
            let mut note = |number, found| {
                numbers[count] = number;
                count += usize::from(found);
            };
            note(number, found & (!WIDE || number <= line_end));
            if WIDE && lexicon.ngrams() > 1 && kind == WORD && found {
                if event != next {
                    self.last = NO_WORDS;
                }
                next = event + 1;
                if number == line_end {
                    // No n-gram reaches across it.
                    self.last = NO_WORDS;
                } else {
                    find_ngrams(lexicon, &mut self.last, number, note);
                }
            }
        }
        // A line may go on in the next window.
        if next != window.event_count() {
            self.start_line();
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
        let Finder { tokenizer, last, .. } = self;
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
