//! The model file, byte by byte.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | the magic `\x89paring\n` |
//! | 4 | the format version, little-endian; 1 |
//! | 8 | the length of the payload in bytes, little-endian |
//! | that many | the payload |
//! | 4 | the CRC-32 (IEEE) of all the bytes before it, little-endian |
//!
//! The payload is these fields one after the other in bincode 2's standard configuration:
//! little-endian; an unsigned number under 251 as one byte, under 2^16 as the byte 251 and two
//! bytes, under 2^32 as 252 and four, under 2^64 as 253 and eight; a sequence, and a text or bytes,
//! as their length and their elements.
//!
//! | field | type | what |
//! |---|---|---|
//! | classes | text | the names of the classes, joined by line feeds |
//! | class counts | sequence of numbers | training texts of each class |
//! | features | text | the names of the features, joined by line feeds |
//! | column lengths | sequence of numbers | nonzeros of each feature |
//! | class indices | sequence of numbers | the class of each nonzero, feature by feature |
//! | scores | bytes | the score of each nonzero in units of 1/256: two bytes each, signed, little-endian |
//! | metadata | text | a name, a tab and a value for each entry, joined by line feeds |
//!
//! A reader of format version 1 will read these files for ever.
//!
//! # Bytes that nobody vouches for
//!
//! Any bytes may be given to [`Model::from_bytes`]: it gives a model on which inference cannot fail, or an error. It
//! takes memory in proportion to the bytes, at most [`MEMORY_PER_BYTE`] times as much, whatever lengths they claim; and it
//! refuses more than [`MAX_BYTES`] of them at once, as [`Model::load`] does a larger file.
//! [`Model::from_bytes_up_to`] takes another limit.

#![forbid(unsafe_code)]

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use bincode::error::DecodeError;
use serde::{Deserialize, Serialize};

use super::{Model, ModelError, ModelParts, SCORE_STEPS};

/// The first bytes of a model file.
pub const MAGIC: [u8; 8] = *b"\x89paring\n";

/// The version of the format that is written.
pub const VERSION: u32 = 1;

/// The bytes that [`Model::from_bytes`] and [`Model::load`] take at most: 256 MiB, or some 40 million nonzeros.
pub const MAX_BYTES: u64 = 256 << 20;

/// How much memory reading a model takes at most, for each byte of the file; beyond that, a few megabytes.
pub const MEMORY_PER_BYTE: u64 = 64;

const HEADER: usize = MAGIC.len() + 4 + 8;
const CHECKSUM: usize = 4;

#[derive(Serialize, Deserialize)]
struct Payload<'a> {
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
    /// There are more bytes than are taken at once.
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
    /// The payload is not encoded as this module says.
    Payload(DecodeError),
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
                "the model is larger than {max_bytes} bytes: if you trust it, take it with a higher limit (from_bytes_up_to)"
            ),
            Self::NotAModel => write!(f, "not a paring model: it does not start with the bytes of one"),
            Self::Version(found) => write!(
                f,
                "model format version {found}, and this paring reads version {VERSION}: use a newer paring"
            ),
            Self::Length { found, expected } => write!(
                f,
                "the model is cut short or padded: {found} bytes where its header says {expected}; copy it again"
            ),
            Self::Checksum { found, expected } => write!(
                f,
                "the model is damaged: checksum {found:08x} where the file says {expected:08x}; copy it again"
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
        let scores: Vec<u8> =
            self.data.iter().flat_map(|score| ((score * SCORE_STEPS) as i16).to_le_bytes()).collect();
        let metadata: Vec<String> =
            self.metadata.iter().map(|(name, value)| alloc::format!("{name}\t{value}")).collect();
        let payload = Payload {
            classes: &self.classes.join("\n"),
            class_counts: self.class_counts.clone(),
            features: &self.features.join("\n"),
            column_lengths: self.indptr.windows(2).map(|pair| pair[1] - pair[0]).collect(),
            class_indices: self.indices.clone(),
            scores: &scores,
            metadata: &metadata.join("\n"),
        };
        let payload = bincode::serde::encode_to_vec(&payload, bincode::config::standard())
            .expect("texts, bytes and sequences of known length always encode");
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
        if bytes.len() as u64 > max_bytes {
            return Err(FormatError::TooLarge { max_bytes });
        }
        let payload: Payload<'_> = decode_payload(checked_payload(bytes)?)?;
        let lines = |joined: &str| -> Vec<String> {
            if joined.is_empty() { Vec::new() } else { joined.split('\n').map(str::to_string).collect() }
        };
        let mut indptr = Vec::with_capacity(payload.column_lengths.len() + 1);
        let mut end = 0_u32;
        indptr.push(end);
        for &length in &payload.column_lengths {
            end = end.checked_add(length).ok_or(FormatError::Field("column lengths"))?;
            indptr.push(end);
        }
        let (scores, rest) = payload.scores.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(FormatError::Field("scores"));
        }
        let metadata = lines(payload.metadata)
            .iter()
            .map(|line| line.split_once('\t').map(|(name, value)| (name.to_string(), value.to_string())))
            .collect::<Option<Vec<_>>>()
            .ok_or(FormatError::Field("metadata"))?;
        Ok(Model::from_parts(ModelParts {
            classes: lines(payload.classes),
            class_counts: payload.class_counts,
            features: lines(payload.features),
            indptr,
            indices: payload.class_indices,
            data: scores.iter().map(|&steps| f32::from(i16::from_le_bytes(steps)) / SCORE_STEPS).collect(),
            metadata,
        })?)
    }
}

/// The payload's bytes, once magic, version, length and checksum are right.
fn checked_payload(bytes: &[u8]) -> Result<&[u8], FormatError> {
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
    if version != VERSION {
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
    Ok(payload)
}

fn decode_payload(bytes: &[u8]) -> Result<Payload<'_>, FormatError> {
    let (payload, read) = bincode::serde::borrow_decode_from_slice(bytes, bincode::config::standard())
        .map_err(FormatError::Payload)?;
    if read != bytes.len() {
        return Err(FormatError::Field("end"));
    }
    Ok(payload)
}
