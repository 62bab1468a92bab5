//! What every verb does with bad arguments, bad data, and outputs that are inputs.

#![cfg(feature = "cli")]

mod common;

use std::process::Stdio;

use common::{Bench, data};

#[test]
fn labels_that_no_model_or_too_few_texts_have_are_told_of() {
    let bench = Bench::new();
    let complaint_of = |arguments: &[&str]| {
        let output = bench.run(arguments);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    bench.write("other.tsv", "label\ttext\nfish\ttrout\nbird\towl\nbird\tfinch\n");
    assert!(complaint_of(&["evaluate", "other.tsv"]).contains("none of the labels"));
    let train = data("titles.tsv");
    let given = ["--nonzeros", "5", "--objective", "log-loss", "--l2", "1"];
    let tested = [&["frontier", &train, "--test", "other.tsv"], &given[..]].concat();
    assert!(complaint_of(&tested).contains("none of the labels"));
    assert!(complaint_of(&["train", "other.tsv", "-o", "m"]).contains("1 of 2 classes have a single text"));
    let complaint = bench.failure(1, &["train", &train, "-o", "x", "--validation", "other.tsv"]);
    assert!(complaint.contains("none of the 3 texts of the validation data"), "{complaint}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_told_changes_no_exit_code() {
    let bench = Bench::new();
    let train = data("titles.tsv");
    bench.write("bad.jsonl", "{\"text\": \"nurse\"}\n[]\n");
    for (code, arguments) in [
        (0, &["classify", "bad.jsonl", "--skip-bad-records"][..]),
        (1, &["classify", "missing"]),
        (2, &["classify", "--top", "0"]),
        (2, &["train", &train, "-o", "m", "--folds", "1"]),
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = bench.paring(arguments).stderr(full).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn a_bad_record_is_told_with_file_and_line_and_leaves_nothing_behind() {
    let bench = Bench::new();
    let train = bench.write("bad.tsv", "label\ttext\na\tx\n\ty\nb\tz\n");
    let complaint = bench.failure(1, &["train", &train, "-o", "m", "--nonzeros", "2"]);
    assert!(complaint.contains("bad.tsv:3:"), "{complaint}");
    assert_eq!(bench.files(), ["bad.tsv"]);
    let output =
        bench.run(&["train", &train, "-o", "m", "--nonzeros", "2", "--skip-bad-records", "--folds", "2"]);
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("bad records, left out: 1"));
    assert_eq!(bench.files(), ["bad.tsv", "m"]);
}

#[test]
fn what_is_to_be_done_is_told_with_the_option_that_does_it() {
    let bench = Bench::new();
    bench.write("data", "label\ttext\na\tx\nb\ty\n");
    bench.write("lines.txt", "a\n");
    bench.write("data.jsonl", "{\"label\": \"a\", \"text\": \"x\"}\n");
    bench.write("data.tsv", "label\ttext\na\tx\ny\n");
    bench.write("latin.csv", b"id,caf\xe9\n1,a\n");
    bench.write("semicolons.csv", "label;text\na;x\n");
    for (code, arguments, told) in [
        (2, &["train", "data"][..], "expected tsv, csv, jsonl or fasttext; name it with --format"),
        (2, &["train", "lines.txt"], "expected tsv, csv, jsonl or fasttext; name it with --format"),
        (1, &["train", "data.jsonl", "--affixes", "4-6"], "say --affixes=MIN-MAX if these are lengths"),
        (2, &["classify", "lines.txt", "x.ft"], "lines, tsv, csv or jsonl; name another with --format"),
        (
            1,
            &["train", "data.jsonl", "--text", "t", "--skip-bad-records"],
            r#"the first is data.jsonl:1: no text in field "t": found "label", "text""#,
        ),
        (2, &["train", "data.jsonl", "--no-header"], "names alone; name it with --label NAME"),
        (2, &["train", "data.tsv", "--no-header", "--label", "x"], "1 for the first, as in --label 1"),
        (
            2,
            &["train", "data.tsv", "--label", "text"],
            "\"text\" for the label and the text: expected one for each",
        ),
        (
            1,
            &["train", "data.tsv", "--format", "csv"],
            "commas between columns in CSV, tabs in TSV; say --format tsv for tabs",
        ),
        (1, &["train", "latin.csv"], "\"caf\u{fffd}\"; choose one, or convert the file: it is not UTF-8"),
        (1, &["train", "semicolons.csv"], "commas between columns in CSV, tabs in TSV; save it so"),
        (
            1,
            &["train", "data.tsv", "--label", "class"],
            "; choose one with --label, or say with --no-header that the first line is a record",
        ),
        (
            1,
            &["train", "data.jsonl", "--text", "t"],
            " with --skip-bad-records, or choose another field with --text",
        ),
        (1, &["train", "data.tsv"], "; correct it, or go past bad records with --skip-bad-records"),
        (1, &["classify", "data.tsv"], "; correct it, or go past bad records with --skip-bad-records"),
        (
            1,
            &["classify", "--output", "append", "data.tsv"],
            "another name for the label's with --label NAME",
        ),
        (
            1,
            &["classify", "--output", "append", "--skip-bad-records", "data.jsonl"],
            "another name for the label's with --label NAME",
        ),
        (1, &["train", &data("titles.tsv"), "--max-memory", "1K"], ", or allow more with --max-memory"),
        (
            1,
            &["train", &data("titles.tsv"), "--max-memory", "20K", "--l1", "1"],
            ", or allow more with --max-memory",
        ),
        (
            1,
            &["train", &data("titles.tsv"), "--max-memory", "20K", "--prune-by", "magnitude"],
            ", or allow more with --max-memory",
        ),
    ] {
        let model = if arguments[0] == "train" { &["-o", "m"][..] } else { &[] };
        let output = bench.run(&[arguments, model].concat());
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {complaint}");
        assert!(complaint.trim_end().ends_with(told), "{arguments:?}: {complaint}");
    }
}

#[test]
fn bad_usage_ends_with_code_2_before_any_work() {
    let bench = Bench::new();
    let train = data("titles.tsv");
    for (arguments, named) in [
        (&["--nonzeros", "0"][..], "nonzeros is 0"),
        (&["--l2", "NaN"], "l2 is NaN"),
        (&["--l1", "-1"], ""),
        (&["--objective", "gce:7"], "q of the objective"),
        (&["--max-accuracy-loss", "200"], "max-accuracy-loss is 200"),
        (&["--folds", "1"], "folds is 1"),
        (&["--folds", "21"], "folds is 21"),
        (&["--threads", "100000"], "threads is 100000"),
        (&["--l1", "NaN"], "l1 is NaN"),
        (&["--max-accuracy-loss", "NaN"], "max-accuracy-loss is NaN"),
        (&["--objective", "gce:NaN"], "q of the objective gce:Q is NaN"),
        (&["--objective", "softmax-margin:NaN"], "M of the objective softmax-margin:M is NaN"),
        (&["--objective", "hinge"], "expected auto, log-loss"),
        (&["--affixes=9-3"], "affixes of 9 to 3"),
        (&["--ngrams", "0"], "n-grams of 0 words"),
    ] {
        let output = bench.run(&[&["train", &train, "-o", "m"], arguments].concat());
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
        assert!(complaint.contains(named), "{arguments:?}: {complaint}");
    }
    for arguments in [
        &["--prune-by", "magnitude", "--objective", "zero-one"][..],
        &["--l2", "-1"],
        &["--l2", "1e300"],
        &["--nonzeros", "9", "--max-bytes", "99"],
        &["--nonzeros", "many"],
        &["--max-bytes", "6Q"],
    ] {
        assert_eq!(bench.run(&[&["train", &train, "-o", "m"], arguments].concat()).status.code(), Some(2));
    }
    for arguments in [
        &["train", &train, "-o", "-"][..],
        &["frontier", &train, "--svg", "-"],
        &["evaluate", &train, "--confusion", "-"],
        &["inspect", "-m", "-"],
    ] {
        assert!(bench.failure(2, arguments).contains("-: expected the name of"));
    }
    assert!(bench.files().is_empty());
}

#[test]
fn an_input_is_never_overwritten() {
    let bench = Bench::new();
    let train = bench.write("t.tsv", std::fs::read(data("titles.tsv")).unwrap());
    let complaint = bench.failure(2, &["train", &train, "-o", "./t.tsv", "--nonzeros", "5"]);
    assert!(complaint.contains("the input is also the output"));
    #[cfg(unix)]
    {
        std::fs::hard_link(bench.path("t.tsv"), bench.path("other-name")).unwrap();
        bench.failure(2, &["train", &train, "-o", "other-name", "--nonzeros", "5"]);
        let read = std::fs::File::open(&train).unwrap();
        let output = bench
            .paring(&["train", "-", "--format", "tsv", "-o", "t.tsv", "--nonzeros", "5"])
            .stdin(read)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().contains("standard input: the input is also"));
    }
    std::fs::copy(&train, bench.path("20.paring")).unwrap();
    let taken = ["frontier", "20.paring", "--format", "tsv", "--save-dir", ".", "--nonzeros", "20"];
    assert!(bench.failure(2, &taken).contains("20.paring: the input is also the output"));
    // A budget of 50 stands for all six weights that there can be.
    let tiny = "label\ttext\na\tx\na\tx\nb\ty\nb\ty\n";
    bench.write("6.paring", tiny);
    let taken = ["frontier", "6.paring", "--format", "tsv", "--save-dir", ".", "--nonzeros", "2,50"];
    assert!(bench.failure(2, &taken).contains("6.paring: the input is also the output"));
    assert_eq!(std::fs::read_to_string(bench.path("6.paring")).unwrap(), tiny);
    bench.failure(2, &["frontier", &train, "--svg", &train]);
    bench.failure(2, &["evaluate", &train, "--confusion", &train]);
    assert_eq!(std::fs::read(&train).unwrap(), std::fs::read(data("titles.tsv")).unwrap());
}

#[test]
fn a_model_is_an_input_too() {
    let bench = Bench::new();
    bench.train_titles("m", &["--nonzeros", "5"]);
    let model = std::fs::read(bench.path("m")).unwrap();
    let test = data("titles-test.tsv");
    let complaint = bench.failure(2, &["evaluate", "-m", "m", &test, "--confusion", "m"]);
    assert!(complaint.contains("m: the input is also the output"), "{complaint}");
    assert_eq!(std::fs::read(bench.path("m")).unwrap(), model);
}

#[cfg(target_os = "linux")]
#[test]
fn a_model_is_not_mixed_with_the_report_in_one_pipe() {
    let bench = Bench::new();
    let train = data("titles.tsv");
    let complaint = bench.failure(2, &["train", &train, "-o", "/dev/stdout", "--nonzeros", "5"]);
    assert!(complaint.contains("/dev/stdout: standard output is this file"), "{complaint}");
    let ended =
        bench.paring(&["train", &train, "-o", "/dev/null", "--nonzeros", "5"]).stdout(Stdio::null()).status();
    assert!(ended.unwrap().success());
}

#[test]
fn a_complaint_is_one_line_and_steers_no_terminal_whatever_a_file_is_called() {
    let complaint = Bench::new().failure(1, &["classify", "a\u{1b}[31m\nb\u{202e}.csv"]);
    assert!(complaint.contains("a\u{fffd}[31m\u{fffd}b\u{fffd}.csv: "), "{complaint}");
}

#[test]
fn texts_that_are_not_utf8_are_learnt_from_and_told_of() {
    let bench = Bench::new();
    let latin: &[u8] = b"label\ttext\na\tk\xf6chin\nb\tcook\na\tkoch\nb\tchef\n";
    let output = bench.train(latin, &["--nonzeros", "2", "--folds", "2"]);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success());
    assert!(
        complaint.contains("texts that are not UTF-8") && complaint.contains(": 1 of 4; convert"),
        "{complaint}"
    );
}

#[test]
fn records_that_a_stray_quote_may_have_joined_are_told_of() {
    let bench = Bench::new();
    bench.write(
        "stray.csv",
        "label,text\nHealth,\"night nurse\nKitchen,\"line cook\"\nHealth,nurse\nKitchen,cook\n",
    );
    bench.write(
        "doubled.csv",
        "label,text\nHealth,\"a \"\"night\"\" nurse\"\nKitchen,a \"line\" cook\nHealth,\"\"\n",
    );
    for (file, told) in
        [("stray.csv", Some("may have been several: 1; double the quotes")), ("doubled.csv", None)]
    {
        for arguments in [
            &["classify", file][..],
            &["train", file, "-o", "m", "--nonzeros", "2", "--folds", "2", "--objective", "log-loss"],
        ] {
            let complaint = String::from_utf8(bench.run(arguments).stderr).unwrap();
            assert_eq!(complaint.contains("closing quote"), told.is_some(), "{arguments:?} {complaint}");
            assert!(told.is_none_or(|told| complaint.contains(told)), "{arguments:?} {complaint}");
        }
    }
}

#[test]
fn bad_records_are_told_of_though_the_stream_ends_in_an_error() {
    let bench = Bench::new();
    bench.write("a.csv", "id,text\n1\n2,nurse\n");
    bench.write("b.csv", "id,title\n1,nurse\n");
    let output = bench.run(&["classify", "--skip-bad-records", "a.csv", "b.csv"]);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint.contains("bad records, passed over: 1\nparing:   a.csv:2: 1 column"), "{complaint}");
}

#[cfg(unix)]
#[test]
fn reports_are_not_written_behind_what_was_read() {
    let bench = Bench::new();
    bench.train_titles("m", &["--nonzeros", "5"]);
    bench.write("t.tsv", std::fs::read(data("titles-test.tsv")).unwrap());
    for (file, arguments) in [
        ("t.tsv", &["train", "t.tsv", "-o", "x", "--nonzeros", "5"][..]),
        ("t.tsv", &["frontier", &data("titles.tsv"), "--test", "t.tsv", "--nonzeros", "5"]),
        ("t.tsv", &["evaluate", "-m", "m", "t.tsv"]),
        ("m", &["evaluate", "-m", "m", "t.tsv"]),
        ("m", &["inspect", "-m", "m"]),
        ("m", &["explain", "-m", "m", "nurse"]),
        ("t.tsv", &["explain", "-m", "m", "-"]),
        ("t.tsv", &["evaluate", "-m", "m", &data("titles-test.tsv"), "--confusion", "t.tsv"]),
    ] {
        let before = std::fs::read(bench.path(file)).unwrap();
        let appended = std::fs::OpenOptions::new().append(true).open(bench.path(file)).unwrap();
        let read = std::fs::File::open(bench.path("t.tsv")).unwrap();
        let output = bench.paring(arguments).stdin(read).stdout(appended).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(std::fs::read(bench.path(file)).unwrap(), before, "{arguments:?}");
    }
    assert_eq!(bench.files(), ["m", "t.tsv"]);
}

#[test]
fn a_folder_that_is_not_there_is_told_before_training() {
    let bench = Bench::new();
    let complaint = bench.failure(1, &["train", &data("titles.tsv"), "-o", "no/such/m"]);
    assert!(complaint.contains("no/such/m: cannot be written"), "{complaint}");
    let complaint = bench.failure(1, &["train", &data("titles.tsv"), "-o", "new/"]);
    assert!(complaint.contains("new/: cannot be written: it names no file"), "{complaint}");
}

#[test]
fn every_verb_has_help_with_an_example() {
    let bench = Bench::new();
    for verb in ["train", "classify", "evaluate", "inspect", "explain", "frontier"] {
        let help = bench.output(&[verb, "--help"]);
        assert!(help.contains("Examples:") && help.contains(&format!("  paring {verb}")), "{help}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_ignored_before_is_ignored() {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};
    let script = format!("trap '' INT; exec {} classify --line-buffered", env!("CARGO_BIN_EXE_paring"));
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut first = [0];
    input.write_all(b"nurse\n").unwrap();
    output.read_exact(&mut first).unwrap();
    assert!(
        Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap().success()
    );
    input.write_all(b"cook\n").unwrap();
    drop(input);
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.lines().count(), 2);
    assert!(child.wait().unwrap().success());
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_to_end_tells_of_the_bad_records_before_it() {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_paring"))
        .args(["classify", "--format", "jsonl", "--skip-bad-records", "--threads", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut labels = BufReader::new(output).lines();
    for record in ["bad", "{\"text\":\"nurse\"}"] {
        writeln!(input, "{record}").unwrap();
        labels.next().unwrap().unwrap();
    }
    assert!(
        Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().unwrap().success()
    );
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(told.contains("bad records, passed over: 1\n"), "{told}");
    assert!(!child.wait().unwrap().success());
}

#[test]
fn texts_without_anything_and_quotes_in_tsv_are_told_of() {
    let bench = Bench::new();
    let complaint_of = |content: &str| {
        let output = bench.train(content, &["--nonzeros", "2", "--folds", "2", "--objective", "log-loss"]);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let empty = complaint_of("label\ttext\na\tx\nb\t \na\t\nb\ty\n");
    assert!(empty.contains("2 of 4 texts are empty"), "{empty}");
    let quoted = complaint_of("label\ttext\na\t\"x\"\n\"b\"\ty\na\tx\n\"b\"\t\"y\"\n");
    assert!(quoted.contains("nothing is quoted in TSV: in 3 of 4 records; if the file was"), "{quoted}");
    assert_eq!(complaint_of("label\ttext\na\tx\nb\ty\na\tx\nb\ty \"z\"\n"), "");
}

#[test]
fn a_file_that_is_no_model_is_not_replaced_by_one() {
    let bench = Bench::new();
    let train = data("titles.tsv");
    let arguments = ["train", &train, "-o", "m", "--nonzeros", "5", "--objective", "log-loss", "--l2", "1"];
    for content in ["label\ttext\na\tx\n", "x", "\u{89}paring\n"] {
        bench.write("m", content);
        let complaint = bench.failure(2, &arguments);
        assert!(complaint.contains("m: a file that is no model") && complaint.contains("remove it first"));
        assert_eq!(std::fs::read(bench.path("m")).unwrap(), content.as_bytes());
    }
    bench.write("m", "");
    bench.output(&arguments);
    bench.output(&arguments);
    assert!(paring::Model::load(bench.path("m")).is_ok());
}

#[test]
fn a_model_that_gives_every_text_one_label_is_told_of() {
    let bench = Bench::new();
    let told = |content: &str, arguments: &[&str]| {
        let fit = ["--nonzeros", "2", "--objective", "log-loss", "--folds", "2"];
        let output = bench.train(content, &[&fit, arguments].concat());
        let report = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && !report.contains("tried") && !report.contains("chosen by"),
            "{report}"
        );
        String::from_utf8(output.stderr).unwrap()
    };
    let titles = "label\ttext\na\tx\na\tx\nb\tx\nb\ty\n";
    let no_word = told("label\ttext\na\t.\na\t-\nb\t.\nb\t!\n", &["--l2", "1"]);
    assert!(no_word.contains("no text has a word") && !no_word.contains("min-count"), "{no_word}");
    let left_out = told(titles, &["--l2", "1", "--min-count", "5"]);
    assert!(left_out.contains("no feature is left but the intercept (with --min-count 5)"), "{left_out}");
    let no_score = told(titles, &["--l2", "1e20"]);
    assert!(
        no_score.contains("no word has a score in the model: it gives every text one label"),
        "{no_score}"
    );
    assert_eq!(told(titles, &["--l2", "1"]), "");
}
