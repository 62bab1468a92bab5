//! Texts, training data and disks that nobody vouches for, with the real binary.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

struct Bench {
    folder: TempDir,
}

fn data(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name).display().to_string()
}

impl Bench {
    fn new() -> Bench {
        Bench { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_paring"), arguments).output().unwrap()
    }

    fn train(&self, content: impl AsRef<[u8]>, arguments: &[&str]) -> Output {
        fs::write(self.path("train.tsv"), content).unwrap();
        self.run(&[&["train", "train.tsv", "-o", "m"], arguments].concat())
    }

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

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
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
fn very_many_classes_train_within_the_memory_asked_for() {
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
    assert!(of_csv("label,text\na,x\n\"b,y\n").contains("train.tsv:3: a quoted field goes on"));
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
    let output = bench.run(&["evaluate", "test.tsv", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"texts\": 200000"));
}

#[test]
fn a_model_file_larger_than_is_taken_is_refused() {
    let bench = Bench::new();
    // Longer than memory, were it read whole.
    fs::File::create(bench.path("m")).unwrap().set_len(1 << 40).unwrap();
    let output = bench.run(&["inspect", "-m", "m"]);
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    let most = paring::model::format::MAX_BYTES;
    assert!(complaint.contains(&format!("m: the model is larger than {most} bytes")), "{complaint}");
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

#[cfg(unix)]
#[test]
fn a_full_disk_under_a_model_leaves_the_old_one_and_nothing_else() {
    let bench = Bench::new();
    fs::copy(data("titles.tsv"), bench.path("train.tsv")).unwrap();
    fs::write(bench.path("m"), "the old one").unwrap();
    // Files may grow to a block of 512 or 1,024 bytes; to write more is an error, as on a full disk.
    let train = format!(
        "trap '' XFSZ; ulimit -f 1; exec {} train train.tsv -o m --nonzeros 400 --objective log-loss",
        env!("CARGO_BIN_EXE_paring")
    );
    let output = bench.command("sh", &["-c", &train]).output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("m: cannot be written"), "{complaint}");
    assert_eq!(fs::read_to_string(bench.path("m")).unwrap(), "the old one");
    assert_eq!(bench.files(), ["m", "train.tsv"]);
}

/// The process may write a block of a file; the signal that comes with more kills it.
#[cfg(unix)]
#[test]
fn a_kill_in_the_middle_of_writing_leaves_the_old_model() {
    use std::os::unix::process::ExitStatusExt;
    let bench = Bench::new();
    fs::copy(data("titles.tsv"), bench.path("train.tsv")).unwrap();
    fs::write(bench.path("m"), "the old one").unwrap();
    let paring = env!("CARGO_BIN_EXE_paring");
    let train = format!(
        "ulimit -f 1; ulimit -c 0; exec {paring} train train.tsv -o m --nonzeros 400 --objective log-loss --l2 1"
    );
    let output = bench.command("sh", &["-c", &train]).output().unwrap();
    assert!(output.status.signal().is_some(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read_to_string(bench.path("m")).unwrap(), "the old one");
}

/// The calls by which a model is saved.
#[cfg(target_os = "linux")]
const SAVING: &str = "trace=write,fsync,rename,renameat,renameat2";

/// `paring train` under strace, with these arguments to it; `None` where that is not at hand.
#[cfg(target_os = "linux")]
fn traced(bench: &Bench, arguments: &[&str]) -> Option<Output> {
    let train = ["train", "train.tsv", "-o", "m", "--nonzeros", "4", "--objective", "log-loss", "--l2", "1"];
    let strace = [&["-f", "-y", "-o", "calls"], arguments, &[env!("CARGO_BIN_EXE_paring")]].concat();
    let mut command = bench.command("strace", &[&strace[..], &train].concat());
    match command.output() {
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("strace:") => Some(output),
        _ => {
            eprintln!("skipped: strace is not at hand");
            None
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_model_is_on_the_disk_before_it_has_its_name_and_its_name_before_success_is_told() {
    let bench = Bench::new();
    fs::write(bench.path("train.tsv"), "label\ttext\na\tx\nb\ty\n").unwrap();
    let Some(output) = traced(&bench, &["-e", SAVING]) else { return };
    assert!(output.status.success());
    let calls = fs::read_to_string(bench.path("calls")).unwrap();
    // Without the bracket behind it, which strace leaves out where another thread is told of first.
    let folder = format!("{}>", fs::canonicalize(bench.folder.path()).unwrap().display());
    let place = |what: &str, is_it: &dyn Fn(&str) -> bool| {
        calls.lines().position(is_it).unwrap_or_else(|| panic!("no {what} in {calls}"))
    };
    let places = [
        place("write", &|call| call.contains("write(") && call.contains("/.paring-")),
        place("flush of the file", &|call| call.contains("fsync(") && call.contains("/.paring-")),
        place("rename", &|call| call.contains("rename")),
        place("flush of the folder", &|call| call.contains("fsync(") && call.contains(&folder)),
        place("report", &|call| call.contains("write(1<")),
    ];
    assert!(places.is_sorted(), "{calls}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_kill_at_each_call_of_saving_leaves_the_old_model_or_the_new_one() {
    let bench = Bench::new();
    fs::write(bench.path("train.tsv"), "label\ttext\na\tx\nb\ty\n").unwrap();
    for call in ["openat", "fchmod", "write", "fsync", "rename", "renameat", "renameat2"] {
        for nth in 1.. {
            fs::write(bench.path("m"), "the old one").unwrap();
            let inject = format!("inject={call}:signal=KILL:when={nth}");
            let Some(output) = traced(&bench, &["-e", &format!("trace={call}"), "-e", &inject]) else {
                return;
            };
            let found = fs::read(bench.path("m")).unwrap();
            let is_whole = found == b"the old one" || paring::Model::from_bytes(&found).is_ok();
            assert!(is_whole, "{call} {nth}: {found:?}");
            if output.status.success() {
                break;
            }
        }
    }
}

/// Root may write everywhere, and is made nobody for this.
#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written_into_keeps_the_old_model() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let bench = Bench::new();
    fs::write(bench.path("train.tsv"), "label\ttext\na\tx\nb\ty\n").unwrap();
    fs::write(bench.path("m"), "the old one").unwrap();
    fs::set_permissions(bench.folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let mut command = bench.command(env!("CARGO_BIN_EXE_paring"), &["train", "train.tsv", "-o", "m"]);
    if fs::metadata(bench.path("m")).unwrap().uid() == 0 {
        command.uid(65534);
    }
    let output = command.output();
    fs::set_permissions(bench.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let Ok(output) = output else {
        eprintln!("skipped: nobody may not run the binary");
        return;
    };
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("m: cannot be written: Permission denied"), "{complaint}");
    assert_eq!(fs::read_to_string(bench.path("m")).unwrap(), "the old one");
    assert_eq!(bench.files(), ["m", "train.tsv"]);
}

#[cfg(unix)]
#[test]
fn a_model_is_as_readable_as_any_new_file_and_a_link_to_it_stays_one() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let bench = Bench::new();
    fs::copy(data("titles.tsv"), bench.path("train.tsv")).unwrap();
    fs::create_dir(bench.path("real")).unwrap();
    fs::write(bench.path("real/m"), "").unwrap();
    symlink("real/m", bench.path("m")).unwrap();
    for output in ["m", "new"] {
        let paring = env!("CARGO_BIN_EXE_paring");
        let train = format!("umask 027; exec {paring} train train.tsv -o {output} --nonzeros 5");
        assert!(bench.command("sh", &["-c", &train]).output().unwrap().status.success());
    }
    assert!(fs::symlink_metadata(bench.path("m")).unwrap().is_symlink());
    assert_ne!(fs::read(bench.path("real/m")).unwrap(), b"");
    let mode = fs::metadata(bench.path("new")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[cfg(unix)]
#[test]
fn a_model_that_is_written_anew_may_be_read_by_whom_the_old_one_might() {
    use std::os::unix::fs::PermissionsExt;
    for mode in [0o600, 0o604, 0o660] {
        let bench = Bench::new();
        fs::write(bench.path("m"), "").unwrap();
        fs::set_permissions(bench.path("m"), fs::Permissions::from_mode(mode)).unwrap();
        assert!(bench.train("label\ttext\na\tx\nb\ty\n", &["--nonzeros", "2"]).status.success());
        assert_ne!(fs::read(bench.path("m")).unwrap(), b"");
        assert_eq!(fs::metadata(bench.path("m")).unwrap().permissions().mode() & 0o777, mode);
    }
}

/// So `/dev/null` is not replaced by a file either.
#[cfg(unix)]
#[test]
fn a_pipe_for_a_model_is_written_to_and_stays_a_pipe() {
    use std::os::unix::fs::FileTypeExt;
    let bench = Bench::new();
    assert!(bench.command("mkfifo", &["m"]).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = bench.path("m");
        move || fs::read(pipe).unwrap()
    });
    let output = bench.train("label\ttext\na\tx\nb\ty\n", &["--nonzeros", "2"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fs::symlink_metadata(bench.path("m")).unwrap().file_type().is_fifo());
    let model = paring::Model::from_bytes(&reader.join().unwrap()).unwrap();
    assert_eq!(model.classes(), ["a", "b"]);
}
