//! Where the words of a text are: 64 bytes at a time, with the instructions that the machine has.
//!
//! The `unsafe` code here is of two sorts only, and each place says which: a load or store of 32 or 64 bytes through a
//! pointer taken from a reference to an array of just that size; and a call of a function that needs instructions of which
//! the caller holds [proof](crate::simd).
//!
//! The tests run every set of instructions that the machine has against a plain twin, byte by byte.
//! `tests/memory-checks` runs them under AddressSanitizer and valgrind.

#![allow(unsafe_code)]

mod portable;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::simd::{Instructions, Set};

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

/// Work that scans, compiled once for each way of scanning.
pub(crate) trait ScanKernel {
    /// What the work gives.
    type Output;

    /// Does the work, as [`Kernel::run`](crate::simd::Kernel::run) does.
    fn run(self, scan: impl Scan) -> Self::Output;
}

/// Does `work` with these instructions.
#[inline]
pub(crate) fn run<K: ScanKernel>(instructions: Instructions, work: K) -> K::Output {
    match instructions.set() {
        Set::Portable => work.run(portable::Portable),
        #[cfg(target_arch = "x86_64")]
        Set::Avx2(avx2) => avx2.run(x86::With { scan: avx2, work }),
        #[cfg(target_arch = "x86_64")]
        Set::Avx512(avx512) => avx512.run(x86::With { scan: avx512, work }),
    }
}
