//! An exponential and a logarithm that compilers can vectorise: fits of smooth losses take as many as there are texts times
//! classes.

/// e^x, within 4 units in the last place of `f32`; below -87 as at -87, above 88 as at 88.
///
/// The argument is taken apart into n log 2 + r with an r of at most log(2) / 2 in size: 2^n is made of bits, and e^r is its
/// Taylor polynomial of degree 7 (Cody and Waite, "Software manual for the elementary functions", 1980).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// Added to a number under 2^22 in size, it leaves that number's nearest integer in the last bits.
    const ROUNDER: f32 = 12_582_912.0;
    /// Log 2, in two parts: the first has so few digits that its multiples by n are exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = rounded - ROUNDER;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let tail = 1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r / 5040.0));
    let polynomial = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * tail)));
    let power = f32::from_bits(rounded.to_bits().wrapping_shl(23).wrapping_add(1.0_f32.to_bits()));
    polynomial * power
}

/// The natural logarithm, within 4 units in the last place of `f32` or 1e-7, of a number from 1e-37 to 1e37.
///
/// The argument is taken apart into 2^n times an m between the roots of 1/2 and 2, and log m is the series of
/// 2 artanh((m - 1) / (m + 1)).
#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    /// The bits of the root of 1/2: what is above them counts the powers of two.
    const ROOT_OF_HALF: u32 = 0x3F35_04F3;
    let bits = x.to_bits().wrapping_sub(ROOT_OF_HALF);
    let n = (bits as i32 >> 23) as f32;
    let m = f32::from_bits((bits & 0x007F_FFFF).wrapping_add(ROOT_OF_HALF));
    let t = (m - 1.0) / (m + 1.0);
    let square = t * t;
    let series = 1.0 + square * (1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0 + square / 9.0)));
    n * std::f32::consts::LN_2 + 2.0 * t * series
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{exp, ln};

    proptest! {
        #[test]
        fn the_exponential_is_that_of_the_library(x in -87.0..88.0_f32) {
            let expected = f64::from(x).exp();
            prop_assert!((f64::from(exp(x)) - expected).abs() <= 5e-7 * expected, "{x}: {}", exp(x));
        }

        #[test]
        fn the_logarithm_is_that_of_the_library(x in -85.0..85.0_f32) {
            let x = x.exp();
            let expected = f64::from(x).ln();
            prop_assert!((f64::from(ln(x)) - expected).abs() <= 1e-7 + 5e-7 * expected.abs(), "{x}: {}", ln(x));
        }
    }

    #[test]
    fn the_exponential_is_exact_at_zero_and_finite_everywhere() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(ln(1.0), 0.0);
        for x in [f32::NEG_INFINITY, -1e30, -87.5, 88.5, 1e30, f32::INFINITY] {
            assert!(exp(x) > 0.0 && exp(x).is_finite(), "{x}");
        }
    }
}
