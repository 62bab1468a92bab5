//! The vectors of x86-64.

use super::Kernel;

/// Proof that the machine has AVX2, BMI1, BMI2, LZCNT and POPCNT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx2(());

/// Proof that the machine has AVX-512 F, BW, VL, VBMI and VBMI2, and all of [`Avx2`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx512(());

#[cfg(feature = "std")]
macro_rules! has {
    ($($feature:tt),*) => { true $(&& std::arch::is_x86_feature_detected!($feature))* };
}

/// Without the standard library, what the crate is compiled for.
#[cfg(not(feature = "std"))]
macro_rules! has {
    ($($feature:tt),*) => { [$(cfg!(target_feature = $feature)),*].into_iter().all(|has| has) };
}

impl Avx2 {
    pub(super) fn detected() -> Option<Avx2> {
        has!("avx2", "bmi1", "bmi2", "lzcnt", "popcnt").then_some(Avx2(()))
    }

    #[inline]
    pub(crate) fn run<K: Kernel>(self, work: K) -> K::Output {
        // SAFETY: `self` proves that the machine has what the function needs.
        unsafe { with_avx2(work) }
    }
}

impl Avx512 {
    pub(super) fn detected() -> Option<Avx512> {
        Avx2::detected()?;
        has!("avx512f", "avx512bw", "avx512vl", "avx512vbmi", "avx512vbmi2").then_some(Avx512(()))
    }

    #[inline]
    pub(crate) fn run<K: Kernel>(self, work: K) -> K::Output {
        // SAFETY: `self` proves that the machine has what the function needs.
        unsafe { with_avx512(work) }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn with_avx2<K: Kernel>(work: K) -> K::Output {
    work.run()
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt")]
fn with_avx512<K: Kernel>(work: K) -> K::Output {
    work.run()
}
