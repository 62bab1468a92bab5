use std::io;

use super::*;

type Owned = (String, Vec<u8>, f32);

fn options(format: Format) -> ReadOptions {
    ReadOptions { format: Some(format), ..ReadOptions::default() }
}

fn skipping(format: Format) -> ReadOptions {
    ReadOptions { skip_bad_records: true, ..options(format) }
}

fn numbered(format: Format, label: usize, text: usize) -> ReadOptions {
    ReadOptions { header: false, label: Column::Number(label), text: Column::Number(text), ..options(format) }
}

fn try_read(bytes: &[u8], options: &ReadOptions) -> Result<(Vec<Owned>, ReadSummary), ReadError> {
    let mut records = Vec::new();
    let summary = read_labelled_from(&mut &*bytes, Path::new("data"), options, &mut |record| {
        records.push((record.label.to_string(), record.text.to_vec(), record.weight));
        Ok(())
    })?;
    assert_eq!(summary.records, records.len() as u64);
    Ok((records, summary))
}

/// Labels and texts, joined by `=`.
#[track_caller]
fn pairs(bytes: impl AsRef<[u8]>, options: &ReadOptions) -> Vec<String> {
    let (records, _) = try_read(bytes.as_ref(), options).unwrap();
    records.iter().map(|(label, text, _)| format!("{label}={}", String::from_utf8_lossy(text))).collect()
}

#[track_caller]
fn error(bytes: impl AsRef<[u8]>, options: &ReadOptions) -> String {
    let error = try_read(bytes.as_ref(), options).unwrap_err();
    assert!(!error.is_usage());
    let message = error.to_string();
    assert!(!message.contains('\n') && message.len() < 1000, "{message}");
    message
}

/// The same two records in each format.
const SAME: [(Format, &str); 4] = [
    (Format::Tsv, "label\ttext\na b\tno 1\nc\t\n"),
    (Format::Csv, "label,text\na b,\"no 1\"\n\"c\",\n"),
    (Format::JsonLines, "{\"label\": \"a b\", \"text\": \"no 1\"}\n{\"text\": \"\", \"label\": \"c\"}\n"),
    (Format::FastText, "__label__a_b no 1\n__label__c\n"),
];

#[test]
fn each_format_is_read_with_either_line_end_and_a_byte_order_mark() {
    for (format, lf) in SAME {
        let first = if format == Format::FastText { "a_b=no 1" } else { "a b=no 1" };
        let crlf = lf.replace('\n', "\r\n");
        let mixed = lf.replacen('\n', "\r\n", 1);
        for bytes in [lf, &crlf, &mixed, lf.trim_end_matches('\n'), &crlf.replace("\r\n", "\r\n\r\n")] {
            assert_eq!(pairs(bytes, &options(format)), [first, "c="], "{bytes:?}");
            assert_eq!(pairs(format!("\u{feff}{bytes}"), &options(format)), [first, "c="], "{bytes:?}");
        }
    }
}

#[test]
fn a_second_byte_order_mark_belongs_to_the_data() {
    let marks = "\u{feff}\u{feff}";
    assert_eq!(pairs(format!("{marks}a\tb"), &numbered(Format::Tsv, 1, 2)), ["\u{feff}a=b"]);
    assert_eq!(pairs(format!("{marks}a,b"), &numbered(Format::Csv, 1, 2)), ["\u{feff}a=b"]);
    assert!(error(format!("{marks}__label__a b"), &options(Format::FastText)).contains("at the start"));
}

#[test]
fn tsv_knows_no_quotes() {
    assert_eq!(
        pairs("text\tlabel\n\"12\" wheel\ta\n\"\tb\n", &options(Format::Tsv)),
        ["a=\"12\" wheel", "b=\""]
    );
}

#[test]
fn csv_fields_hold_commas_quotes_and_line_breaks() {
    let csv = "id,label,text\n1,\"a,b\",\"say \"\"hi\"\"\r\nthere\"\n2,c,5\" pipe";
    assert_eq!(pairs(csv, &options(Format::Csv)), ["a,b=say \"hi\"\r\nthere", "c=5\" pipe"]);
}

#[test]
fn a_dotted_path_reaches_into_nested_objects() {
    let deep = ReadOptions {
        label: Column::Name("class".into()),
        text: Column::Name("job.title.raw".into()),
        ..options(Format::JsonLines)
    };
    let json = r#"{"job":{"id":[1,{"title":0}],"title":{"raw":"cook \u00e9\n"}},"class":"k\u0041"}"#;
    assert_eq!(pairs(json, &deep), ["kA=cook é\n"]);
    assert_eq!(pairs(r#"{"class": 1, "class": 2, "job": {"title": {"raw": 3}}}"#, &deep), ["2=3"]);
    let missing = error(r#"{"job":{"title":"cook"},"class":"k"}"#, &deep);
    assert!(missing.contains(r#"no text in field "job.title.raw": found "job", "class""#), "{missing}");
    let null = error(r#"{"job":{"title":{"raw":null}},"class":"k"}"#, &deep);
    assert!(null.contains(r#"null in field "job.title.raw": expected a text"#), "{null}");
}

#[test]
fn a_dotted_path_is_the_whole_name_of_a_field_where_it_reaches_nothing() {
    let dotted = ReadOptions { text: Column::Name("log.message".into()), ..options(Format::JsonLines) };
    for (json, found) in [
        (r#"{"label":"a","log.message":"x"}"#, "a=x"),
        (r#"{"label":"a","log":"y","log.message":5}"#, "a=5"),
        (r#"{"label":"a","log.message":"x","log":{"message":"y"}}"#, "a=y"),
        (r#"{"label":"a","log":{"text":"y"},"log.message":"x"}"#, "a=x"),
    ] {
        assert_eq!(pairs(json, &dotted), [found]);
    }
    for json in [r#"{"label":"a","log.message":null}"#, r#"{"label":"a","log":{"message":null}}"#] {
        let null = error(json, &dotted);
        assert!(null.contains(r#"null in field "log.message": expected a text"#), "{null}");
    }
}

#[test]
fn json_numbers_and_booleans_are_taken_as_written() {
    let json = "{\"label\": 1.0, \"text\": -1E+400}\n{\"label\": true, \"text\": 12345678901234567890123}";
    assert_eq!(pairs(json, &options(Format::JsonLines)), ["1.0=-1E+400", "true=12345678901234567890123"]);
}

#[test]
fn any_bytes_are_a_text_but_not_a_label() {
    for (format, good, bad) in [
        (Format::Tsv, &b"label\ttext\na\t\xff\0"[..], &b"label\ttext\n\xff\ta"[..]),
        (Format::Csv, b"label,text\na,\xff\0", b"label,text\n\xff,a"),
        (Format::FastText, b"__label__a \xff\0", b"__label__\xff a"),
    ] {
        let (records, _) = try_read(good, &options(format)).unwrap();
        assert_eq!(records, [("a".to_string(), b"\xff\0".to_vec(), 1.0)]);
        assert!(error(bad, &options(format)).contains("expected UTF-8"));
    }
    assert!(
        error(b"{\"label\": \"a\", \"text\": \"\xff\"}", &options(Format::JsonLines)).contains("not UTF-8")
    );
}

#[test]
fn columns_go_by_number_without_a_header() {
    assert_eq!(pairs("x\ta\tb\ny\tc\td\n", &numbered(Format::Tsv, 3, 1)), ["b=x", "d=y"]);
    assert_eq!(pairs("x,a,b\ny,c,d\n", &numbered(Format::Csv, 2, 3)), ["a=b", "c=d"]);
    assert_eq!(
        error("x,a\n", &numbered(Format::Csv, 2, 3)),
        "data:1: 2 columns: expected the text in column 3; \
         correct it, or go past bad records"
    );
    let with_header = ReadOptions { header: true, ..numbered(Format::Csv, 2, 1) };
    assert_eq!(pairs("any,any\nx,a", &with_header), ["a=x"]);
    assert!(error("any\nx", &with_header).contains(r#"no column 2 for the label: found "any";"#));
}

#[test]
fn a_header_lacking_a_column_or_naming_it_twice_is_an_error_that_lists_or_names_it() {
    assert_eq!(
        error("class,text\na,b\n", &skipping(Format::Csv)),
        "data:1: no column \"label\" for the label: found \"class\", \"text\"; choose one"
    );
    assert_eq!(
        error("id;label;text\n1;a;b\n", &skipping(Format::Csv)),
        "data:1: no column \"label\" for the label: found one column, \"id;label;text\": expected commas between columns in CSV, \
         tabs in TSV"
    );
    let twice = error("\ntext\tlabel\ttext\na\tb\tc\n", &skipping(Format::Tsv));
    assert!(twice.starts_with("data:2: more than one column \"text\" for the text"), "{twice}");
    let unconcerned = "other\tlabel\tother\ttext\n1\ta\t2\tb\n";
    assert_eq!(pairs(unconcerned, &options(Format::Tsv)), ["a=b"]);
    let many = (0..500).map(|n| format!("column {n}\t")).collect::<String>();
    assert!(error(many, &options(Format::Tsv)).contains("\"column 19\" and others"));
}

#[test]
fn an_empty_file_lacks_its_header_and_a_header_alone_has_no_records() {
    for format in [Format::Tsv, Format::Csv] {
        for empty in ["", "\n", "\r\n\n", "\u{feff}"] {
            assert!(error(empty, &skipping(format)).contains("no header"));
        }
        assert!(try_read(b"", &numbered(format, 1, 2)).unwrap().0.is_empty());
    }
    assert!(pairs("label\ttext", &options(Format::Tsv)).is_empty());
    assert!(pairs("", &options(Format::JsonLines)).is_empty());
}

/// Input, the line of its bad record and a part of the message; two good records stand around the bad one.
fn bad_records() -> Vec<(ReadOptions, &'static str, u64, &'static str)> {
    let [tsv, csv, json, fasttext] = SAME.map(|(format, _)| options(format));
    let weight = Some(Column::Name("w".into()));
    let weighted_csv = ReadOptions { weight: weight.clone(), ..csv.clone() };
    let weighted_json = ReadOptions { weight, ..json.clone() };
    vec![
        (tsv.clone(), "label\ttext\na\tb\nc\nd\te\n", 3, "1 column: expected 2, as in the first row"),
        (tsv.clone(), "label\ttext\na\tb\n\n\nc\td\te\nd\te", 5, "3 columns: expected 2"),
        (tsv, "label\ttext\r\na\tb\r\n\tc\r\nd\te\r\n", 3, "an empty label"),
        (csv.clone(), "label,text\r\n\"a\",\"1\r\n2\"\r\n\r\nc\r\nd,e", 5, "1 column: expected 2"),
        (csv.clone(), "label,text\ra,\"1\r2\"\r\rc\rd,e", 4, "1 column: expected 2"),
        (csv.clone(), "label,text\r\n\ra,b\n\rc\rd,e", 5, "1 column: expected 2"),
        (csv.clone(), "label,text\na,1\n\"b\nc\",2\nd,3", 3, "label \"b\\nc\": expected no line break"),
        (
            csv.clone(),
            "label,text\na,1\nb,2\nc,\"3\nd,4\n",
            4,
            "on to the end of the file, over 2 lines: expected",
        ),
        (
            csv.clone(),
            "label,text\r\na,1\r\nb,2\r\nc,\"3\r\n\r\nd,4",
            4,
            "on to the end of the file, over 3 lines: expected",
        ),
        (csv, "label,text\na,1\nb,2\nc,\"3", 4, "on to the end of the file, over 1 line: expected"),
        (weighted_csv.clone(), "w,label,text\n1,a,1\nnan,b,2\n2,b,2\n", 3, "weight \"nan\""),
        (weighted_csv.clone(), "w,label,text\n1,a,1\n0,b,2\n2,b,2\n", 3, "weight \"0\""),
        (weighted_csv, "w,label,text\n1,a,1\n1e39,b,2\n2,b,2\n", 3, "weight \"1e39\""),
        (
            weighted_json,
            "{\"label\":1,\"text\":2,\"w\":\"2\"}\n{\"label\":1,\"text\":2,\"w\":-1}\n{\"label\":1,\"text\":2,\"w\":1}",
            2,
            "weight \"-1\"",
        ),
        (
            json.clone(),
            "{\"label\":1,\"text\":2}\n{\"label\":1,\"text\":2\n{\"label\":1,\"text\":2}\n",
            2,
            "EOF while parsing an object at byte 19: expected one JSON object",
        ),
        (
            json.clone(),
            "{\"label\":1,\"text\":2}\n\n[1]\n{\"label\":1,\"text\":2}\n",
            3,
            "a JSON array: expected one JSON object on the line; save one object a line (in pandas: lines=True)",
        ),
        (
            json.clone(),
            "{\"label\":1,\"text\":2}\nnot json\n{\"label\":1,\"text\":2}\n",
            2,
            "not JSON at byte 2: expected one JSON object",
        ),
        (json.clone(), "{\"label\":1,\"text\":2}\n7\n{\"label\":1,\"text\":2}\n", 2, "invalid type: integer"),
        (
            json.clone(),
            "{\"label\":1,\"text\":2}\n{\"label\":1,\"text\":2} 3\n{\"label\":1,\"text\":2}\n",
            2,
            "trailing characters at byte 22",
        ),
        (
            json.clone(),
            "{\"label\":1,\"text\":2}\n{\"label\":null,\"text\":2}\n{\"label\":1,\"text\":2}\n",
            2,
            "null in field \"label\": expected a label",
        ),
        (
            json.clone(),
            "{\"label\":1,\"text\":2}\n{}\n{\"label\":1,\"text\":2}\n",
            2,
            "no label in field \"label\": found no fields",
        ),
        (
            json.clone(),
            "{\"label\":1,\"text\":2}\n{\"label\":[1],\"text\":2}\n{\"label\":1,\"text\":2}\n",
            2,
            "label [1] in field \"label\": expected a string, a number, true or false",
        ),
        (
            json.clone(),
            "{\"label\":1,\"text\":2}\n{\"label\":1,\"text\":true}\n{\"label\":1,\"text\":2}\n",
            2,
            "text true in field \"text\": expected a string or a number",
        ),
        (
            json,
            "{\"label\":1,\"text\":2}\n{\"label\":1,\"text\":\"\\ud800\"}\n{\"label\":1,\"text\":2}\n",
            2,
            "half of a surrogate pair for the text",
        ),
        (
            fasttext.clone(),
            "__label__a b\nno label\n__label__a c",
            2,
            "\"no\" at the start: expected __label__NAME",
        ),
        (fasttext.clone(), "__label__a b\n__label__ text\n__label__a c", 2, "an empty label"),
        (
            fasttext,
            "__label__a b\n__label__a  __label__b c\n__label__a c",
            2,
            "a further label \"__label__b\"",
        ),
    ]
}

#[test]
fn a_bad_record_is_an_error_that_names_file_and_line_and_what_was_found() {
    for (options, bytes, line, expected) in bad_records() {
        let error = try_read(bytes.as_bytes(), &options).unwrap_err();
        assert_eq!(error.line(), Some(line), "{error}");
        let message = error.to_string();
        assert!(message.starts_with(&format!("data:{line}: ")) && message.contains(expected), "{message}");
        assert!(
            message.ends_with("; correct it, or go past bad records") && !message.contains('\n'),
            "{message}"
        );
    }
}

#[test]
fn bad_records_are_skipped_counted_and_told_on_request() {
    for (options, bytes, line, expected) in bad_records() {
        let options = ReadOptions { skip_bad_records: true, ..options };
        let (records, summary) = try_read(bytes.as_bytes(), &options).unwrap();
        assert_eq!((records.len(), summary.skipped), (2, 1), "{bytes:?}");
        let told = summary.first_skipped[0].to_string();
        assert!(told.starts_with(&format!("data:{line}: ")) && told.contains(expected), "{told}");
        assert!(!told.contains("bad records"), "{told}");
    }
    let (_, summary) = try_read(&b"x\n".repeat(1000), &skipping(Format::FastText)).unwrap();
    assert_eq!((summary.skipped, summary.first_skipped.len()), (1000, 5));
}

#[test]
fn weights_are_read_from_their_column() {
    let weighted = ReadOptions { weight: Some(Column::Name("w".into())), ..options(Format::Tsv) };
    let (records, _) = try_read(b"label\tw\ttext\na\t0.5\tx\nb\t 2e1 \ty\n", &weighted).unwrap();
    assert_eq!(records.iter().map(|record| record.2).collect::<Vec<_>>(), [0.5, 20.0]);
    assert!(
        error("label\ttext\na\tb", &weighted)
            .contains("for the weight: found \"label\", \"text\"; choose one")
    );
}

#[test]
fn options_that_make_no_sense_are_usage_errors() {
    let by_number = ReadOptions { label: Column::Number(1), ..options(Format::JsonLines) };
    let weighted = ReadOptions { weight: Some(Column::Number(1)), ..options(Format::FastText) };
    for (options, expected) in [
        (ReadOptions::default(), "its name does not tell its format"),
        (options(Format::Lines), "plain lines carry no labels"),
        (numbered(Format::Tsv, 0, 1), "columns are numbered from 1"),
        (ReadOptions { header: false, ..options(Format::Csv) }, "without a header columns have numbers"),
        (by_number, "JSON fields have names alone"),
        (weighted, "fastText lines carry no weights"),
    ] {
        let error = try_read(b"", &options).unwrap_err();
        assert!(error.is_usage() && error.to_string().contains(expected), "{error}");
    }
    let error =
        |paths: &[PathBuf]| read_labelled(paths, &ReadOptions::default(), &mut |_| Ok(())).unwrap_err();
    let found = error(&["no/such/file.tsv".into(), "README.md".into()]);
    assert!(found.is_usage() && found.to_string().starts_with("README.md: its name"), "{found}");
    let found = error(&["no/such/file".into()]);
    assert!(!found.is_usage() && found.to_string().starts_with("no/such/file: No such file"), "{found}");
    let found = error(&["src".into()]);
    assert!(!found.is_usage() && found.to_string().starts_with("src: "), "{found}");
    assert!(
        Dataset::from_files(&[], &ReadOptions::default(), FeatureSpec { ngrams: 0, affixes: None }, 1)
            .unwrap_err()
            .is_usage()
    );
}

#[test]
fn an_argument_is_a_number_only_where_there_is_no_header() {
    assert_eq!(Column::from_argument("2", false), Column::Number(2));
    assert_eq!(Column::from_argument("2", true), Column::Name("2".into()));
    assert_eq!(Column::from_argument("label", false), Column::Name("label".into()));
    assert_eq!(Column::from_argument("99999999999999999999999", false), Column::Number(usize::MAX));
}

#[test]
fn what_the_sink_refuses_is_an_error_with_file_and_line() {
    let error = read_labelled_from(
        &mut &b"label\ttext\n\na\tb\n"[..],
        Path::new("-"),
        &skipping(Format::Tsv),
        &mut |_| Err(DatasetError::TooLarge),
    )
    .unwrap_err();
    assert!(matches!(error.kind(), ReadErrorKind::Dataset(DatasetError::TooLarge)));
    assert!(error.to_string().starts_with("standard input:3: more than"), "{error}");
}

#[test]
fn a_long_field_is_one_record_in_every_format_and_no_error_repeats_it() {
    let long = "x".repeat(20 << 20);
    for (format, bytes) in [
        (Format::Tsv, format!("label\ttext\na\t{long}")),
        (Format::Csv, format!("label,text\na,\"{long}\"\n")),
        (Format::JsonLines, format!("{{\"label\":\"a\",\"text\":\"{long}\"}}")),
        (Format::FastText, format!("__label__a {long}")),
    ] {
        let (records, _) = try_read(bytes.as_bytes(), &options(format)).unwrap();
        assert_eq!(records[0].1.len(), long.len());
    }
    error(format!("label\ttext\n{long}"), &options(Format::Tsv));
    error(&long, &options(Format::Csv));
    error(format!("\"{long}\""), &options(Format::JsonLines));
    error(format!("{{\"{long}\":1}}"), &options(Format::JsonLines));
    error(&long, &options(Format::FastText));
}

#[test]
fn a_read_that_fails_is_an_error_even_when_bad_records_are_skipped() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    for (format, start) in SAME {
        let mut input = start.as_bytes().chain(Failing);
        let result = read_labelled_from(&mut input, Path::new("data"), &skipping(format), &mut |_| Ok(()));
        assert_eq!(result.unwrap_err().to_string(), "data: the disk is gone");
    }
}

#[test]
fn files_of_several_formats_make_one_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let paths = [
        write("a.tsv", b"text\tlabel\nnight cook\tKitchen\n"),
        write("b.csv", b"label,text\nHealth,night nurse\n"),
        write("c.jsonl.zst", &zstd::encode_all(&br#"{"label": "Health", "text": "nurse"}"#[..], 1).unwrap()),
    ];
    let read =
        |paths: &[PathBuf]| Dataset::from_files(paths, &ReadOptions::default(), FeatureSpec::default(), 2);
    let (dataset, summary) = read(&paths).unwrap();
    assert_eq!(summary.records, 3);
    assert_eq!(dataset.classes(), ["Health", "Kitchen"]);
    assert_eq!(dataset.features(), ["(intercept)", "night", "nurse"]);

    let message = read(&paths[..1]).unwrap_err().to_string();
    assert!(message.contains("a.tsv: every text is labelled \"Kitchen\""), "{message}");
    let message = read(&[write("d.tsv", b"label\ttext\n")]).unwrap_err().to_string();
    assert!(message.contains("d.tsv: no records"), "{message}");
    let message = read(&[folder.path().join("none.tsv")]).unwrap_err().to_string();
    assert!(message.contains("none.tsv: No such file"), "{message}");
}

#[test]
fn a_record_without_an_end_is_an_error_rather_than_all_memory() {
    for format in [Format::Tsv, Format::Csv, Format::JsonLines, Format::FastText] {
        let mut endless = io::repeat(b'x').take(8 * input::MAX_RECORD_BYTES as u64);
        let read = read_labelled_from(&mut endless, Path::new("a"), &options(format), &mut |_| Ok(()));
        let error = read.unwrap_err().to_string();
        assert!(error.starts_with("a: a record of more than 2 GiB"), "{format}: {error}");
    }
}

#[test]
fn a_row_of_very_many_columns_is_an_error_rather_than_all_memory() {
    for (format, separator) in [(Format::Tsv, "\t"), (Format::Csv, ",")] {
        let row = |columns: usize| separator.repeat(columns - 1) + "\n";
        let read = |data: String| {
            let options = ReadOptions { skip_bad_records: true, ..options(format) };
            let mut texts = Vec::new();
            let summary = read_labelled_from(&mut data.as_bytes(), Path::new("a"), &options, &mut |record| {
                texts.push(record.text.to_vec());
                Ok(())
            });
            let problem = |summary: ReadSummary| summary.first_skipped[0].problem.clone();
            (summary.map(problem).map_err(|error| error.to_string()), texts)
        };
        let wide = format!("label{separator}text\nx{separator}one\n{}y{separator}two\n", row(200_000));
        let problem = BadRecord::TooManyColumns { found: 200_000 };
        assert_eq!(read(wide), (Ok(problem), vec![b"one".to_vec(), b"two".to_vec()]), "{format}");
        let header = read(row(table::MAX_COLUMNS + 1)).0.unwrap_err();
        assert!(header.contains("65537 columns: expected at most 65536"), "{format}: {header}");
        let allowed = read(row(table::MAX_COLUMNS)).0.unwrap_err();
        assert!(!allowed.contains("at most"), "{format}: {allowed}");
    }
}
