//! From the words in a window to the features that the model knows, line by line.

#![forbid(unsafe_code)]

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::key::{self, MAX_EXACT};
use super::lexicon::Lexicon;
use super::window::{self, Window};
use crate::Model;
use crate::text::features::MAX_NGRAMS;
use crate::text::{MAX_TOKEN_BYTES, Tokenizer};

/// The columns of the features found, line by line.
#[derive(Debug, Clone)]
pub(super) struct Hits {
    columns: Vec<u32>,
    count: usize,
    /// Where each line ends in `columns`.
    line_ends: Vec<u32>,
    lines: usize,
}

/// As many columns can be had from any hit on, whether or not so many follow.
pub(super) const TOGETHER: usize = 4;

impl Hits {
    /// The columns of all hits.
    pub(super) fn all(&self) -> &[u32] {
        &self.columns[..self.count]
    }

    /// The places of each line's hits.
    #[inline(always)]
    pub(super) fn lines(&self) -> impl Iterator<Item = Range<usize>> {
        let mut from = 0;
        self.line_ends[..self.lines].iter().map(move |&end| {
            let line = from..end as usize;
            from = line.end;
            line
        })
    }

    /// The columns of the hits at some places.
    #[inline(always)]
    pub(super) fn columns(&self, places: Range<usize>) -> &[u32] {
        &self.columns[places]
    }

    /// The column of the hit at a place and of those behind it; what is behind the last is of no meaning.
    #[inline(always)]
    pub(super) fn columns_from(&self, place: usize) -> &[u32; TOGETHER] {
        self.columns[place..].first_chunk().expect("there is room behind the last hit")
    }
}

/// Finds features, and remembers the words that the next n-gram may begin with.
///
/// It goes over the events in three passes. The first asks the [`Sieve`](super::sieve::Sieve) alone, in as few
/// instructions as can be, and notes the few features that may be known; the second parts the line ends from them; the
/// third looks those that are left up.
#[derive(Debug, Clone)]
pub(super) struct Finder {
    tokenizer: Tokenizer,
    last: Last,
    /// What the first pass notes: the place of an event among all, and in the lowest byte what of it may be known. The
    /// third leaves in its place how many hits come from the candidates before.
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
    // A token and what separates it from the next take two bytes at least.
    window::POSITIONS / 2 * (lexicon.ngrams() + lexicon.affixes().len() + 1)
}

/// How many features of one window may pass the sieve.
fn most_candidates(lexicon: &Lexicon) -> usize {
    // An event takes one byte, and the sieve is asked as for a word even of a line end.
    window::POSITIONS * (1 + lexicon.affixes().len())
}

impl Finder {
    pub(super) fn new(lexicon: &Lexicon) -> Finder {
        // One more for the end of the last.
        let candidates = vec![0; most_candidates(lexicon) + 1];
        Finder { tokenizer: Tokenizer::default(), last: NO_WORDS, candidates }
    }

    /// Room for what is found in one window.
    pub(super) fn hits(lexicon: &Lexicon) -> Hits {
        let columns = vec![0; most_hits(lexicon) + TOGETHER];
        Hits { columns, count: 0, line_ends: vec![0; window::POSITIONS], lines: 0 }
    }

    /// Forgets the words of the last line.
    pub(super) fn start_line(&mut self) {
        self.last = NO_WORDS;
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

    /// Puts what is found into `hits`: `WIDE` for all kinds of features or words alone.
    #[inline(always)]
    fn find_kinds<const WIDE: bool>(
        &mut self,
        model: &Model,
        lexicon: &Lexicon,
        window: &Window,
        hits: &mut Hits,
    ) {
        let candidates = if window.is_ascii() {
            self.sift::<WIDE, true>(lexicon, window)
        } else {
            self.sift::<WIDE, false>(lexicon, window)
        };
        let (candidates, lines) = self.part_lines::<WIDE>(window, candidates, &mut hits.line_ends);
        let count = self.look_up::<WIDE>(model, lexicon, window, candidates, &mut hits.columns);
        for end in &mut hits.line_ends[..lines] {
            *end = self.candidates[*end as usize];
        }
        (hits.count, hits.lines) = (count, lines);
    }

    /// Notes what may be known and the line ends, and returns how much that is; `ASCII` for a window that is.
    #[inline(always)]
    fn sift<const WIDE: bool, const ASCII: bool>(&mut self, lexicon: &Lexicon, window: &Window) -> usize {
        let (sieve, events) = (lexicon.sieve(), window.events());
        let (prefixes, suffixes) = (lexicon.prefixes(), lexicon.suffixes());
        let candidates = &mut self.candidates[..];
        let mut count = 0;
        for (event, (start, end)) in (0_u32..).step_by(0x100).zip(events.iter()) {
            let mut note = |candidate, passes| {
                candidates[count] = event | candidate;
                count += usize::from(passes);
            };
            let length = usize::from(end.wrapping_sub(start));
            if length > MAX_EXACT || !ASCII && !key::is_ascii(events.key(start) & key::low_bytes(length)) {
                note(RUN, true);
                continue;
            }
            let bytes = events.key_low(start);
            note(WORD, sieve.passes(bytes & key::low_bytes_low(length)));
            if WIDE {
                // Of a word that is shorter, the key gets a separator, which no feature has: one is before each and
                // behind it.
                for (kind, prefix) in (WORD + 1..).zip(prefixes) {
                    note(kind, sieve.passes(prefix.low(bytes)));
                }
                for (kind, suffix) in (WORD + 1 + prefixes.len() as u32..).zip(suffixes) {
                    note(kind, sieve.passes(suffix.low(events.key_low(suffix.position_of_suffix(end)))));
                }
            }
        }
        count
    }

    /// Parts the line ends from the first `candidates`, and puts into `line_ends` how many of the others come before each.
    /// Returns how many others and how many line ends there are.
    #[inline(always)]
    fn part_lines<const WIDE: bool>(
        &mut self,
        window: &Window,
        candidates: usize,
        line_ends: &mut [u32],
    ) -> (usize, usize) {
        let events = window.events();
        let all = &mut self.candidates[..candidates];
        let (mut others, mut lines) = (0, 0);
        for at in 0..candidates {
            let candidate = all[at];
            let (start, _) = events.get((candidate >> 8) as usize);
            let is_line_end = events.is_line_end(start) && (!WIDE || candidate & 0xFF == WORD);
            line_ends[lines] = others as u32;
            lines += usize::from(is_line_end);
            all[others] = candidate;
            others += usize::from(!is_line_end);
        }
        (others, lines)
    }

    /// Looks the first `candidates` up that were noted, and returns how many of them are columns.
    #[inline(always)]
    fn look_up<const WIDE: bool>(
        &mut self,
        model: &Model,
        lexicon: &Lexicon,
        window: &Window,
        candidates: usize,
        columns: &mut [u32],
    ) -> usize {
        let (table, events) = (lexicon.table(), window.events());
        // Taken out, so that where they are need not be looked up for each.
        let mut all = core::mem::take(&mut self.candidates);
        let mut count = 0;
        // The event that follows the last word that was known: only there an n-gram goes on.
        let mut next = 0;
        for candidate in &mut all[..candidates] {
            let candidate = core::mem::replace(candidate, count as u32);
            let (event, kind) = ((candidate >> 8) as usize, candidate & 0xFF);
            let (start, end) = events.get(event);
            if kind == RUN {
                if event != next {
                    self.start_line();
                }
                next = event + 1;
                count = self.find_in_run(model, lexicon, window, (start, end), (columns, count));
                continue;
            }
            let length = usize::from(end.wrapping_sub(start)).min(MAX_EXACT);
            let word = |bytes| bytes & key::low_bytes(length);
            let key = match lexicon.affixes().get((kind as usize).wrapping_sub(1)) {
                Some(affix) if WIDE => affix.key(events.key(affix.position(start, end))),
                _ => word(events.key(start)),
            };
            let (number, found) = table.find(key);
            let mut note = |number, found| {
                columns[count] = number;
                count += usize::from(found);
            };
            note(number, found & (!WIDE || number < lexicon.columns()));
            if WIDE && lexicon.ngrams() > 1 && kind == WORD && found {
                // A line end is an event: no n-gram reaches across it.
                if event != next {
                    self.last = NO_WORDS;
                }
                next = event + 1;
                find_ngrams(lexicon, &mut self.last, number, note);
            }
        }
        all[candidates] = count as u32;
        self.candidates = all;
        // A line may go on in the next window.
        if next != events.len() {
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
        let Finder { tokenizer, last, .. } = self;
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
