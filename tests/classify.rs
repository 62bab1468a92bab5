//! `paring classify`, driven as its users drive it.
#![cfg(feature = "cli")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use paring::Model;
use paring::model::ModelParts;
use tempfile::TempDir;

/// A folder with a model in which `nurse` and `driver` decide.
struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new() -> Folder {
        let parts = ModelParts {
            classes: ["Health", "Transport"].map(String::from).to_vec(),
            class_counts: vec![2, 1],
            features: ["driver", "nurse"].map(String::from).to_vec(),
            indptr: vec![0, 1, 2],
            indices: vec![1, 0],
            data: vec![2.0, 1.5],
            ..ModelParts::default()
        };
        let folder = tempfile::tempdir().unwrap();
        Model::from_parts(parts).unwrap().save(folder.path().join("model")).unwrap();
        Folder { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    fn classify(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
        command.current_dir(self.folder.path()).args(["classify", "-m", "model"]);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.classify().args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// What is written; there must be no complaint.
    fn output(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && complaint.is_empty(), "{complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The complaint, on one line, and what was written before it.
    fn failure(&self, code: i32, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{complaint}");
        assert_eq!(complaint.trim_end().lines().count(), 1, "{complaint}");
        (complaint, String::from_utf8(output.stdout).unwrap())
    }
}

/// A `paring` that is fed and read while it runs.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
}

impl Running {
    fn start(mut command: Command) -> Running {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Running { input: child.stdin.take(), child, lines }
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// The next line. The time is ample: without the promise kept it would never come.
    fn line(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(30)).expect("a line while the input is still open")
    }

    fn end(mut self) -> Option<i32> {
        drop(self.input.take());
        self.child.wait().unwrap().code()
    }
}

fn titles(count: usize) -> String {
    (0..count)
        .map(|n| if n % 3 == 0 { format!("night nurse {n}\n") } else { format!("bus driver {n}\n") })
        .collect()
}

fn labels(count: usize) -> String {
    (0..count).map(|n| if n % 3 == 0 { "Health\n" } else { "Transport\n" }).collect()
}

#[test]
fn each_line_of_files_and_standard_input_gets_a_label() {
    let folder = Folder::new();
    folder.write("a.txt", "Night nurse\n\nbus driver");
    folder.write("b.txt", "driver\n");
    assert_eq!(folder.output(&["a.txt", "b.txt"]), "Health\nHealth\nTransport\nTransport\n");
    let mut running = Running::start(folder.classify());
    running.feed(b"driver");
    drop(running.input.take());
    assert_eq!(running.line(), "Transport");
    assert_eq!(running.end(), Some(0));
}

#[test]
fn many_lines_keep_their_number_and_order_with_any_number_of_threads() {
    let folder = Folder::new();
    folder.write("many.txt", titles(300_000));
    for threads in ["1", "2", "7"] {
        assert_eq!(folder.output(&["--threads", threads, "many.txt"]), labels(300_000));
    }
}

#[test]
fn gzip_and_zstandard_are_read_through_and_the_extension_before_tells_the_format() {
    let folder = Folder::new();
    let tsv = "text\tn\nnurse\t1\ndriver\t2\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(tsv.as_bytes()).unwrap();
    folder.write("a.tsv.gz", gzip.finish().unwrap());
    folder.write("a.tsv.zst", zstd::encode_all(tsv.as_bytes(), 1).unwrap());
    assert_eq!(folder.output(&["a.tsv.gz", "a.tsv.zst"]), "Health\nTransport\nHealth\nTransport\n");
}

#[test]
fn records_are_appended_to_in_every_format() {
    let folder = Folder::new();
    folder.write("a.txt", "nurse\r\ndriver");
    assert_eq!(folder.output(&["--output", "append", "a.txt"]), "nurse\tHealth\r\ndriver\tTransport\n");
    folder.write("a.csv", "id,title\r\n1,\"truck\r\ndriver\"\r\n");
    assert_eq!(
        folder.output(&["--output", "append", "--text", "title", "--scores", "a.csv"]),
        "id,title,label,score,margin\r\n1,\"truck\r\ndriver\",Transport,2,2\r\n"
    );
    folder.write("a.jsonl", "{\"job\": {\"title\": \"nurse\"}}\n");
    assert_eq!(
        folder.output(&["--output", "append", "--text", "job.title", "--label", "sector", "a.jsonl"]),
        "{\"job\": {\"title\": \"nurse\"},\"sector\":\"Health\"}\n"
    );
    folder.write("a.dat", "1,nurse\n");
    assert_eq!(
        folder.output(&["--output", "append", "--format", "csv", "--no-header", "--text", "2", "a.dat"]),
        "1,nurse,Health\n"
    );
}

#[test]
fn further_values_and_the_unknown_label_are_written_as_asked() {
    let folder = Folder::new();
    folder.write("a.txt", "nurse\nnurse driver\ncook\n");
    assert_eq!(
        folder.output(&["--top", "2", "--scores", "--probabilities", "a.txt"]),
        "Health\t1.5\t1.5\t0.817574\tTransport\t0\tinf\t0.182426\n\
         Transport\t2\t0.5\t0.622459\tHealth\t1.5\tinf\t0.377541\n\
         Health\t0\t0\t0.500000\tTransport\t0\tinf\t0.500000\n"
    );
    assert_eq!(folder.output(&["--unknown", "n/a", "a.txt"]), "Health\nTransport\nn/a\n");
    assert_eq!(folder.output(&["--unknown", "n/a", "--min-margin", "1", "a.txt"]), "Health\nn/a\nn/a\n");
}

#[test]
fn a_label_comes_while_the_input_is_still_open() {
    let folder = Folder::new();
    for options in [&["--threads", "1"][..], &["--threads", "2"], &["--line-buffered"]] {
        let mut command = folder.classify();
        command.args(options);
        let mut running = Running::start(command);
        for _ in 0..3 {
            running.feed(b"nurse\ndriver\nhalf a ");
            assert_eq!(running.line(), "Health");
            assert_eq!(running.line(), "Transport");
            running.feed(b"nurse\n");
            assert_eq!(running.line(), "Health");
        }
        assert_eq!(running.end(), Some(0));
    }
    let mut command = folder.classify();
    command.args(["--format", "csv", "--output", "append"]);
    let mut running = Running::start(command);
    running.feed(b"text\n");
    assert_eq!(running.line(), "text,label");
    running.feed(b"\"bus\ndriver\"\n\"nur");
    assert_eq!((running.line(), running.line()), ("\"bus".into(), "driver\",Transport".into()));
    running.feed(b"se\"\n");
    assert_eq!(running.line(), "\"nurse\",Health");
    assert_eq!(running.end(), Some(0));
}

#[test]
fn a_closed_pipe_downstream_is_a_quiet_success() {
    let folder = Folder::new();
    folder.write("many.txt", titles(200_000));
    for threads in ["1", "2"] {
        let mut child = folder
            .classify()
            .args(["--threads", threads, "many.txt"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        output.read_exact(&mut [0; 7]).unwrap();
        drop(output);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0));
        assert!(ended.stderr.is_empty(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
}

#[test]
fn a_closed_pipe_downstream_ends_it_though_its_input_stays_open() {
    let folder = Folder::new();
    let mut command = folder.classify();
    command.args(["--threads", "2"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"nurse\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    drop(input);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let folder = Folder::new();
    folder.write("a.txt", "nurse\n");
    for threads in ["1", "2"] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = folder.classify().args(["--threads", threads, "a.txt"]).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(complaint.contains("output cannot be written: No space left"), "{complaint}");
    }
}

#[cfg(unix)]
#[test]
fn an_input_that_is_also_the_output_is_refused() {
    let folder = Folder::new();
    let path = folder.write("a.txt", "nurse\n");
    let appending = || fs::OpenOptions::new().append(true).open(&path).unwrap();
    let by_name = folder.classify().arg("a.txt").stdout(appending()).output().unwrap();
    let by_stdin =
        folder.classify().stdin(fs::File::open(&path).unwrap()).stdout(appending()).output().unwrap();
    let second = folder.write("b.txt", "driver\n");
    fs::hard_link(&path, folder.path("other-name")).unwrap();
    let by_other_name = folder.classify().arg(second).arg("other-name").stdout(appending()).output().unwrap();
    for output in [by_name, by_stdin, by_other_name] {
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("the input is also the output"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "nurse\n");
    }
}

#[cfg(unix)]
#[test]
fn a_model_that_is_also_the_output_is_refused() {
    let folder = Folder::new();
    folder.write("a.txt", "nurse\n");
    let model = fs::read(folder.path("model")).unwrap();
    let output = fs::OpenOptions::new().append(true).open(folder.path("model")).unwrap();
    let output = folder.classify().arg("a.txt").stdout(output).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("model: the input is also the output"));
    assert_eq!(fs::read(folder.path("model")).unwrap(), model);
}

#[test]
fn a_failure_names_the_file_the_line_and_the_remedy() {
    let folder = Folder::new();
    folder.write("a.csv", "id,text\n1,nurse\n2\n");
    let (complaint, written) = folder.failure(1, &["a.csv"]);
    assert_eq!(written, "Health\n");
    assert!(complaint.contains("a.csv:3: 1 column: expected 2") && complaint.contains("--skip-bad-records"));
    let (complaint, _) = folder.failure(1, &["no-such-file"]);
    assert!(complaint.contains("no-such-file"), "{complaint}");
    let (complaint, _) = folder.failure(1, &["--text", "title", "a.csv"]);
    assert!(
        complaint.contains("a.csv:1: no column \"title\" for the text: found \"id\", \"text\"; choose one with --text, or say with --no-header"),
        "{complaint}"
    );
    folder.write("cut.gz", [0x1f, 0x8b, 8, 0, 0, 0]);
    let (complaint, _) = folder.failure(1, &["cut.gz"]);
    assert!(complaint.contains("cut.gz") && complaint.contains("cut short"), "{complaint}");
    folder.write("model", "not a model");
    let (complaint, _) = folder.failure(1, &["a.csv"]);
    assert!(complaint.contains("model: "), "{complaint}");
}

#[test]
fn arguments_that_make_no_sense_are_told_before_anything_is_read() {
    let folder = Folder::new();
    folder.write("a.txt", "nurse\n");
    folder.write("a.csv", "text\nnurse\n");
    for arguments in [
        &["--text", "title", "a.txt"][..],
        &["a.txt", "--no-header", "--text", "title", "a.csv"],
        &["a.txt", "a.ft"],
        &["--min-margin", "1", "a.txt"],
        &["--unknown", "x", "--min-margin", "-1", "a.txt"],
        &["--unknown", "a\nb", "a.txt"],
        &["--top", "0", "a.txt"],
        &["--threads", "-1", "a.txt"],
        &["--format", "fasttext", "a.txt"],
        &["--output", "append", "--label", "score", "--scores", "a.csv"],
        &["--output", "append", "a.txt", "a.csv"],
        &["--label", "role", "a.csv"],
        &["--no-header", "a.txt"],
        &["--no-header", "--text", "-1", "a.csv"],
        &["--threads", "1025", "a.txt"],
        &["-", "-"],
        &["--output", "append", "--label", "margin_2", "--scores", "--top", "2", "a.csv"],
    ] {
        let output = folder.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_record_out_for_every_bad_one_when_they_are_skipped() {
    let folder = Folder::new();
    folder.write("a.jsonl", "{\"text\":\"nurse\"}\n{\n\n{\"text\":\"driver\"}\n");
    let output = folder.run(&["--skip-bad-records", "--unknown", "bad", "a.jsonl"]);
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Health\nbad\nTransport\n");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("bad records, passed over: 1\n") && told.contains("  a.jsonl:2: "), "{told}");
}

#[test]
fn a_line_longer_than_a_block_and_lines_of_a_byte_are_labelled() {
    let folder = Folder::new();
    let mut text = "x ".repeat(1 << 20) + "nurse\n";
    text += &"\n".repeat(500_000);
    text += &("y".repeat(3 << 20) + " driver");
    folder.write("a.txt", text);
    for threads in ["1", "3"] {
        let output = folder.output(&["--threads", threads, "a.txt"]);
        assert_eq!(output.lines().count(), 500_002);
        assert!(output.starts_with("Health\n") && output.ends_with("\nTransport\n"));
    }
}

/// The peak of the memory that a process has had, in KiB.
#[cfg(target_os = "linux")]
fn peak_memory(child: &Child) -> u64 {
    let status = fs::read_to_string(Path::new("/proc").join(child.id().to_string()).join("status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_input_though_nobody_reads_the_output() {
    let folder = Folder::new();
    // It makes 80 MB.
    folder.write("many.txt", titles(1_500_000));
    let mut command = folder.classify();
    let mut child = command
        .args(["--threads", "4", "--top", "2", "--scores", "--probabilities", "many.txt"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(300));
    let mut output = BufReader::with_capacity(1 << 20, child.stdout.take().unwrap());
    let (mut lines, mut peak) = (0, 0);
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        line.clear();
        lines += 1;
        if lines % 100_000 == 1 {
            peak = peak_memory(&child).max(peak);
        }
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(lines, 1_500_000);
    assert!(peak < 32 << 10, "{peak} KiB");
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_threads_and_labels_that_are_longer_than_their_lines() {
    let folder = Folder::new();
    folder.write("many.txt", "a\n".repeat(10_000_000));
    // The built-in model has labels of up to 45 bytes.
    let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
    command.current_dir(folder.folder.path()).args(["classify", "--threads", "64", "many.txt"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::with_capacity(1 << 20, child.stdout.take().unwrap());
    // All threads have what they may have while nobody reads.
    thread::sleep(Duration::from_millis(500));
    let (mut peak, mut labels) = (0, 0);
    while let block @ [_, ..] = output.fill_buf().unwrap() {
        if labels < 5_000_000 {
            peak = peak_memory(&child).max(peak);
        }
        labels += block.iter().filter(|&&byte| byte == b'\n').count();
        let length = block.len();
        output.consume(length);
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(labels, 10_000_000);
    assert!(peak < 64 << 10, "{peak} KiB");
}

/// Whether the tests run with a signal ignored, as in a script's background: what they start ignores it, too.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() >> (signal - 1) & 1 == 1)
}

#[cfg(unix)]
#[test]
fn a_signal_to_end_leaves_whole_lines() {
    use std::os::unix::process::ExitStatusExt;
    let folder = Folder::new();
    let titles = titles(100_000);
    for (bytes_read, name, number) in
        [(1, "INT", 2), (1000, "INT", 2), (70_000, "HUP", 1), (300_000, "TERM", 15)]
    {
        if is_ignored(number) {
            eprintln!("SIG{name} is ignored here: not tested");
            continue;
        }
        let mut command = folder.classify();
        command.args(["--threads", "2", "--output", "append"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let bytes = titles.clone();
        let feeding = thread::spawn(move || while input.write_all(bytes.as_bytes()).is_ok() {});
        let mut output = child.stdout.take().unwrap();
        let mut written = vec![0; bytes_read];
        output.read_exact(&mut written).unwrap();
        // It fills the pipe, and waits in the middle of a write.
        thread::sleep(Duration::from_millis(100));
        assert!(
            Command::new("sh")
                .args(["-c", &format!("kill -{name} {}", child.id())])
                .status()
                .unwrap()
                .success()
        );
        thread::sleep(Duration::from_millis(20));
        output.read_to_end(&mut written).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(number));
        feeding.join().unwrap();
        assert!(written.ends_with(b"\tHealth\n") || written.ends_with(b"\tTransport\n"));
    }
}
