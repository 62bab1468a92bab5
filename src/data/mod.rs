//! Labelled data: what reads it, and the matrix that it becomes.

#![forbid(unsafe_code)]

pub mod dataset;
mod format;
pub mod input;

pub use dataset::{Dataset, DatasetBuilder, DatasetError};
pub use format::Format;
