//! Labelled data, written by others and read back, and bytes that nobody wrote on purpose.
#![cfg(feature = "train")]

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::Path;

use paring::data::read::{Column, ReadError, ReadOptions, ReadSummary, read_labelled_from};
use paring::data::{Dataset, Format};
use paring::text::FeatureSpec;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

type Pairs = Vec<(String, Vec<u8>)>;

const FORMATS: [Format; 4] = [Format::Tsv, Format::Csv, Format::JsonLines, Format::FastText];

fn read(mut input: impl Read, options: &ReadOptions) -> Result<(Pairs, ReadSummary), ReadError> {
    let mut pairs = Vec::new();
    let summary = read_labelled_from(&mut input, Path::new("data"), options, &mut |record| {
        pairs.push((record.label.to_string(), record.text.to_vec()));
        Ok(())
    })?;
    Ok((pairs, summary))
}

fn options(format: Format) -> ReadOptions {
    ReadOptions { format: Some(format), ..ReadOptions::default() }
}

/// Skips bad records, and takes columns by number where they have numbers.
fn lenient(format: Format) -> ReadOptions {
    let mut options = ReadOptions { skip_bad_records: true, ..options(format) };
    if matches!(format, Format::Tsv | Format::Csv) {
        options.header = false;
        options.label = Column::Number(1);
        options.text = Column::Number(2);
    }
    options
}

/// A label and a text without any of these bytes.
fn pairs_without(excluded: &'static [u8]) -> impl Strategy<Value = Pairs> {
    let label = "[^\r\n]{1,9}".prop_map(move |mut label: String| {
        label.retain(|character| !character.is_ascii() || !excluded.contains(&(character as u8)));
        if label.is_empty() { "x".into() } else { label }
    });
    let text =
        vec(prop_oneof![any::<u8>(), select(b" ,\"\t\r\n_".to_vec())], 0..40).prop_map(move |mut text| {
            text.retain(|byte| !excluded.contains(byte));
            text
        });
    vec((label, text), 0..20)
}

/// Bytes that come close to records in each of the formats.
fn near_records() -> impl Strategy<Value = Vec<u8>> {
    let pieces = select(vec![
        &b"\n"[..],
        b"\r\n",
        b"\r",
        b"\t",
        b",",
        b"\"",
        b"a",
        b"b c",
        b" ",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"label",
        b"text",
        b"__label__",
        b"__label__a b",
        b"{",
        b"}",
        b"\"label\":",
        b"\"text\":",
        b"1",
        b"null",
        b"\\",
        b"a\tb\n",
        b"a,\"b\"\n",
        b"{\"label\":\"a\",\"text\":\"b\"}\n",
        b"label,text\n",
    ]);
    prop_oneof![vec(pieces, 0..40).prop_map(|pieces| pieces.concat()), vec(any::<u8>(), 0..200),]
}

/// Gives one byte a read.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = buffer.len().min(1);
        self.0.read(&mut buffer[..end])
    }
}

fn write_csv(pairs: &Pairs, quotes: csv::QuoteStyle, crlf: bool) -> Vec<u8> {
    let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut writer =
        csv::WriterBuilder::new().quote_style(quotes).terminator(terminator).from_writer(Vec::new());
    writer.write_record(["text", "id", "label"]).unwrap();
    for (label, text) in pairs {
        writer.write_record([text, &b"7"[..], label.as_bytes()]).unwrap();
    }
    writer.into_inner().unwrap()
}

fn quote_style() -> impl Strategy<Value = csv::QuoteStyle> {
    select(vec![csv::QuoteStyle::Necessary, csv::QuoteStyle::Always, csv::QuoteStyle::NonNumeric])
}

fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn csv_records(bytes: &[u8]) -> Vec<csv::ByteRecord> {
    let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    reader.into_byte_records().map(Result::unwrap).collect()
}

proptest! {
    #[test]
    fn csv_that_the_csv_crate_writes_is_read_back(
        pairs in pairs_without(b""), quotes in quote_style(), crlf: bool
    ) {
        let bytes = write_csv(&pairs, quotes, crlf);
        prop_assert_eq!(read(&*bytes, &options(Format::Csv)).unwrap().0, pairs);
    }

    #[test]
    fn the_line_of_a_bad_csv_record_is_one_more_than_the_line_feeds_before_it_whatever_quotes_hold(
        pairs in pairs_without(b""), quotes in quote_style(), crlf: bool
    ) {
        let mut bytes = write_csv(&pairs, quotes, crlf);
        let line = 1 + bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
        bytes.extend_from_slice(b"alone");
        prop_assert_eq!(read(&*bytes, &options(Format::Csv)).unwrap_err().line(), Some(line));
    }

    #[test]
    fn tsv_is_read_back(pairs in pairs_without(b"\t\r\n"), crlf: bool) {
        let end = if crlf { "\r\n" } else { "\n" };
        let mut bytes = format!("label\tid\ttext{end}").into_bytes();
        for (label, text) in &pairs {
            bytes.extend([label.as_bytes(), b"\t7\t", text, end.as_bytes()].concat());
        }
        prop_assert_eq!(read(&*bytes, &options(Format::Tsv)).unwrap().0, pairs);
    }

    #[test]
    fn json_that_serde_json_writes_is_read_back(pairs in vec(("[^\r\n]{1,9}", any::<String>()), 0..20)) {
        let mut bytes = Vec::new();
        for (label, text) in &pairs {
            let object = serde_json::json!({"id": {"label": 7}, "job": {"text": text, "x": [text]}, "label": label});
            serde_json::to_writer(&mut bytes, &object).unwrap();
            bytes.push(b'\n');
        }
        let nested = ReadOptions { text: Column::Name("job.text".into()), ..options(Format::JsonLines) };
        let pairs: Pairs = pairs.into_iter().map(|(label, text)| (label, text.into_bytes())).collect();
        prop_assert_eq!(read(&*bytes, &nested).unwrap().0, pairs);
    }

    #[test]
    fn fasttext_lines_are_read_back(pairs in pairs_without(b"_ \t\r\n\x0b\x0c\0"), separator in select(vec![" ", "\t"])) {
        let mut bytes = Vec::new();
        let pairs: Pairs =
            pairs.into_iter().map(|(label, text)| (format!("a_{label}-b"), [b"  x _".to_vec(), text].concat())).collect();
        for (label, text) in &pairs {
            bytes.extend([b"__label__", label.as_bytes(), separator.as_bytes(), text, b"\n"].concat());
        }
        prop_assert_eq!(read(&*bytes, &options(Format::FastText)).unwrap().0, pairs);
    }

    #[test]
    fn no_bytes_make_a_reader_panic_and_its_errors_take_one_line(
        bytes in near_records(), format in select(FORMATS.to_vec())
    ) {
        if let Err(error) = read(&*bytes, &options(format)) {
            let message = error.to_string();
            prop_assert!(message.starts_with("data:") && !message.contains(['\n', '\r']), "{}", message);
        }
    }

    #[test]
    fn how_bytes_arrive_changes_nothing(bytes in near_records(), format in select(FORMATS.to_vec())) {
        let at_once = read(&*bytes, &lenient(format)).unwrap();
        prop_assert_eq!(read(Trickle(&bytes), &lenient(format)).unwrap(), at_once);
    }

    #[test]
    fn every_line_is_a_good_record_or_a_skipped_one(
        bytes in near_records(), format in select(vec![Format::Tsv, Format::JsonLines, Format::FastText])
    ) {
        let (_, summary) = read(&*bytes, &lenient(format)).unwrap();
        let is_blank = |line: &[u8]| match format {
            Format::Tsv => line.is_empty() || line == b"\r",
            _ => line.trim_ascii().is_empty(),
        };
        let lines = without_byte_order_mark(&bytes).split(|&byte| byte == b'\n').filter(|line| !is_blank(line));
        prop_assert_eq!(summary.records + summary.skipped, lines.count() as u64);
    }

    #[test]
    fn every_csv_record_is_what_the_csv_crate_reads_or_a_skipped_one(bytes in near_records()) {
        let bytes = without_byte_order_mark(&bytes);
        // Where another byte-order mark follows, the csv crate would pass over that too.
        prop_assume!(without_byte_order_mark(bytes) == bytes);
        let mut records = csv_records(bytes);
        let count = records.len();
        let followed = csv_records(&[bytes, b"\nx,y\n"].concat());
        if followed.last().is_none_or(|last| last != vec!["x", "y"]) {
            // A quote is open at the end.
            records.pop();
        }
        let mut expected = Pairs::new();
        let mut width = None;
        for record in &records {
            let fits = record.len() >= 2 && width.is_none_or(|width| width == record.len());
            if let Some(Ok(label)) = fits.then(|| str::from_utf8(&record[0]))
                && !label.is_empty() && !label.contains(['\r', '\n'])
            {
                width = Some(record.len());
                expected.push((label.to_string(), record[1].to_vec()));
            }
        }
        let (pairs, summary) = read(bytes, &lenient(Format::Csv)).unwrap();
        prop_assert_eq!(summary.records + summary.skipped, count as u64);
        prop_assert_eq!(pairs, expected);
    }
}

fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

#[test]
fn the_titles_make_a_dataset_of_six_classes_and_none_is_tested_on() {
    let (dataset, summary) =
        Dataset::from_files(&[data("titles.tsv")], &ReadOptions::default(), FeatureSpec::default(), 1)
            .unwrap();
    assert_eq!(summary.records, dataset.texts() as u64);
    assert_eq!(
        dataset.classes(),
        ["Healthcare", "Software", "Transport", "Kitchen", "Education", "Construction"]
    );
    let texts = |name: &str| {
        let bytes = std::fs::read(data(name)).unwrap();
        let (pairs, _) = read(&*bytes, &options(Format::Tsv)).unwrap();
        pairs.into_iter().map(|(_, text)| text.to_ascii_lowercase()).collect::<Vec<_>>()
    };
    let train: HashSet<_> = texts("titles.tsv").into_iter().collect();
    assert_eq!(train.len(), dataset.texts());
    assert!(texts("titles-test.tsv").iter().all(|text| !train.contains(text)));
}

#[test]
fn the_table_and_the_objects_of_the_examples_are_read_whole() {
    let columns = |label: &str, text: &str| ReadOptions {
        label: Column::Name(label.into()),
        text: Column::Name(text.into()),
        ..ReadOptions::default()
    };
    let texts = |name: &str, options: &ReadOptions| {
        let mut texts = Vec::new();
        paring::data::read_labelled(&[data(name)], options, &mut |record| {
            texts.push(String::from_utf8_lossy(record.text).into_owned());
            Ok(())
        })
        .unwrap();
        texts
    };
    let table = texts("titles.csv", &columns("id", "title"));
    assert_eq!(table.len(), 20);
    assert_eq!(table[6], "Manager, \"Front of House\"");
    let objects = texts("titles.jsonl", &columns("id", "job.title"));
    assert_eq!(objects.len(), 12);
    assert_eq!(objects[6], "Sr. Accountant, payroll");
}

#[test]
fn texts_without_anything_and_fields_of_tsv_in_quotes_are_counted() {
    let counts = |format, bytes: &str| {
        let (_, summary) = read(bytes.as_bytes(), &options(format)).unwrap();
        (summary.records, summary.empty, summary.quoted)
    };
    assert_eq!(counts(Format::Tsv, "label\ttext\na\tx\nb\t\nb\t \nb\t.\n"), (4, 2, 0));
    assert_eq!(counts(Format::JsonLines, r#"{"label": "\"a", "text": "\n"}"#), (1, 1, 0));
    let quoted = "label\ttext\n\"a\"\tx\nb\t\"x\nb\t7\" x\n";
    assert_eq!(counts(Format::Tsv, quoted), (3, 0, 2));
    assert_eq!(counts(Format::Csv, "label,text\n\"a\",\"\"\"x\"\"\"\n"), (1, 0, 0));
}

#[test]
fn fasttext_takes_for_separators_what_its_own_reader_does() {
    for separator in [' ', '\t', '\r', '\x0b', '\x0c', '\0'] {
        let line = format!("__label__a{separator}x");
        assert_eq!(
            read(line.as_bytes(), &options(Format::FastText)).unwrap().0,
            [("a".into(), b"x".to_vec())]
        );
        let two = format!("__label__a x{separator}__label__b");
        assert!(read(two.as_bytes(), &options(Format::FastText)).is_err(), "{separator:?}");
    }
    let no_separator = read(&b"__label__a\xc2\xa0x"[..], &options(Format::FastText)).unwrap().0;
    assert_eq!(no_separator, [("a\u{a0}x".into(), Vec::new())]);
}
