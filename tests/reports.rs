//! `paring evaluate`, `inspect`, `explain` and `frontier`, end to end.

#![cfg(feature = "cli")]

mod common;

use std::io::Write;
use std::process::Stdio;

use common::{Bench, data};

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
fn every_nonzero_is_printed_once_as_tsv() {
    let bench = Bench::new();
    bench.train_titles("m", &["--nonzeros", "25", "--affixes=3-4", "--ngrams", "2"]);
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
    bench.train_titles("m", &["--nonzeros", "40"]);
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
    bench.train_titles("m", &["--nonzeros", "200"]);
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
fn how_often_a_feature_occurs_is_shown_however_long_its_name() {
    let bench = Bench::new();
    let name = "a".repeat(30) + &"z".repeat(30);
    let model = paring::Model::from_parts(paring::model::ModelParts {
        classes: vec!["x".into(), "y".into()],
        class_counts: vec![2, 1],
        features: vec![name.clone()],
        indptr: vec![0, 1],
        indices: vec![1],
        data: vec![1.0],
        ..Default::default()
    });
    model.unwrap().save(bench.path("m")).unwrap();
    let explained = bench.output(&["explain", "-m", "m", &format!("{name} {name}")]);
    let shortened = format!("\n{}…{} (x2) ", "a".repeat(21), "z".repeat(21));
    assert!(explained.contains(&shortened), "{explained}");
}

#[test]
fn the_lines_of_standard_input_are_explained() {
    let bench = Bench::new();
    let input = std::fs::File::open(bench.write("texts", b"night nurse\n\xff cook")).unwrap();
    let output = bench.paring(&["explain", "-"]).stdin(input).output().unwrap();
    let explained = String::from_utf8(output.stdout).unwrap();
    assert!(explained.contains("\nnurse ") && explained.contains("\ncook "), "{explained}");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"night nurse\n\xff cook").unwrap();
    let input = std::fs::File::open(bench.write("texts.gz", gzip.finish().unwrap())).unwrap();
    let output = bench.paring(&["explain", "-"]).stdin(input).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), explained);
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
    // Where so few budgets leave no round numbers on the axis, they stand there.
    assert!(picture.contains("\n20\n") && picture.contains("\n80\n"));
    let found = bench.json(&[&arguments[..], &["--json", "--folds", "2"]].concat());
    let points = found["points"].as_array().unwrap();
    assert_eq!(points.len(), 3);
    // Of what was tried at a budget, the best is what its model was made by.
    for point in points {
        let tried = found["tried"].as_array().unwrap().iter();
        let tried: Vec<_> = tried.filter(|tried| tried["budget"] == point["budget"]).collect();
        let is_expected = point["budget"] == 80;
        let by = if is_expected { "expected_accuracy" } else { "cross_validated" };
        let best = tried.iter().map(|tried| tried[by].as_f64().unwrap()).fold(0.0, f64::max);
        let chosen = tried.iter().find(|tried| tried[by] == best).unwrap();
        assert_eq!((&point["cross_validated"], &point["fit"]), (&chosen["cross_validated"], &chosen["fit"]));
        assert!(
            tried.len() > 3 && tried.iter().all(|tried| tried["expected_accuracy"].is_f64() == is_expected)
        );
    }
}

#[test]
fn the_picture_of_a_frontier_may_stand_beside_its_models_but_not_in_place_of_one() {
    let bench = Bench::new();
    let train = data("titles.tsv");
    let given =
        ["frontier", &train, "--nonzeros", "5", "--objective", "log-loss", "--l2", "1", "--save-dir", "new"];
    for model in ["new/5.paring", "./new//dense.paring"] {
        let complaint = bench.failure(2, &[&given[..], &["--svg", model]].concat());
        assert!(complaint.contains("paring: expected another file for the picture"), "{complaint}");
    }
    bench.output(&[&given[..], &["--svg", "./new/f.svg"]].concat());
    assert!(bench.path("new/f.svg").exists() && bench.path("new/5.paring").exists());
}

#[test]
fn a_frontier_marks_what_is_within_a_standard_error_of_the_best_of_all_the_dense_fit_included() {
    let bench = Bench::new();
    let arguments =
        ["frontier", &data("titles.tsv"), "--nonzeros", "1,2", "--objective", "log-loss", "--l2", "1"];
    let table = bench.output(&[&arguments[..], &["--tsv"]].concat());
    let is_marked = |row: &str| row.ends_with("one standard error");
    assert_eq!(table.lines().map(is_marked).collect::<Vec<_>>(), [false, false, false, true], "{table}");
    let found = bench.json(&[&arguments[..], &["--json", "--svg", "f.svg"]].concat());
    assert!(found["one_standard_error"].is_null());
    let picture = std::fs::read_to_string(bench.path("f.svg")).unwrap();
    assert!(picture.contains("knee") && picture.contains("no budget within one standard error"));
}

#[test]
fn a_frontier_says_what_its_accuracies_are_where_they_are_not_plain_ones() {
    let bench = Bench::new();
    let arguments =
        ["frontier", &data("titles.tsv"), "--nonzeros", "5", "--objective", "log-loss", "--l2", "1"];
    let caption = "cross-validated accuracies are balanced over the classes\n";
    assert!(bench.output(&[&arguments[..], &["--balance", "--svg", "f.svg"]].concat()).ends_with(caption));
    let picture = std::fs::read_to_string(bench.path("f.svg")).unwrap();
    assert!(picture.contains("cross-validated accuracy, balanced over the classes"));
    assert!(!bench.output(&arguments).contains("balanced"));
}

#[test]
fn a_picture_says_what_its_bars_are_and_that_its_marks_are_by_cross_validation() {
    let bench = Bench::new();
    let train = data("titles.tsv");
    let arguments =
        ["frontier", &train, "--nonzeros", "5", "--objective", "log-loss", "--l2", "1", "--svg", "f.svg"];
    let picture = |more: &[&str]| {
        bench.output(&[&arguments[..], more].concat());
        std::fs::read_to_string(bench.path("f.svg")).unwrap()
    };
    assert!(picture(&[]).contains("\nbars: 95 % intervals\n"));
    let tested = "\nbars: 95 % intervals; knee and one standard error: by cross-validation\n";
    assert!(picture(&["--test", &data("titles-test.tsv")]).contains(tested));
    let help = bench.output(&["frontier", "--help"]).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help.contains("bars are 95 % intervals") && help.contains("by cross-validation, with --test too")
    );
}

/// The upper and lower ends of the bars of a picture, from the left to the right.
fn bars(picture: &str) -> Vec<(f64, f64)> {
    let blue = picture.lines().filter(|line| line.contains("<polyline") && line.contains("#0072B2"));
    let ends = blue.filter_map(|line| {
        let points = line.split(" points=\"").nth(1)?.split('"').next()?;
        let points: Vec<_> = points.split_whitespace().map(|point| point.split_once(',').unwrap()).collect();
        let is_bar = points.len() == 2 && points[0].0 == points[1].0;
        is_bar.then(|| (points[1].1.parse().unwrap(), points[0].1.parse().unwrap()))
    });
    ends.collect()
}

#[test]
fn where_all_texts_are_right_the_picture_has_a_bar_for_as_many_as_were_held_out() {
    let bench = Bench::new();
    let length = |texts: usize, more: &[&str]| {
        bench.write("two.tsv", format!("label\ttext\n{}", "a\tred\nb\tblue\n".repeat(texts / 2)));
        let arguments = ["frontier", "two.tsv", "--objective", "log-loss", "--l2", "1", "--svg", "f.svg"];
        let table = bench.output(&[&arguments[..], &["--nonzeros", "2"], more].concat());
        assert!(table.contains("1.0000           0.0000"), "{table}");
        let picture = std::fs::read_to_string(bench.path("f.svg")).unwrap();
        let [(high, low)] = bars(&picture)[..] else { panic!("{picture}") };
        // In the units of the axis, whose ticks are 0.01 apart.
        let tick = |number: &str| -> f64 {
            let before = picture.split(&format!("\n{number}\n")).next().unwrap();
            before.rsplit(" y=\"").next().unwrap().split('"').next().unwrap().parse().unwrap()
        };
        (low - high) / (tick("0.980") - tick("0.990")) * 0.01
    };
    // 3.84 / (n + 3.84), by Wilson's formula.
    for texts in [60, 100] {
        let expected = 3.8415 / (texts as f64 + 3.8415);
        assert!((length(texts, &[]) - expected).abs() < 0.001, "{} {expected}", length(texts, &[]));
        assert!((length(texts, &["--test", "two.tsv"]) - expected).abs() < 0.001);
    }
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

#[cfg(target_os = "linux")]
#[test]
fn a_picture_that_cannot_be_written_does_not_cost_the_table() {
    let bench = Bench::new();
    let train = data("titles.tsv");
    let given = ["frontier", &train, "--nonzeros", "5", "--objective", "log-loss", "--l2", "1", "--tsv"];
    let output = bench.run(&[&given[..], &["--svg", "/dev/full"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), bench.output(&given));
    let complaint = bench.failure(2, &[&given[..], &["--save-dir", "new", "--svg", "./new"]].concat());
    assert!(complaint.contains("expected another name for the picture"), "{complaint}");
    assert!(bench.files().is_empty());
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
fn the_built_in_model_is_within_64_kib_and_knows_a_nurse() {
    let bench = Bench::new();
    let found = bench.json(&["inspect", "--json"]);
    assert!(found["bytes"].as_u64().unwrap() <= 65_536);
    assert_eq!(found["classes"], 23);
    assert!(bench.output(&["explain", "registered nurse"]).contains("Healthcare Practitioners"));
}
