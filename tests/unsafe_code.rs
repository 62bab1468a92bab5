//! Unsafe code is in the scanning module alone.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn unsafe_code_is_in_the_scanning_module_alone_and_each_place_is_argued() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let has_unsafe = |line: &str| {
        let code = line.split("//").next().unwrap_or("");
        code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
    };
    let mut places = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (at, _) in lines.iter().enumerate().filter(|(_, line)| has_unsafe(line)) {
            assert!(file.starts_with(root.join("infer/scan")), "{}:{}", file.display(), at + 1);
            let before = lines[at.saturating_sub(10)..=at].join("\n");
            assert!(
                before.contains("SAFETY") || before.contains("# Safety"),
                "{}:{}",
                file.display(),
                at + 1
            );
            places += 1;
        }
    }
    assert!(places > 0);
    // The crate denies it, so that the scanning module alone can allow it; each other module forbids even that.
    let has = |file: PathBuf, what: &str| {
        assert!(fs::read_to_string(&file).unwrap().contains(what), "{what} in {}", file.display());
    };
    has(root.join("lib.rs"), "#![deny(unsafe_code");
    for module in [
        "builtin",
        "data/mod",
        "metrics",
        "model/mod",
        "stream/mod",
        "text/mod",
        "train/mod",
        "bin/paring/main",
    ] {
        has(root.join(module).with_extension("rs"), "#![forbid(unsafe_code)]");
    }
    for entry in fs::read_dir(root.join("infer")).unwrap() {
        let path = entry.unwrap().path();
        match path.file_name().unwrap().to_str().unwrap() {
            "mod.rs" | "tests.rs" | "scan" => {}
            _ if path.is_dir() => has(path.join("mod.rs"), "#![forbid(unsafe_code)]"),
            _ => has(path, "#![forbid(unsafe_code)]"),
        }
    }
}
