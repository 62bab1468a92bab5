//! A folder to run the binary in.

// Each test takes what it needs.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub struct Bench {
    pub folder: TempDir,
}

/// The path of a file in `tests/data`.
pub fn data(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name).display().to_string()
}

impl Bench {
    pub fn new() -> Bench {
        Bench { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), content).unwrap();
        self.path(name).display().to_string()
    }

    pub fn paring(&self, arguments: &[&str]) -> Command {
        self.command(env!("CARGO_BIN_EXE_paring"), arguments)
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.paring(arguments).output().unwrap()
    }

    /// What it prints, in success and without a complaint.
    pub fn output(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && complaint.is_empty(), "{complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The complaint, on one line, of a run that prints nothing.
    pub fn failure(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{complaint}");
        assert_eq!(complaint.trim_end().lines().count(), 1, "{complaint}");
        assert!(output.stdout.is_empty());
        complaint
    }

    /// Trains on the titles in tests/data; gives the report.
    pub fn train_titles(&self, model: &str, arguments: &[&str]) -> String {
        self.output(&[&["train", &data("titles.tsv"), "-o", model], arguments].concat())
    }

    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.output(arguments)).unwrap()
    }

    pub fn train(&self, content: impl AsRef<[u8]>, arguments: &[&str]) -> Output {
        fs::write(self.path("train.tsv"), content).unwrap();
        self.run(&[&["train", "train.tsv", "-o", "m"], arguments].concat())
    }

    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
