//! The formats of records.

use std::fmt;
use std::path::Path;

/// How records are written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// A text a line, without a label.
    Lines,
    /// Columns separated by tabs, nothing quoted: a `"` is a character like any other.
    Tsv,
    /// Comma-separated values, quoted as RFC 4180 says.
    Csv,
    /// A JSON object a line.
    JsonLines,
    /// fastText's `__label__NAME text`.
    FastText,
}

impl Format {
    /// All formats with their names.
    pub const NAMES: &'static [(&'static str, Format)] = &[
        ("lines", Format::Lines),
        ("tsv", Format::Tsv),
        ("csv", Format::Csv),
        ("jsonl", Format::JsonLines),
        ("fasttext", Format::FastText),
    ];

    /// The format that a file's name tells by its extension, `.gz` and `.zst` passed over: `.tsv`, `.tab`, `.csv`,
    /// `.jsonl`, `.ndjson`, `.json`, `.ft`, `.fasttext`. `None` for any other.
    pub fn from_path(path: &Path) -> Option<Format> {
        let extension = |path: &Path| path.extension()?.to_str().map(str::to_ascii_lowercase);
        let last = extension(path)?;
        let told = match last.as_str() {
            "gz" | "zst" => extension(Path::new(path.file_stem()?))?,
            _ => last,
        };
        match told.as_str() {
            "tsv" | "tab" => Some(Format::Tsv),
            "csv" => Some(Format::Csv),
            "jsonl" | "ndjson" | "json" => Some(Format::JsonLines),
            "ft" | "fasttext" => Some(Format::FastText),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, format)| format == self).map_or("", |(name, _)| name);
        f.pad(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_tells_the_format_behind_a_compression() {
        for (path, format) in [
            ("a.tsv", Some(Format::Tsv)),
            ("a.b/x.CSV.gz", Some(Format::Csv)),
            ("x.jsonl.zst", Some(Format::JsonLines)),
            ("x.ft", Some(Format::FastText)),
            ("x.fasttext", Some(Format::FastText)),
            ("x.tab.gz", Some(Format::Tsv)),
            ("x.ndjson", Some(Format::JsonLines)),
            ("x.json.gz", Some(Format::JsonLines)),
            ("x.txt", None),
            ("x.gz", None),
            ("-", None),
        ] {
            assert_eq!(Format::from_path(Path::new(path)), format, "{path}");
        }
    }
}
