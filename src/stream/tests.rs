use std::io::Cursor;

use super::*;
use crate::model::{MAX_SCORE_STEPS, Model, ModelParts, SCORE_STEPS};

mod blocks_and_threads;
mod tables;

/// `a` is Apple (1.5), `b` is Bean (1), `c` is Bean (0.5); anything else is Other.
fn classifier() -> Arc<Classifier> {
    let parts = ModelParts {
        classes: ["Other", "Apple, \"red\"", "Bean\tgreen"].map(String::from).to_vec(),
        class_counts: vec![3, 2, 1],
        features: ["a", "b", "c"].map(String::from).to_vec(),
        indptr: vec![0, 1, 2, 3],
        indices: vec![1, 2, 2],
        data: vec![1.5, 1.0, 0.5],
        ..ModelParts::default()
    };
    Arc::new(Model::from_parts(parts).unwrap().into_classifier())
}

fn run(options: &StreamOptions, inputs: &[(&str, &[u8])]) -> (String, Result<StreamSummary, StreamError>) {
    let mut stream = Stream::new(classifier(), options.clone(), Vec::new()).unwrap();
    let mut ended = Ok(());
    for (name, bytes) in inputs {
        ended = ended.and_then(|()| stream.classify(Path::new(name), Box::new(Cursor::new(bytes.to_vec()))));
    }
    let summary = stream.summary();
    let output = String::from_utf8(stream.into_output().unwrap()).unwrap();
    (output, ended.map(|()| summary))
}

fn output_of(options: &StreamOptions, name: &str, bytes: &str) -> String {
    let (output, ended) = run(options, &[(name, bytes.as_bytes())]);
    ended.unwrap();
    output
}

fn error_of(options: &StreamOptions, name: &str, bytes: &str) -> (String, String) {
    let (output, ended) = run(options, &[(name, bytes.as_bytes())]);
    (output, ended.unwrap_err().to_string())
}

fn append() -> StreamOptions {
    StreamOptions { output: Output::Append, ..StreamOptions::default() }
}

fn unknown(label: &str, min_margin: f32) -> Option<Unknown> {
    Some(Unknown { label: label.into(), min_margin })
}

#[test]
fn every_line_has_a_label_the_empty_and_the_unended_too() {
    let options = StreamOptions { unknown: unknown("?", 0.0), ..StreamOptions::default() };
    assert_eq!(output_of(&options, "x", "a\n\nb\r\nzz"), "Apple, \"red\"\n?\nBean green\n?\n");
    assert_eq!(output_of(&options, "x", ""), "");
    assert_eq!(output_of(&options, "x", "\n"), "?\n");
}

#[test]
fn appended_lines_keep_their_bytes_and_their_ends() {
    assert_eq!(
        output_of(&append(), "x", "\u{feff}a\n\nb\r\nc"),
        "\u{feff}a\tApple, \"red\"\n\tOther\nb\tBean green\r\nc\tBean green\n"
    );
}

#[test]
fn a_json_field_is_classified_and_fields_are_added_at_the_end() {
    let json = "{\"a\": {\"t\": \"\\u0061\"}, \"b\": [1, {}] }\n  \n{\"a\":{\"t\":\"\\n b\"}}\r\n";
    let options = StreamOptions { text: Column::Name("a.t".into()), ..append() };
    assert_eq!(
        output_of(&options, "x.jsonl", json),
        "{\"a\": {\"t\": \"\\u0061\"}, \"b\": [1, {}] ,\"label\":\"Apple, \\\"red\\\"\"}\n  \n\
         {\"a\":{\"t\":\"\\n b\"},\"label\":\"Bean\\tgreen\"}\r\n"
    );
    let labels = StreamOptions { output: Output::Label, ..options };
    assert_eq!(output_of(&labels, "x.jsonl", json), "Apple, \"red\"\nBean green\n");
}

#[test]
fn a_json_number_is_a_text_and_bytes_that_are_not_utf8_are_too() {
    let (output, ended) = run(
        &StreamOptions::default(),
        &[("x.jsonl", b"{\"text\": 5}\n{\"text\": \"\xff a\", \"\xff\": 1}\n{\"text\":\"\\ud800 b\"}")],
    );
    ended.unwrap();
    assert_eq!(output, "Other\nApple, \"red\"\nBean green\n");
    // So they are where tabs stand between tokens, and beside a number.
    let lines = b"{\"text\":\t\"\xff\\\"\\\\ a\"}\t\n{\t\"u\":1,\"text\":\"\\ud800 b\"}\n{\"text\":5,\"u\":\"\xff\"}\n";
    let (output, ended) = run(&StreamOptions::default(), &[("x.jsonl", lines)]);
    ended.unwrap();
    assert_eq!(output, "Apple, \"red\"\nBean green\nOther\n");
}

#[test]
fn json_with_control_characters_in_its_strings_is_bad_wherever_they_are() {
    assert_eq!(
        output_of(&append(), "x.jsonl", "{\t\"text\":\t\"b\"\t}\n"),
        "{\t\"text\":\t\"b\"\t,\"label\":\"Bean\\tgreen\"}\n"
    );
    for line in [
        "{\"text\":\"b\tb\"}",
        "{\"text\":\"\\\"\t\"}",
        "{\"text\":\"b\\\\\",\"u\":\"\t\"}",
        "{\"text\":\"b\",\"\u{1}\":1}",
        "{\"text\":\"b\",\"u\":\"\t\"}",
    ] {
        let (_, error) = error_of(&append(), "x.jsonl", line);
        assert!(error.starts_with("x.jsonl:1: control character"), "{error}");
    }
}

#[test]
fn a_dotted_path_is_the_whole_name_of_a_json_field_where_it_reaches_nothing() {
    let options = StreamOptions { text: Column::Name("o.t".into()), ..StreamOptions::default() };
    for (json, label) in [
        (r#"{"o.t":"b"}"#, "Bean green\n"),
        (r#"{"o":{"u":"a"},"o.t":"b"}"#, "Bean green\n"),
        (r#"{"o":{"t":"b"},"o.t":"a"}"#, "Bean green\n"),
        (r#"{"o.t":["a"],"o":{"t":"b"}}"#, "Bean green\n"),
        (r#"{"o":"a","o.t":5}"#, "Other\n"),
    ] {
        assert_eq!(output_of(&options, "x.jsonl", json), label, "{json}");
    }
    let (_, error) = error_of(&options, "x.jsonl", r#"{"o":{"o.t":"b"}}"#);
    assert!(error.starts_with("x.jsonl:1: no text in field \"o.t\""), "{error}");
}

#[test]
fn of_two_json_fields_of_a_name_the_last_counts() {
    let options = StreamOptions { text: Column::Name("o.t".into()), ..StreamOptions::default() };
    assert_eq!(output_of(&options, "x.jsonl", r#"{"o":{"t":"a"},"o":{"t":"a","t":"b"}}"#), "Bean green\n");
    let (_, error) = error_of(&options, "x.jsonl", r#"{"o":{"t":"a"},"o":{}}"#);
    assert!(error.starts_with("x.jsonl:1: no text in field \"o.t\""), "{error}");
}

#[test]
fn scores_are_written_with_all_their_digits() {
    let parts = ModelParts {
        classes: vec!["a".into(), "b".into()],
        class_counts: vec![1, 1],
        features: vec!["x".into()],
        indptr: vec![0, 1],
        indices: vec![0],
        data: vec![2339.0 / 256.0],
        ..ModelParts::default()
    };
    let classifier = Arc::new(Model::from_parts(parts).unwrap().into_classifier());
    let options = StreamOptions { scores: true, ..StreamOptions::default() };
    let mut stream = Stream::new(classifier, options, Vec::new()).unwrap();
    stream.classify(Path::new("x"), Box::new(Cursor::new("x"))).unwrap();
    assert_eq!(stream.into_output().unwrap(), b"a\t9.13671875\t9.13671875\n");
}

#[test]
fn scores_probabilities_and_further_classes_stand_in_columns() {
    let options = StreamOptions { scores: true, probabilities: true, top: 2, ..StreamOptions::default() };
    assert_eq!(
        output_of(&options, "x", "a a b"),
        "Apple, \"red\"\t3\t2\t0.843795\tBean green\t1\t1\t0.114195\n"
    );
    let options = StreamOptions { top: 9, scores: true, ..append() };
    assert_eq!(
        output_of(&options, "x.jsonl", r#"{"text":"b"}"#),
        "{\"text\":\"b\",\"label\":\"Bean\\tgreen\",\"score\":1,\"margin\":1,\
         \"label_2\":\"Other\",\"score_2\":0,\"margin_2\":0,\
         \"label_3\":\"Apple, \\\"red\\\"\",\"score_3\":0,\"margin_3\":null}\n"
    );
    assert_eq!(
        output_of(&StreamOptions { top: 2, scores: true, ..append() }, "x.csv", "text\nb"),
        "text,label,score,margin,label_2,score_2,margin_2\nb,Bean\tgreen,1,1,Other,0,0\n"
    );
}

#[test]
fn a_block_of_more_than_a_record_may_have_is_refused() {
    for block_bytes in [(2 << 30) + 1, usize::MAX] {
        let options = StreamOptions { block_bytes, ..StreamOptions::default() };
        let refused = Stream::new(classifier(), options, io::sink()).err();
        assert_eq!(refused, Some(OptionsError::BlockBytes(block_bytes)));
    }
}

#[test]
fn the_first_of_several_classes_is_the_one_of_one_past_what_scores_can_tell() {
    let largest = f32::from(MAX_SCORE_STEPS) / SCORE_STEPS;
    // 255,992.19 and 1/256 more are the same `f32`.
    let parts = ModelParts {
        classes: ["A", "B", "C"].map(String::from).to_vec(),
        class_counts: vec![1; 3],
        features: ["x", "y"].map(String::from).to_vec(),
        indptr: vec![0, 2, 3],
        indices: vec![0, 1, 1],
        data: vec![largest, largest, 1.0 / SCORE_STEPS],
        ..ModelParts::default()
    };
    let classifier = Arc::new(Model::from_parts(parts).unwrap().into_classifier());
    let text = "x ".repeat(2000) + "y";
    let found = |options: StreamOptions| {
        let mut stream = Stream::new(classifier.clone(), options, Vec::new()).unwrap();
        stream.classify(Path::new("a"), Box::new(Cursor::new(text.clone().into_bytes()))).unwrap();
        String::from_utf8(stream.into_output().unwrap()).unwrap()
    };
    let options = StreamOptions { scores: true, ..StreamOptions::default() };
    assert_eq!(found(options.clone()), "B\t255992.1875\t0.00390625\n");
    assert_eq!(
        found(StreamOptions { top: 2, ..options }),
        "B\t255992.1875\t0.00390625\tA\t255992.1875\t255992.1875\n"
    );
    assert_eq!(classifier.top_k(&text, 1)[0].0, 1);
}

#[test]
fn what_the_model_does_not_know_or_not_surely_is_unknown() {
    let options =
        |min_margin| StreamOptions { unknown: unknown("n/a", min_margin), ..StreamOptions::default() };
    assert_eq!(output_of(&options(0.0), "x", "zz\nc\na b"), "n/a\nBean green\nApple, \"red\"\n");
    assert_eq!(output_of(&options(0.5), "x", "zz\nc\na b"), "n/a\nBean green\nApple, \"red\"\n");
    assert_eq!(output_of(&options(0.75), "x", "zz\nc\na b\na"), "n/a\nn/a\nn/a\nApple, \"red\"\n");
    let scored = StreamOptions { scores: true, ..options(0.75) };
    assert_eq!(output_of(&scored, "x", "c"), "n/a\t0.5\t0.5\n", "the scores tell why");
}

#[test]
fn a_bad_record_ends_the_stream_after_all_before_it_and_tells_its_line() {
    for threads in [1, 3] {
        let options = StreamOptions { threads, block_bytes: 7, ..StreamOptions::default() };
        for (name, text, line, found) in [
            ("x.tsv", "id\ttext\n1\ta\n\n2\tb\n3\n4\ta\n", 5, "1 column: expected 2"),
            ("x.csv", "id,text\r\n1,\"a\r\n\"\r\n2,b\r\n3,\"a\",\r\n", 5, "3 columns: expected 2"),
            ("x.csv", "id,text\r1,\"a\r\"\r\r2,b\r3,\"a\",\r", 5, "3 columns: expected 2"),
            ("x.csv", "\r\n\rid,text\n\r1,a\r\n2,b\r3\r\n", 7, "1 column: expected 2"),
            (
                "x.csv",
                "id,text\n1,a\n2,b\n3,\"a\n",
                4,
                "a quoted field goes on to the end of the file, over 1 line:",
            ),
            (
                "x.csv",
                "id,text\n1,a\n2,b\n3,\"a\r\n4,a\r\n\n5,a",
                4,
                "a quoted field goes on to the end of the file, over 4 lines:",
            ),
            ("x.jsonl", "{\"text\":\"a\"}\n\n{\"text\":\"b\"}\n{\"text\":\"b\"\n", 4, "EOF"),
            ("x.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n{\"t\":\"b\"}", 3, "no text in field"),
            ("x.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n{\"text\":[]}", 3, "text [] in field"),
        ] {
            let (output, error) = error_of(&options, name, text);
            assert_eq!(output, "Apple, \"red\"\nBean green\n", "{name}: {error}");
            assert!(error.starts_with(&format!("{name}:{line}: {found}")), "{error}");
            assert!(error.ends_with("; correct it, or go past bad records"), "{error}");
        }
    }
}

#[test]
fn skipped_bad_records_are_counted_and_keep_their_places() {
    let tsv = "id\ttext\n1\ta\nbad\n2\tb\n";
    let options = StreamOptions { skip_bad_records: true, scores: true, ..StreamOptions::default() };
    let (output, ended) = run(&options, &[("x.tsv", tsv.as_bytes())]);
    assert_eq!(output, "Apple, \"red\"\t1.5\t1.5\n\t\t\nBean green\t1\t1\n");
    assert_eq!((ended.as_ref().unwrap().records, ended.unwrap().bad_records), (3, 1));
    let with_unknown = StreamOptions { unknown: unknown("?", 0.0), scores: false, ..options.clone() };
    assert_eq!(output_of(&with_unknown, "x.tsv", tsv), "Apple, \"red\"\n?\nBean green\n");
    let appended = StreamOptions { output: Output::Append, scores: false, ..options };
    assert_eq!(
        output_of(&appended, "x.tsv", tsv),
        "id\ttext\tlabel\n1\ta\tApple, \"red\"\nbad\n2\tb\tBean green\n"
    );
    assert_eq!(output_of(&appended, "x.jsonl", "{}\n[]\nx"), "{}\n[]\nx\n");
}

#[test]
fn the_first_bad_records_that_are_passed_over_are_told_with_file_and_line() {
    for (threads, block_bytes) in [(1, 7), (1, 1 << 18), (3, 7), (3, 1 << 18)] {
        let options =
            StreamOptions { skip_bad_records: true, threads, block_bytes, ..StreamOptions::default() };
        let mut stream = Stream::new(classifier(), options, Vec::new()).unwrap();
        for (name, text) in [
            ("x.tsv", "id\ttext\n1\ta\nbad\n2\tb\n"),
            ("y.jsonl", "{}\n{\"text\":\"a\"}\n\n[]\n[]\n[]\n[]\n"),
        ] {
            stream.classify(Path::new(name), Box::new(Cursor::new(text))).unwrap();
        }
        assert_eq!(stream.summary().bad_records, 6);
        let told: Vec<String> = stream.first_bad_records().iter().map(ToString::to_string).collect();
        assert_eq!(told[0], "x.tsv:3: 1 column: expected 2, as in the first row");
        assert!(told[1].starts_with("y.jsonl:1: no text in field \"text\""), "{told:?}");
        let places: Vec<&str> = told[2..].iter().map(|told| &told[..10]).collect();
        assert_eq!(places, ["y.jsonl:4:", "y.jsonl:5:", "y.jsonl:6:"]);
    }
}

#[test]
fn a_name_that_is_taken_is_not_added_again() {
    for (name, text) in [
        ("x.tsv", "label\ttext\nb\ta"),
        ("x.csv", "text,label\na,b"),
        ("x.jsonl", "{\"label\":1,\"text\":\"a\"}"),
        ("x.jsonl", "{\"text\":5,\"label\":1,\"text\":\"a\"}"),
        ("x.jsonl", "{\"text\":5,\"text\":\"a\",\"label\":1}"),
    ] {
        let (output, error) = error_of(&append(), name, text);
        assert_eq!(output, "");
        assert!(
            error.contains(
                "\"label\" already, and one would be added: rename it, or choose another name for the label's"
            ),
            "{error}"
        );
        assert_eq!(output_of(&StreamOptions::default(), name, text), "Apple, \"red\"\n");
        let renamed = StreamOptions { label: "predicted".into(), ..append() };
        assert!(output_of(&renamed, name, text).contains("predicted"));
    }
}

#[test]
fn a_name_that_is_taken_is_no_bad_record_to_pass_over() {
    let options = StreamOptions { skip_bad_records: true, threads: 1, ..append() };
    let text = "{\"text\":\"a\"}\n{\"text\":\"a\",\"label\":1\n{\"text\":\"b\"}\n[]\n{\"text\":\"a\",\"label\":\"old\"}\n{\"text\":\"a\"}\n";
    let (output, error) = error_of(&options, "x.jsonl", text);
    assert!(output.starts_with("{\"text\":\"a\",\"label\":") && output.ends_with("\n[]\n"), "{output}");
    assert_eq!(output.lines().count(), 4);
    assert!(error.starts_with("x.jsonl:5: a field \"label\" already"), "{error}");
    assert!(error.ends_with("another name for the label's"), "{error}");
}

#[test]
fn files_of_several_formats_are_not_appended_to_in_one_output() {
    let (output, ended) = run(&append(), &[("x.tsv", b"text\na\n"), ("y.csv", b"text\nb\n")]);
    assert_eq!(output, "text\tlabel\na\tApple, \"red\"\n");
    assert!(ended.unwrap_err().to_string().starts_with("y.csv: csv cannot follow tsv in one output"));
}

#[test]
fn what_stands_behind_the_last_record_ends_its_line_before_the_next_file() {
    for (name, first, second) in [
        ("x.tsv", "text\tb\na\t1\n\r", "text\tb\nb\t2\n"),
        ("x.jsonl", "{\"text\":\"a\"}\n ", "{\"text\":\"b\"}\n"),
        ("x.csv", "text\na\n\r", "text\nb\n"),
    ] {
        let (output, ended) = run(&append(), &[(name, first.as_bytes()), (name, second.as_bytes())]);
        assert_eq!(ended.unwrap().records, 2);
        let last = output.trim_end().rsplit(['\n', '\r']).next().unwrap();
        assert!(last.starts_with('b') || last.starts_with("{\"text\":\"b\""), "{output:?}");
    }
}

#[test]
fn options_that_make_no_sense_are_usage_errors() {
    let refused = |options| Stream::new(classifier(), options, io::sink()).err().unwrap();
    for options in [
        StreamOptions { top: 0, ..StreamOptions::default() },
        StreamOptions { threads: 1025, ..StreamOptions::default() },
        StreamOptions { block_bytes: 0, ..StreamOptions::default() },
        StreamOptions { unknown: unknown("a\nb", 0.0), ..StreamOptions::default() },
        StreamOptions { unknown: unknown("a", f32::NAN), ..StreamOptions::default() },
        StreamOptions { unknown: unknown("a", -1.0), ..StreamOptions::default() },
        StreamOptions { label: String::new(), ..StreamOptions::default() },
        StreamOptions { format: Some(Format::FastText), ..StreamOptions::default() },
    ] {
        assert!(StreamError::from(refused(options)).is_usage());
    }
    for (options, name) in [
        (StreamOptions::default(), "x.ft"),
        (StreamOptions { header: false, ..StreamOptions::default() }, "x.csv"),
        (StreamOptions { text: Column::Number(1), ..StreamOptions::default() }, "x.jsonl"),
        (StreamOptions { text: Column::Number(0), ..StreamOptions::default() }, "x.tsv"),
    ] {
        let mut stream = Stream::new(classifier(), options, io::sink()).unwrap();
        assert!(stream.classify(Path::new(name), Box::new(io::empty())).unwrap_err().is_usage());
    }
}

#[test]
fn a_read_error_comes_after_the_records_before_it() {
    struct Failing(Cursor<&'static [u8]>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("the disk is gone")),
                read => Ok(read),
            }
        }
    }
    for threads in [1, 2] {
        let options = StreamOptions { threads, ..StreamOptions::default() };
        let mut stream = Stream::new(classifier(), options, Vec::new()).unwrap();
        let error =
            stream.classify(Path::new("x"), Box::new(Failing(Cursor::new(b"a\nb\nhal")))).unwrap_err();
        assert_eq!(error.to_string(), "x: the disk is gone");
        assert_eq!(String::from_utf8(stream.into_output().unwrap()).unwrap(), "Apple, \"red\"\nBean green\n");
    }
}

#[test]
fn an_output_that_fails_ends_the_stream_though_a_read_is_under_way() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (reader, mut writer) = io::pipe().unwrap();
    writer.write_all(b"a\n").unwrap();
    let options = StreamOptions { threads: 2, ..StreamOptions::default() };
    let mut stream = Stream::new(classifier(), options, Full).unwrap();
    let error = stream.classify(Path::new("x"), Box::new(reader)).unwrap_err();
    assert!(matches!(error, StreamError::Output(_)), "{error}");
    drop(writer);
}

#[test]
fn a_thread_that_dies_ends_the_stream() {
    struct Deadly;
    impl Write for Deadly {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("an output that panics, as a test wants it")
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let options = StreamOptions { threads: 2, block_bytes: 2, ..StreamOptions::default() };
    let mut stream = Stream::new(classifier(), options, Deadly).unwrap();
    let error = stream.classify(Path::new("x"), Box::new(&b"a\nb\na\nb\n"[..])).unwrap_err();
    assert!(matches!(error, StreamError::Stopped), "{error}");
    assert!(matches!(stream.into_output(), Err(StreamError::Stopped)));
}

#[test]
fn memory_for_output_is_bounded_however_much_a_block_makes() {
    // Each write is a part: none is much larger than PART_BYTES.
    struct Largest(usize, u64);
    impl Write for Largest {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.max(bytes.len());
            self.1 += memchr::memchr_iter(b'\n', bytes).count() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for threads in [1, 2] {
        for scores in [false, true] {
            let options =
                StreamOptions { threads, scores, top: 3, block_bytes: 1 << 20, ..StreamOptions::default() };
            let mut stream = Stream::new(classifier(), options, Largest(0, 0)).unwrap();
            stream.classify(Path::new("x"), Box::new(Cursor::new(vec![b'\n'; 1 << 18]))).unwrap();
            assert_eq!(stream.summary().bytes_read, 1 << 18);
            let Largest(largest, lines) = stream.into_output().unwrap();
            assert_eq!(lines, 1 << 18);
            assert!(largest < 2 << 20, "{largest}");
        }
    }
}

#[test]
fn a_record_without_an_end_is_an_error_rather_than_all_memory() {
    for format in [Format::Lines, Format::Tsv, Format::Csv, Format::JsonLines] {
        for threads in [1, 2] {
            let options = StreamOptions { format: Some(format), threads, ..StreamOptions::default() };
            let endless = io::repeat(b'x').take(8 * input::MAX_RECORD_BYTES as u64);
            let mut stream = Stream::new(classifier(), options, io::sink()).unwrap();
            let error = stream.classify(Path::new("a"), Box::new(endless)).unwrap_err().to_string();
            assert!(error.starts_with("a: a record of more than 2 GiB"), "{format}: {error}");
        }
    }
}

#[test]
fn a_row_of_very_many_columns_is_an_error_rather_than_all_memory() {
    for (format, separator) in [(Format::Tsv, "\t"), (Format::Csv, ",")] {
        for columns in [65_536, 65_537] {
            let data = format!("text{}\n", separator.repeat(columns - 1));
            let options = StreamOptions { format: Some(format), ..StreamOptions::default() };
            let mut stream = Stream::new(classifier(), options, io::sink()).unwrap();
            let ended = stream.classify(Path::new("a"), Box::new(Cursor::new(data.into_bytes())));
            let error = ended.map_err(|error| error.to_string()).err().unwrap_or_default();
            assert_eq!(error.contains("65537 columns"), columns > 65_536, "{format}: {error}");
        }
    }
}
