//! What a stream writes for any bytes depends neither on how they are cut into blocks nor on the number of threads.

#![no_main]

use std::io::Cursor;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use paring::Classifier;
use paring::data::Format;
use paring::stream::{Output, Stream, StreamOptions};

static CLASSIFIER: LazyLock<Arc<Classifier>> =
    LazyLock::new(|| Arc::new(paring_fuzz::model().into_classifier()));

fn run(
    bytes: &[u8],
    format: Format,
    output: Output,
    block_bytes: usize,
    threads: usize,
) -> (Vec<u8>, Option<String>) {
    let options = StreamOptions {
        format: Some(format),
        output,
        block_bytes,
        threads,
        skip_bad_records: true,
        ..StreamOptions::default()
    };
    let mut stream = Stream::new(CLASSIFIER.clone(), options, Vec::new()).expect("options in range");
    let ended = stream.classify(Path::new("fuzzed"), Box::new(Cursor::new(bytes.to_vec())));
    let written = stream.into_output().expect("no thread has died");
    (written, ended.err().map(|error| error.to_string()))
}

libfuzzer_sys::fuzz_target!(|input: (u8, u8, &[u8])| {
    let (choice, block_bytes, bytes) = input;
    let format = [Format::Lines, Format::Tsv, Format::Csv, Format::JsonLines][usize::from(choice % 4)];
    let output = if choice & 4 == 0 { Output::Label } else { Output::Append };
    let threads = if choice & 8 == 0 { 1 } else { 3 };
    let whole = run(bytes, format, output, 1 << 16, 1);
    assert_eq!(run(bytes, format, output, usize::from(block_bytes).max(1), threads), whole);
});
