//! From keys to numbers: a perfect hash, so that a lookup is one comparison and no branch.
//!
//! A key's hash names a bucket; the bucket's pilot, multiplied with the hash, names the slot. The pilots
//! are chosen when the table is built such that no two keys meet in a slot (hash and displace; Belazzougui,
//! Botelho and Dietzfelbinger 2009). A lookup costs the same for any key: a text cannot make it slow.

#![forbid(unsafe_code)]

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::key::{self, Key};

/// What an empty slot holds: the key of an n-gram of numbers that are never given.
const EMPTY: Key = Key::MAX;

#[derive(Debug, Clone)]
pub(super) struct Table {
    seed: u64,
    pilots: Box<[u8]>,
    slots: Box<[Slot]>,
    shift: u32,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    key: Key,
    number: u32,
}

impl Table {
    /// The table of these keys and numbers, or `None` if no pilots were found for them: two of the keys
    /// are the same, or made to have the same hash.
    pub(super) fn new(entries: &[(Key, u32)], seed: u64) -> Option<Table> {
        let buckets = (entries.len() / 3).next_power_of_two();
        let slots = (entries.len() * 5 / 4).max(2).next_power_of_two();
        let mut table = Table {
            seed,
            pilots: vec![0; buckets].into(),
            slots: vec![Slot { key: EMPTY, number: 0 }; slots].into(),
            shift: 64 - slots.ilog2(),
        };
        let mut by_bucket: Vec<(u32, u64, u32)> = (0..)
            .zip(entries)
            .map(|(at, &(key, _))| {
                let hash = key::hash(key, seed);
                (table.bucket(hash) as u32, hash, at)
            })
            .collect();
        by_bucket.sort_unstable();
        let mut groups: Vec<&[(u32, u64, u32)]> = by_bucket.chunk_by(|a, b| a.0 == b.0).collect();
        // Buckets with many keys first, while most slots are free.
        groups.sort_by_key(|group| core::cmp::Reverse(group.len()));
        let mut chosen = Vec::new();
        for group in groups {
            let pilot = (0..=u8::MAX).find(|&pilot| {
                chosen.clear();
                group.iter().all(|&(_, hash, _)| {
                    let slot = table.slot(hash, pilot);
                    let free = table.slots[slot].key == EMPTY && !chosen.contains(&slot);
                    chosen.push(slot);
                    free
                })
            })?;
            table.pilots[group[0].0 as usize] = pilot;
            for (&slot, &(_, _, at)) in chosen.iter().zip(group) {
                let (key, number) = entries[at as usize];
                table.slots[slot] = Slot { key, number };
            }
        }
        Some(table)
    }

    /// The number that stands where `key` would, and whether it is that of `key`.
    #[inline(always)]
    pub(super) fn find(&self, key: Key) -> (u32, bool) {
        let hash = key::hash(key, self.seed);
        let slot = self.slots[self.slot(hash, self.pilots[self.bucket(hash)])];
        (slot.number, slot.key == key)
    }

    /// The seed of the keys of long names.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    #[inline(always)]
    fn bucket(&self, hash: u64) -> usize {
        hash as usize & (self.pilots.len() - 1)
    }

    #[inline(always)]
    fn slot(&self, hash: u64, pilot: u8) -> usize {
        (hash.wrapping_mul(2 * u64::from(pilot) + 1) >> self.shift) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: u32) -> Vec<(Key, u32)> {
        (0..count).map(|n| (key::of_name([alloc::format!("word{n}").as_bytes(), b""], 1), n)).collect()
    }

    #[test]
    fn every_key_finds_its_number_and_no_other_key_finds_any() {
        for count in [0, 1, 2, 3, 10, 200, 5000, 100_000] {
            let entries = entries(count);
            let table = Table::new(&entries, 1).unwrap();
            for &(key, number) in &entries {
                assert_eq!(table.find(key), (number, true));
                assert!(!table.find(key ^ 1 << 100).1);
            }
            assert!(!table.find(key::NO_KEY).1);
            assert!(!table.find(key::of_ngram(0, 0)).1);
        }
    }

    #[test]
    fn a_table_is_not_much_larger_than_its_keys() {
        for count in [200, 1000, 30_000] {
            let table = Table::new(&entries(count), 1).unwrap();
            assert!(table.slots.len() + table.pilots.len() < 4 * count as usize);
        }
    }

    #[test]
    fn keys_that_cannot_be_told_apart_make_no_table() {
        assert!(Table::new(&[(5, 0), (5, 1)], 1).is_none());
    }
}
