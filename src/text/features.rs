//! Which features a text has: words, and optionally word n-grams and affixes.

use alloc::string::String;
use core::fmt;
use core::ops::RangeInclusive;

use super::tokenize::Tokenizer;

/// The name of the feature that every text has exactly once. No token can be called this.
pub const INTERCEPT: &str = "(intercept)";

/// The lengths of affixes, in characters, that [`FeatureSpec::affixes`] may name.
pub const AFFIX_LENGTHS: RangeInclusive<u8> = 1..=15;

/// The longest word n-gram that [`FeatureSpec::ngrams`] may name.
pub const MAX_NGRAMS: u8 = 8;

/// What a feature is; its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FeatureKind {
    /// The feature that every text has once: `(intercept)`.
    Intercept,
    /// A token: `engineer`.
    Word,
    /// This many consecutive tokens, whatever separates them in the text: `registered nurse`.
    Ngram(u8),
    /// The first so many characters of a token at least that long: `engin*`.
    Prefix(u8),
    /// The last so many characters of a token at least that long: `*ologist`.
    Suffix(u8),
}

/// Whether a byte is a word character of ASCII.
const IS_ASCII_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    table
};

impl FeatureKind {
    /// The kind of the feature of this name, or `None` if no feature is named so. Whether a token is written as texts give
    /// it is not looked at: `Nurse` is a word, though tokens are in lower case.
    pub fn of(name: &str) -> Option<FeatureKind> {
        if !name.is_empty() && name.bytes().all(|byte| IS_ASCII_WORD[usize::from(byte)]) {
            // Most names, and loading a model looks at every one.
            return Some(FeatureKind::Word);
        }
        if name == INTERCEPT {
            return Some(FeatureKind::Intercept);
        }
        let is_token =
            |token: &str| !token.is_empty() && token.chars().all(super::tokenize::is_word_character);
        let affix = |token: &str, kind: fn(u8) -> FeatureKind| {
            let length = u8::try_from(token.chars().count()).ok()?;
            (AFFIX_LENGTHS.contains(&length) && is_token(token)).then(|| kind(length))
        };
        if let Some(prefix) = name.strip_suffix('*') {
            return affix(prefix, FeatureKind::Prefix);
        }
        if let Some(suffix) = name.strip_prefix('*') {
            return affix(suffix, FeatureKind::Suffix);
        }
        if !name.split(' ').all(is_token) {
            return None;
        }
        match name.split(' ').count() {
            1 => Some(FeatureKind::Word),
            n => u8::try_from(n).ok().filter(|n| *n <= MAX_NGRAMS).map(FeatureKind::Ngram),
        }
    }
}

/// The lengths of prefixes and suffixes, in characters: from `min` to `max`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AffixLengths {
    /// The shortest affix.
    pub min: u8,
    /// The longest affix.
    pub max: u8,
}

impl Default for AffixLengths {
    /// 4 to 6 characters: on job titles shorter ones took nonzeros for less, and longer ones are words.
    fn default() -> Self {
        AffixLengths { min: 4, max: 6 }
    }
}

/// Which features are drawn from a text, beside its words and the intercept.
///
/// | field | meaning | default | range |
/// |---|---|---|---|
/// | `ngrams` | up to this many consecutive words make a feature | 1 (words alone) | 1 to 8 |
/// | `affixes` | prefixes and suffixes of words, by length | none | lengths of 1 to 15 |
///
/// An affix also stands in a word that is no longer than itself: `nurse*` is in `nurse`.
///
/// ```
/// # use paring::text::{AffixLengths, FeatureSpec};
/// let affixes = Some(AffixLengths { min: 3, max: 3 });
/// let spec = FeatureSpec { ngrams: 2, affixes, ..FeatureSpec::default() };
/// let mut names = Vec::new();
/// spec.extractor()?.for_each_feature(b"Night nurse", |name| names.push(name.to_string()));
/// assert_eq!(
///     names,
///     ["night", "nig*", "*ght", "nurse", "nur*", "*rse", "night nurse"]
/// );
/// # Ok::<(), paring::text::FeatureSpecError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureSpec {
    /// The longest word n-gram, in words.
    pub ngrams: u8,
    /// The lengths of prefixes and suffixes, or none of them.
    pub affixes: Option<AffixLengths>,
}

impl Default for FeatureSpec {
    fn default() -> Self {
        FeatureSpec { ngrams: 1, affixes: None }
    }
}

/// A [`FeatureSpec`] out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeatureSpecError {
    /// `ngrams` is not from 1 to 8.
    Ngrams(u8),
    /// The affix lengths are not from 1 to 15, or the shortest is longer than the longest.
    Affixes(AffixLengths),
}

impl fmt::Display for FeatureSpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ngrams(found) => write!(f, "n-grams of {found} words: expected 1 to {MAX_NGRAMS}"),
            Self::Affixes(AffixLengths { min, max }) => write!(
                f,
                "affixes of {min} to {max} characters: expected lengths from {} to {}, the shorter first",
                AFFIX_LENGTHS.start(),
                AFFIX_LENGTHS.end()
            ),
        }
    }
}

impl core::error::Error for FeatureSpecError {}

impl FeatureSpec {
    /// Checks the ranges and makes the extractor of these features.
    ///
    /// # Errors
    /// When a field is out of range.
    pub fn extractor(self) -> Result<FeatureExtractor, FeatureSpecError> {
        if !(1..=MAX_NGRAMS).contains(&self.ngrams) {
            return Err(FeatureSpecError::Ngrams(self.ngrams));
        }
        if let Some(lengths) = self.affixes
            && !(AFFIX_LENGTHS.contains(&lengths.min)
                && AFFIX_LENGTHS.contains(&lengths.max)
                && lengths.min <= lengths.max)
        {
            return Err(FeatureSpecError::Affixes(lengths));
        }
        Ok(FeatureExtractor {
            spec: self,
            tokenizer: Tokenizer::default(),
            tokens: String::new(),
            name: String::new(),
        })
    }
}

/// Names the features of texts. Holds the buffers that this needs: keep one per thread.
#[derive(Debug, Clone)]
pub struct FeatureExtractor {
    spec: FeatureSpec,
    tokenizer: Tokenizer,
    /// The last tokens, joined by single spaces: as many as the longest n-gram has.
    tokens: String,
    name: String,
}

impl FeatureExtractor {
    /// Calls `emit` with the name of each feature occurrence in `text`, the intercept left out:
    /// for each token itself, its prefixes and its suffixes, shortest first, then the n-grams
    /// that end with it, shortest first.
    pub fn for_each_feature(&mut self, text: &[u8], mut emit: impl FnMut(&str)) {
        let FeatureExtractor { spec, tokenizer, tokens, name } = self;
        tokens.clear();
        let mut kept_tokens = 0;
        tokenizer.for_each_token(text, |token| {
            emit(token);
            if let Some(lengths) = spec.affixes {
                emit_affixes(token, lengths, name, &mut emit);
            }
            if spec.ngrams > 1 {
                if kept_tokens == spec.ngrams {
                    let second = tokens.find(' ').map_or(tokens.len(), |space| space + 1);
                    tokens.drain(..second);
                    kept_tokens -= 1;
                }
                if kept_tokens > 0 {
                    tokens.push(' ');
                }
                tokens.push_str(token);
                kept_tokens += 1;
                let mut start = tokens.len() - token.len();
                while start > 0 {
                    start = tokens[..start - 1].rfind(' ').map_or(0, |space| space + 1);
                    emit(&tokens[start..]);
                }
            }
        });
    }
}

fn emit_affixes(token: &str, lengths: AffixLengths, name: &mut String, emit: &mut impl FnMut(&str)) {
    let ends = token.char_indices().map(|(start, c)| start + c.len_utf8());
    for (end, length) in ends.zip(1..=lengths.max) {
        if length >= lengths.min {
            name.clear();
            name.push_str(&token[..end]);
            name.push('*');
            emit(name);
        }
    }
    let starts = token.char_indices().rev().map(|(start, _)| start);
    for (start, length) in starts.zip(1..=lengths.max) {
        if length >= lengths.min {
            name.clear();
            name.push('*');
            name.push_str(&token[start..]);
            emit(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn features(spec: FeatureSpec, text: &str) -> Vec<String> {
        let mut names = Vec::new();
        spec.extractor().unwrap().for_each_feature(text.as_bytes(), |name| names.push(name.to_string()));
        names
    }

    #[test]
    fn ngrams_end_at_each_token_and_span_separators() {
        let spec = FeatureSpec { ngrams: 3, affixes: None };
        assert_eq!(features(spec, "a b, c d"), ["a", "b", "a b", "c", "b c", "a b c", "d", "c d", "b c d"]);
    }

    #[test]
    fn ngrams_do_not_reach_into_the_next_text() {
        let mut extractor = FeatureSpec { ngrams: 2, affixes: None }.extractor().unwrap();
        extractor.for_each_feature(b"one", |_| {});
        let mut names = Vec::new();
        extractor.for_each_feature(b"two", |name| names.push(name.to_string()));
        assert_eq!(names, ["two"]);
    }

    #[test]
    fn affixes_are_measured_in_characters() {
        let spec = FeatureSpec { ngrams: 1, affixes: Some(AffixLengths { min: 2, max: 3 }) };
        assert_eq!(features(spec, "été"), ["été", "ét*", "été*", "*té", "*été"]);
        assert_eq!(features(spec, "a"), ["a"]);
    }

    #[test]
    fn the_name_of_a_feature_tells_its_kind() {
        for (name, kind) in [
            ("(intercept)", Some(FeatureKind::Intercept)),
            ("nurse", Some(FeatureKind::Word)),
            ("registered nurse", Some(FeatureKind::Ngram(2))),
            ("nur*", Some(FeatureKind::Prefix(3))),
            ("*ologist", Some(FeatureKind::Suffix(7))),
            ("a b c d e f g h", Some(FeatureKind::Ngram(MAX_NGRAMS))),
            ("a b c d e f g h i", None),
            ("abcdefghijklmno*", Some(FeatureKind::Prefix(15))),
            ("abcdefghijklmnop*", None),
            ("*abcdefghijklmnop", None),
            ("", None),
            ("*", None),
            ("**", None),
            ("a  b", None),
            ("a,b", None),
            ("(other)", None),
            ("a b*", None),
        ] {
            assert_eq!(FeatureKind::of(name), kind, "{name}");
        }
    }

    #[test]
    fn a_spec_out_of_range_is_refused() {
        assert!(FeatureSpec { ngrams: 0, affixes: None }.extractor().is_err());
        let reversed = AffixLengths { min: 4, max: 3 };
        assert!(FeatureSpec { ngrams: 1, affixes: Some(reversed) }.extractor().is_err());
    }
}
