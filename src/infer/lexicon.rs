//! The features of a model, compiled: what to look for in a text, and how to know it.

#![forbid(unsafe_code)]

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::key::{self, Key, Parts};
use super::sieve::{Sieve, SieveRef};
use super::table::{Table, TableRef};
use crate::Model;
use crate::text::features::AFFIX_LENGTHS;
use crate::text::{FeatureKind, INTERCEPT};

/// Numbers the features of a model, and what else must be known to find its n-grams.
///
/// A feature's number is its column. Words and shorter n-grams that are part of a feature without being one have the
/// numbers behind the last column.
#[derive(Debug, Clone)]
pub(super) struct Lexicon {
    table: Table,
    columns: u32,
    /// The names of what is numbered behind the columns.
    parts: Box<[Box<str>]>,
    /// The prefixes, then the suffixes.
    affixes: Box<[Affix]>,
    prefixes: usize,
    ngrams: u8,
    sieve: Sieve,
}

/// The prefixes or suffixes of one length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Affix {
    /// Their length in characters.
    pub(super) length: u8,
    is_suffix: bool,
    /// Which bytes of the key are the affix's own, in ASCII.
    mask: Key,
    /// The star in the key.
    star: Key,
}

impl Affix {
    fn prefix(length: u8) -> Affix {
        let mask = key::low_bytes(usize::from(length));
        Affix { length, is_suffix: false, mask, star: Key::from(b'*') << (8 * u32::from(length)) }
    }

    fn suffix(length: u8) -> Affix {
        let mask = key::low_bytes(usize::from(length) + 1) & !0xFF;
        Affix { length, is_suffix: true, mask, star: Key::from(b'*') }
    }

    /// Where the bytes of the key begin, in ASCII: with the word, or one before the suffix.
    #[inline(always)]
    pub(super) fn position(&self, start: u16, end: u16) -> u16 {
        if self.is_suffix { self.position_of_suffix(end) } else { start }
    }

    /// The same of a suffix.
    #[inline(always)]
    pub(super) fn position_of_suffix(&self, end: u16) -> u16 {
        end - u16::from(self.length) - 1
    }

    /// The key, of the bytes at its position.
    #[inline(always)]
    pub(super) fn key(&self, bytes: Key) -> Key {
        bytes & self.mask | self.star
    }

    /// The lower half of the key, of the bytes at its position.
    #[inline(always)]
    pub(super) fn low(&self, bytes: u64) -> u64 {
        bytes & self.mask as u64 | self.star as u64
    }
}

impl Lexicon {
    /// Compiles the features of `model`, or returns `None` if they were made not to fit a table.
    pub(super) fn new(model: &Model) -> Option<Lexicon> {
        let columns = u32::try_from(model.features().len()).ok()?;
        let mut numbers = Numbers { model, parts: BTreeMap::new() };
        let (mut prefixes, mut suffixes, mut ngrams) = (0_u16, 0_u16, 1);
        for name in model.features() {
            match FeatureKind::of(name) {
                Some(FeatureKind::Prefix(length)) => prefixes |= 1 << length,
                Some(FeatureKind::Suffix(length)) => suffixes |= 1 << length,
                Some(FeatureKind::Ngram(length)) => {
                    ngrams = ngrams.max(length);
                    numbers.number_parts(name)?;
                }
                Some(FeatureKind::Word | FeatureKind::Intercept) | None => {}
            }
        }
        let lengths = |kept: u16| AFFIX_LENGTHS.filter(move |length| kept >> length & 1 == 1);
        let affixes = lengths(prefixes).map(Affix::prefix).chain(lengths(suffixes).map(Affix::suffix));
        let entries = numbers.entries()?;
        Some(Lexicon {
            table: Table::new(&entries)?,
            columns,
            parts: numbers.names(),
            affixes: affixes.collect(),
            prefixes: lengths(prefixes).count(),
            ngrams,
            sieve: Sieve::new(entries.iter().map(|&(key, _)| key).chain([Key::from(b'\n')])),
        })
    }

    /// How many columns there are: the lowest number that is none.
    #[inline(always)]
    pub(super) fn columns(&self) -> u32 {
        self.columns
    }

    /// The prefixes that the model kept any of, shortest first.
    #[inline(always)]
    pub(super) fn prefixes(&self) -> &[Affix] {
        &self.affixes[..self.prefixes]
    }

    /// The suffixes that the model kept any of, shortest first.
    #[inline(always)]
    pub(super) fn suffixes(&self) -> &[Affix] {
        &self.affixes[self.prefixes..]
    }

    /// The prefixes, then the suffixes.
    #[inline(always)]
    pub(super) fn affixes(&self) -> &[Affix] {
        &self.affixes
    }

    /// What tells most of the words that the model does not know.
    #[inline(always)]
    pub(super) fn sieve(&self) -> SieveRef<'_> {
        self.sieve.get()
    }

    /// The words of the longest n-gram that the model kept; 1 if it kept none.
    #[inline(always)]
    pub(super) fn ngrams(&self) -> usize {
        usize::from(self.ngrams)
    }

    /// Whether the model kept words alone.
    pub(super) fn is_words_only(&self) -> bool {
        self.affixes.is_empty() && self.ngrams == 1
    }

    /// Where exact keys are looked up; what is found by that of a long name must be confirmed.
    #[inline(always)]
    pub(super) fn table(&self) -> TableRef<'_> {
        self.table.get()
    }

    /// The number of the name that has these parts.
    pub(super) fn find_name(&self, model: &Model, parts: Parts<'_>) -> Option<u32> {
        let key = key::of_name(parts);
        let (number, found) = self.table.get().find(key);
        let confirmed = || {
            let name = match model.features().get(number as usize) {
                Some(name) => name,
                None => &*self.parts[(number - self.columns) as usize],
            };
            key::parts(name) == parts
        };
        (found && (!key::is_long(key) || confirmed())).then_some(number)
    }
}

/// The numbers of names while a lexicon is made.
struct Numbers<'m> {
    model: &'m Model,
    parts: BTreeMap<&'m str, u32>,
}

impl<'m> Numbers<'m> {
    /// Numbers what must be known to find this n-gram: its words, and the n-grams that it begins with.
    fn number_parts(&mut self, name: &'m str) -> Option<()> {
        let starts = name.match_indices(' ').map(|(end, _)| &name[..end]);
        for part in name.split(' ').chain(starts) {
            if self.model.feature_index(part).is_none() {
                let next = u32::try_from(self.model.features().len() + self.parts.len()).ok()?;
                self.parts.entry(part).or_insert(next);
            }
        }
        Some(())
    }

    fn number(&self, name: &str) -> Option<u32> {
        let column = self.model.feature_index(name).map(|column| column as u32);
        column.or_else(|| self.parts.get(name).copied())
    }

    /// The keys and numbers of all features but the intercept, and of the parts.
    fn entries(&self) -> Option<Vec<(Key, u32)>> {
        let features = (0..).zip(self.model.features()).map(|(column, name)| (name.as_str(), column));
        let parts = self.parts.iter().map(|(&name, &number)| (name, number));
        features
            .filter(|&(name, _)| name != INTERCEPT)
            .chain(parts)
            .map(|(name, number)| {
                // A search for one byte is dear beside the few that a name has.
                let last_space = name.bytes().rposition(|byte| byte == b' ');
                let key = match last_space.map(|at| (&name[..at], &name[at + 1..])) {
                    Some((start, word)) => key::of_ngram(self.number(start)?, self.number(word)?),
                    None => key::of_name(key::parts(name)),
                };
                Some((key, number))
            })
            .collect()
    }

    fn names(&self) -> Box<[Box<str>]> {
        let mut names: Vec<(u32, &str)> = self.parts.iter().map(|(&name, &number)| (number, name)).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name.into()).collect()
    }
}
