//! The instructions that the machine has, and work that is compiled once for each set of them.
//!
//! `unsafe` is in this module and in that which scans, and in no other. Here it is of one sort: a call of a function that
//! needs instructions of which the caller holds proof. A value of [`Avx2`] or [`Avx512`] is that proof, and detection alone
//! makes one.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

/// Work that is compiled once for each set of instructions.
pub(crate) trait Kernel {
    /// What the work gives.
    type Output;

    /// Does the work. Implementations are `#[inline(always)]`, and so is what they call in loops:
    /// only what is inlined is compiled for the instructions in question.
    fn run(self) -> Self::Output;
}

/// A set of instructions that this machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instructions(Set);

/// A set, with the proof that the machine has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Instructions {
    /// The best set that this machine has.
    pub fn best() -> Instructions {
        Self::available().last().unwrap_or(Instructions(Set::Portable))
    }

    /// All sets that this machine has and that there is code for, the best last.
    pub fn available() -> impl Iterator<Item = Instructions> {
        #[cfg(target_arch = "x86_64")]
        let sets =
            [Some(Set::Portable), Avx2::detected().map(Set::Avx2), Avx512::detected().map(Set::Avx512)];
        #[cfg(not(target_arch = "x86_64"))]
        let sets = [Some(Set::Portable)];
        sets.into_iter().flatten().map(Instructions)
    }

    /// The name of the set.
    pub fn name(self) -> &'static str {
        match self.0 {
            Set::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(_) => "avx512",
        }
    }

    pub(crate) fn set(self) -> Set {
        self.0
    }

    /// Does `work` with these instructions.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, work: K) -> K::Output {
        match self.0 {
            Set::Portable => work.run(),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(avx2) => avx2.run(work),
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(avx512) => avx512.run(work),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_set_of_instructions_goes_untested_that_this_machine_has() {
        assert_eq!(Instructions::available().next().unwrap().name(), "portable");
        assert_eq!(Some(Instructions::best()), Instructions::available().last());
    }
}
