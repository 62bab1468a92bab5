//! `paring evaluate`, `inspect`, `explain` and `frontier`, end to end.

#![cfg(feature = "cli")]

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

use common::{Bench, data};
use paring::metrics::wilson_interval;

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
    assert!(picture.contains("no budget within one standard error"));
    // Of two budgets none is above the line through both.
    assert!(found["knee"].is_null() && !picture.contains("knee"));
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
    let weighted = "label\ttext\tw\n".to_string() + &"a\tred\t1\nb\tblue\t2\n".repeat(9);
    bench.write("weighted.tsv", weighted);
    let by_weight = ["frontier", "weighted.tsv", "--nonzeros", "2", "--objective", "log-loss", "--l2", "1"];
    let measure = |arguments: &[&str], more: &[&str]| {
        bench.json(&[arguments, more, &["--json"]].concat())["measure"].as_str().unwrap().to_string()
    };
    assert_eq!(measure(&arguments, &[]), "plain");
    assert_eq!(measure(&arguments, &["--balance"]), "balanced over the classes");
    assert_eq!(measure(&by_weight, &["--weight", "w"]), "by weight");
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

/// What is drawn of a picture, with heights as accuracies: what its axis says of them.
struct Drawn {
    /// The lower and upper ends of bars, by their place from the left.
    bars: BTreeMap<i32, (f64, f64)>,
    /// The height of each point, by its place from the left.
    points: BTreeMap<i32, f64>,
    /// The place of the ring.
    ring: Option<i32>,
    triangle: Option<i32>,
}

fn drawn(picture: &str) -> Drawn {
    let lines: Vec<&str> = picture.lines().collect();
    let attribute = |tag: &str, name: &str| {
        Some(tag.split_once(&format!(" {name}=\""))?.1.split('"').next()?.to_string())
    };
    let number = |tag: &str, name: &str| attribute(tag, name)?.parse::<f64>().ok();
    let is_tick = |pair: &&[&str]| pair[0].contains("text-anchor=\"end\"");
    let ticks = lines.windows(2).filter(is_tick);
    let ticks: Vec<(f64, f64)> =
        ticks.map(|pair| (pair[1].parse().unwrap(), number(pair[0], "y").unwrap())).collect();
    let ((low, bottom), (high, top)) = (ticks[0], ticks[ticks.len() - 1]);
    let accuracy = |y: f64| low + (high - low) * (bottom - y) / (bottom - top);
    let corners = |tag: &str| -> Option<Vec<(i32, f64)>> {
        let points = attribute(tag, "points")?;
        let corner = |corner: &str| {
            let (x, y) = corner.split_once(',')?;
            Some((x.parse().ok()?, accuracy(y.parse().ok()?)))
        };
        points.split_whitespace().map(corner).collect()
    };
    let mut found = Drawn { bars: BTreeMap::new(), points: BTreeMap::new(), ring: None, triangle: None };
    for tag in lines {
        let is_blue = tag.contains("#0072B2");
        let at = number(tag, "cx").map(|x| x as i32);
        if let Some(x) = at.filter(|_| is_blue) {
            found.points.insert(x, accuracy(number(tag, "cy").unwrap()));
        } else if at.is_some() {
            found.ring = at;
        } else if tag.starts_with("<polygon") {
            found.triangle = corners(tag).map(|corners| corners[0].0);
        } else if is_blue
            && let Some([(x, low), (other, high)]) = corners(tag).as_deref()
            && x == other
        {
            found.bars.insert(*x, (*low, *high));
        }
    }
    found
}

#[test]
fn where_all_texts_are_right_the_picture_has_a_bar_for_as_many_as_were_held_out() {
    let bench = Bench::new();
    for texts in [60, 100] {
        bench.write("two.tsv", format!("label\ttext\n{}", "a\tred\nb\tblue\n".repeat(texts / 2)));
        let arguments = ["frontier", "two.tsv", "--objective", "log-loss", "--l2", "1", "--svg", "f.svg"];
        let table = bench.output(&[&arguments[..], &["--nonzeros", "2"]].concat());
        assert!(table.contains("1.0000           0.0"), "{table}");
        let drawn = drawn(&std::fs::read_to_string(bench.path("f.svg")).unwrap());
        let bar = drawn.bars.values().next().unwrap();
        let expected = wilson_interval(texts as u64, texts as u64);
        assert!((bar.0 - expected.0).abs() < 0.001 && (bar.1 - 1.0).abs() < 0.001, "{bar:?} {expected:?}");
    }
}

#[test]
fn a_frontier_marks_its_knee_and_the_first_within_a_standard_error_in_table_json_and_picture() {
    let bench = Bench::new();
    let arguments = ["frontier", &data("titles.tsv"), "--test", &data("titles-test.tsv"), "--svg", "f.svg"];
    let more = ["--nonzeros", "2,5,20,80,200,500", "--objective", "log-loss", "--l2", "1"];
    let table = bench.output(&[&arguments[..], &more[..], &["--tsv"]].concat());
    let found = bench.json(&[&arguments[..], &more[..], &["--json"]].concat());
    let points = found["points"].as_array().unwrap();
    let of = |point: &serde_json::Value, name: &str| point[name].as_f64().unwrap();

    let best = points
        .iter()
        .chain([&found["dense"]])
        .max_by(|a, b| of(a, "cross_validated").total_cmp(&of(b, "cross_validated")));
    let least = of(best.unwrap(), "cross_validated") - of(best.unwrap(), "standard_error");
    let within = points.iter().position(|point| of(point, "cross_validated") >= least).unwrap();
    // The farthest above the straight line from the first to the last.
    let place = |at: usize| (of(&points[at], "budget").ln(), of(&points[at], "cross_validated"));
    let (first, last) = (place(0), place(points.len() - 1));
    let above = |&at: &usize| {
        let share = (place(at).0 - first.0) / (last.0 - first.0);
        place(at).1 - first.1 - share * (last.1 - first.1)
    };
    let knee = (0..points.len()).max_by(|a, b| above(a).total_cmp(&above(b))).unwrap();
    assert!(0 < knee && knee < within, "a test of two marks");
    assert_eq!(
        (&found["knee"], &found["one_standard_error"]),
        (&points[knee]["budget"], &points[within]["budget"])
    );
    let notes: Vec<&str> = table.lines().skip(1).map(|row| row.rsplit('\t').next().unwrap()).collect();
    let mut expected = vec![""; points.len() + 1];
    (expected[knee], expected[within]) = ("knee", "one standard error");
    assert_eq!(notes, expected, "{table}");

    let drawn = drawn(&std::fs::read_to_string(bench.path("f.svg")).unwrap());
    let places: Vec<i32> = drawn.points.keys().copied().collect();
    assert_eq!((drawn.triangle, drawn.ring), (Some(places[knee]), Some(places[within])));
    // Of 84 texts to test on, and not of those that were cross-validated.
    assert!(drawn.bars.keys().eq(&places));
    for ((point, (low, high)), height) in points.iter().zip(drawn.bars.values()).zip(drawn.points.values()) {
        let test = of(point, "test");
        let expected = wilson_interval((test * 84.0).round() as u64, 84);
        let is_near = |found: f64, expected: f64| (found - expected).abs() < 0.005;
        assert!(is_near(*height, test) && (test - of(point, "cross_validated")).abs() > 0.005, "{point}");
        assert!(is_near(*low, expected.0) && is_near(*high, expected.1), "{point} {low} {high}");
    }
}

#[test]
fn without_a_test_a_picture_shows_cross_validated_accuracy_and_its_interval_for_the_texts_held_out() {
    let bench = Bench::new();
    let arguments =
        ["frontier", &data("titles.tsv"), "--nonzeros", "5,20", "--objective", "log-loss", "--l2", "1"];
    let found = bench.json(&[&arguments[..], &["--json", "--svg", "f.svg"]].concat());
    let drawn = drawn(&std::fs::read_to_string(bench.path("f.svg")).unwrap());
    let heights = drawn.points.values().zip(drawn.bars.values());
    for (point, (height, (low, high))) in found["points"].as_array().unwrap().iter().zip(heights) {
        let accuracy = point["cross_validated"].as_f64().unwrap();
        let expected = wilson_interval((accuracy * 327.0).round() as u64, 327);
        let is_near = |found: f64, expected: f64| (found - expected).abs() < 0.003;
        assert!(is_near(*height, accuracy), "{point} {height}");
        assert!(is_near(*low, expected.0) && is_near(*high, expected.1), "{point} {low} {high}");
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
