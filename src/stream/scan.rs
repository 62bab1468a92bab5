//! Finds all places of a few bytes, where they are so close together that a search for each would cost too much.

use crate::infer::Instructions;
use crate::infer::scan::{CHUNK, Kernel, Scan};

/// Bytes that are searched at a time. Few in tests, that they go beyond them; so are those of other such constants.
const WINDOW_BYTES: usize = if cfg!(test) { 80 } else { 4 << 10 };

/// The places of some bytes in a block, in order. They are found window by window, so that what is in memory at a time
/// is small.
#[derive(Debug)]
pub(super) struct Places {
    instructions: Instructions,
    /// Those of the window, counted from its start, then anything.
    found: Box<[u16; WINDOW_BYTES + CHUNK]>,
    /// How many have been found.
    count: usize,
    /// How many of them have been given.
    given: usize,
    window_start: usize,
    window_end: usize,
}

impl Places {
    pub(super) fn new() -> Places {
        Places {
            instructions: Instructions::best(),
            found: Box::new([0; WINDOW_BYTES + CHUNK]),
            count: 0,
            given: 0,
            window_start: 0,
            window_end: 0,
        }
    }

    /// Begins a search at this place of a block.
    pub(super) fn restart(&mut self, at: usize) {
        self.count = 0;
        self.given = 0;
        self.window_start = at;
        self.window_end = at;
    }

    /// The next place of one of the bytes `sought`; always the same ones until the next restart.
    #[inline]
    pub(super) fn next<const N: usize>(&mut self, block: &[u8], sought: [u8; N]) -> Option<usize> {
        if self.given == self.count && !self.search_on(block, sought) {
            return None;
        }
        let place = self.window_start + usize::from(self.found[self.given]);
        self.given += 1;
        Some(place)
    }

    /// Searches windows until there is a place to give.
    #[inline(never)]
    fn search_on<const N: usize>(&mut self, block: &[u8], sought: [u8; N]) -> bool {
        self.count = 0;
        self.given = 0;
        while self.count == 0 && self.window_end < block.len() {
            self.window_start = self.window_end;
            self.window_end = block.len().min(self.window_start + WINDOW_BYTES);
            let window = &block[self.window_start..self.window_end];
            self.count = self.instructions.run(Search { window, sought, found: &mut self.found });
        }
        self.count > 0
    }
}

/// The search of a window, which gives the number of places.
struct Search<'w, const N: usize> {
    window: &'w [u8],
    sought: [u8; N],
    found: &'w mut [u16; WINDOW_BYTES + CHUNK],
}

impl<const N: usize> Kernel for Search<'_, N> {
    type Output = usize;

    #[inline(always)]
    fn run(self, scan: impl Scan) -> usize {
        let Search { window, sought, found } = self;
        let mut count = 0;
        let (chunks, rest) = window.as_chunks::<CHUNK>();
        for (at, chunk) in chunks.iter().enumerate() {
            if let Some(room) = found[count..].first_chunk_mut() {
                count += scan.positions(scan.find(chunk, sought), (at * CHUNK) as u16, room);
            }
        }
        let mut padded = [0; CHUNK];
        padded[..rest.len()].copy_from_slice(rest);
        // The padding may be what is sought.
        let bits = scan.find(&padded, sought) & ((1 << rest.len()) - 1);
        if let Some(room) = found[count..].first_chunk_mut() {
            count += scan.positions(bits, (window.len() - rest.len()) as u16, room);
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_are_all_those_of_the_bytes_sought(
            bytes in prop::collection::vec(prop::sample::select(b"a,\"\n\0".to_vec()), 0..300),
            gap in 0_usize..9000,
            start in 0_usize..400,
        ) {
            let mut block = bytes.clone();
            block.resize(block.len() + gap, b'a');
            block.extend(&bytes);
            let start = start.min(block.len());
            let mut places = Places::new();
            places.restart(start);
            let found: Vec<usize> = std::iter::from_fn(|| places.next(&block, [b',', b'\0', b'"'])).collect();
            let expected: Vec<usize> =
                (start..block.len()).filter(|&at| matches!(block[at], b',' | b'\0' | b'"')).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
