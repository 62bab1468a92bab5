//! Tables, with headers and without.

use super::*;

#[test]
fn a_tsv_column_is_classified_and_a_header_is_no_record() {
    let tsv = "id\ttext\tb\n1\ta\tb\n\n2\t\"b\tc\r\n";
    assert_eq!(output_of(&StreamOptions::default(), "x.tsv", tsv), "Apple, \"red\"\nBean green\n");
    assert_eq!(
        output_of(&append(), "x.tsv", tsv),
        "id\ttext\tb\tlabel\n1\ta\tb\tApple, \"red\"\n\n2\t\"b\tc\tBean green\r\n"
    );
}

#[test]
fn an_empty_line_of_a_one_column_table_is_a_record() {
    assert_eq!(
        output_of(&StreamOptions::default(), "x.tsv", "text\na\n\nb"),
        "Apple, \"red\"\nOther\nBean green\n"
    );
}

#[test]
fn a_csv_column_is_classified_with_quotes_and_line_breaks_in_it() {
    let csv = "\u{feff}id,\"text\"\r\n1,\"x\r\n\"\"a\"\"\"\r\n\r\n2,b";
    assert_eq!(output_of(&StreamOptions::default(), "x.csv", csv), "Apple, \"red\"\nBean green\n");
    let labelled =
        "\u{feff}id,\"text\",label\r\n1,\"x\r\n\"\"a\"\"\",\"Apple, \"\"red\"\"\"\r\n\r\n2,b,Bean\tgreen\n";
    assert_eq!(output_of(&append(), "x.csv", csv), labelled);
}

#[test]
fn several_tables_are_appended_to_under_one_header() {
    let (output, ended) = run(&append(), &[("x.csv", b"text\na"), ("y.csv", b"text\r\nb\r\n")]);
    ended.unwrap();
    assert_eq!(output, "text,label\na,\"Apple, \"\"red\"\"\"\nb,Bean\tgreen\r\n");
    let (_, ended) = run(&append(), &[("x.csv", b"text\na"), ("y.csv", b"text,b\nb,b\n")]);
    assert!(
        ended.unwrap_err().to_string().starts_with("y.csv: its header is not that of the files before it")
    );
    let (output, ended) =
        run(&StreamOptions::default(), &[("x.csv", b"text\na"), ("y.csv", b"n,text\n1,b\n")]);
    ended.unwrap();
    assert_eq!(output, "Apple, \"red\"\nBean green\n");
}

#[test]
fn columns_without_a_header_have_numbers() {
    let options = StreamOptions { text: Column::Number(2), header: false, ..append() };
    assert_eq!(
        output_of(&options, "x.csv", "\n1,a\n2,b\n"),
        "\n1,a,\"Apple, \"\"red\"\"\"\n2,b,Bean\tgreen\n"
    );
    assert_eq!(output_of(&options, "x.tsv", "1\tb\n"), "1\tb\tBean green\n");
    let (_, error) = error_of(&options, "x.tsv", "1\n");
    assert!(error.starts_with("x.tsv:1: 1 column: expected the text in column 2"), "{error}");
}

#[test]
fn empty_lines_before_a_header_without_the_column_are_written_however_blocks_are_cut() {
    for block_bytes in [1, 1 << 16] {
        for (name, table) in [("t.tsv", "\n\nu\n"), ("t.csv", "\n\nu\n"), ("t.csv", "\n\n\"u\n")] {
            let options = StreamOptions { block_bytes, ..append() };
            let (written, ended) = run(&options, &[(name, table.as_bytes())]);
            assert!(ended.is_err());
            assert_eq!(written, "\n\n", "{name}, blocks of {block_bytes}");
        }
    }
}

#[test]
fn a_missing_column_names_those_that_there_are() {
    let (output, error) = error_of(&StreamOptions::default(), "x.csv", "id,\"the title\"\n1,a\n");
    assert_eq!(output, "");
    assert!(
        error.starts_with("x.csv:1: no column \"text\" for the text: found \"id\", \"the title\""),
        "{error}"
    );
}

/// A stream of blocks that pass over what is bad, of tables whose column 2 is the text.
fn skipping(block_bytes: usize, output: Output) -> StreamOptions {
    let text = Column::Number(2);
    StreamOptions { text, header: false, block_bytes, output, skip_bad_records: true, ..append() }
}

#[test]
fn rows_before_the_first_with_the_text_are_bad_records_however_blocks_are_cut() {
    let comments = "# no row\n".repeat(50);
    for (name, rows) in [("t.tsv", "\n1\ta\n2\tb\n"), ("t.csv", "\n1,a\n2,b\n")] {
        let table = format!("{comments}{rows}");
        for block_bytes in [1, 100, 1 << 16] {
            let (output, ended) = run(&skipping(block_bytes, Output::Label), &[(name, table.as_bytes())]);
            assert_eq!(ended.unwrap().bad_records, 50);
            assert_eq!(output, "\n".repeat(50) + "Apple, \"red\"\nBean green\n", "{name}");
            let (output, ended) = run(&skipping(block_bytes, Output::Append), &[(name, table.as_bytes())]);
            ended.unwrap();
            let rest = output.strip_prefix(comments.as_str()).expect("they are copied");
            assert!(rest.starts_with("\n1") && rest.lines().count() == 3, "{rest}");
        }
        let (output, ended) = run(&skipping(1, Output::Label), &[(name, comments.as_bytes())]);
        let summary = ended.unwrap();
        assert_eq!((summary.records, summary.bad_records, output.len()), (50, 50, 50));
    }
}

#[test]
fn a_row_whose_quote_is_not_closed_does_not_tell_how_many_columns_there_are() {
    let files: [(&str, &[u8]); 2] = [("x.csv", b"1,b,2\n"), ("y.csv", b"1,\"b\n")];
    let (output, ended) = run(&skipping(1 << 16, Output::Append), &files);
    assert_eq!((output.as_str(), ended.unwrap().bad_records), ("1,b,2,Bean\tgreen\n1,\"b\n", 1));
}

#[test]
fn empty_lines_before_the_first_row_do_not_tell_how_many_columns_there_are() {
    for block_bytes in [1, 1 << 16] {
        let first = StreamOptions { text: Column::Number(1), ..skipping(block_bytes, Output::Append) };
        assert_eq!(output_of(&first, "t.tsv", "\n\nb\t1\n"), "\n\nb\t1\tBean green\n");
        assert_eq!(output_of(&first, "t.tsv", "\n\nb\n"), "\tOther\n\tOther\nb\tBean green\n");
        assert_eq!(output_of(&first, "t.tsv", "\n\r\n"), "\tOther\n\tOther\r\n");
        let second = StreamOptions { skip_bad_records: false, ..skipping(block_bytes, Output::Append) };
        assert_eq!(output_of(&second, "t.tsv", "\n1\tb\n"), "\n1\tb\tBean green\n");
    }
}

#[test]
fn very_many_empty_lines_are_rows_of_one_column() {
    let options = StreamOptions { text: Column::Number(1), ..skipping(1 << 16, Output::Label) };
    let lines = |count: usize| "\n".repeat(count) + "b\t1\n";
    let (_, ended) = run(&options, &[("t.tsv", lines((1 << 20) - 1).as_bytes())]);
    assert_eq!(ended.unwrap().records, 1);
    let (_, ended) = run(&options, &[("t.tsv", lines(1 << 20).as_bytes())]);
    assert_eq!((ended.as_ref().unwrap().records, ended.unwrap().bad_records), ((1 << 20) + 1, 1));
}

#[test]
fn empty_lines_before_a_later_header_are_written_however_blocks_are_cut() {
    for block_bytes in [1, 1 << 16] {
        let options = StreamOptions { block_bytes, ..append() };
        let (output, ended) = run(&options, &[("t.csv", b"text\nb\n"), ("t.csv", b"\n\r\ntext\nb\n")]);
        ended.unwrap();
        assert_eq!(output, "text,label\nb,Bean\tgreen\n\n\r\nb,Bean\tgreen\n");
    }
}

#[test]
fn of_files_that_begin_with_byte_order_marks_the_first_is_copied_alone() {
    let files: [(&str, &[u8]); 2] =
        [("x.csv", b"\xef\xbb\xbftext\nb\n"), ("y.csv", b"\xef\xbb\xbftext\nb\n")];
    let (output, ended) = run(&append(), &files);
    ended.unwrap();
    assert_eq!(output, "\u{feff}text,label\nb,Bean\tgreen\nb,Bean\tgreen\n");
}

#[test]
fn nothing_is_written_behind_a_field_without_a_closing_quote() {
    for threads in [1, 2] {
        let options = StreamOptions { skip_bad_records: true, threads, ..append() };
        let files: [(&str, &[u8]); 2] = [("x.csv", b"text\nb\n\"b\n"), ("y.csv", b"text\nb\n")];
        let (output, ended) = run(&options, &files);
        assert_eq!(output, "text,label\nb,Bean\tgreen\n\"b\n");
        assert!(
            ended.unwrap_err().to_string().starts_with("y.csv: the file before it ends in a quoted field")
        );
        let (output, ended) = run(&StreamOptions { output: Output::Label, ..options }, &files);
        assert_eq!((output.as_str(), ended.unwrap().bad_records), ("Bean green\n\nBean green\n", 1));
    }
}
