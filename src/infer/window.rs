//! A stretch of text that fits the fastest cache, in lower case, and where its words are.

#![forbid(unsafe_code)]

use alloc::boxed::Box;

use super::key::{Key, MAX_EXACT};
use super::scan::{CHUNK, Masks, Scan};

/// The bytes of text that a window takes. Texts in it start at whole chunks.
pub(super) const SIZE: usize = POSITIONS - BEFORE - 2 * CHUNK;

/// Positions in a window are below this power of two.
pub(super) const POSITIONS: usize = 4096;

/// Before the text, so that a key can be loaded from before a word.
const BEFORE: usize = CHUNK;
/// Keys are loaded from any position.
const BYTES: usize = POSITIONS + MAX_EXACT;
/// Each byte may start a word or end a line, and positions are written by the chunk.
const EVENTS: usize = POSITIONS;

/// Texts, and the words and line ends found in them.
///
/// Words and line ends are both *events*, with a start and an end. That of a line end is one byte
/// long, and the byte is a line feed: no word has one.
#[derive(Debug, Clone)]
pub(super) struct Window {
    buffers: Box<Buffers>,
    /// Where the next text goes: a multiple of [`CHUNK`].
    next: usize,
    events: usize,
    is_ascii: bool,
}

/// Side by side, so that one pointer leads to all of them.
#[derive(Debug, Clone)]
struct Buffers {
    starts: [u16; EVENTS],
    ends: [u16; EVENTS],
    lowered: [u8; BYTES],
    /// The bytes as they were; filled only for texts with bytes that are not ASCII.
    original: [u8; BYTES],
}

/// What [`Window::push`] does with line feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// Each ends a line, and so does the end of the bytes if it does not follow one.
    Many,
    /// They separate words; the end of the bytes ends the line.
    One,
    /// They separate words, and the line goes on.
    Part,
}

impl Default for Window {
    fn default() -> Self {
        let buffers =
            Buffers { starts: [0; EVENTS], ends: [0; EVENTS], lowered: [0; BYTES], original: [0; BYTES] };
        Window { buffers: Box::new(buffers), next: 0, events: 0, is_ascii: true }
    }
}

impl Window {
    pub(super) fn clear(&mut self) {
        self.next = 0;
        self.events = 0;
        self.is_ascii = true;
    }

    /// Whether there is room for a text of so many bytes.
    pub(super) fn takes(&self, length: usize) -> bool {
        self.next < SIZE && length <= SIZE - self.next
    }

    /// Takes `text`, for which there must be room, and finds its words.
    #[inline(always)]
    pub(super) fn push(&mut self, scan: impl Scan, text: &[u8], lines: Lines) {
        debug_assert!(self.takes(text.len()));
        let split = if lines == Lines::Many { u64::MAX } else { 0 };
        let ends_itself =
            lines == Lines::Part || lines == Lines::Many && text.last().is_none_or(|&byte| byte == b'\n');
        let from = self.next;
        let mut high = 0;
        let mut carry = Carry { words: 0, newlines: 0, started: self.events, ended: self.events };
        let (chunks, rest) = text.as_chunks::<CHUNK>();
        for chunk in chunks {
            let masks = self.lower(scan, chunk);
            high |= masks.high;
            self.mark(scan, masks.word, masks.newline & split, &mut carry);
        }
        if !rest.is_empty() || !ends_itself {
            let mut chunk = [0; CHUNK];
            chunk[..rest.len()].copy_from_slice(rest);
            if !ends_itself {
                chunk[rest.len()] = b'\n';
            }
            let masks = self.lower(scan, &chunk);
            high |= masks.high;
            let end = u64::from(!ends_itself) << rest.len();
            self.mark(scan, masks.word, masks.newline & split | end, &mut carry);
        }
        // What the last byte of the last chunk belongs to ends behind it.
        self.buffers.ends[carry.ended] = (BEFORE + self.next) as u16;
        // A separator, so that no affix of a short last word goes on in what was there before.
        self.buffers.lowered[BEFORE + self.next] = 0;
        self.events = carry.started;
        if high != 0 {
            self.is_ascii = false;
            self.buffers.original[BEFORE + from..][..text.len()].copy_from_slice(text);
        }
    }

    /// Takes the next chunk of text in lower case.
    #[inline(always)]
    fn lower(&mut self, scan: impl Scan, chunk: &[u8; CHUNK]) -> Masks {
        let lowered = self.buffers.lowered[BEFORE + self.next..].first_chunk_mut();
        let masks = scan.masks(chunk, lowered.expect("there is room for a text and a chunk"));
        self.next += CHUNK;
        masks
    }

    /// Notes the events of the chunk that was just taken.
    #[inline(always)]
    fn mark(&mut self, scan: impl Scan, words: u64, newlines: u64, carry: &mut Carry) {
        let words_before = words << 1 | carry.words;
        let newlines_before = newlines << 1 | carry.newlines;
        let starts = words & !words_before | newlines;
        let ends = words_before & !words | newlines_before;
        carry.words = words >> 63;
        carry.newlines = newlines >> 63;
        let base = (BEFORE + self.next - CHUNK) as u16;
        for (bits, positions, count) in [
            (starts, &mut self.buffers.starts, &mut carry.started),
            (ends, &mut self.buffers.ends, &mut carry.ended),
        ] {
            let room = positions[*count..].first_chunk_mut();
            *count += scan.positions(bits, base, room.expect("there are fewer events than bytes"));
        }
    }

    /// Whether all texts are ASCII.
    #[inline(always)]
    pub(super) fn is_ascii(&self) -> bool {
        self.is_ascii
    }

    /// The events, for a loop.
    #[inline(always)]
    pub(super) fn events(&self) -> Events<'_> {
        Events { buffers: &self.buffers, count: self.events }
    }

    /// The bytes of a run, with those of ASCII in lower case.
    pub(super) fn lowered_run(&self, start: u16, end: u16) -> &[u8] {
        &self.buffers.lowered[usize::from(start)..usize::from(end)]
    }

    /// The bytes of a run that is not all ASCII, as they were.
    pub(super) fn original_run(&self, start: u16, end: u16) -> &[u8] {
        &self.buffers.original[usize::from(start)..usize::from(end)]
    }
}

/// The words and line ends in a window, in order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Events<'w> {
    buffers: &'w Buffers,
    count: usize,
}

impl<'w> Events<'w> {
    /// Where each starts and ends, for [`key`](Self::key) and [`lowered_run`](Window::lowered_run).
    #[inline(always)]
    pub(super) fn iter(self) -> impl Iterator<Item = (u16, u16)> + 'w {
        let starts = self.buffers.starts[..self.count].iter().copied();
        starts.zip(self.buffers.ends[..self.count].iter().copied())
    }

    /// Where one starts and ends, by its place in their order.
    #[inline(always)]
    pub(super) fn get(self, at: usize) -> (u16, u16) {
        (self.buffers.starts[at], self.buffers.ends[at])
    }

    /// How many there are.
    #[inline(always)]
    pub(super) fn len(self) -> usize {
        self.count
    }

    /// Whether an event that starts here is a line end.
    #[inline(always)]
    pub(super) fn is_line_end(self, start: u16) -> bool {
        self.buffers.lowered[usize::from(start) & (POSITIONS - 1)] == b'\n'
    }

    /// The first eight bytes of [`key`](Self::key).
    #[inline(always)]
    pub(super) fn key_low(self, position: u16) -> u64 {
        let from = usize::from(position) & (POSITIONS - 1);
        let bytes = self.buffers.lowered[from..from + 8].first_chunk();
        u64::from_le_bytes(*bytes.expect("it is eight bytes"))
    }

    /// The sixteen bytes from `position` on, in lower case. Words may be asked some bytes before their start.
    #[inline(always)]
    pub(super) fn key(self, position: u16) -> Key {
        // The mask changes nothing; it shows the compiler that the bytes are there.
        let from = usize::from(position) & (POSITIONS - 1);
        let bytes = self.buffers.lowered[from..from + MAX_EXACT].first_chunk();
        Key::from_le_bytes(*bytes.expect("it is sixteen bytes"))
    }
}

/// What one chunk leaves to the next.
struct Carry {
    /// Whether the last byte belonged to a word.
    words: u64,
    /// Whether the last byte ended a line.
    newlines: u64,
    started: usize,
    ended: usize,
}

#[cfg(test)]
mod tests {
    use super::super::scan::{Instructions, Kernel};
    use super::*;
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    struct Push<'a>(&'a mut Window, &'a [u8], Lines);

    impl Kernel for Push<'_> {
        type Output = ();

        fn run(self, scan: impl Scan) {
            self.0.push(scan, self.1, self.2);
        }
    }

    /// The events of `text`, byte by byte.
    fn expected(text: &[u8], lines: Lines) -> Vec<Vec<u8>> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        let mut events = Vec::new();
        let mut word = Vec::new();
        for &byte in text {
            if is_word(byte) {
                word.push(byte.to_ascii_lowercase());
                continue;
            }
            events.push(core::mem::take(&mut word));
            if byte == b'\n' && lines == Lines::Many {
                events.push(b"\n".to_vec());
            }
        }
        events.push(word);
        let unended = match lines {
            Lines::Many => text.last().is_some_and(|&byte| byte != b'\n'),
            Lines::One => true,
            Lines::Part => false,
        };
        if unended {
            events.push(b"\n".to_vec());
        }
        events.retain(|event| !event.is_empty());
        events
    }

    fn check(texts: &[(Vec<u8>, Lines)]) {
        for instructions in Instructions::available() {
            let mut window = Window::default();
            // What was there before must not matter.
            instructions.run(Push(&mut window, &[b'x'; SIZE], Lines::One));
            window.clear();
            let mut all = Vec::new();
            for (text, lines) in texts {
                if !window.takes(text.len()) {
                    break;
                }
                instructions.run(Push(&mut window, text, *lines));
                all.extend(expected(text, *lines));
            }
            let found: Vec<Vec<u8>> =
                window.events().iter().map(|(start, end)| window.lowered_run(start, end).to_vec()).collect();
            assert_eq!(found, all, "{}", instructions.name());
        }
    }

    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(b'a'), Just(b'Z'), Just(b' '), Just(b'\n'), Just(0xC3), any::<u8>()];
        prop_oneof![prop::collection::vec(byte, 0..300), "[A-Za-z ]{60,70}\n?".prop_map(String::into_bytes),]
    }

    proptest! {
        #[test]
        fn events_are_the_words_and_line_ends_of_any_texts_at_any_place(
            texts in prop::collection::vec((texts(), prop_oneof![Just(Lines::Many), Just(Lines::One), Just(Lines::Part)]), 1..6),
        ) {
            check(&texts);
        }
    }

    #[test]
    fn a_window_takes_texts_of_every_length_up_to_its_own() {
        for lines in [Lines::Many, Lines::One, Lines::Part] {
            for length in (0..130).chain(SIZE - 130..=SIZE) {
                for byte in [b'a', b' ', b'\n', 0xFF] {
                    check(&[(vec![byte; length], lines)]);
                }
            }
        }
    }

    #[test]
    fn the_bytes_of_a_text_that_is_not_ascii_are_kept_as_they_were() {
        for instructions in Instructions::available() {
            let mut window = Window::default();
            instructions.run(Push(&mut window, "night nurse".as_bytes(), Lines::One));
            instructions.run(Push(&mut window, "Été".as_bytes(), Lines::One));
            let (start, end) = window.events().get(3);
            assert_eq!(window.original_run(start, end), "Été".as_bytes());
        }
    }
}
