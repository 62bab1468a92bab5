//! Names of features as keys of 16 bytes.
//!
//! A name of up to 16 bytes is its own key, padded with zeros: two keys are equal only if the names
//! are, and nothing is left to confirm. No such key ends with a byte of `0xF8` or more, since names
//! are UTF-8. Keys that do are those of
//!
//! * longer names: a hash of the name. What is found by it must be confirmed by the name.
//! * n-grams, which are exact too: the number of the n-gram without its last word, and the number of
//!   that word.

#![forbid(unsafe_code)]

/// The bytes of a key, the first of them the lowest.
pub(super) type Key = u128;

/// The longest name that is its own key, in bytes.
pub(super) const MAX_EXACT: usize = 16;

const NGRAM: Key = 0xFF << 120;
const LONG: Key = 0xFE << 120;

/// The bits of the first `length` bytes of a key; `length` is [`MAX_EXACT`] at most.
#[inline(always)]
pub(super) fn low_bytes(length: usize) -> Key {
    // Halves from one table: plain loads are faster here than those of a vector.
    Key::from(BYTES_FROM_8[length + 8]) | Key::from(BYTES_FROM_8[length]) << 64
}

/// The lower half of [`low_bytes`].
#[inline(always)]
pub(super) fn low_bytes_low(length: usize) -> u64 {
    BYTES_FROM_8[length + 8]
}

/// At `n`, the bits of the first `n - 8` bytes of a word: none at 8, all from 16 on.
static BYTES_FROM_8: [u64; MAX_EXACT + 9] = {
    let mut masks = [0; MAX_EXACT + 9];
    let mut at = 9;
    while at < masks.len() {
        masks[at] = masks[at - 1] << 8 | 0xFF;
        at += 1;
    }
    masks
};

/// Whether all bytes of a key are ASCII.
#[inline(always)]
pub(super) fn is_ascii(key: Key) -> bool {
    key & (Key::MAX / 0xFF * 0x80) == 0
}

/// A name as it is looked up: a word alone, or an affix and its star, in their order.
pub(super) type Parts<'n> = [&'n [u8]; 2];

/// The parts of the name of a word or an affix.
pub(super) fn parts(name: &str) -> Parts<'_> {
    match (name.strip_prefix('*'), name.strip_suffix('*')) {
        (Some(suffix), _) => [b"*", suffix.as_bytes()],
        (_, Some(prefix)) => [prefix.as_bytes(), b"*"],
        (None, None) => [name.as_bytes(), b""],
    }
}

/// The key of the name that has these parts.
pub(super) fn of_name(parts: Parts<'_>) -> Key {
    let [first, second] = parts;
    let length = first.len() + second.len();
    if length > MAX_EXACT {
        return LONG | Key::from(hash_long(first, second)) | (length as Key & 0xFFFF_FFFF) << 64;
    }
    let mut bytes = [0; MAX_EXACT];
    bytes[..first.len()].copy_from_slice(first);
    bytes[first.len()..length].copy_from_slice(second);
    Key::from_le_bytes(bytes)
}

/// Whether a key does not tell its name, so that what it finds must be confirmed.
pub(super) fn is_long(key: Key) -> bool {
    key >> 120 == LONG >> 120
}

/// Whether a key is the name itself, of a word or an affix.
pub(super) fn is_exact(key: Key) -> bool {
    key < LONG
}

/// The key of the n-gram whose words but the last are number `start`, and whose last is number `word`.
#[inline(always)]
pub(super) fn of_ngram(start: u32, word: u32) -> Key {
    NGRAM | Key::from(start) << 32 | Key::from(word)
}

/// The hash of a key: two words multiplied, and the halves of the product folded.
#[inline(always)]
pub(super) fn hash(key: Key) -> u64 {
    let (low, high) = (key as u64, (key >> 64) as u64);
    let product = Key::from(low) * Key::from(high ^ 0x9E37_79B9_7F4A_7C15);
    product as u64 ^ (product >> 64) as u64
}

fn hash_long(first: &[u8], second: &[u8]) -> u64 {
    [first, second].iter().flat_map(|part| part.chunks(8)).fold(0, |state, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash(Key::from(u64::from_le_bytes(word)) | Key::from(state) << 64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_its_own_key_however_it_is_put_together() {
        assert_eq!(of_name([b"nurse", b""]), Key::from_le_bytes(*b"nurse\0\0\0\0\0\0\0\0\0\0\0"));
        assert_eq!(of_name([b"nur", b"*"]), Key::from_le_bytes(*b"nur*\0\0\0\0\0\0\0\0\0\0\0\0"));
        assert_eq!(of_name(parts("*se")), of_name([b"*", b"se"]));
        assert_eq!(of_name([b"0123456789abcdef", b""]), Key::from_le_bytes(*b"0123456789abcdef"));
    }

    #[test]
    fn the_first_bytes_of_a_key_are_as_many_as_asked_for() {
        for length in 0..MAX_EXACT {
            assert_eq!(low_bytes(length), (1 << (8 * length)) - 1, "{length}");
        }
        assert_eq!(low_bytes(MAX_EXACT), Key::MAX);
    }

    #[test]
    fn keys_of_long_names_and_of_ngrams_cannot_be_those_of_short_names() {
        let longest = "\u{10FFFF}".repeat(4);
        assert!(of_name([longest.as_bytes(), b""]) >> 120 < LONG >> 120);
        assert!(is_long(of_name([b"0123456789abcdef", b"g"])));
        assert!(!is_long(of_ngram(u32::MAX, u32::MAX)));
        assert!(of_ngram(0, 0) > LONG | (LONG - 1) >> 8);
        assert!(is_exact(of_name([longest.as_bytes(), b""])));
        assert!(!is_exact(of_name([b"0123456789abcdef", b"g"])) && !is_exact(of_ngram(0, 0)));
    }

    #[test]
    fn long_names_that_differ_in_one_byte_or_in_length_have_different_keys() {
        let name = [b'x'; 40];
        let key = of_name([&name, b""]);
        assert_ne!(key, of_name([&name[1..], b""]));
        for at in 0..name.len() {
            let mut other = name;
            other[at] = b'y';
            assert_ne!(key, of_name([&other, b""]), "{at}");
        }
    }
}
