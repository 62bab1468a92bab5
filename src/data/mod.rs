//! Labelled data: what reads it, and the matrix that it becomes.

#![forbid(unsafe_code)]

pub mod dataset;
mod format;
pub mod input;
pub mod read;

pub use dataset::{Dataset, DatasetBuilder, DatasetError};
pub use format::Format;
pub use read::{Column, ReadError, ReadOptions, ReadSummary, Record, read_labelled};
