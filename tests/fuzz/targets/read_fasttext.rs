//! Any bytes are records or an error that names file and line.

#![no_main]

use paring::data::Format;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| paring_fuzz::read(bytes, Format::FastText));
