//! The tokenizer, in its plain form: the definition that faster scanners are held to.

use alloc::string::String;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};

/// The most bytes that a token may have in the text.
///
/// A longer run of word characters is passed over, as if it were a separator: what long runs
/// hold (keys, encoded data) tells nothing about a class, and a bound on the token is a bound on
/// the memory that normalising it can take.
pub const MAX_TOKEN_BYTES: usize = 256;

/// Splits text into normalised tokens. Holds the buffer that normalising needs, so keep one per
/// thread rather than one per text.
///
/// * A token is a maximal run of word characters: alphanumerics, marks (combining accents) and
///   `_`. Everything else separates, bytes that are not UTF-8 included.
/// * A character of a script that is written without spaces (Han, Hiragana, Katakana, Thai, Lao,
///   Khmer, Myanmar) is a token by itself.
/// * A token of ASCII alone is lower-cased. Any other goes through NFKC and Unicode
///   lower-casing, and what is then not a word character is dropped (NFKC turns `½` into
///   `1⁄2`, which becomes `12`).
/// * A run longer than [`MAX_TOKEN_BYTES`] is passed over.
///
/// ```
/// # use paring::text::Tokenizer;
/// let mut tokens = Vec::new();
/// Tokenizer::default().for_each_token("Sr. Engineer (C++), Ｒ＆Ｄ".as_bytes(), |token| {
///     tokens.push(token.to_string());
/// });
/// assert_eq!(tokens, ["sr", "engineer", "c", "r", "d"]);
/// ```
#[derive(Debug, Default, Clone)]
pub struct Tokenizer {
    normalised: String,
    unfiltered: String,
}

impl Tokenizer {
    /// Calls `emit` with each token of `text`, in order. Any bytes will do.
    pub fn for_each_token(&mut self, text: &[u8], mut emit: impl FnMut(&str)) {
        for chunk in text.utf8_chunks() {
            let valid = chunk.valid();
            let mut start = None;
            for (at, character) in valid.char_indices() {
                if is_unspaced(character) {
                    if let Some(from) = start.take() {
                        self.emit_run(&valid[from..at], &mut emit);
                    }
                    self.emit_run(&valid[at..at + character.len_utf8()], &mut emit);
                } else if is_word_character(character) {
                    start.get_or_insert(at);
                } else if let Some(from) = start.take() {
                    self.emit_run(&valid[from..at], &mut emit);
                }
            }
            if let Some(from) = start {
                self.emit_run(&valid[from..], &mut emit);
            }
        }
    }

    fn emit_run(&mut self, run: &str, emit: &mut impl FnMut(&str)) {
        if run.len() > MAX_TOKEN_BYTES {
            return;
        }
        let token = self.normalise(run);
        if !token.is_empty() {
            emit(token);
        }
    }

    /// The normal form of a run of word characters of at most [`MAX_TOKEN_BYTES`]; may be empty.
    pub(crate) fn normalise(&mut self, run: &str) -> &str {
        self.normalised.clear();
        if run.is_ascii() {
            self.normalised.push_str(run);
            self.normalised.make_ascii_lowercase();
        } else {
            self.unfiltered.clear();
            self.unfiltered.extend(run.nfkc());
            if self.unfiltered.contains('Σ') {
                // The one letter whose lower case depends on its place, which takes an allocation to find out.
                let lowered = self.unfiltered.to_lowercase();
                self.normalised.extend(lowered.chars().filter(|&c| is_word_character(c)));
            } else {
                let lowered = self.unfiltered.chars().flat_map(char::to_lowercase);
                self.normalised.extend(lowered.filter(|&c| is_word_character(c)));
            }
        }
        &self.normalised
    }
}

/// Whether a character belongs to tokens: alphanumerics, marks and `_`.
pub(crate) fn is_word_character(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || character == '_';
    }
    character.is_alphanumeric() || character.general_category_group() == GeneralCategoryGroup::Mark
}

/// Whether a word character is a token by itself, its script being written without spaces.
pub(crate) fn is_unspaced(character: char) -> bool {
    // The first character of any of these scripts is U+0E01, of Thai.
    character >= '\u{0E00}'
        && matches!(
            character.script(),
            Script::Han
                | Script::Hiragana
                | Script::Katakana
                | Script::Thai
                | Script::Lao
                | Script::Khmer
                | Script::Myanmar
        )
        && is_word_character(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn tokens(text: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        Tokenizer::default().for_each_token(text, |token| found.push(token.to_string()));
        found
    }

    #[test]
    fn lower_case_is_that_of_the_standard_library() {
        let mut tokenizer = Tokenizer::default();
        for character in ('\0'..=char::MAX).filter(|&c| is_word_character(c)) {
            for run in [alloc::format!("{character}"), alloc::format!("Ä{character}Σ")] {
                let unfiltered: String = run.nfkc().collect();
                let lowered = unfiltered.to_lowercase();
                let expected: String = lowered.chars().filter(|&c| is_word_character(c)).collect();
                assert_eq!(tokenizer.normalise(&run), expected);
            }
        }
    }

    #[test]
    fn ascii_words_digits_and_underscores_are_lower_cased_tokens() {
        assert_eq!(tokens(b"Jk2_init() Found CHILD 1527"), ["jk2_init", "found", "child", "1527"]);
    }

    #[test]
    fn what_nfkc_and_case_make_equal_is_one_token() {
        assert_eq!(tokens("Café CAFE\u{301} ｃａｆé".as_bytes()), ["café"; 3]);
        assert_eq!(tokens("\u{212A}elvin".as_bytes()), ["kelvin"], "the kelvin sign is a k");
    }

    #[test]
    fn a_normal_form_keeps_word_characters_only() {
        assert_eq!(tokens("½".as_bytes()), ["12"]);
        assert_eq!(tokens("\u{FDFA}".as_bytes()).len(), 1, "an ideograph of four words with spaces");
        assert!(!tokens("\u{FDFA}".as_bytes())[0].contains(' '));
    }

    #[test]
    fn each_character_of_an_unspaced_script_is_a_token() {
        assert_eq!(tokens("東京のengineer".as_bytes()), ["東", "京", "の", "engineer"]);
        assert_eq!(tokens("ไทย".as_bytes()), ["ไ", "ท", "ย"]);
    }

    #[test]
    fn bytes_that_are_not_utf8_separate_tokens() {
        assert_eq!(tokens(b"night\xFFshift \xE2\x82 nurse\x80"), ["night", "shift", "nurse"]);
    }

    #[test]
    fn a_run_over_the_bound_is_passed_over_and_one_at_the_bound_is_not() {
        let at_bound = "x".repeat(MAX_TOKEN_BYTES);
        let over = "x".repeat(MAX_TOKEN_BYTES + 1);
        assert_eq!(tokens(alloc::format!("a {over} b {at_bound}").as_bytes()), ["a", "b", &at_bound]);
    }

    #[test]
    fn empty_and_wordless_texts_have_no_tokens() {
        assert!(tokens(b"").is_empty());
        assert!(tokens(b" -- \0 !").is_empty());
    }
}
