//! Texts and training data that nobody vouches for, with the real binary.

#![cfg(feature = "cli")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use common::{Bench, data};

impl Bench {
    /// Trains, in success; gives the labels of `texts`.
    fn labels(&self, content: impl AsRef<[u8]>, arguments: &[&str], texts: &str) -> String {
        let output = self.train(content, arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::write(self.path("texts"), texts).unwrap();
        String::from_utf8(self.run(&["classify", "-m", "m", "texts"]).stdout).unwrap()
    }

    /// The one line with which training ends, leaving nothing behind.
    fn refusal(&self, content: impl AsRef<[u8]>, arguments: &[&str]) -> String {
        let output = self.train(content, arguments);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(matches!(output.status.code(), Some(1 | 2)), "{complaint}");
        assert_eq!(complaint.trim_end().lines().count(), 1, "{complaint}");
        assert!(output.stdout.is_empty());
        assert_eq!(self.files(), ["train.tsv"]);
        complaint
    }
}

/// Feeds `paring classify` and counts the lines that come back; also gives the most memory that it was seen to take,
/// in KiB.
fn classified(arguments: &[&str], feed: impl FnOnce(&mut dyn Write) + Send) -> (u64, u64) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_paring"))
        .arg("classify")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = child.stdout.take().unwrap();
    let lines = std::thread::scope(|scope| {
        scope.spawn(move || feed(&mut input));
        let lines = scope.spawn(move || {
            let mut lines = 0;
            let mut buffer = vec![0; 1 << 16];
            loop {
                match std::io::Read::read(&mut output, &mut buffer).unwrap() {
                    0 => return lines,
                    read => lines += buffer[..read].iter().filter(|&&byte| byte == b'\n').count() as u64,
                }
            }
        });
        let mut most = 0;
        while !lines.is_finished() {
            most = most.max(peak_memory(&child).unwrap_or(0));
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        (lines.join().unwrap(), most)
    });
    assert!(child.wait().unwrap().success());
    lines
}

fn peak_memory(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

const MIB: u64 = 1 << 10;

#[test]
fn any_bytes_give_a_line_for_a_line() {
    let mut lines: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\0".to_vec(),
        b"\xff\xfe\xfd".to_vec(),
        b"nurse\xc3".to_vec(),
        b"\xed\xa0\x80 surrogate".to_vec(),
        b"\r".to_vec(),
        "\u{202e}esrun\u{202c}".into(),
        "a\u{0}b\u{feff}c\u{85}\u{2028}\u{2029}d".into(),
        format!("a{}", "\u{301}".repeat(200_000)).into(),
        "\u{fdfa}".repeat(10_000).into(),
        " ".repeat(100_000).into(),
        b"nurse ".repeat(50_000),
    ];
    // A few characters of every block of every plane: all scripts.
    let blocks = (0..0x11_0000_u32).step_by(64);
    lines.extend(blocks.map(|start| {
        let characters = (start..start + 64).filter_map(char::from_u32).filter(|&c| c != '\n');
        characters.collect::<String>().into_bytes()
    }));
    let input = lines.join(&b'\n');
    for threads in ["1", "2"] {
        for ended in [false, true] {
            let (labels, _) = classified(&["--threads", threads], |to| {
                to.write_all(&input).unwrap();
                if ended {
                    to.write_all(b"\n").unwrap();
                }
            });
            assert_eq!(labels, lines.len() as u64);
        }
    }
}

#[test]
fn millions_of_lines_take_little_memory_and_none_is_lost() {
    let (labels, memory) = classified(&[], |to| {
        for _ in 0..30 {
            to.write_all(&b"\n".repeat(100_000)).unwrap();
            to.write_all(&b"night nurse\n".repeat(20_000)).unwrap();
        }
    });
    assert_eq!(labels, 30 * 120_000);
    assert!(memory < 64 * MIB, "{memory} KiB");
}

#[test]
fn labels_however_long_take_memory_for_a_part_of_the_output_at_a_time() {
    let bench = Bench::new();
    let long = "x".repeat(60_000);
    let model = bench.path("m").display().to_string();
    let texts = format!("label\ttext\n{long}\tcook\n{long}\tbaker\nb\tnurse\n");
    assert!(bench.train(texts, &["--nonzeros", "2"]).status.success());
    let (labels, memory) = classified(&["-m", &model], |to| to.write_all(&[b'\n'; 8192]).unwrap());
    assert_eq!(labels, 8192);
    assert!(memory < 64 * MIB, "{memory} KiB");
}

#[test]
fn a_long_name_with_a_score_for_every_class_is_printed_without_being_held_so_often() {
    let bench = Bench::new();
    let classes = 30_000;
    let parts = paring::model::ModelParts {
        classes: (0..classes).map(|class| format!("c{class:05}")).collect(),
        class_counts: vec![1; classes],
        features: vec![vec!["x".repeat(250); 8].join(" ")],
        indptr: vec![0, classes as u32],
        indices: (0..classes as u32).collect(),
        data: vec![1.0; classes],
        ..Default::default()
    };
    paring::Model::from_parts(parts).unwrap().save(bench.path("m")).unwrap();
    for format in ["--tsv", "--json"] {
        let mut command = bench.paring(&["inspect", "-m", "m", format]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        // Close to the end of 60 MB, and before it.
        let read = std::io::copy(&mut (&mut output).take(59_000_000), &mut std::io::sink()).unwrap();
        let memory = peak_memory(&child).unwrap_or(0);
        std::io::copy(&mut output, &mut std::io::sink()).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(read, 59_000_000);
        assert!(memory < 40 * MIB, "{format}: {memory} KiB");
    }
}

#[test]
fn a_line_of_64_mb_is_one_record() {
    let (labels, memory) = classified(&[], |to| {
        for _ in 0..64 {
            to.write_all(&b"night nurse ".repeat(83_334)).unwrap();
        }
        to.write_all(b"\ncook\n").unwrap();
    });
    assert_eq!(labels, 2);
    // The line is held as it is, and as it grows once more beside it; not more often.
    assert!(memory < 300 * MIB, "{memory} KiB");
}

#[test]
#[ignore = "takes 3 GB of memory"]
fn a_line_of_1_gib_is_one_record() {
    let (labels, _) = classified(&[], |to| {
        for _ in 0..1024 {
            to.write_all(&b"nurse---".repeat(1 << 17)).unwrap();
        }
    });
    assert_eq!(labels, 1);
}

#[test]
#[ignore = "takes a minute"]
fn a_billion_empty_lines_give_a_billion_labels() {
    let (labels, memory) = classified(&[], |to| {
        let block = b"\n".repeat(1_000_000);
        (0..1000).for_each(|_| to.write_all(&block).unwrap());
    });
    assert_eq!(labels, 1_000_000_000);
    assert!(memory < 64 * MIB, "{memory} KiB");
}

#[test]
fn contradictory_duplicate_and_empty_texts_train() {
    let bench = Bench::new();
    let labels =
        bench.labels("label\ttext\na\tx\nb\tx\na\tx\nb\t\nb\t\na\tx\nb\t\n", &["--nonzeros", "3"], "x\n\n");
    assert_eq!(labels, "a\nb\n");
}

#[test]
fn a_class_with_one_text_trains() {
    let bench = Bench::new();
    let content = "label\ttext\na\tx\na\tx\nb\ty\nb\ty\nrare\tz\n";
    assert_eq!(bench.labels(content, &["--nonzeros", "6"], "x\ny\nz\n"), "a\nb\nrare\n");
}

#[test]
fn labels_of_any_script_and_with_spaces_train() {
    let bench = Bench::new();
    let content = "label\ttext\n Krankenpflege heute\tx\n料理人\ty\n Krankenpflege heute\tx\n料理人\ty\n";
    assert_eq!(bench.labels(content, &["--nonzeros", "2"], "x\ny\n"), " Krankenpflege heute\n料理人\n");
}

#[test]
fn mixed_line_ends_and_a_byte_order_mark_train() {
    let bench = Bench::new();
    let content = "\u{feff}label\ttext\r\na\tx\nb\ty\r\na\tx\r\nb\ty";
    assert_eq!(bench.labels(content, &["--nonzeros", "2"], "x\ny\n"), "a\nb\n");
}

#[test]
fn fewer_texts_than_folds_train() {
    let bench = Bench::new();
    let content = "label\ttext\na\tx\nb\ty\n";
    assert_eq!(bench.labels(content, &["--nonzeros", "2", "--folds", "9"], "x\ny\n"), "a\nb\n");
    assert_eq!(bench.labels(content, &["--max-accuracy-loss", "0"], "x\ny\n").lines().count(), 2);
}

#[test]
fn texts_without_a_single_feature_train() {
    let bench = Bench::new();
    assert_eq!(bench.labels("label\ttext\na\t!\na\t?\nb\t.\n", &["--nonzeros", "5"], "x\n"), "a\n");
}

#[test]
fn more_classes_than_the_memory_asked_for_holds_are_refused() {
    let bench = Bench::new();
    let rows: String = (0..20_000).map(|at| format!("c{at}\tw{at}\n")).collect();
    let arguments = ["--nonzeros", "10", "--objective", "log-loss", "--l2", "1"];
    let output =
        bench.train(format!("label\ttext\n{rows}"), &[&arguments[..], &["--max-memory", "64M"]].concat());
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("train.tsv: ") && complaint.contains("--max-memory"), "{complaint}");
    assert_eq!(complaint.trim_end().lines().count(), 1, "{complaint}");
}

#[test]
fn training_data_that_cannot_be_learnt_from_is_refused_in_one_line() {
    let bench = Bench::new();
    assert!(bench.refusal("", &[]).contains("train.tsv"));
    assert!(bench.refusal("label\ttext\n", &[]).contains("train.tsv"));
    assert!(bench.refusal("label\ttext\na\tx\na\ty\n", &[]).contains("\"a\""));
    assert!(bench.refusal("label\ttext\na\tx\nb\n", &[]).contains("train.tsv:3"));
    assert!(bench.refusal("label\ttext\na\tx\nb\ty\tz\n", &[]).contains("train.tsv:3"));
    assert!(bench.refusal("label\ttitle\na\tx\nb\ty\n", &[]).contains("\"text\""));
    assert!(bench.refusal("label\ttext\na\tx\n\ty\n", &[]).contains("train.tsv:3"));
    assert!(bench.refusal("label\ttext\na\tx\n\u{0}\u{1}\ty\tz\n", &[]).contains("train.tsv:3"));
    let weights = "label\ttext\tw\na\tx\t1\nb\ty\tNaN\n";
    assert!(bench.refusal(weights, &["--weight", "w"]).contains("train.tsv:3"));
    assert!(bench.refusal([0xff, 0xfe, 0, 1].as_slice(), &[]).contains("train.tsv"));
    assert!(bench.refusal("label\ttext\na\tx\nb\ty\n", &["--l2", "inf"]).contains("l2 is inf"));
    let of_csv = |content: &str| bench.refusal(content, &["--format", "csv"]);
    assert!(of_csv("label,text\na,x\n\"b\nc\",y\n").contains("train.tsv:3: label \"b\\nc\""));
    assert!(
        of_csv("label,text\na,x\n\"b,y\n")
            .contains("train.tsv:3: a quoted field goes on to the end of the file, over 1 line:")
    );
}

#[test]
fn a_field_of_100_mb_trains() {
    let bench = Bench::new();
    let long = "pastry cook ".repeat(100_000_000 / 12);
    let content = format!("label\ttext\na\tnurse\nb\t{long}\na\tnurse\nb\tcook\n");
    assert_eq!(bench.labels(content, &["--nonzeros", "2"], "nurse\ncook\n"), "a\nb\n");
}

#[test]
fn very_many_classes_are_evaluated_by_what_their_texts_cost() {
    let bench = Bench::new();
    let rows: String = (0..200_000).map(|at| format!("c{at}\tw{at}\n")).collect();
    fs::write(bench.path("test.tsv"), format!("label\ttext\n{rows}")).unwrap();
    let mut evaluating = bench
        .paring(&["evaluate", "test.tsv", "--json"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut most = 0;
    let status = loop {
        most = most.max(peak_memory(&evaluating).unwrap_or(0));
        if let Some(status) = evaluating.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    assert!(status.success());
    // A matrix of 200,000 by 200,000 would take thousands of times as much.
    assert!(most < 512 * MIB, "{most} KiB");
}

#[test]
fn a_model_file_larger_than_is_taken_is_refused() {
    let bench = Bench::new();
    // Longer than memory, were it read whole.
    let mut model = fs::File::create(bench.path("m")).unwrap();
    model.write_all(&paring::model::format::MAGIC).unwrap();
    model.set_len(1 << 40).unwrap();
    let output = bench.run(&["inspect", "-m", "m"]);
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    let most = paring::model::format::MAX_BYTES;
    assert!(complaint.contains(&format!("m: the model is larger than {most} bytes")), "{complaint}");
    fs::File::create(bench.path("m")).unwrap().set_len(1 << 40).unwrap();
    let complaint = bench.failure(1, &["inspect", "-m", "m"]);
    assert!(complaint.contains("m: not a paring model"), "{complaint}");
}

/// What people see cannot steer their terminal, and what programs read keeps its columns.
#[test]
fn a_class_of_control_characters_is_shown_without_them_and_kept_in_its_column() {
    let bench = Bench::new();
    let class = "a\tb\u{1b}]0;x\u{7}";
    let model = paring::Model::from_parts(paring::model::ModelParts {
        classes: vec![class.into(), "c".into()],
        class_counts: vec![2, 1],
        features: vec!["x".into()],
        indptr: vec![0, 2],
        indices: vec![0, 1],
        data: vec![1.0, 2.0],
        metadata: vec![("note\u{1b}[2J".into(), "\u{1b}[2J".into())],
    });
    model.unwrap().save(bench.path("m")).unwrap();
    fs::write(bench.path("test.csv"), format!("label,text\n{class},y\n{class},x\nc,x\nc,y\n")).unwrap();
    for arguments in [
        &["inspect", "-m", "m"][..],
        &["explain", "-m", "m", "x\u{1b}[2J"],
        &["evaluate", "-m", "m", "test.csv"],
    ] {
        let output = bench.run(arguments);
        assert!(output.status.success());
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
        assert!(shown.contains("a\u{fffd}b"), "{shown:?}");
    }
    let output = bench.run(&["inspect", "-m", "m", "--tsv"]);
    let rows = String::from_utf8(output.stdout).unwrap();
    assert!(rows.lines().count() == 2 && rows.lines().all(|row| row.split('\t').count() == 3), "{rows:?}");
    assert!(rows.contains(&class.replace('\t', " ")), "{rows:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_output_is_an_error() {
    let bench = Bench::new();
    fs::copy(data("titles.tsv"), bench.path("train.tsv")).unwrap();
    for arguments in [
        &["classify", &data("titles.txt")][..],
        &["inspect"],
        &["inspect", "--json"],
        &["inspect", "--tsv"],
        &["explain", "nurse"],
        &["evaluate", &data("titles-test.tsv")],
        &["train", "train.tsv", "-o", "m", "--nonzeros", "5", "--objective", "log-loss", "--l2", "1"],
        &["train", "train.tsv", "-o", "/dev/full", "--nonzeros", "5", "--objective", "log-loss", "--l2", "1"],
        &["frontier", "train.tsv", "--nonzeros", "5", "--objective", "log-loss", "--l2", "1", "--folds", "2"],
        &["classify", "--help"],
        &["--version"][..],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = bench.command(env!("CARGO_BIN_EXE_paring"), arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(complaint.contains("No space left"), "{arguments:?}: {complaint}");
    }
}

#[test]
fn a_first_row_without_the_text_is_passed_over_like_any_bad_record() {
    let bench = Bench::new();
    bench.train_titles("m", &["--nonzeros", "20"]);
    for (name, rows) in [("t.tsv", "# of 2024\nx\tCook\ny\tCook\n"), ("t.csv", "# of 2024\nx,Cook\ny,Cook\n")]
    {
        bench.write(name, rows);
        let given = ["classify", "-m", "m", name, "--no-header", "--text", "2"];
        let complaint = bench.failure(1, &given);
        assert!(complaint.contains(":1: 1 column: expected the text in column 2"), "{complaint}");
        let output = bench.run(&[&given[..], &["--skip-bad-records", "--unknown", "?"]].concat());
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "?\nKitchen\nKitchen\n");
    }
}

#[test]
fn tables_without_headers_follow_each_other_only_with_as_many_columns() {
    let bench = Bench::new();
    bench.train_titles("m", &["--nonzeros", "20"]);
    bench.write("a.csv", "Nurse,1\n");
    bench.write("b.csv", "Cook,1,2\n");
    let given = ["classify", "-m", "m", "--no-header", "--text", "1", "--output", "append", "a.csv"];
    let output = bench.run(&[&given[..], &["b.csv"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(
        complaint.contains("b.csv: its records have 3 columns, those of the files before it 2"),
        "{complaint}"
    );
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);
    assert_eq!(bench.output(&[&given[..], &["a.csv"]].concat()).lines().count(), 2);
}
