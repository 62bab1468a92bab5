//! Scanning with the vectors of x86-64.

use core::arch::x86_64::*;

use super::{CHUNK, Kernel, Masks, Scan};

/// Proof that the machine has AVX2, BMI1, BMI2, LZCNT and POPCNT.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

/// Proof that the machine has AVX-512 F, BW, VL, VBMI and VBMI2, and all of [`Avx2`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512(());

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
    pub(super) fn is_available() -> bool {
        has!("avx2", "bmi1", "bmi2", "lzcnt", "popcnt")
    }
}

impl Avx512 {
    pub(super) fn is_available() -> bool {
        Avx2::is_available() && has!("avx512f", "avx512bw", "avx512vl", "avx512vbmi", "avx512vbmi2")
    }
}

/// Does `work` with AVX2.
///
/// # Safety
/// [`Avx2::is_available`] must have returned `true`.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(super) unsafe fn with_avx2<K: Kernel>(work: K) -> K::Output {
    work.run(Avx2(()))
}

/// Does `work` with AVX-512.
///
/// # Safety
/// [`Avx512::is_available`] must have returned `true`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(super) unsafe fn with_avx512<K: Kernel>(work: K) -> K::Output {
    work.run(Avx512(()))
}

impl Scan for Avx2 {
    #[inline(always)]
    fn masks(self, bytes: &[u8; CHUNK], lowered: &mut [u8; CHUNK]) -> Masks {
        // SAFETY: `self` proves that the machine has what the function needs.
        unsafe { masks_avx2(bytes, lowered) }
    }

    #[cfg(feature = "train")]
    #[inline(always)]
    fn find<const N: usize>(self, bytes: &[u8; CHUNK], sought: [u8; N]) -> u64 {
        // SAFETY: `self` proves that the machine has what the function needs.
        unsafe { find_avx2(bytes, sought) }
    }

    #[inline(always)]
    fn positions(self, bits: u64, base: u16, positions: &mut [u16; CHUNK]) -> usize {
        super::portable::positions_one_by_one(bits, base, positions)
    }

    #[inline(always)]
    fn largest<const N: usize>(self, values: &[i16; N]) -> u32 {
        // SAFETY: `self` proves that the machine has what the function needs.
        unsafe { largest_avx2(values) }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn masks_avx2(bytes: &[u8; CHUNK], lowered: &mut [u8; CHUNK]) -> Masks {
    let mut masks = Masks { word: 0, high: 0, newline: 0 };
    let (halves, _) = bytes.as_chunks::<32>();
    let (lowered, _) = lowered.as_chunks_mut::<32>();
    for (at, (half, lowered)) in halves.iter().zip(lowered).enumerate() {
        // SAFETY: `half` is 32 bytes that can be read, and the load asks for no alignment.
        let bytes = unsafe { _mm256_loadu_si256(half.as_ptr().cast()) };
        let in_range = |bytes, low: u8, high: u8| {
            // Both bounds in one signed comparison: `low` is moved to the least value there is.
            let moved = _mm256_add_epi8(bytes, _mm256_set1_epi8((128 - low) as i8));
            _mm256_cmpgt_epi8(_mm256_set1_epi8((high - low + 1).wrapping_add(128) as i8), moved)
        };
        let upper = in_range(bytes, b'A', b'Z');
        let lower = _mm256_or_si256(bytes, _mm256_and_si256(upper, _mm256_set1_epi8(0x20)));
        // SAFETY: `lowered` is 32 bytes that can be written, and the store asks for no alignment.
        unsafe { _mm256_storeu_si256(lowered.as_mut_ptr().cast(), lower) };
        let letters_and_digits = _mm256_or_si256(in_range(lower, b'a', b'z'), in_range(lower, b'0', b'9'));
        let underscores = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'_' as i8));
        // The high bit of a byte that is not ASCII is set already.
        let word = _mm256_or_si256(_mm256_or_si256(letters_and_digits, underscores), bytes);
        let newline = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'\n' as i8));
        let bits = |vector| u64::from(_mm256_movemask_epi8(vector) as u32) << (32 * at);
        masks.word |= bits(word);
        masks.high |= bits(bytes);
        masks.newline |= bits(newline);
    }
    masks
}

#[cfg(feature = "train")]
#[inline]
#[target_feature(enable = "avx2")]
fn find_avx2<const N: usize>(bytes: &[u8; CHUNK], sought: [u8; N]) -> u64 {
    let (halves, _) = bytes.as_chunks::<32>();
    halves.iter().enumerate().fold(0, |bits, (at, half)| {
        // SAFETY: `half` is 32 bytes that can be read, and the load asks for no alignment.
        let bytes = unsafe { _mm256_loadu_si256(half.as_ptr().cast()) };
        let found = sought.iter().fold(_mm256_setzero_si256(), |found, &byte| {
            _mm256_or_si256(found, _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte as i8)))
        });
        bits | u64::from(_mm256_movemask_epi8(found) as u32) << (32 * at)
    })
}

#[inline]
#[target_feature(enable = "avx2")]
fn largest_avx2<const N: usize>(values: &[i16; N]) -> u32 {
    let (sixteens, _) = values.as_chunks();
    let largest = largest_value(sixteens);
    let is_largest = sixteens.iter().rev().fold(0, |bits, sixteen| {
        let equal = _mm256_movemask_epi8(_mm256_cmpeq_epi16(load_sixteen(sixteen), largest)) as u32;
        bits << 32 | u64::from(equal)
    });
    // Two bits for each.
    is_largest.trailing_zeros() / 2
}

/// The largest of some values, sixteen times.
#[inline]
#[target_feature(enable = "avx2")]
fn largest_value(sixteens: &[[i16; 16]]) -> __m256i {
    let least = _mm256_set1_epi16(i16::MIN);
    let largest =
        sixteens.iter().fold(least, |largest, values| _mm256_max_epi16(largest, load_sixteen(values)));
    let eight = _mm_max_epi16(_mm256_castsi256_si128(largest), _mm256_extracti128_si256::<1>(largest));
    // There is an instruction for the least of eight without signs: all bits but the sign turned, the order is reversed.
    let turn = _mm_set1_epi16(i16::MAX);
    _mm256_broadcastw_epi16(_mm_xor_si128(_mm_minpos_epu16(_mm_xor_si128(eight, turn)), turn))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_sixteen(values: &[i16; 16]) -> __m256i {
    // SAFETY: 32 bytes that can be read, and the load asks for no alignment.
    unsafe { _mm256_loadu_si256(values.as_ptr().cast()) }
}

impl Scan for Avx512 {
    #[inline(always)]
    fn masks(self, bytes: &[u8; CHUNK], lowered: &mut [u8; CHUNK]) -> Masks {
        // SAFETY: `self` proves that the machine has what the function needs.
        unsafe { masks_avx512(bytes, lowered) }
    }

    #[cfg(feature = "train")]
    #[inline(always)]
    fn find<const N: usize>(self, bytes: &[u8; CHUNK], sought: [u8; N]) -> u64 {
        // SAFETY: `self` proves that the machine has what the function needs.
        unsafe { find_avx512(bytes, sought) }
    }

    #[inline(always)]
    fn positions(self, bits: u64, base: u16, positions: &mut [u16; CHUNK]) -> usize {
        // SAFETY: `self` proves that the machine has what the function needs.
        unsafe { positions_avx512(bits, base, positions) }
    }

    #[inline(always)]
    fn largest<const N: usize>(self, values: &[i16; N]) -> u32 {
        // SAFETY: `self` proves that the machine has what the function needs.
        unsafe { largest_avx512(values) }
    }
}

/// For each byte of ASCII that belongs to words, its lower case; for the others, 0.
static LOWERED_WORD_BYTES: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            table[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

static ASCENDING: [u8; CHUNK] = {
    let mut table = [0; CHUNK];
    let mut at = 0;
    while at < CHUNK {
        table[at] = at as u8;
        at += 1;
    }
    table
};

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")]
fn masks_avx512(bytes: &[u8; CHUNK], lowered: &mut [u8; CHUNK]) -> Masks {
    let (halves, _) = LOWERED_WORD_BYTES.as_chunks::<64>();
    // SAFETY (all three): 64 bytes that can be read, and the load asks for no alignment.
    let first = unsafe { _mm512_loadu_si512(halves[0].as_ptr().cast()) };
    let second = unsafe { _mm512_loadu_si512(halves[1].as_ptr().cast()) };
    let bytes = unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) };
    let high = _mm512_movepi8_mask(bytes);
    let words = _mm512_permutex2var_epi8(first, bytes, second);
    let word = _mm512_test_epi8_mask(words, words);
    // The table speaks of ASCII; other bytes, and those outside words, stay as they are.
    let lower = _mm512_mask_mov_epi8(bytes, word & !high, words);
    // SAFETY: 64 bytes that can be written, and the store asks for no alignment.
    unsafe { _mm512_storeu_si512(lowered.as_mut_ptr().cast(), lower) };
    let newline = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b'\n' as i8));
    Masks { word: word | high, high, newline }
}

#[cfg(feature = "train")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn find_avx512<const N: usize>(bytes: &[u8; CHUNK], sought: [u8; N]) -> u64 {
    // SAFETY: 64 bytes that can be read, and the load asks for no alignment.
    let bytes = unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) };
    sought.iter().fold(0, |found, &byte| found | _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte as i8)))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,popcnt")]
fn positions_avx512(bits: u64, base: u16, positions: &mut [u16; CHUNK]) -> usize {
    // SAFETY: 64 bytes that can be read, and the load asks for no alignment.
    let ascending = unsafe { _mm512_loadu_si512(ASCENDING.as_ptr().cast()) };
    let packed = _mm512_maskz_compress_epi8(bits, ascending);
    let base = _mm512_set1_epi16(base as i16);
    let (halves, _) = positions.as_chunks_mut::<32>();
    let low = _mm512_add_epi16(base, _mm512_cvtepu8_epi16(_mm512_castsi512_si256(packed)));
    // SAFETY (both): 32 positions of two bytes that can be written; the store asks for no alignment.
    unsafe { _mm512_storeu_si512(halves[0].as_mut_ptr().cast(), low) };
    let count = bits.count_ones() as usize;
    if count > 32 {
        let high = _mm512_add_epi16(base, _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64::<1>(packed)));
        unsafe { _mm512_storeu_si512(halves[1].as_mut_ptr().cast(), high) };
    }
    count
}

#[inline]
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl,bmi1")]
fn largest_avx512<const N: usize>(values: &[i16; N]) -> u32 {
    let (sixteens, _) = values.as_chunks();
    let largest = largest_value(sixteens);
    let is_largest = sixteens.iter().rev().fold(0, |bits, sixteen| {
        bits << 16 | u32::from(_mm256_cmpeq_epi16_mask(load_sixteen(sixteen), largest))
    });
    is_largest.trailing_zeros()
}
