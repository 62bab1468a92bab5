use alloc::vec::Vec;

use super::*;
use proptest::prelude::*;

struct MasksOf<'a>(&'a [u8; CHUNK], &'a mut [u8; CHUNK]);

impl Kernel for MasksOf<'_> {
    type Output = Masks;

    fn run(self, scan: impl Scan) -> Masks {
        scan.masks(self.0, self.1)
    }
}

struct PositionsOf<'a>(u64, u16, &'a mut [u16; CHUNK]);

impl Kernel for PositionsOf<'_> {
    type Output = usize;

    fn run(self, scan: impl Scan) -> usize {
        scan.positions(self.0, self.1, self.2)
    }
}

fn masks_byte_by_byte(bytes: &[u8; CHUNK]) -> Masks {
    let mask = |is: fn(u8) -> bool| bytes.iter().rev().fold(0, |mask, &byte| mask << 1 | u64::from(is(byte)));
    Masks {
        word: mask(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()),
        high: mask(|byte| !byte.is_ascii()),
        newline: mask(|byte| byte == b'\n'),
    }
}

fn check_masks(bytes: &[u8; CHUNK]) {
    for instructions in Instructions::available() {
        let mut lowered = [0; CHUNK];
        let masks = instructions.run(MasksOf(bytes, &mut lowered));
        assert_eq!(masks, masks_byte_by_byte(bytes), "{}", instructions.name());
        assert_eq!(lowered, bytes.map(|byte| byte.to_ascii_lowercase()), "{}", instructions.name());
    }
}

#[test]
fn every_byte_at_every_place_is_seen_as_what_it_is() {
    for byte in 0..=255 {
        for at in 0..CHUNK {
            let mut bytes = [b' '; CHUNK];
            bytes[at] = byte;
            check_masks(&bytes);
            let mut bytes = [0xFF; CHUNK];
            bytes[at] = byte;
            check_masks(&bytes);
        }
    }
}

#[cfg(feature = "train")]
#[test]
fn every_byte_that_is_sought_is_found_at_every_place_and_no_other() {
    struct Find<'a>(&'a [u8; CHUNK]);

    impl Kernel for Find<'_> {
        type Output = u64;

        fn run(self, scan: impl Scan) -> u64 {
            scan.find(self.0, *b",\n\0")
        }
    }

    for instructions in Instructions::available() {
        for byte in 0..=255 {
            let is_sought = matches!(byte, b',' | b'\n' | b'\0');
            for at in 0..CHUNK {
                for (other, others) in [(b'x', 0), (0xFF, 0), (b'\n', !0)] {
                    let mut bytes = [other; CHUNK];
                    bytes[at] = byte;
                    let expected = others & !(1 << at) | u64::from(is_sought) << at;
                    assert_eq!(instructions.run(Find(&bytes)), expected, "{}", instructions.name());
                }
            }
        }
    }
}

#[test]
fn no_set_of_instructions_goes_untested_that_this_machine_has() {
    assert_eq!(Instructions::available().next().unwrap().name(), "portable");
    assert_eq!(Some(Instructions::best()), Instructions::available().last());
}

struct Largest<'a, const N: usize>(&'a [i16; N]);

impl<const N: usize> Kernel for Largest<'_, N> {
    type Output = u32;

    fn run(self, scan: impl Scan) -> u32 {
        scan.largest(self.0)
    }
}

fn check_largest<const N: usize>(values: &[i16; N]) {
    let largest = values.iter().max().unwrap();
    let first = values.iter().position(|value| value == largest).unwrap();
    for instructions in Instructions::available() {
        assert_eq!(instructions.run(Largest(values)), first as u32, "{} {values:?}", instructions.name());
    }
}

proptest! {
    #[test]
    fn the_first_of_the_largest_values_is_found(any: [i16; 32], few in proptest::array::uniform32(-2..3_i16)) {
        for values in [any, few, few.map(|value| value << 13), any.map(|value| value | 0x7FF0), [few[0]; 32]] {
            check_largest(&values);
            check_largest(values.first_chunk::<16>().unwrap());
        }
    }

    #[test]
    fn any_bytes_are_seen_alike_by_all_instructions(bytes: [u8; CHUNK]) {
        check_masks(&bytes);
    }

    #[test]
    fn positions_are_those_of_the_bits_in_order(some in any::<u64>(), others in any::<u64>(), base in 0..4096_u16) {
        for bits in [some, some & others, some | others, 0, u64::MAX] {
            let expected: Vec<u16> = (0..64).filter(|at| bits >> at & 1 == 1).map(|at| base + at).collect();
            for instructions in Instructions::available() {
                let mut positions = [0; CHUNK];
                let count = instructions.run(PositionsOf(bits, base, &mut positions));
                prop_assert_eq!(&positions[..count], &expected[..], "{}", instructions.name());
            }
        }
    }
}
