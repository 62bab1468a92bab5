//! A first look at a name: whether it may be one that the model knows.

#![forbid(unsafe_code)]

use alloc::boxed::Box;

use super::key::{self, Key};

const WORDS: usize = 1024;

/// A bit for each hash of the first eight bytes of a name, set for the names of the model.
///
/// It costs a fifth of a lookup, and passes few of the words of which a model knows one in many. What it
/// passes must be looked up. (8 KB: a larger one would not stay in the fastest cache with the rest.)
#[derive(Debug, Clone)]
pub(super) struct Sieve(Box<[u64; WORDS]>);

/// A sieve for questions in a loop.
#[derive(Debug, Clone, Copy)]
pub(super) struct SieveRef<'s>(&'s [u64; WORDS]);

impl Sieve {
    /// The sieve that passes the names with these keys. N-grams and long names have none that could be asked for.
    pub(super) fn new(keys: impl Iterator<Item = Key>) -> Sieve {
        let mut bits = Box::new([0; WORDS]);
        for hash in keys.filter(|&key| key::is_exact(key)).map(|key| Self::hash(key as u64)) {
            bits[hash / 64] |= 1 << (hash % 64);
        }
        Sieve(bits)
    }

    #[inline(always)]
    pub(super) fn get(&self) -> SieveRef<'_> {
        SieveRef(&self.0)
    }

    /// A number below 64 times `WORDS`.
    #[inline(always)]
    fn hash(low: u64) -> usize {
        (low.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48) as usize
    }
}

impl SieveRef<'_> {
    /// Whether a name may be known of whose key this is the lower half.
    #[inline(always)]
    pub(super) fn passes(self, low: u64) -> bool {
        let hash = Sieve::hash(low);
        self.0[hash / 64] >> (hash % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec::Vec;

    #[test]
    fn names_of_the_model_pass_and_few_others_do() {
        let keys: Vec<Key> = (0..1000).map(|n| key::of_name([format!("{n}word").as_bytes(), b""])).collect();
        let sieve = Sieve::new(keys.iter().copied());
        assert!(keys.iter().all(|&key| sieve.get().passes(key as u64)));
        let others = (0..1000).map(|n| key::of_name([format!("{n}other").as_bytes(), b""]));
        assert!(others.filter(|&key| sieve.get().passes(key as u64)).count() < 50);
    }
}
