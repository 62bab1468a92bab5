//! Sparse text classifiers.
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(unsafe_code, missing_docs)]

extern crate alloc;

pub mod infer;
pub mod model;
pub mod text;

#[cfg(feature = "train")]
pub mod data;
#[cfg(feature = "train")]
pub mod metrics;
#[cfg(feature = "train")]
pub mod stream;
#[cfg(feature = "train")]
pub mod train;

#[cfg(feature = "builtin-model")]
pub mod builtin;

pub use infer::Classifier;
pub use model::Model;
