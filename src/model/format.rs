//! The model file, byte by byte.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | the magic `\x89paring\n` |
//! | 4 | the format version, little-endian; 2 |
//! | 8 | the length of the payload in bytes, little-endian |
//! | that many | the payload |
//! | 4 | the CRC-32 (IEEE) of all the bytes before it, little-endian |
//!
//! The payload is deflated (RFC 1951). Inflated it is these fields one after the other in bincode 2's standard
//! configuration: little-endian; an unsigned number under 251 as one byte, under 2^16 as the byte 251 and two
//! bytes, under 2^32 as 252 and four, under 2^64 as 253 and eight; a sequence, and a text or bytes,
//! as their length and their elements.
//!
//! | field | type | what |
//! |---|---|---|
//! | classes | text | the names of the classes, joined by line feeds |
//! | class counts | sequence of numbers | training texts of each class |
//! | shared lengths | bytes | for each feature, how many bytes its name begins with that the name before it begins with, 63 at most |
//! | features | text | what follows them in the names of the features, joined by line feeds |
//! | column lengths | sequence of numbers | nonzeros of each feature |
//! | class indices | sequence of numbers | the class of each nonzero, feature by feature |
//! | scores | bytes | the score of each nonzero in units of 1/256, as signed numbers of two bytes: the high bytes of all, then the low bytes of all |
//! | metadata | text | a name, a tab and a value for each entry, joined by line feeds |
//!
//! # From a text to a label
//!
//! The score of a class is the sum, over the features of the text, of how often the text has the feature times its score
//! for that class, which is 0 where there is no nonzero. The label is the class with the largest sum; of equal ones, the
//! first in the order of the file. Summed in units of 1/256, as whole numbers of 64 bits or as doubles, sums are exact.
//!
//! | name | the feature that a text has |
//! |---|---|
//! | `(intercept)` | once, whatever it holds |
//! | `nurse` | once for each token that is this word |
//! | `nu*` | once for each token that begins with these characters, the token `nu` with them |
//! | `*rse` | once for each token that ends with these characters, the token `rse` with them |
//! | `a b` | once for each place at which these tokens follow one another, whatever separates them: twice in `a b, a-b` |
//!
//! No token holds a space, `*` or a parenthesis, so that the name tells what to do: a reader draws n-grams of as many tokens
//! as the names have words, from 2 to 8, and affixes of as many characters as there are beside the `*`, from 1 to 15, and
//! looks each up. Characters are code points of Unicode.
//!
//! Tokens are made so ([`Tokenizer`](crate::text::Tokenizer)):
//!
//! 1. A word character is `_`, or alphanumeric, or a mark: of the property
//!    [Alphabetic](https://www.unicode.org/reports/tr44/#Alphabetic), or of the
//!    [general category](https://www.unicode.org/reports/tr44/#General_Category_Values) Nd, Nl, No, Mn, Mc or Me. All else
//!    separates, line ends and bytes that are not UTF-8 with it.
//! 2. A word character of the [script](https://www.unicode.org/reports/tr24/) Han, Hiragana, Katakana, Thai, Lao, Khmer or
//!    Myanmar is a run by itself; it is the property Script that counts, not Script_Extensions. Any other word
//!    characters make runs that are as long as they can be.
//! 3. A run of more than 256 bytes in UTF-8 is dropped. What stands on its two sides is consecutive.
//! 4. A run is put into [NFKC](https://www.unicode.org/reports/tr15/), then in lower case as a whole, by Unicode's full
//!    mappings of no language ([`str::to_lowercase`], in JavaScript `toLowerCase`): whether a capital sigma becomes `ς` or `σ`
//!    depends on what stands around it (Final_Sigma). What is then no word character is dropped. What is left is a token,
//!    unless nothing is. It is not cut again, even where it holds several characters of step 2.
//!
//! A text without tokens, such as the empty one, has the scores of `(intercept)`, or 0 for all classes, and in that case the
//! label of the first class, which is the most frequent in training. Margins are differences of sums, and probabilities
//! their softmax.
//!
//! With the features `(intercept)` (Kitchen 0.5), `*rse` (Health 0.75), `cook` (Kitchen 2), `night cook` (Kitchen 1),
//! `nu*` (Health 0.25), `λόγος` (Office 3) and `看` (Health 3):
//!
//! ```
//! # use paring::model::{Model, ModelParts};
//! # let features = ["(intercept)", "*rse", "cook", "night cook", "nu*", "λόγος", "看"];
//! # let model = Model::from_parts(ModelParts {
//! #     classes: ["Kitchen", "Health", "Office"].map(String::from).to_vec(),
//! #     class_counts: vec![3, 2, 1],
//! #     features: features.map(String::from).to_vec(),
//! #     indptr: (0..=7).collect(),
//! #     indices: vec![0, 1, 0, 0, 1, 2, 1],
//! #     data: vec![0.5, 0.75, 2.0, 1.0, 0.25, 3.0, 3.0],
//! #     metadata: Vec::new(),
//! # })?;
//! let long = format!("night {} cook", "x".repeat(257));
//! for (text, scores, label) in [
//!     ("", [0.5, 0.0, 0.0], "Kitchen"),
//!     ("Night-COOK, cook", [5.5, 0.0, 0.0], "Kitchen"),
//!     ("Nurse", [0.5, 1.0, 0.0], "Health"),
//!     ("nu horse nu", [0.5, 1.25, 0.0], "Health"),
//!     ("rse -- n\u{fc}rse", [0.5, 1.5, 0.0], "Health"),
//!     ("ΛΌΓΟΣ", [0.5, 0.0, 3.0], "Office"),
//!     ("ｃｏｏｋ看看x", [2.5, 6.0, 0.0], "Health"),
//!     (&long, [3.5, 0.0, 0.0], "Kitchen"),
//! ] {
//! # let classifier = model.clone().into_classifier();
//!     assert_eq!(classifier.decision_function(text), scores, "{text}");
//!     assert_eq!(classifier.classify(text), label, "{text}");
//! }
//! # Ok::<(), paring::model::ModelError>(())
//! ```
//!
//! # Metadata
//!
//! Any names and values may stand there, and none has to. Training writes these:
//!
//! | name | value |
//! |---|---|
//! | `paring` | the version that trained the model |
//! | `texts`, `features`, `possible_weights` | how many texts, features and weights there were to choose from |
//! | `ngrams`, `affixes`, `min_count` | the longest n-gram, the lengths of affixes (`4-6`), the fewest texts of a feature; the last two where asked for |
//! | `objective`, `l2`, `l1`, `penalty`, `start`, `dropout`, `prune_by` | how the model was fitted, as far as it is not as usual |
//! | `balance`, `folds` | that rare classes weighed more, and how many folds, where asked for |
//! | `weights` | `of records` where these had weights of their own |
//! | `seed`, `data_sha256` | the seed, and the SHA-256 of labels, texts and weights |
//! | `cross_validated_accuracy` or `validation_accuracy`; with `balance` `cross_validated_balanced_accuracy` or `validation_balanced_accuracy` | the accuracy that was estimated, from 0 to 1 |
//!
//! # Version 1
//!
//! A payload of version 1 is not deflated, has no shared lengths (its features are whole names), and holds each score as
//! its low byte and its high byte. Models of both versions will be read for ever; version 2 is written, which takes half
//! the bytes.
//!
//! # Bytes that nobody vouches for
//!
//! Any bytes may be given to [`Model::from_bytes`]: it gives a model on which inference cannot fail, or an error. It
//! takes memory in proportion to the bytes, at most [`MEMORY_PER_BYTE`] times as much, whatever lengths they claim: a
//! payload that inflates to more than [`MAX_INFLATION`] times its bytes is refused, and never written. It refuses more than
//! [`MAX_BYTES`] of them at once, as `Model::load` does a larger file. [`Model::from_bytes_up_to`] takes another limit.

#![forbid(unsafe_code)]

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{Model, ModelError, ModelParts, SCORE_STEPS};

/// The first bytes of a model file.
pub const MAGIC: [u8; 8] = *b"\x89paring\n";

/// The version of the format that is written.
pub const VERSION: u32 = 2;

/// The bytes that [`Model::from_bytes`] and `Model::load` take at most: 64 MiB, or some 15 million nonzeros.
pub const MAX_BYTES: u64 = 64 << 20;

/// How many times its own length a payload may inflate to. Those of models grow to twice or three times; one that would
/// grow to more has empty blocks before it.
pub const MAX_INFLATION: u64 = 4;

/// How much memory reading a model takes at most, for each byte of the file; beyond that, a few megabytes.
pub const MEMORY_PER_BYTE: u64 = 64 * MAX_INFLATION;

/// The most that a name may share with the one before it: few bytes shall not make many long names.
const MAX_SHARED: usize = 63;

const HEADER: usize = MAGIC.len() + 4 + 8;
const CHECKSUM: usize = 4;

#[derive(Serialize, Deserialize)]
struct Payload<'a> {
    classes: &'a str,
    class_counts: Vec<u64>,
    shared_lengths: &'a [u8],
    features: &'a str,
    column_lengths: Vec<u32>,
    class_indices: Vec<u32>,
    scores: &'a [u8],
    metadata: &'a str,
}

#[derive(Deserialize)]
struct PayloadV1<'a> {
    classes: &'a str,
    class_counts: Vec<u64>,
    features: &'a str,
    column_lengths: Vec<u32>,
    class_indices: Vec<u32>,
    scores: &'a [u8],
    metadata: &'a str,
}

/// Why bytes are not a model.
#[derive(Debug)]
#[non_exhaustive]
pub enum FormatError {
    /// There are more bytes than are taken at once: [`Model::from_bytes_up_to`] takes more.
    TooLarge {
        /// How many are taken.
        max_bytes: u64,
    },
    /// The bytes do not start with [`MAGIC`].
    NotAModel,
    /// The format's version is not one that this reader knows.
    Version(u32),
    /// There are fewer bytes than the header says, or more.
    Length {
        /// The bytes that there are.
        found: usize,
        /// The bytes that there should be.
        expected: u64,
    },
    /// The checksum does not match.
    Checksum {
        /// The checksum of the bytes.
        found: u32,
        /// The checksum that the file gives.
        expected: u32,
    },
    /// The payload cannot be inflated, or only to more than [`MAX_INFLATION`] times its bytes.
    Deflated,
    /// The payload is not encoded as this module says.
    Payload(String),
    /// The payload has bytes behind its last field, or a field is not as this module says.
    Field(&'static str),
    /// The parts do not make a model.
    Model(ModelError),
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { max_bytes } => write!(
                f,
                "the model is larger than {max_bytes} bytes: expected at most as many; train one of fewer nonzeros or features"
            ),
            Self::NotAModel => write!(f, "not a paring model: it does not start with the bytes of one"),
            Self::Version(found) => write!(
                f,
                "model format version {found}, and this paring reads versions 1 to {VERSION}: use a newer paring"
            ),
            Self::Length { found, expected } => write!(
                f,
                "the model is cut short or padded: {found} bytes where its header says {expected}; copy it again"
            ),
            Self::Checksum { found, expected } => write!(
                f,
                "the model is damaged: checksum {found:08x} where the file says {expected:08x}; copy it again"
            ),
            Self::Deflated => write!(
                f,
                "the model's payload cannot be inflated to at most {MAX_INFLATION} times its bytes; copy it again"
            ),
            Self::Payload(error) => write!(f, "the model's payload cannot be decoded: {error}"),
            Self::Field(field) => write!(f, "the model's payload is wrong at its {field}"),
            Self::Model(error) => write!(f, "the model is not valid: {error}"),
        }
    }
}

impl core::error::Error for FormatError {}

impl From<ModelError> for FormatError {
    fn from(error: ModelError) -> Self {
        FormatError::Model(error)
    }
}

impl Model {
    /// The bytes of the model file; see [the format](crate::model::format).
    pub fn to_bytes(&self) -> Vec<u8> {
        let steps: Vec<[u8; 2]> =
            self.data.iter().map(|score| ((score * SCORE_STEPS) as i16).to_be_bytes()).collect();
        // High bytes apart from low ones, and names without what they share: so they deflate best.
        let scores: Vec<u8> =
            steps.iter().map(|step| step[0]).chain(steps.iter().map(|step| step[1])).collect();
        let (shared_lengths, rests) = without_shared(&self.features);
        let metadata: Vec<String> =
            self.metadata.iter().map(|(name, value)| alloc::format!("{name}\t{value}")).collect();
        let payload = Payload {
            classes: &self.classes.join("\n"),
            class_counts: self.class_counts.clone(),
            shared_lengths: &shared_lengths,
            features: &rests.join("\n"),
            column_lengths: self.indptr.windows(2).map(|pair| pair[1] - pair[0]).collect(),
            class_indices: self.indices.clone(),
            scores: &scores,
            metadata: &metadata.join("\n"),
        };
        let payload = bincode::serde::encode_to_vec(&payload, bincode::config::standard())
            .expect("texts, bytes and sequences of known length always encode");
        let payload = deflate(&payload);
        let mut bytes = Vec::with_capacity(HEADER + payload.len() + CHECKSUM);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((payload.len() as u64).to_le_bytes());
        bytes.extend(payload);
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Reads a model from the bytes of a model file, and checks everything that inference relies on.
    ///
    /// # Errors
    /// When the bytes are not those of a model: see [`FormatError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Model, FormatError> {
        Model::from_bytes_up_to(bytes, MAX_BYTES)
    }

    /// As [`from_bytes`](Self::from_bytes), with a limit of one's own on how many bytes are taken.
    ///
    /// # Errors
    /// When the bytes are more, or not those of a model.
    pub fn from_bytes_up_to(bytes: &[u8], max_bytes: u64) -> Result<Model, FormatError> {
        if bytes.starts_with(&MAGIC) && bytes.len() as u64 > max_bytes {
            return Err(FormatError::TooLarge { max_bytes });
        }
        let (version, payload) = checked_payload(bytes)?;
        let parts = if version == 1 { parts_of_v1(payload)? } else { parts_of(payload)? };
        Ok(Model::from_parts_however_spelt(parts)?)
    }
}

fn parts_of(deflated: &[u8]) -> Result<ModelParts, FormatError> {
    let inflated = inflate(deflated)?;
    let payload: Payload<'_> = decode(&inflated)?;
    let (high, low) = payload.scores.split_at(payload.scores.len() / 2);
    if high.len() != low.len() {
        return Err(FormatError::Field("scores"));
    }
    Ok(ModelParts {
        classes: lines(payload.classes),
        class_counts: payload.class_counts,
        features: with_shared(payload.shared_lengths, payload.features)?,
        indptr: column_starts(&payload.column_lengths)?,
        indices: payload.class_indices,
        data: high.iter().zip(low).map(|(&high, &low)| score(i16::from_be_bytes([high, low]))).collect(),
        metadata: metadata(payload.metadata)?,
    })
}

fn parts_of_v1(payload: &[u8]) -> Result<ModelParts, FormatError> {
    let payload: PayloadV1<'_> = decode(payload)?;
    let (scores, rest) = payload.scores.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(FormatError::Field("scores"));
    }
    Ok(ModelParts {
        classes: lines(payload.classes),
        class_counts: payload.class_counts,
        features: lines(payload.features),
        indptr: column_starts(&payload.column_lengths)?,
        indices: payload.class_indices,
        data: scores.iter().map(|&steps| score(i16::from_le_bytes(steps))).collect(),
        metadata: metadata(payload.metadata)?,
    })
}

/// What is made of each line, none of nothing at all. None if nothing can be made of one.
fn each_line<'j, T>(joined: &'j str, make: impl Fn(&'j str) -> Option<T>) -> Option<Vec<T>> {
    if joined.is_empty() {
        return Some(Vec::new());
    }
    // A vector that grows by doubling may take twice as much.
    let mut made = Vec::with_capacity(joined.bytes().filter(|&byte| byte == b'\n').count() + 1);
    for line in joined.split('\n') {
        made.push(make(line)?);
    }
    Some(made)
}

fn lines(joined: &str) -> Vec<String> {
    each_line(joined, |line| Some(line.to_string())).unwrap_or_default()
}

fn score(steps: i16) -> f32 {
    f32::from(steps) / SCORE_STEPS
}

fn column_starts(lengths: &[u32]) -> Result<Vec<u32>, FormatError> {
    let mut starts = Vec::with_capacity(lengths.len() + 1);
    let mut end = 0_u32;
    starts.push(end);
    for &length in lengths {
        end = end.checked_add(length).ok_or(FormatError::Field("column lengths"))?;
        starts.push(end);
    }
    Ok(starts)
}

fn metadata(joined: &str) -> Result<Vec<(String, String)>, FormatError> {
    let entry = |line: &str| line.split_once('\t').map(|(name, value)| (name.to_string(), value.to_string()));
    each_line(joined, entry).ok_or(FormatError::Field("metadata"))
}

/// For each name how many bytes at its start are those of the name before it, and the rest of it.
fn without_shared(names: &[String]) -> (Vec<u8>, Vec<&str>) {
    let mut before = "";
    let mut parts = (Vec::new(), Vec::new());
    for name in names {
        let pairs = name.char_indices().zip(before.chars());
        let is_shared = |&((at, ours), theirs): &((usize, char), char)| {
            ours == theirs && at + ours.len_utf8() <= MAX_SHARED
        };
        let shared = pairs.take_while(is_shared).map(|((_, ours), _)| ours.len_utf8()).sum();
        parts.0.push(shared as u8);
        parts.1.push(&name[shared..]);
        before = name;
    }
    parts
}

fn with_shared(lengths: &[u8], joined: &str) -> Result<Vec<String>, FormatError> {
    let wrong = || FormatError::Field("shared lengths");
    // A set of one: the search for a single character is dear beside the few that a name has.
    let mut rests = joined.split(['\n']);
    let mut names: Vec<String> = Vec::with_capacity(lengths.len());
    for &length in lengths {
        let rest = rests.next().ok_or_else(wrong)?;
        let before = names.last().map_or("", String::as_str);
        let shared = before.get(..usize::from(length)).filter(|shared| shared.len() <= MAX_SHARED);
        let shared = shared.ok_or_else(wrong)?;
        let mut name = String::with_capacity(shared.len() + rest.len());
        name.push_str(shared);
        name.push_str(rest);
        names.push(name);
    }
    let is_all = rests.next().is_none() || joined.is_empty();
    if is_all { Ok(names) } else { Err(wrong()) }
}

/// A stored block of no bytes that is not the last (RFC 1951, 3.2.4).
const EMPTY_BLOCK: [u8; 5] = [0, 0, 0, 0xFF, 0xFF];

/// Deflates as far as [`inflate`] takes it back: what would inflate to more gets empty blocks in front.
fn deflate(payload: &[u8]) -> Vec<u8> {
    let deflated = miniz_oxide::deflate::compress_to_vec(payload, 10);
    let least = payload.len().div_ceil(MAX_INFLATION as usize);
    let missing = least.saturating_sub(deflated.len()).div_ceil(EMPTY_BLOCK.len());
    [EMPTY_BLOCK.repeat(missing), deflated].concat()
}

fn inflate(deflated: &[u8]) -> Result<Vec<u8>, FormatError> {
    let most = deflated.len().saturating_mul(MAX_INFLATION as usize);
    miniz_oxide::inflate::decompress_to_vec_with_limit(deflated, most).map_err(|_| FormatError::Deflated)
}

/// The version and the payload's bytes, once magic, version, length and checksum are right.
fn checked_payload(bytes: &[u8]) -> Result<(u32, &[u8]), FormatError> {
    let Some((magic, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(FormatError::NotAModel);
    };
    if *magic != MAGIC {
        return Err(FormatError::NotAModel);
    }
    let too_short = FormatError::Length { found: bytes.len(), expected: (HEADER + CHECKSUM) as u64 };
    let Some((version, rest)) = rest.split_first_chunk::<4>() else {
        return Err(too_short);
    };
    let version = u32::from_le_bytes(*version);
    if !(1..=VERSION).contains(&version) {
        return Err(FormatError::Version(version));
    }
    let Some((length, rest)) = rest.split_first_chunk::<8>() else {
        return Err(too_short);
    };
    let length = u64::from_le_bytes(*length);
    let expected = length.saturating_add((HEADER + CHECKSUM) as u64);
    if bytes.len() as u64 != expected {
        return Err(FormatError::Length { found: bytes.len(), expected });
    }
    let Some((payload, checksum)) = rest.split_last_chunk::<4>() else {
        return Err(too_short);
    };
    let expected = u32::from_le_bytes(*checksum);
    let found = crc32fast::hash(&bytes[..bytes.len() - CHECKSUM]);
    if found != expected {
        return Err(FormatError::Checksum { found, expected });
    }
    Ok((version, payload))
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, FormatError> {
    let (payload, read) = bincode::serde::borrow_decode_from_slice(bytes, bincode::config::standard())
        .map_err(|error| FormatError::Payload(error.to_string()))?;
    if read != bytes.len() {
        return Err(FormatError::Field("end"));
    }
    Ok(payload)
}
