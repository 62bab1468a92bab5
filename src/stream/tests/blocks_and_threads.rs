//! Whatever the blocks and the threads, labels are those of one record after the other.

use super::*;
use crate::data::ReadOptions;
use crate::data::read::read_labelled_from;
use proptest::prelude::*;

/// Gives its bytes in pieces.
struct Pieces {
    bytes: Cursor<Vec<u8>>,
    lengths: std::iter::Cycle<std::vec::IntoIter<usize>>,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.lengths.next().unwrap_or(1).min(buffer.len());
        self.bytes.read(&mut buffer[..length])
    }
}

/// The records of a CSV file as `csv-core` reads them; `None` for one that is not closed.
fn rows_of(bytes: &[u8]) -> Vec<Option<Vec<Vec<u8>>>> {
    use csv_core::ReadRecordResult;
    let mut parser = csv_core::Reader::new();
    parser.read_record(b"\n", &mut [], &mut []);
    let (mut rows, mut at) = (Vec::new(), 0);
    let (mut fields, mut ends) = (vec![0; bytes.len() + 1], vec![0; bytes.len() + 2]);
    loop {
        at += bytes[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if at == bytes.len() {
            return rows;
        }
        let (mut result, read, mut length, mut columns) =
            parser.read_record(&bytes[at..], &mut fields, &mut ends);
        at += read;
        if result == ReadRecordResult::InputEmpty {
            let last = parser.read_record(b"\n", &mut fields[length..], &mut ends[columns..]);
            (result, length, columns) = (last.0, length + last.2, columns + last.3);
        }
        if result == ReadRecordResult::InputEmpty {
            rows.push(None);
            return rows;
        }
        let mut start = 0;
        let row = ends[..columns].iter().map(|&end| fields[std::mem::replace(&mut start, end)..end].to_vec());
        rows.push(Some(row.collect()));
        assert!(length >= ends[columns - 1]);
    }
}

fn label_line(text: &[u8]) -> String {
    classifier().classify(text).replace('\t', " ") + "\n"
}

/// What is written for one text after the other, of the column at `index`, without blocks or threads. Bad records get `?`.
fn oracle(format: Format, bytes: &[u8], index: usize) -> String {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let lines = bytes.split_inclusive(|&byte| byte == b'\n').map(|line| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    });
    let bad = || "?\n".to_string();
    let table = |rows: Vec<Option<Vec<Vec<u8>>>>| -> String {
        let width = rows.iter().flatten().map(Vec::len).find(|&columns| columns > index).unwrap_or(0);
        let row_label = |row: &Option<Vec<Vec<u8>>>| match row {
            Some(row) if row.len() == width => label_line(&row[index]),
            _ => bad(),
        };
        rows.iter().map(row_label).collect()
    };
    match format {
        Format::Lines => lines.map(label_line).collect(),
        Format::Csv => table(rows_of(bytes)),
        Format::Tsv => {
            let rows: Vec<_> = lines
                .map(|line| line.split(|&b| b == b'\t').map(<[u8]>::to_vec).collect::<Vec<_>>())
                .collect();
            let first = rows.iter().find(|row| **row != [b""]);
            let is_wide = index > 0 || first.is_some_and(|row| row.len() > 1);
            let is_record = |row: &Vec<Vec<u8>>| !(is_wide && row.len() == 1 && row[0].is_empty());
            table(rows.into_iter().filter(is_record).map(Some).collect())
        }
        _ => lines
            .filter(|line| !line.trim_ascii().is_empty())
            .map(|line| match serde_json::from_slice::<serde_json::Value>(line) {
                Ok(object) if object["t"].is_string() => label_line(object["t"].as_str().unwrap().as_bytes()),
                _ => bad(),
            })
            .collect(),
    }
}

/// The label that the last column or field of each appended record has, bad ones left out.
fn appended_labels(format: Format, bytes: &[u8]) -> Vec<String> {
    match format {
        Format::Csv => rows_of(bytes)
            .into_iter()
            .map(|row| String::from_utf8_lossy(row.unwrap().last().unwrap()).replace('\t', " "))
            .collect(),
        _ => Vec::new(),
    }
}

/// Keeps what each write was given, and whether it was flushed before the next.
#[derive(Default)]
struct Writes {
    all: Vec<(Vec<u8>, bool)>,
}

impl Write for Writes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.all.push((bytes.to_vec(), false));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some((_, is_flushed)) = self.all.last_mut() {
            *is_flushed = true;
        }
        Ok(())
    }
}

#[test]
fn each_record_is_written_by_itself_where_that_is_asked_for_and_else_many_at_once() {
    let inputs = [
        ("x", "a\nb\nzz\n"),
        ("x.csv", "text\na\nb\nzz\n"),
        ("x.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n{\"text\":\"zz\"}\n"),
    ];
    for ((name, input), output) in
        inputs.into_iter().flat_map(|input| [(input, Output::Label), (input, Output::Append)])
    {
        let writes = |write_each_record| {
            let options = StreamOptions { write_each_record, threads: 1, output, ..StreamOptions::default() };
            let mut stream = Stream::new(classifier(), options, Writes::default()).unwrap();
            stream.classify(Path::new(name), Box::new(Cursor::new(input))).unwrap();
            stream.into_output().unwrap().all
        };
        let is_record = |bytes: &[u8]| {
            bytes.iter().position(|&byte| byte == b'\n').is_some_and(|at| at + 1 == bytes.len())
        };
        let (each, many) = (writes(true), writes(false));
        assert!(each.iter().all(|(bytes, is_flushed)| is_record(bytes) && *is_flushed), "{name} {each:?}");
        // A header is written by itself.
        assert!(each.len() >= 3 && many.len() == each.len() - 2, "{name} {many:?}");
        let whole = |writes: Vec<(Vec<u8>, bool)>| {
            writes.into_iter().flat_map(|(bytes, _)| bytes).collect::<Vec<u8>>()
        };
        assert_eq!(whole(each), whole(many));
    }
}

#[test]
fn many_threads_gather_no_more_output_than_a_few() {
    assert_eq!([1, 32, 1024].map(part_bytes), [256 << 10, 256 << 10, 8 << 10]);
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let pieces = ["a", "b", "c", " ", "\n", "\r\n", "\r", "\"", "\"\"", ",", "\t", "é", "\u{feff}"];
    let pieces = prop::sample::select(pieces.map(|piece| piece.as_bytes().to_vec()).to_vec());
    let json = prop::sample::select(
        [
            "{\"t\":\"a\"}\n",
            "{\"t\":\"b\\n\",\"u\":[]}\r\n",
            "{\"u\":{\"t\":1}}\n",
            "{\"t\":\"c\\u0061\"} \n",
            "{}",
            "{\"t\":",
        ]
        .map(|piece| piece.as_bytes().to_vec())
        .to_vec(),
    );
    let any = prop::collection::vec(any::<u8>(), 0..6);
    prop_oneof![
        prop::collection::vec(prop_oneof![12 => pieces, 1 => any], 0..60),
        prop::collection::vec(json, 0..12)
    ]
    .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn labels_are_those_of_one_record_after_the_other_whatever_the_blocks_and_threads(
        bytes in pieces(),
        format in prop::sample::select(vec![Format::Lines, Format::Tsv, Format::Csv, Format::JsonLines]),
        index in 0_usize..2,
        threads in 1_usize..4,
        block_bytes in prop_oneof![1_usize..40, 40_usize..400],
        lengths in prop::collection::vec(1_usize..20, 1..4),
        write_each_record: bool,
    ) {
        let options = StreamOptions {
            format: Some(format),
            text: if format == Format::JsonLines { Column::Name("t".into()) } else { Column::Number(index + 1) },
            header: false,
            unknown: unknown("?", 0.0),
            skip_bad_records: true,
            threads,
            block_bytes,
            write_each_record,
            ..StreamOptions::default()
        };
        let classify = |options: StreamOptions| {
            let mut stream = Stream::new(classifier(), options, Vec::new()).unwrap();
            let lengths = lengths.clone().into_iter().cycle();
            let input = Pieces { bytes: Cursor::new(bytes.clone()), lengths };
            stream.classify(Path::new("x"), Box::new(input)).unwrap();
            let (summary, first_bad) = (stream.summary(), stream.first_bad_records());
            (stream.into_output().unwrap(), summary, first_bad)
        };
        // The unknown label tells bad records apart; a label for every text then needs none.
        let (output, summary, first_bad) = classify(options.clone());
        prop_assert_eq!(first_bad.len() as u64, summary.bad_records.min(5));
        let expected = oracle(format, &bytes, index);
        let known = |line: &str| if line == "Other" { "?" } else { line }.to_string();
        let expected: Vec<String> = expected.lines().map(known).collect();
        let found: Vec<String> = String::from_utf8(output).unwrap().lines().map(known).collect();
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(summary.records, expected.len() as u64);
        if format == Format::Csv {
            let labelled = ReadOptions {
                format: Some(format),
                label: Column::Number(1),
                text: Column::Number(2),
                header: false,
                skip_bad_records: true,
                ..ReadOptions::default()
            };
            let read = read_labelled_from(&mut &bytes[..], Path::new("x"), &labelled, &mut |_| Ok(())).unwrap();
            prop_assert_eq!(read.stray_quotes, summary.stray_quotes);
        }

        let appended = StreamOptions { output: Output::Append, ..options };
        let (output, ..) = classify(appended.clone());
        let (whole, _, first_bad_of_whole) =
            classify(StreamOptions { threads: 1, block_bytes: 1 << 20, ..appended });
        prop_assert_eq!(&output, &whole);
        prop_assert_eq!(first_bad, first_bad_of_whole);
        if format == Format::Csv && summary.bad_records == 0 {
            prop_assert_eq!(appended_labels(format, output.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&output)), expected);
        }
    }
}
