//! From the bytes of a text to its features: one way, for training and for inference.

#![forbid(unsafe_code)]

pub mod features;
pub mod tokenize;

pub use features::{AffixLengths, FeatureKind, FeatureSpec, FeatureSpecError, INTERCEPT};
pub use tokenize::{MAX_TOKEN_BYTES, Tokenizer};
