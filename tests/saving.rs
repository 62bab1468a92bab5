//! Models on disks that are full, killed or closed, with the real binary: what was kept is lost in no case.

#![cfg(feature = "cli")]

mod common;

use std::fs;
use std::process::Output;

use common::{Bench, data};

/// It begins as a model does: what does not is never replaced.
const OLD: &[u8] = b"\x89paring\nthe old one";

#[cfg(unix)]
#[test]
fn a_full_disk_under_a_model_leaves_the_old_one_and_nothing_else() {
    let bench = Bench::new();
    fs::copy(data("titles.tsv"), bench.path("train.tsv")).unwrap();
    fs::write(bench.path("m"), OLD).unwrap();
    // Files may grow to a block of 512 or 1,024 bytes; to write more is an error, as on a full disk.
    let train = format!(
        "trap '' XFSZ; ulimit -f 1; exec {} train train.tsv -o m --nonzeros 400 --objective log-loss",
        env!("CARGO_BIN_EXE_paring")
    );
    let output = bench.command("sh", &["-c", &train]).output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("m: cannot be written"), "{complaint}");
    assert_eq!(fs::read(bench.path("m")).unwrap(), OLD);
    assert_eq!(bench.files(), ["m", "train.tsv"]);
}

/// The process may write a block of a file; the signal that comes with more kills it.
#[cfg(unix)]
#[test]
fn a_kill_in_the_middle_of_writing_leaves_the_old_model() {
    use std::os::unix::process::ExitStatusExt;
    let bench = Bench::new();
    fs::copy(data("titles.tsv"), bench.path("train.tsv")).unwrap();
    fs::write(bench.path("m"), OLD).unwrap();
    let paring = env!("CARGO_BIN_EXE_paring");
    let train = format!(
        "ulimit -f 1; ulimit -c 0; exec {paring} train train.tsv -o m --nonzeros 400 --objective log-loss --l2 1"
    );
    let output = bench.command("sh", &["-c", &train]).output().unwrap();
    assert!(output.status.signal().is_some(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read(bench.path("m")).unwrap(), OLD);
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
            fs::write(bench.path("m"), OLD).unwrap();
            let inject = format!("inject={call}:signal=KILL:when={nth}");
            let Some(output) = traced(&bench, &["-e", &format!("trace={call}"), "-e", &inject]) else {
                return;
            };
            let found = fs::read(bench.path("m")).unwrap();
            let is_whole = found == OLD || paring::Model::from_bytes(&found).is_ok();
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
    keeps_the_old_model_in_a_folder_of(0o555);
}

/// Without leave to read it, its names cannot be flushed to the disk.
#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_read_keeps_the_old_model() {
    keeps_the_old_model_in_a_folder_of(0o333);
}

#[cfg(unix)]
fn keeps_the_old_model_in_a_folder_of(mode: u32) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let bench = Bench::new();
    fs::write(bench.path("train.tsv"), "label\ttext\na\tx\nb\ty\n").unwrap();
    fs::write(bench.path("m"), OLD).unwrap();
    fs::set_permissions(bench.folder.path(), fs::Permissions::from_mode(mode)).unwrap();
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
    assert_eq!(fs::read(bench.path("m")).unwrap(), OLD);
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
    symlink("real/made", bench.path("dangling")).unwrap();
    for output in ["m", "new", "dangling"] {
        let paring = env!("CARGO_BIN_EXE_paring");
        let train = format!("umask 027; exec {paring} train train.tsv -o {output} --nonzeros 5");
        assert!(bench.command("sh", &["-c", &train]).output().unwrap().status.success());
    }
    assert!(fs::symlink_metadata(bench.path("m")).unwrap().is_symlink());
    assert_ne!(fs::read(bench.path("real/m")).unwrap(), b"");
    assert!(fs::symlink_metadata(bench.path("dangling")).unwrap().is_symlink());
    assert_ne!(fs::read(bench.path("real/made")).unwrap(), b"");
    symlink("circle", bench.path("circle")).unwrap();
    let output = bench.run(&["train", "train.tsv", "-o", "circle", "--nonzeros", "5"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("circle: cannot be written: its links"));
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

#[cfg(unix)]
#[test]
fn a_model_that_is_written_anew_stays_its_owners_and_its_groups() {
    use std::os::unix::fs::{MetadataExt, chown};
    let bench = Bench::new();
    fs::write(bench.path("m"), "").unwrap();
    if chown(bench.path("m"), Some(1234), Some(2345)).is_err() {
        eprintln!("skipped: only the superuser can give a file away");
        return;
    }
    assert!(bench.train("label\ttext\na\tx\nb\ty\n", &["--nonzeros", "2"]).status.success());
    let found = fs::metadata(bench.path("m")).unwrap();
    assert!(found.len() > 0);
    assert_eq!((found.uid(), found.gid()), (1234, 2345));
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
