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

/// How many times as many slots as necessary are tried, doubling them each time.
const MOST_ROOM: usize = 8;

/// A bucket holds some four keys. With so many they were made to meet, and to find a pilot for them would take long.
const MOST_IN_BUCKET: usize = 64;

#[derive(Debug, Clone)]
pub(super) struct Table {
    pilots: Box<[u8]>,
    slots: Box<[Slot]>,
}

/// A table for lookups in a loop.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableRef<'t> {
    /// As many as a power of two.
    pilots: &'t [u8],
    /// As many as a power of two.
    slots: &'t [Slot],
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    key: Key,
    number: u32,
}

impl Table {
    /// The table of these keys and numbers, or `None` if no pilots were found for them: two of the keys
    /// are the same, or were made to have hashes too much alike.
    pub(super) fn new(entries: &[(Key, u32)]) -> Option<Table> {
        let enough = (entries.len() * 5 / 4).next_power_of_two();
        let tries =
            core::iter::successors(Some(1), |room| Some(room * 2)).take_while(|&room| room <= MOST_ROOM);
        tries.map(|room| enough * room).find_map(|slots| Table::with_slots(slots, entries))
    }

    fn with_slots(slots: usize, entries: &[(Key, u32)]) -> Option<Table> {
        let buckets = (slots / 4).max(1);
        let mut table = Table {
            pilots: vec![0; buckets].into(),
            slots: vec![Slot { key: EMPTY, number: 0 }; slots].into(),
        };
        let hashed: Vec<u64> = entries.iter().map(|&(key, _)| key::hash(key)).collect();
        let by_bucket = Grouped::new(buckets, hashed.iter().map(|&hash| table.get().bucket(hash)));
        let sizes: Vec<usize> = (0..buckets).map(|bucket| by_bucket.group(bucket).len()).collect();
        let largest = sizes.iter().copied().max().unwrap_or(0);
        // Buckets with many keys first, while most slots are free.
        let by_size = Grouped::new(largest + 1, sizes.into_iter().map(|size| largest - size));
        if largest > MOST_IN_BUCKET {
            return None;
        }
        let mut chosen = Vec::new();
        for &bucket in &by_size.members {
            let group = by_bucket.group(bucket as usize);
            let pilot = (0..=u8::MAX).find(|&pilot| {
                chosen.clear();
                group.iter().all(|&entry| {
                    let slot = table.get().slot(hashed[entry as usize], pilot);
                    let is_free = table.slots[slot].key == EMPTY && !chosen.contains(&slot);
                    chosen.push(slot);
                    is_free
                })
            })?;
            table.pilots[bucket as usize] = pilot;
            for (&at, &entry) in chosen.iter().zip(group) {
                let (key, number) = entries[entry as usize];
                table.slots[at] = Slot { key, number };
            }
        }
        Some(table)
    }

    #[inline(always)]
    pub(super) fn get(&self) -> TableRef<'_> {
        TableRef { pilots: &self.pilots, slots: &self.slots }
    }
}

/// Things by the number of their group, in their order within each: a counting sort.
struct Grouped {
    members: Vec<u32>,
    /// Where each group ends.
    ends: Vec<u32>,
}

impl Grouped {
    fn new(groups: usize, group_of: impl Iterator<Item = usize> + Clone) -> Grouped {
        let mut ends = vec![0; groups];
        let mut count = 0;
        for group in group_of.clone() {
            ends[group] += 1;
            count += 1;
        }
        let mut start = 0;
        for end in &mut ends {
            start += *end;
            *end = start - *end;
        }
        let mut members = vec![0; count];
        for (member, group) in (0..).zip(group_of) {
            members[ends[group] as usize] = member;
            ends[group] += 1;
        }
        Grouped { members, ends }
    }

    fn group(&self, group: usize) -> &[u32] {
        let start = if group == 0 { 0 } else { self.ends[group - 1] };
        &self.members[start as usize..self.ends[group] as usize]
    }
}

impl TableRef<'_> {
    /// The number that stands where `key` would, and whether it is that of `key`.
    #[inline(always)]
    pub(super) fn find(self, key: Key) -> (u32, bool) {
        let hash = key::hash(key);
        let slot = &self.slots[self.slot(hash, self.pilots[self.bucket(hash)])];
        (slot.number, slot.key == key)
    }

    #[inline(always)]
    fn bucket(self, hash: u64) -> usize {
        hash as usize & (self.pilots.len() - 1)
    }

    #[inline(always)]
    fn slot(self, hash: u64, pilot: u8) -> usize {
        (hash.wrapping_mul(2 * u64::from(pilot) + 1) >> 32) as usize & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: u32) -> Vec<(Key, u32)> {
        (0..count).map(|n| (key::of_name([alloc::format!("word{n}").as_bytes(), b""]), n)).collect()
    }

    #[test]
    fn every_key_finds_its_number_and_no_other_key_finds_any() {
        for count in [0, 1, 2, 3, 10, 200, 5000, 100_000] {
            let entries = entries(count);
            let table = Table::new(&entries).unwrap();
            for &(key, number) in &entries {
                assert_eq!(table.get().find(key), (number, true));
                assert!(!table.get().find(key ^ 1 << 100).1);
            }
            assert!(!table.get().find(0).1);
            assert!(!table.get().find(key::of_ngram(0, 0)).1);
        }
    }

    #[test]
    fn a_table_is_not_much_larger_than_its_keys() {
        for count in [200, 1000, 30_000] {
            let table = Table::new(&entries(count)).unwrap();
            assert!(table.slots.len() + table.pilots.len() < 4 * count as usize);
        }
    }

    #[test]
    fn groups_hold_all_their_members_in_order() {
        let grouped = Grouped::new(4, [2, 0, 2, 3, 0].into_iter());
        let groups: Vec<&[u32]> = (0..4).map(|group| grouped.group(group)).collect();
        assert_eq!(groups, [&[1, 4][..], &[], &[0, 2], &[3]]);
    }

    #[test]
    fn very_many_keys_in_a_bucket_make_no_table() {
        // Keys whose hash is their lower half: the upper is what it is multiplied with, made one.
        let one = Key::from(1 ^ 0x9E37_79B9_7F4A_7C15_u64) << 64;
        let keys = |count: u64| -> Vec<(Key, u32)> {
            (0..count).map(|n| (one | Key::from(n << 33), n as u32)).collect()
        };
        assert_eq!(key::hash(keys(2)[1].0), 1 << 33);
        assert!(Table::new(&keys(MOST_IN_BUCKET as u64)).is_some());
        assert!(Table::new(&keys(MOST_IN_BUCKET as u64 + 1)).is_none());
    }

    #[test]
    fn keys_that_cannot_be_told_apart_make_no_table() {
        assert!(Table::new(&[(5, 0), (5, 1)]).is_none());
    }
}
