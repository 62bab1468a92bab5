//! Finds all places of a few bytes, where they are so close together that a search for each would cost too much.

/// Bytes that are searched at a time. Few in tests, that they go beyond them; so are those of other such constants.
const WINDOW_BYTES: usize = if cfg!(test) { 80 } else { 4 << 10 };

/// Bytes of which a word of bits says where the sought ones are.
const WORD_BYTES: usize = 64;

/// Places that are written down at a time.
const STEP: usize = 8;

/// The places of some bytes in a block, in order. They are found window by window, so that what is in memory at a time
/// is small.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Those of the window, counted from its start, then anything.
    found: Vec<u16>,
    /// How many have been found.
    count: usize,
    /// How many of them have been given.
    given: usize,
    window_start: usize,
    window_end: usize,
}

impl Places {
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
        self.found.resize(WINDOW_BYTES + STEP, 0);
        self.count = 0;
        self.given = 0;
        while self.count == 0 && self.window_end < block.len() {
            self.window_start = self.window_end;
            self.window_end = block.len().min(self.window_start + WINDOW_BYTES);
            let window = &block[self.window_start..self.window_end];
            let (words, rest) = window.as_chunks::<WORD_BYTES>();
            for (at, word) in words.iter().enumerate() {
                self.add(at * WORD_BYTES, bits(word, sought));
            }
            if !rest.is_empty() {
                let mut padded = [0; WORD_BYTES];
                padded[..rest.len()].copy_from_slice(rest);
                // The padding may be what is sought.
                let bits = bits(&padded, sought) & ((1 << rest.len()) - 1);
                self.add(window.len() - rest.len(), bits);
            }
        }
        self.count > 0
    }

    #[inline]
    fn add(&mut self, start: usize, mut bits: u64) {
        let end = self.count + bits.count_ones() as usize;
        while self.count < end {
            // A fixed number of steps, some of them in vain, is faster than a guess at each whether it is the last.
            for place in &mut self.found[self.count..self.count + STEP] {
                *place = start as u16 + bits.trailing_zeros() as u16;
                bits &= bits.wrapping_sub(1);
            }
            self.count += STEP;
        }
        self.count = end;
    }
}

/// A bit for each byte: whether it is one of those sought.
#[inline]
fn bits<const N: usize>(bytes: &[u8; WORD_BYTES], sought: [u8; N]) -> u64 {
    // Compilers turn this into vector comparisons.
    let mut is_sought = [0_u8; WORD_BYTES];
    for (is_sought, byte) in is_sought.iter_mut().zip(bytes) {
        *is_sought = sought.iter().fold(0, |any, one| any | u8::from(byte == one));
    }
    let (words, _) = is_sought.as_chunks::<8>();
    words.iter().enumerate().fold(0, |bits, (at, word)| {
        // The product has the lowest bit of each byte in its highest byte, in order, without carries between them.
        let gathered = u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits | gathered << (8 * at)
    })
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
            let mut places = Places::default();
            places.restart(start);
            let found: Vec<usize> = std::iter::from_fn(|| places.next(&block, [b',', b'\0', b'"'])).collect();
            let expected: Vec<usize> =
                (start..block.len()).filter(|&at| matches!(block[at], b',' | b'\0' | b'"')).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
