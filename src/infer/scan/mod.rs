//! Where the words of a text are: 64 bytes at a time, with the instructions that the machine has.
//!
//! This is the one module with `unsafe` code. It is of two sorts only, and each place says which:
//! a load or store of 32 or 64 bytes through a pointer taken from a reference to an
//! array of just that size; and a call of a function that needs instructions of which the caller
//! holds proof. A value of [`Avx2`](x86::Avx2) or [`Avx512`](x86::Avx512) is that proof: they are
//! made in [`Instructions::run`], by what it calls, alone, from an [`Instructions`] that detection made.
//!
//! The tests run every set of instructions that the machine has against a plain twin, byte by byte.
//! `tests/memory-checks` runs them under AddressSanitizer and valgrind.

#![allow(unsafe_code)]

mod portable;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

/// The bytes that are scanned in one step.
pub(crate) const CHUNK: usize = 64;

/// What 64 bytes are: bit `i` speaks of byte `i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Masks {
    /// ASCII letters, digits and `_`, and every byte that is not ASCII.
    pub(super) word: u64,
    /// Bytes that are not ASCII.
    pub(super) high: u64,
    /// Line feeds.
    pub(super) newline: u64,
}

/// A way of scanning: the same results from different instructions.
pub(crate) trait Scan: Copy {
    /// Finds out what `bytes` are, and writes them to `lowered` with ASCII letters in lower case.
    fn masks(self, bytes: &[u8; CHUNK], lowered: &mut [u8; CHUNK]) -> Masks;

    /// Bit `i` for byte `i`: whether it is one of those sought, all of them ASCII.
    #[cfg(feature = "train")]
    fn find<const N: usize>(self, bytes: &[u8; CHUNK], sought: [u8; N]) -> u64;

    /// Writes `base + i` for each bit `i` that is set in `bits`, in order, and returns how many they
    /// are. What it leaves behind them in `positions` is of no meaning.
    fn positions(self, bits: u64, base: u16, positions: &mut [u16; CHUNK]) -> usize;

    /// The place of the largest value, and of several the first. `N` is 16 or 32.
    fn largest<const N: usize>(self, values: &[i16; N]) -> u32;
}

/// Work that is compiled once for each way of scanning.
pub(crate) trait Kernel {
    /// What the work gives.
    type Output;

    /// Does the work. Implementations are `#[inline(always)]`, and so is what they call in loops:
    /// only what is inlined is compiled for the instructions in question. Work that does not scan takes `scan` too: by its
    /// type, closures are others for each set of instructions. One closure for all sets has several callers, and where the
    /// compiler did not inline it, it was compiled for the portable set.
    fn run(self, scan: impl Scan) -> Self::Output;
}

/// A set of instructions that this machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instructions(Set);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// The best set that this machine has.
    pub fn best() -> Instructions {
        Self::available().last().unwrap_or(Instructions(Set::Portable))
    }

    /// All sets that this machine has and that scanning can use, the best last.
    pub fn available() -> impl Iterator<Item = Instructions> {
        #[cfg(target_arch = "x86_64")]
        let sets = [
            Some(Set::Portable),
            x86::Avx2::is_available().then_some(Set::Avx2),
            x86::Avx512::is_available().then_some(Set::Avx512),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let sets = [Some(Set::Portable)];
        sets.into_iter().flatten().map(Instructions)
    }

    /// The name of the set.
    pub fn name(self) -> &'static str {
        match self.0 {
            Set::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "avx512",
        }
    }

    /// Does `work` with these instructions.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, work: K) -> K::Output {
        match self.0 {
            Set::Portable => work.run(portable::Portable),
            // SAFETY (both): the field of `Instructions` is private, and `available` is all that fills
            // it: these sets only after detection found each of their instructions on this machine.
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => unsafe { x86::with_avx2(work) },
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => unsafe { x86::with_avx512(work) },
        }
    }
}
