//! What `paring evaluate`, `inspect` and `explain` report of a model and of texts that can be counted by hand.

#![cfg(feature = "cli")]

mod common;

use common::Bench;
use paring::Model;
use paring::model::ModelParts;
use serde_json::{Value, json};

/// Each class but the last has its words, of which `ward` is told of least.
fn save_model(bench: &Bench) {
    let parts = ModelParts {
        classes: ["health", "kitchen", "law\tand order", "never"].map(String::from).to_vec(),
        class_counts: vec![4, 3, 2, 1],
        features: ["cook", "judge", "nurse", "sous chef", "ward"].map(String::from).to_vec(),
        indptr: vec![0, 1, 2, 3, 4, 6],
        indices: vec![1, 2, 0, 1, 0, 1],
        data: vec![1.0, 1.0, 1.0 + 1.0 / 256.0, 2.5, 0.25, -0.5],
        metadata: vec![("possible_weights".into(), "48".into())],
    };
    Model::from_parts(parts).unwrap().save(bench.path("m")).unwrap();
}

/// Ten texts: six are right. Of the eight with a word of the model five are, of the two without one one is.
const TEN: &str = r#"{"label": "health", "text": "nurse"}
{"label": "health", "text": "Nurse"}
{"label": "health", "text": "night shift"}
{"label": "health", "text": "cook"}
{"label": "kitchen", "text": "cook"}
{"label": "kitchen", "text": "cook"}
{"label": "kitchen", "text": "nurse"}
{"label": "law\tand order", "text": "judge"}
{"label": "law\tand order", "text": "clerk"}
{"label": "clergy", "text": "nurse"}
"#;

fn evaluated(more: &[&str]) -> String {
    let bench = Bench::new();
    save_model(&bench);
    bench.write("ten.jsonl", TEN);
    bench.output(&[&["evaluate", "-m", "m", "ten.jsonl"], more].concat())
}

fn is_near(found: &Value, expected: &Value) -> bool {
    (found.as_f64().unwrap() - expected.as_f64().unwrap()).abs() < 1e-12
}

#[test]
fn ten_texts_are_evaluated_as_by_hand() {
    let found: Value = serde_json::from_str(&evaluated(&["--json"])).unwrap();
    for (name, expected) in [("texts", 10.0), ("accuracy", 0.6), ("coverage", 0.8)] {
        assert!(is_near(&found[name], &json!(expected)), "{name}: {found:#}");
    }
    assert_eq!((&found["accuracy_covered"], &found["accuracy_not_covered"]), (&json!(0.625), &json!(0.5)));
    // Of the classes in the order of the model, then that of the texts alone.
    let classes = [
        ("health", 4, 6, 0.5, 0.75, 0.6),
        ("kitchen", 3, 3, 2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0),
        ("law\tand order", 2, 1, 1.0, 0.5, 2.0 / 3.0),
        ("never", 0, 0, 0.0, 0.0, 0.0),
        ("clergy", 1, 0, 0.0, 0.0, 0.0),
    ];
    assert_eq!(found["per_class"].as_array().unwrap().len(), classes.len());
    for (class, (name, support, predicted, precision, recall, f1)) in
        found["per_class"].as_array().unwrap().iter().zip(classes)
    {
        assert_eq!((&class["name"], &class["support"]), (&json!(name), &json!(support)));
        assert_eq!(class["predicted"], predicted, "{name}");
        for (score, expected) in [("precision", precision), ("recall", recall), ("f1", f1)] {
            assert!(is_near(&class[score], &json!(expected)), "{score} of {class}");
        }
    }
    let averages = [
        ("macro", (0.5 + 2.0 / 3.0 + 1.0) / 4.0, (0.75 + 2.0 / 3.0 + 0.5) / 4.0, (0.6 + 4.0 / 3.0) / 4.0),
        ("weighted", 0.6, 0.6, (2.4 + 2.0 + 4.0 / 3.0) / 10.0),
    ];
    for (name, precision, recall, f1) in averages {
        for (score, expected) in [("precision", precision), ("recall", recall), ("f1", f1)] {
            assert!(is_near(&found[name][score], &json!(expected)), "{score} of {name}: {found:#}");
        }
    }
    assert_eq!(found["macro_f1"], found["macro"]["f1"]);
}

#[test]
fn macro_averages_can_be_counted_again_from_what_each_class_has_and_got() {
    let found: Value = serde_json::from_str(&evaluated(&["--json"])).unwrap();
    let classes = found["per_class"].as_array().unwrap().iter();
    let counted = classes.filter(|class| class["support"] != 0 || class["predicted"] != 0);
    let f1: Vec<f64> = counted.map(|class| class["f1"].as_f64().unwrap()).collect();
    let mean = f1.iter().sum::<f64>() / f1.len() as f64;
    assert!(is_near(&found["macro_f1"], &json!(mean)), "{found:#}");
}

#[test]
fn an_evaluation_for_people_has_a_row_for_each_class_that_occurs_and_for_each_average() {
    let report = evaluated(&[]);
    assert!(
        report.contains(
            "\ncoverage           80.00 %; accuracy with a known feature 62.50 %, without 50.00 %\n"
        ),
        "{report}"
    );
    let table: Vec<&str> = report
        .lines()
        .skip_while(|line| !line.starts_with("class"))
        .take_while(|line| !line.is_empty())
        .collect();
    let expected = [
        "class            precision    recall        F1   support",
        "health              0.5000    0.7500    0.6000         4",
        "kitchen             0.6667    0.6667    0.6667         3",
        "law\u{fffd}and order       1.0000    0.5000    0.6667         2",
        "clergy              0.0000    0.0000    0.0000         1",
        "macro average       0.5417    0.4792    0.4833        10",
        "weighted average    0.6000    0.6000    0.5733        10",
    ];
    assert_eq!(table, expected, "{report}");
}

#[test]
fn classes_that_begin_alike_can_be_told_apart() {
    let bench = Bench::new();
    let beginning = "Healthcare Practitioners and Technical Occupations of ";
    let longer = beginning.repeat(2);
    let names =
        [format!("{beginning}A"), format!("{beginning}B"), format!("{longer}C"), format!("{longer}D")];
    let parts = ModelParts {
        classes: names.to_vec(),
        class_counts: vec![1; 4],
        features: vec!["cook".into(), "nurse".into()],
        indptr: vec![0, 2, 4],
        indices: vec![0, 1, 2, 3],
        data: vec![2.0, 1.0, 2.0, 1.0],
        ..ModelParts::default()
    };
    Model::from_parts(parts).unwrap().save(bench.path("m")).unwrap();
    let records = names.iter().map(|name| format!("{name}\tcook\n")).collect::<String>();
    bench.write("test.tsv", format!("label\ttext\n{records}"));
    let report = bench.output(&["evaluate", "-m", "m", "test.tsv"]);
    assert!(report.contains(&format!("\n{} ", names[0])) && report.contains(&format!("\n{} ", names[1])));
    let has = |class: char, cell: &str| {
        report.lines().any(|line| line.contains(&format!(" of {class} ")) && line.contains(cell))
    };
    assert!("CD".chars().all(|class| has(class, " 0.0000 ")), "{report}");
    assert!("BCD".chars().all(|class| has(class, &format!("labelled {}", names[0]))), "{report}");
    for (word, ends) in [("cook", ["A", "B"]), ("nurse", ["C", "D"])] {
        let report = bench.output(&["explain", "-m", "m", word]);
        let heads = report.lines().find(|line| line.starts_with("feature")).unwrap();
        assert!(ends.iter().all(|end| heads.contains(&format!(" of {end}"))), "{heads}");
    }
}

#[test]
fn columns_stay_straight_below_names_in_wide_letters() {
    let bench = Bench::new();
    let parts = ModelParts {
        classes: vec!["看護師と准看護師".into(), "kitchen".into()],
        class_counts: vec![2, 1],
        features: vec!["cook".into()],
        indptr: vec![0, 1],
        indices: vec![1],
        data: vec![1.0],
        ..ModelParts::default()
    };
    Model::from_parts(parts).unwrap().save(bench.path("m")).unwrap();
    bench.write("test.tsv", "label\ttext\n看護師と准看護師\tx\nkitchen\tcook\n");
    let report = bench.output(&["evaluate", "-m", "m", "test.tsv"]);
    // Eight letters as wide as sixteen, as is the longest other name.
    assert!(
        report.contains("\n看護師と准看護師    1.0000 ") && report.contains("\nkitchen             1.0000 ")
    );
}

#[test]
fn a_scorecard_has_the_largest_scores_first_and_tells_the_density() {
    let bench = Bench::new();
    save_model(&bench);
    let report = bench.output(&["inspect", "-m", "m"]);
    assert!(report.contains("\ndensity            12.5000 % of the possible weights\n"), "{report}");
    let kitchen = "\nkitchen (3 texts)\nsous chef    +2.500\ncook         +1.000\nward         -0.500\n";
    assert!(report.contains(kitchen), "{report}");
    let found = bench.json(&["inspect", "-m", "m", "--json"]);
    assert_eq!(found["density"], 0.125);
    let scores = found["scorecard"][1]["scores"].as_object().unwrap();
    assert_eq!(
        scores.iter().collect::<Vec<_>>(),
        [
            (&"sous chef".to_string(), &json!(2.5)),
            (&"cook".into(), &json!(1.0)),
            (&"ward".into(), &json!(-0.5)),
        ]
    );
}

#[test]
fn the_rows_of_inspect_are_distinct_and_have_three_columns_whatever_a_class_is_called() {
    let bench = Bench::new();
    save_model(&bench);
    let printed = bench.output(&["inspect", "-m", "m", "--tsv"]);
    let rows = [
        "cook\tkitchen\t1",
        "judge\tlaw and order\t1",
        "nurse\thealth\t1.00390625",
        "sous chef\tkitchen\t2.5",
        "ward\thealth\t0.25",
        "ward\tkitchen\t-0.5",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), rows);
}

#[test]
fn words_that_the_model_does_not_know_are_listed_once_each() {
    let bench = Bench::new();
    save_model(&bench);
    let explained = |text: &str| bench.output(&["explain", "-m", "m", text]);
    let found = explained("Night nurse, late shift: sous chef at NIGHT");
    assert!(found.contains("\nrunner-up  health\nunknown    night late shift at\n\nfeature"), "{found}");
    // Known as two words alone.
    let found = explained("sous nurse");
    assert!(found.contains("\nunknown    sous\n"), "{found}");
    let found = explained("sous chef");
    assert!(!found.contains("unknown") && !found.contains("no feature"), "{found}");
}

#[test]
fn a_text_without_any_feature_of_the_model_is_said_to_have_none() {
    let bench = Bench::new();
    save_model(&bench);
    let found = bench.output(&["explain", "-m", "m", "xyz"]);
    let told =
        "unknown    xyz\nno feature of the text is in the model: the label is that of the first class\n\n";
    assert!(found.contains(told), "{found}");
    let found = bench.output(&["explain", ""]);
    assert!(found.contains("is in the model: the label is that of the largest intercept\n"), "{found}");
    assert!(!found.contains("unknown"), "{found}");
}

#[test]
fn scores_are_said_to_be_rounded() {
    let bench = Bench::new();
    save_model(&bench);
    assert!(bench.output(&["explain", "-m", "m", "nurse"]).contains(" +1.004 "));
    assert!(bench.output(&["explain", "--help"]).contains("Scores are rounded to three digits"));
}

#[test]
fn the_line_ends_of_windows_are_no_part_of_the_texts_explained() {
    let bench = Bench::new();
    save_model(&bench);
    let explained = |lines: &str| {
        let input = std::fs::File::open(bench.write("texts", lines)).unwrap();
        let output = bench.paring(&["explain", "-m", "m", "-"]).stdin(input).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(explained("nurse\r\ncook\r\n"), explained("nurse\ncook\n"));
}
