//! `paring train`, `evaluate`, `inspect`, `explain` and `frontier`, end to end.

#![cfg(feature = "cli")]

mod common;

use std::io::Write;
use std::process::Stdio;

use common::{Bench, data};

/// Trains on the titles in tests/data; gives the report.
fn train(bench: &Bench, model: &str, arguments: &[&str]) -> String {
    bench.output(&[&["train", &data("titles.tsv"), "-o", model], arguments].concat())
}

#[test]
fn a_budget_of_nonzeros_is_kept_by_every_objective() {
    let bench = Bench::new();
    for objective in ["auto", "log-loss", "softmax-margin:2", "gce:0.3", "zero-one"] {
        for nonzeros in ["1", "7", "40"] {
            train(&bench, "m", &["--nonzeros", nonzeros, "--objective", objective, "--folds", "2"]);
            let kept = bench.json(&["inspect", "-m", "m", "--json"])["nonzeros"].as_u64().unwrap();
            let most: u64 = nonzeros.parse().unwrap();
            assert!(kept <= most, "{objective}: {kept} of at most {most}");
            // Forty do not suffice to get every text right, so none is to spare.
            assert_eq!(kept, most, "{objective}");
        }
    }
}

#[test]
fn the_report_says_what_was_kept_of_what() {
    let report = train(&Bench::new(), "m", &["--nonzeros", "30"]);
    let lines =
        ["classes", "texts", "features", "possible weights", "nonzeros kept", "bytes", "accuracy", "time"];
    for line in lines {
        assert!(report.lines().any(|found| found.starts_with(line)), "{line} in {report}");
    }
    assert!(report.contains("30 of at most 30"));
    assert!(report.contains("tried"));
}

#[test]
fn the_model_is_the_same_on_any_number_of_threads_and_another_for_other_data() {
    let bench = Bench::new();
    let model = |threads: &str, more: &[&str]| {
        train(&bench, "m", &[&["--nonzeros", "40", "--threads", threads], more].concat());
        std::fs::read(bench.path("m")).unwrap()
    };
    let one = model("1", &[]);
    assert_eq!(one, model("2", &[]));
    assert_eq!(one, model("5", &[]));
    assert_ne!(one, model("1", &["--min-count", "3"]));
}

#[test]
fn a_budget_of_bytes_bounds_the_file() {
    let bench = Bench::new();
    for most in [400_u64, 700, 1500] {
        train(&bench, "m", &["--max-bytes", &most.to_string(), "--folds", "2"]);
        let length = std::fs::metadata(bench.path("m")).unwrap().len();
        assert!(length <= most && length > most * 4 / 5, "{length} of at most {most}");
    }
    // Settings take bytes too: what is chosen in the end must fit.
    for most in 240..256_u64 {
        let output = bench.run(&["train", &data("titles.tsv"), "-o", "m", "--max-bytes", &most.to_string()]);
        let length = std::fs::metadata(bench.path("m")).unwrap().len();
        assert!(!output.status.success() || length <= most, "{length} of at most {most}");
    }
    // So do the digits of the estimate, which is known last: here they take one more than reckoned with.
    for (objective, most) in [("softmax-margin:2", 423_u64), ("softmax-margin:2", 442), ("log-loss", 382)] {
        let given = ["--objective", objective, "--l2", "1", "--folds", "2", "--max-bytes", &most.to_string()];
        train(&bench, "m", &given);
        let length = std::fs::metadata(bench.path("m")).unwrap().len();
        assert!(length <= most, "{length} of at most {most}");
    }
    // Names of classes that deflate to next to nothing.
    let record = |at: usize| format!("class number {:09}\tword{} some{}\n", at % 300, at % 300, at % 7);
    let many = (0..1200).map(record).collect::<String>();
    bench.write("many.tsv", format!("label\ttext\n{many}"));
    for most in [4_000_u64, 9_000] {
        let given =
            ["--objective", "log-loss", "--l2", "1", "--folds", "2", "--max-bytes", &most.to_string()];
        bench.output(&[&["train", "many.tsv", "-o", "m"], &given[..]].concat());
        assert!(std::fs::metadata(bench.path("m")).unwrap().len() <= most);
    }
    let complaint = bench.failure(1, &["train", &data("titles.tsv"), "-o", "x", "--max-bytes", "20"]);
    assert!(complaint.contains("raise --max-bytes"), "{complaint}");
}

#[test]
fn a_budget_of_bytes_tells_the_accuracy_of_the_nonzeros_that_it_keeps() {
    let bench = Bench::new();
    let told = |budget: &[&str]| {
        let report =
            train(&bench, "m", &[budget, &["--objective", "log-loss", "--l2", "1", "--folds", "2"]].concat());
        let value = |name: &str| {
            let line = report.lines().find(|line| line.starts_with(name)).unwrap();
            line[name.len()..].trim().to_string()
        };
        (value("nonzeros kept"), value("accuracy"), value("on training data"))
    };
    for most in ["330", "400", "900"] {
        let (kept, accuracy, on_training_data) = told(&["--max-bytes", most]);
        assert_eq!(
            told(&["--nonzeros", &kept]),
            (format!("{kept} of at most {kept}"), accuracy, on_training_data)
        );
    }
}

#[test]
fn a_looser_bound_on_accuracy_takes_fewer_nonzeros() {
    let bench = Bench::new();
    let kept = |points: &str| {
        train(&bench, "m", &["--max-accuracy-loss", points, "--l2", "0.3", "--folds", "3"]);
        bench.json(&["inspect", "-m", "m", "--json"])["nonzeros"].as_u64().unwrap()
    };
    assert!(kept("15") < kept("2"));
}

#[test]
fn pruning_by_magnitude_keeps_the_budget_and_loses_to_cost() {
    let bench = Bench::new();
    let accuracy = |by: &str| {
        train(&bench, "m", &["--nonzeros", "30", "--prune-by", by]);
        let found = bench.json(&["evaluate", "-m", "m", &data("titles-test.tsv"), "--json"]);
        assert!(found["nonzeros"].as_u64().unwrap() <= 30);
        found["accuracy"].as_f64().unwrap()
    };
    assert!(accuracy("cost") > accuracy("magnitude"));
}

#[test]
fn accuracies_that_are_not_plain_say_so() {
    let bench = Bench::new();
    let tenth = (0..100).map(|at| if at < 90 { "a\tx\t1\n" } else { "b\tx\t2\n" }).collect::<String>();
    bench.write("t.tsv", format!("label\ttext\tw\n{tenth}"));
    let told = |nonzeros: &str, more: &[&str]| {
        bench.output(
            &[&["train", "t.tsv", "-o", "m", "--nonzeros", nonzeros, "--objective", "log-loss"], more]
                .concat(),
        )
    };
    assert!(told("2", &[]).contains("90.00 % ± 3.00 (cross-validated)\n"));
    let balanced = told("2", &["--balance"]);
    assert!(balanced.contains("50.00 % ± 8.33 (cross-validated, balanced over the classes)\n"), "{balanced}");
    assert!(balanced.contains("on training data   50.00 % balanced over the classes\n"), "{balanced}");
    let weighted = told("2", &["--weight", "w"]);
    assert!(weighted.contains("81.82 % ± 4.00 (cross-validated, by weight)\n"), "{weighted}");
    // Held out, the text that weighs as much as ten times all others is wrong, whatever fold it falls into.
    let heavy = ["a\tx\t1\n".repeat(60), "b\ty\t1\n".repeat(40), "b\tz\t1000\n".into()].concat();
    bench.write("t.tsv", format!("label\ttext\tw\n{heavy}"));
    let weighted = told("4", &["--weight", "w"]);
    assert!(weighted.contains(" 9.09 % ± "), "{weighted}");
    let validation = bench.write("v.tsv", "label\ttext\tw\na\tx\t1\na\tz\t1000\n");
    let validated = told("2", &["--weight", "w", "--validation", &validation]);
    assert!(validated.contains("50.00 % ± 35.36 (on the validation data)\n"), "{validated}");
}

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

#[test]
fn very_many_classes_are_too_many_for_a_confusion_matrix() {
    let bench = Bench::new();
    let texts = (0..5_001).map(|at| format!("{at}\tx\n")).collect::<String>();
    bench.write("many.tsv", format!("label\ttext\n{texts}"));
    let output = bench.run(&["evaluate", "many.tsv", "--confusion", "c.csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("leave --confusion out"));
    assert_eq!(bench.files(), ["many.tsv"]);
}

#[test]
fn validation_data_stand_in_for_cross_validation() {
    let bench = Bench::new();
    let validation = data("titles-test.tsv");
    let given = ["--nonzeros", "30", "--objective", "log-loss", "--validation", &validation];
    let report = train(&bench, "m", &given);
    let evaluated = bench.json(&["evaluate", "-m", "m", &validation, "--json"]);
    let accuracy = format!("{:.2} %", 100.0 * evaluated["accuracy"].as_f64().unwrap());
    let told = report.lines().find(|line| line.ends_with("(on the validation data)")).unwrap();
    assert!(told.contains(&accuracy), "{told}: {accuracy}");
    let inspected = bench.json(&["inspect", "-m", "m", "--json"]);
    assert!(inspected["training"]["validation_accuracy"].is_string());
}

#[test]
fn weights_count_records_as_if_they_were_there_so_often() {
    let bench = Bench::new();
    let records = [("a", "x", 3), ("b", "x", 1), ("a", "y", 1), ("b", "y", 2)];
    let weighted = records.map(|(label, text, weight)| format!("{label}\t{text}\t{weight}\n")).concat();
    let repeated = records.map(|(label, text, times)| format!("{label}\t{text}\n").repeat(times)).concat();
    bench.write("weighted.tsv", format!("label\ttext\tw\n{weighted}"));
    bench.write("repeated.tsv", format!("label\ttext\n{repeated}"));
    let scores = |file: &str, more: &[&str]| -> Vec<(String, f32)> {
        let given = ["--nonzeros", "2", "--objective", "log-loss", "--l2", "0", "--folds", "2"];
        bench.run(&[&["train", file, "-o", "m"], &given[..], more].concat());
        let scores = bench.output(&["inspect", "-m", "m", "--tsv"]);
        let score =
            |row: &str| row.rsplit_once('\t').map(|(at, score)| (at.to_string(), score.parse().unwrap()));
        scores.lines().map(|row| score(row).unwrap()).collect()
    };
    let (weighted, repeated) = (scores("weighted.tsv", &["--weight", "w"]), scores("repeated.tsv", &[]));
    assert_eq!(weighted.len(), repeated.len());
    for ((place, score), (other_place, other)) in weighted.iter().zip(&repeated) {
        assert_eq!(place, other_place);
        assert!((score - other).abs() < 0.02, "{place}: {score}, {other}");
    }
}

#[test]
fn every_nonzero_is_printed_once_as_tsv() {
    let bench = Bench::new();
    train(&bench, "m", &["--nonzeros", "25", "--affixes=3-4", "--ngrams", "2"]);
    let printed = bench.output(&["inspect", "-m", "m", "--tsv"]);
    let rows: Vec<Vec<&str>> = printed.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.len(), 25);
    assert!(rows.iter().all(|row| row.len() == 3 && row[2].parse::<f32>().unwrap() != 0.0));
    let found = bench.json(&["inspect", "-m", "m", "--json"]);
    for name in ["nonzeros", "features", "classes", "bytes"] {
        assert!(found[name].as_u64().unwrap() > 0, "{name}");
    }
    assert_eq!(found["bytes"], std::fs::metadata(bench.path("m")).unwrap().len());
}

#[test]
fn an_evaluation_agrees_with_the_labels_given() {
    let bench = Bench::new();
    train(&bench, "m", &["--nonzeros", "40"]);
    let test = data("titles-test.tsv");
    let found = bench.json(&["evaluate", "-m", "m", &test, "--json", "--confusion", "c.csv"]);
    let labelled = bench.output(&["classify", "-m", "m", "--output", "append", "--label", "got", &test]);
    let right = labelled.lines().skip(1).filter(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        cells[0] == cells[2]
    });
    let (right, texts) = (right.count() as f64, labelled.lines().count() as f64 - 1.0);
    assert_eq!(found["accuracy"].as_f64().unwrap(), right / texts);
    for name in ["macro_f1", "coverage"] {
        assert!((0.0..=1.0).contains(&found[name].as_f64().unwrap()));
    }
    assert_eq!(found["texts"].as_f64().unwrap(), texts);
    let confusion = std::fs::read_to_string(bench.path("c.csv")).unwrap();
    let cells = confusion.lines().skip(1).flat_map(|line| line.split(',').skip(1));
    assert_eq!(cells.map(|cell| cell.parse::<f64>().unwrap()).sum::<f64>(), texts);
    assert!(bench.output(&["evaluate", "-m", "m", &test]).contains("macro average"));
}

#[test]
fn contributions_add_up_to_the_score() {
    let bench = Bench::new();
    train(&bench, "m", &["--nonzeros", "200"]);
    let text = "Senior staff nurse, school nurse";
    let explained = bench.output(&["explain", "-m", "m", text]);
    let numbers = |line: &str| -> Vec<f64> {
        let cells: Vec<&str> = line.split_whitespace().collect();
        cells[cells.len() - 2..].iter().map(|cell| cell.parse().unwrap()).collect()
    };
    let rows: Vec<&str> = explained.lines().skip_while(|line| !line.starts_with("feature")).skip(1).collect();
    let (score, contributions) = rows.split_last().unwrap();
    assert!(contributions.len() >= 2, "{explained}");
    for class in 0..2 {
        let sum: f64 = contributions.iter().map(|row| numbers(row)[class]).sum();
        assert!((sum - numbers(score)[class]).abs() < 0.01, "{explained}");
    }
}

#[test]
fn the_lines_of_standard_input_are_explained() {
    let bench = Bench::new();
    let input = std::fs::File::open(bench.write("texts", b"night nurse\n\xff cook")).unwrap();
    let output = bench.paring(&["explain", "-"]).stdin(input).output().unwrap();
    let explained = String::from_utf8(output.stdout).unwrap();
    assert!(explained.contains("\nnurse ") && explained.contains("\ncook "), "{explained}");
}

#[cfg(unix)]
#[test]
fn explaining_ends_with_success_when_nobody_reads_on() {
    let bench = Bench::new();
    let mut command = bench.paring(&["explain", "-"]);
    let mut explaining = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    drop(explaining.stdout.take());
    let mut texts = explaining.stdin.take().unwrap();
    let closed = (0..1_000_000).find_map(|_| texts.write_all(b"night nurse\n").err());
    assert_eq!(closed.expect("it reads on").kind(), std::io::ErrorKind::BrokenPipe);
    assert!(explaining.wait().unwrap().success());
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
fn a_frontier_has_a_row_and_a_model_for_every_budget_and_a_picture() {
    let bench = Bench::new();
    let train = data("titles.tsv");
    let arguments = ["frontier", &train, "--nonzeros", "20,5,80", "--test", &data("titles-test.tsv")];
    let more = ["--tsv", "--svg", "f.svg", "--save-dir", "models", "--folds", "2"];
    let table = bench.output(&[&arguments[..], &more[..]].concat());
    let budgets: Vec<&str> = table.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(budgets, ["budget", "5", "20", "80", "dense"]);
    assert!(table.contains("knee") && table.contains("one standard error"));
    for budget in ["5", "20", "80"] {
        let model = format!("models/{budget}.paring");
        let kept = bench.json(&["inspect", "-m", &model, "--json"])["nonzeros"].as_u64().unwrap();
        assert!(kept <= budget.parse().unwrap());
    }
    assert!(bench.path("models/dense.paring").exists());
    let picture = std::fs::read_to_string(bench.path("f.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("dense") && picture.contains("knee"));
    let found = bench.json(&[&arguments[..], &["--json", "--folds", "2"]].concat());
    assert_eq!(found["points"].as_array().unwrap().len(), 3);
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
    train(&bench, "m", &["--nonzeros", "5"]);
    let model = std::fs::read(bench.path("m")).unwrap();
    let test = data("titles-test.tsv");
    let complaint = bench.failure(2, &["evaluate", "-m", "m", &test, "--confusion", "m"]);
    assert!(complaint.contains("m: the input is also the output"), "{complaint}");
    assert_eq!(std::fs::read(bench.path("m")).unwrap(), model);
}

#[cfg(unix)]
#[test]
fn reports_are_not_written_behind_what_was_read() {
    let bench = Bench::new();
    train(&bench, "m", &["--nonzeros", "5"]);
    bench.write("t.tsv", std::fs::read(data("titles-test.tsv")).unwrap());
    for (file, arguments) in [
        ("t.tsv", &["train", "t.tsv", "-o", "x", "--nonzeros", "5"][..]),
        ("t.tsv", &["frontier", &data("titles.tsv"), "--test", "t.tsv", "--nonzeros", "5"]),
        ("t.tsv", &["evaluate", "-m", "m", "t.tsv"]),
        ("m", &["evaluate", "-m", "m", "t.tsv"]),
        ("m", &["inspect", "-m", "m"]),
        ("m", &["explain", "-m", "m", "nurse"]),
    ] {
        let before = std::fs::read(bench.path(file)).unwrap();
        let appended = std::fs::OpenOptions::new().append(true).open(bench.path(file)).unwrap();
        let output = bench.paring(arguments).stdout(appended).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(std::fs::read(bench.path(file)).unwrap(), before, "{arguments:?}");
    }
    assert_eq!(bench.files(), ["m", "t.tsv"]);
}

#[test]
fn a_frontier_that_fails_leaves_no_folder_and_tells_before_fitting_what_it_cannot_read() {
    let bench = Bench::new();
    let train = data("titles.tsv");
    bench.write("head.tsv", "label\ttext\n");
    bench.failure(1, &["frontier", "head.tsv", "--save-dir", "models"]);
    // All of the defaults' budgets would take a minute.
    let complaint = bench.failure(1, &["frontier", &train, "--save-dir", "models", "--test", "nothing.tsv"]);
    assert!(complaint.contains("nothing.tsv: No such file"), "{complaint}");
    let complaint = bench.failure(1, &["frontier", &train, "--save-dir", "head.tsv"]);
    assert!(complaint.contains("head.tsv: cannot be written into"), "{complaint}");
    assert_eq!(bench.files(), ["head.tsv"]);
}

#[test]
fn a_frontier_is_tested_on_standard_input_too() {
    let bench = Bench::new();
    let train = data("titles.tsv");
    let test = std::fs::File::open(data("titles-test.tsv")).unwrap();
    let arguments = ["frontier", &train, "--format", "tsv", "--test", "-", "--nonzeros", "5,20", "--json"];
    let output = bench.paring(&[&arguments[..], &["--folds", "2"]].concat()).stdin(test).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(found["points"].as_array().unwrap().iter().all(|point| point["test"].is_f64()), "{found}");
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
fn accuracy_on_training_data_is_that_of_the_model_however_often_a_word_is_repeated() {
    let bench = Bench::new();
    let long = format!("{}{}", "a ".repeat(1100), "b ".repeat(3000));
    let texts = ["A\ta\n".repeat(20), "B\tb\n".repeat(20), format!("A\t{long}\n").repeat(5)].concat();
    let train = bench.write("t.tsv", format!("label\ttext\n{texts}"));
    let report = bench.output(&["train", &train, "-o", "m", "--nonzeros", "2"]);
    let evaluated = bench.json(&["evaluate", "-m", "m", &train, "--json"]);
    let accuracy = format!("on training data   {:.2} %", 100.0 * evaluated["accuracy"].as_f64().unwrap());
    assert!(report.contains(&accuracy), "{report}{accuracy}");
}

#[test]
fn the_built_in_model_is_within_64_kib_and_knows_a_nurse() {
    let bench = Bench::new();
    let found = bench.json(&["inspect", "--json"]);
    assert!(found["bytes"].as_u64().unwrap() <= 65_536);
    assert_eq!(found["classes"], 23);
    assert!(bench.output(&["explain", "registered nurse"]).contains("Healthcare Practitioners"));
}

#[test]
fn every_verb_has_help_with_an_example() {
    let bench = Bench::new();
    for verb in ["train", "classify", "evaluate", "inspect", "explain", "frontier"] {
        let help = bench.output(&[verb, "--help"]);
        assert!(help.contains("Examples:") && help.contains(&format!("  paring {verb}")), "{help}");
    }
}
