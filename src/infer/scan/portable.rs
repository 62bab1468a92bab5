//! Scanning with 64-bit words: eight bytes in one.

use super::{CHUNK, Masks, Scan};

#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;

/// The high bit of each byte of `bytes` that is from `low` to `high`; all of them must be below 128.
#[inline(always)]
const fn in_range(bytes: u64, low: u8, high: u8) -> u64 {
    // Adding carries into the high bit from `low` on, and from past `high` on; never out of a byte.
    let from_low = bytes + ONES * (128 - low as u64);
    let past_high = bytes + ONES * (127 - high as u64);
    from_low & !past_high & HIGH
}

/// The high bits of the eight bytes, as eight bits.
#[inline(always)]
const fn gather(high_bits: u64) -> u64 {
    // Each product of two powers of two falls on a bit of its own; the top byte has them in order.
    (high_bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

impl Scan for Portable {
    #[inline(always)]
    fn masks(self, bytes: &[u8; CHUNK], lowered: &mut [u8; CHUNK]) -> Masks {
        let mut masks = Masks { word: 0, high: 0, newline: 0 };
        let (eights, _) = bytes.as_chunks::<8>();
        let (lowered, _) = lowered.as_chunks_mut::<8>();
        for (at, (eight, lowered)) in eights.iter().zip(lowered).enumerate() {
            let eight = u64::from_le_bytes(*eight);
            let high = eight & HIGH;
            let low = eight & !HIGH;
            let upper = in_range(low, b'A', b'Z') & !high;
            let lower = eight | (upper >> 2);
            *lowered = lower.to_le_bytes();
            let low = lower & !HIGH;
            let word = in_range(low, b'a', b'z') | in_range(low, b'0', b'9') | in_range(low, b'_', b'_');
            masks.word |= gather(word | high) << (8 * at);
            masks.high |= gather(high) << (8 * at);
            masks.newline |= gather(in_range(low, b'\n', b'\n') & !high) << (8 * at);
        }
        masks
    }

    #[cfg(feature = "train")]
    #[inline(always)]
    fn find<const N: usize>(self, bytes: &[u8; CHUNK], sought: [u8; N]) -> u64 {
        let (eights, _) = bytes.as_chunks::<8>();
        eights.iter().enumerate().fold(0, |bits, (at, eight)| {
            let eight = u64::from_le_bytes(*eight);
            let low = eight & !HIGH;
            let found = sought.iter().fold(0, |found, &byte| found | in_range(low, byte, byte));
            bits | gather(found & !eight) << (8 * at)
        })
    }

    #[inline(always)]
    fn positions(self, bits: u64, base: u16, positions: &mut [u16; CHUNK]) -> usize {
        positions_one_by_one(bits, base, positions)
    }

    #[inline(always)]
    fn largest<const N: usize>(self, values: &[i16; N]) -> u32 {
        // Below each value its place from behind: of equal values the first's is the largest.
        let ranked = (1..).zip(values).map(|(at, &value)| i32::from(value) << 8 | (N as i32 - at));
        N as u32 - 1 - (ranked.fold(i32::MIN, i32::max) as u32 & 0xFF)
    }
}

/// [`Scan::positions`], sixteen at a time without a branch: text rarely has more in 64 bytes.
#[inline(always)]
pub(super) fn positions_one_by_one(mut bits: u64, base: u16, positions: &mut [u16; CHUNK]) -> usize {
    let count = bits.count_ones() as usize;
    let (sixteens, _) = positions.as_chunks_mut::<16>();
    for sixteen in sixteens {
        for position in sixteen {
            *position = base.wrapping_add(bits.trailing_zeros() as u16);
            bits &= bits.wrapping_sub(1);
        }
        if bits == 0 {
            break;
        }
    }
    count
}
