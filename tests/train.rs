//! `paring train`, end to end: budgets, what is chosen, and what is told of it.

#![cfg(feature = "cli")]

mod common;

use common::{Bench, data};

#[test]
fn a_budget_of_nonzeros_is_kept_by_every_objective() {
    let bench = Bench::new();
    for objective in ["auto", "log-loss", "softmax-margin:2", "gce:0.3", "zero-one"] {
        for nonzeros in ["1", "7", "40"] {
            bench.train_titles("m", &["--nonzeros", nonzeros, "--objective", objective, "--folds", "2"]);
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
    let report = Bench::new().train_titles("m", &["--nonzeros", "30"]);
    let lines =
        ["classes", "texts", "features", "possible weights", "nonzeros kept", "bytes", "accuracy", "time"];
    for line in lines {
        assert!(report.lines().any(|found| found.starts_with(line)), "{line} in {report}");
    }
    assert!(report.contains("30 of at most 30"));
    assert!(report.contains("tried"));
}

#[test]
fn a_cut_is_tried_at_the_best_l2_strength_and_at_the_next_weaker_unless_one_is_given() {
    let cuts = |more: &[&str]| -> Vec<String> {
        let report = Bench::new().train_titles("m", &[&["--nonzeros", "40"], more].concat());
        let candidates = report.lines().skip_while(|line| !line.starts_with("tried"));
        let candidates = candidates.filter(|line| !line.contains("dropout"));
        let cuts = candidates.filter_map(|line| Some(line.split_once(", cut")?.0.to_owned()));
        cuts.filter(|setting| setting.starts_with("softmax-margin:2")).collect()
    };
    assert_eq!(cuts(&["--l2", "1"]), ["softmax-margin:2, L2 1, naive Bayes"]);
    let [best, weaker] = &cuts(&[])[..] else { panic!("{:?}", cuts(&[])) };
    let strength = |setting: &str| {
        setting.split(", ").nth(1).unwrap().strip_prefix("L2 ").unwrap().parse::<f64>().unwrap()
    };
    assert!(strength(weaker) < strength(best), "{best}; {weaker}");
}

#[test]
fn a_model_says_whether_its_penalty_was_of_naive_bayes() {
    for (nonzeros, is_so) in [("60", true), ("5", false)] {
        let bench = Bench::new();
        let report = bench.train_titles("m", &["--nonzeros", nonzeros]);
        let objective = report.lines().find(|line| line.starts_with("objective")).unwrap();
        assert_eq!(objective.contains("naive Bayes"), is_so, "{report}");
        let training = &bench.json(&["inspect", "-m", "m", "--json"])["training"];
        assert_eq!(training["penalty"] == "naive Bayes", is_so, "{training}");
    }
}

#[test]
fn what_the_choice_is_by_is_shown_where_it_is_not_accuracy() {
    let report = |nonzeros: &str| Bench::new().train_titles("m", &["--nonzeros", nonzeros]);
    let by = "\nchosen by: expected accuracy in %";
    assert!(!report("60").contains(by));
    let report = report("90");
    let (tried, chosen) = report.split_once(by).unwrap();
    let names = |table: &str| -> Vec<String> {
        let rows = table.lines().filter(|line| line.contains(", L2 ") && !line.starts_with("objective"));
        rows.map(|row| row.rsplit_once(' ').unwrap().0.trim().to_owned()).collect()
    };
    assert!(names(chosen).len() > 3);
    assert_eq!(names(tried), names(chosen));
}

#[test]
fn the_naive_bayes_penalty_is_tried_near_the_best_l2_strength_where_texts_are_few() {
    let tried = |more: &[&str]| -> Vec<String> {
        let report = Bench::new().train_titles("m", more);
        let candidates = report.lines().skip_while(|line| !line.starts_with("tried"));
        let plain = |line: &&str| {
            line.starts_with("softmax-margin:2") && !line.contains("dropout") && !line.contains("cut")
        };
        let strengths = candidates.filter(plain).filter_map(|line| line.split_once(", naive Bayes"));
        strengths.map(|(setting, _)| setting.rsplit(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(tried(&["--nonzeros", "40", "--l2", "1"]), ["1"]);
    assert!(tried(&["--nonzeros", "40"]).len() >= 2);
    let report = Bench::new().train_titles("m", &["--nonzeros", "40", "--l2", "1"]);
    let accuracy = |setting: &str| {
        let line = report.lines().find_map(|line| line.strip_prefix(setting)?.trim().parse::<f64>().ok());
        line.unwrap_or_else(|| panic!("{setting} in {report}"))
    };
    assert_ne!(accuracy("softmax-margin:2, L2 1"), accuracy("softmax-margin:2, L2 1, naive Bayes"));
    assert!(tried(&["--nonzeros", "5"]).is_empty());
    assert!(tried(&["--nonzeros", "40", "--objective", "softmax-margin:2"]).is_empty());
}

#[test]
fn leaving_features_out_is_tried_unless_there_are_few_nonzeros_for_so_many_texts() {
    let tries_dropout = |more: &[&str]| Bench::new().train_titles("m", more).contains(", dropout");
    assert!(tries_dropout(&["--nonzeros", "60"]));
    assert!(!tries_dropout(&["--nonzeros", "5"]));
    assert!(!tries_dropout(&["--nonzeros", "60", "--objective", "softmax-margin:2"]));
}

#[test]
fn wider_margins_are_tried_of_the_best_fit_without_dropout_and_of_the_best_with_it() {
    let report = Bench::new().train_titles("m", &["--nonzeros", "60"]);
    let tries = |margin: &str, dropout: bool| {
        let line = |line: &str| line.starts_with(margin) && line.contains(", dropout") == dropout;
        report.lines().skip_while(|line| !line.starts_with("tried")).any(line)
    };
    for margin in ["softmax-margin:2", "softmax-margin:4", "softmax-margin:8"] {
        assert!(tries(margin, false) && tries(margin, true), "{margin} in {report}");
    }
}

#[test]
fn what_would_be_grown_is_cut_where_features_are_left_out() {
    let report = Bench::new().train_titles("m", &["--nonzeros", "40"]);
    let mut dropped = report.lines().filter(|line| line.contains(", dropout")).peekable();
    assert!(dropped.peek().is_some() && dropped.all(|line| line.contains(", cut, dropout")), "{report}");
}

#[test]
fn an_end_under_0_1_loss_is_tried_with_features_left_out_where_that_is_tried() {
    let ends = |nonzeros: &str| {
        let report = Bench::new().train_titles("m", &["--nonzeros", nonzeros]);
        let ends = report.lines().filter(|line| line.starts_with("zero-one") && !line.contains("L2 0 "));
        ends.map(|line| line.contains(", dropout")).collect::<Vec<_>>()
    };
    assert_eq!(ends("20"), [false, true]);
    assert_eq!(ends("5"), [false]);
}

#[test]
fn the_model_is_the_same_on_any_number_of_threads_and_another_for_other_data() {
    let bench = Bench::new();
    let model = |threads: &str, given: &[&str]| {
        bench.train_titles("m", &[&["--threads", threads], given].concat());
        std::fs::read(bench.path("m")).unwrap()
    };
    let smooth = &["--nonzeros", "40"][..];
    // With random exchanges, of which several are tried at once.
    let exchanged = &["--nonzeros", "20", "--objective", "zero-one"][..];
    for given in [smooth, exchanged] {
        let one = model("1", given);
        assert_eq!(one, model("2", given));
        assert_eq!(one, model("5", given));
        assert_ne!(one, model("1", &[given, &["--min-count", "3"]].concat()));
    }
}

#[test]
fn a_frontier_is_the_same_on_any_number_of_threads() {
    let bench = Bench::new();
    let frontier = |threads: &str| {
        let directory = format!("of{threads}");
        let given = ["--nonzeros", "5,20,60", "--threads", threads, "--save-dir", &directory, "--tsv"];
        let table = bench.output(&[&["frontier", &data("titles.tsv")][..], &given].concat());
        let mut models: Vec<_> =
            std::fs::read_dir(bench.path(&directory)).unwrap().map(|file| file.unwrap().path()).collect();
        models.sort();
        let read =
            |path: &std::path::PathBuf| (path.file_name().unwrap().to_owned(), std::fs::read(path).unwrap());
        (table, models.iter().map(read).collect::<Vec<_>>())
    };
    let (table, models) = frontier("1");
    assert!(models.len() >= 3);
    assert_eq!((table, models), frontier("3"));
}

#[test]
fn a_budget_of_bytes_bounds_the_file() {
    let bench = Bench::new();
    for most in [400_u64, 700, 1500] {
        bench.train_titles("m", &["--max-bytes", &most.to_string(), "--folds", "2"]);
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
        bench.train_titles("m", &given);
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
    assert!(complaint.contains("allow more with --max-bytes"), "{complaint}");
}

#[test]
fn a_budget_of_bytes_tells_the_accuracy_of_the_nonzeros_that_it_keeps() {
    let bench = Bench::new();
    let told = |budget: &[&str]| {
        let report = bench
            .train_titles("m", &[budget, &["--objective", "log-loss", "--l2", "1", "--folds", "2"]].concat());
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
        bench.train_titles("m", &["--max-accuracy-loss", points, "--l2", "0.3", "--folds", "3"]);
        bench.json(&["inspect", "-m", "m", "--json"])["nonzeros"].as_u64().unwrap()
    };
    assert!(kept("15") < kept("2"));
}

#[test]
fn pruning_by_magnitude_keeps_the_budget_and_loses_to_cost() {
    let bench = Bench::new();
    let accuracy = |by: &str| {
        bench.train_titles("m", &["--nonzeros", "20", "--prune-by", by]);
        let found = bench.json(&["evaluate", "-m", "m", &data("titles-test.tsv"), "--json"]);
        assert!(found["nonzeros"].as_u64().unwrap() <= 20);
        found["accuracy"].as_f64().unwrap()
    };
    assert!(accuracy("cost") > accuracy("magnitude"));
}

#[test]
fn pruning_by_magnitude_spends_a_budget_that_a_fit_with_an_l1_penalty_does_not_fill() {
    let bench = Bench::new();
    for nonzeros in ["40", "41", "150"] {
        let report =
            bench.train_titles("m", &["--nonzeros", nonzeros, "--prune-by", "magnitude", "--l2", "0.01"]);
        assert!(report.contains(&format!("{nonzeros} of at most {nonzeros}\n")), "{report}");
    }
}

#[test]
fn what_cannot_be_learnt_or_validated_is_told() {
    let bench = Bench::new();
    let train = data("titles.tsv");
    let complaint = |arguments: &[&str]| {
        let output = bench.run(&[&["train", &train, "-o", "m", "--nonzeros", "5"], arguments].concat());
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(
        complaint(&["--min-count", "1000"])
            .contains("no feature is left but the intercept (with --min-count 1000)")
    );
    bench.write("some.tsv", "label\ttext\nHealthcare\tnurse\nX\tfoo\nX\tbar\n");
    assert!(
        complaint(&["--validation", "some.tsv"]).contains("2 of 3 texts of the validation data have labels")
    );
    bench.write("none.tsv", "label\ttext\nX\tfoo\n");
    let none = bench.failure(1, &["train", &train, "-o", "m", "--validation", "none.tsv"]);
    assert!(none.contains("none.tsv: none of the 1 texts"), "{none}");
    // Two texts, of which neither tells anything of the other.
    let output = bench.train("label\ttext\na\tx\nb\ty\n", &["--nonzeros", "2"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("accuracy           0.00 % ± 30.62"));
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
    assert!(balanced.contains("50.00 % ± 4.40 (cross-validated, balanced over the classes)\n"), "{balanced}");
    assert!(balanced.contains("on training data   50.00 % balanced over the classes\n"), "{balanced}");
    assert!(bench.output(&["inspect", "-m", "m"]).contains("\ncross_validated_balanced_accuracy 0.5000\n"));
    let weighted = told("2", &["--weight", "w"]);
    assert!(weighted.contains("81.82 % ± 4.96 (cross-validated, by weight)\n"), "{weighted}");
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
fn validation_data_stand_in_for_cross_validation() {
    let bench = Bench::new();
    let validation = data("titles-test.tsv");
    // The model that is kept may search harder than what settings were told apart by.
    for (nonzeros, objective) in [("30", "log-loss"), ("40", "zero-one")] {
        let given = ["--nonzeros", nonzeros, "--objective", objective, "--validation", &validation];
        let report = bench.train_titles("m", &given);
        let evaluated = bench.json(&["evaluate", "-m", "m", &validation, "--json"]);
        let accuracy = format!("{:.2} %", 100.0 * evaluated["accuracy"].as_f64().unwrap());
        let told = report.lines().find(|line| line.ends_with("(on the validation data)")).unwrap();
        assert!(told.contains(&accuracy), "{told}: {accuracy}");
    }
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
        bench.output(&[&["train", file, "-o", "m"], &given[..], more].concat());
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
