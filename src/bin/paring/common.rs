//! What several verbs share.

use std::fmt;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use indicatif::HumanCount;
use paring::Model;
use paring::data::input::STANDARD_INPUT;
use paring::data::{Column, Format, ReadError, ReadOptions, ReadSummary};
use paring::stream::StreamError;
use paring::train::ParamError;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What ends a verb early.
pub type Failure = Box<dyn std::error::Error>;

/// Arguments that make no sense, or not together.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Whether an error is one of usage, for the exit code.
pub fn is_usage(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<Usage>()
        || error.is::<ParamError>()
        || error.downcast_ref().is_some_and(StreamError::is_usage)
        || error.downcast_ref().is_some_and(ReadError::is_usage)
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LabelledFormat {
    /// Columns separated by tabs, nothing quoted
    Tsv,
    /// Comma-separated values, quoted as RFC 4180 says
    Csv,
    /// A JSON object a line
    Jsonl,
    /// __label__NAME and the text, a line each
    Fasttext,
}

/// How labelled records are written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Labelled records")]
pub struct Labelled {
    /// How records are written [default: what each file's extension tells]
    #[arg(long, value_enum)]
    format: Option<LabelledFormat>,

    /// The column or field of the label; a dotted path reaches into JSON objects, or is a name itself [default: label]
    #[arg(long, value_name = "NAME", allow_negative_numbers = true)]
    label: Option<String>,

    /// The column or field of the text [default: text]
    #[arg(long, value_name = "NAME", allow_negative_numbers = true)]
    text: Option<String>,

    /// TSV and CSV have no header: columns are numbers, 1 for the first [default: label 1, text 2]
    #[arg(long)]
    no_header: bool,

    /// Count records without a label, or that cannot be read, and leave them out
    #[arg(long)]
    skip_bad_records: bool,
}

impl Labelled {
    pub fn options(&self, weight: Option<&str>) -> ReadOptions {
        let header = !self.no_header;
        let column = |given: &Option<String>, by_name: &str, by_number: &str| {
            let default = if header { by_name } else { by_number };
            Column::from_argument(given.as_deref().unwrap_or(default), header)
        };
        ReadOptions {
            format: self.format.map(|format| match format {
                LabelledFormat::Tsv => Format::Tsv,
                LabelledFormat::Csv => Format::Csv,
                LabelledFormat::Jsonl => Format::JsonLines,
                LabelledFormat::Fasttext => Format::FastText,
            }),
            label: column(&self.label, "label", "1"),
            text: column(&self.text, "text", "2"),
            weight: weight.map(|weight| Column::from_argument(weight, header)),
            header,
            skip_bad_records: self.skip_bad_records,
        }
    }
}

/// Tells something on standard error, on one line whatever files are called. That it cannot be told changes nothing.
pub fn tell(what: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "paring: {}", visible(&what.to_string()));
}

/// Tells on standard error what was left out, and what may not be what it seems.
pub fn tell_of(summary: &ReadSummary) {
    if summary.not_utf8 > 0 {
        tell(format_args!(
            "texts that are not UTF-8, in which words end at every byte that is not: {} of {}; convert the file",
            HumanCount(summary.not_utf8),
            HumanCount(summary.records)
        ));
    }
    if summary.empty > 0 {
        tell(format_args!(
            "{} of {} texts are empty",
            HumanCount(summary.empty),
            HumanCount(summary.records)
        ));
    }
    if summary.quoted > 0 {
        tell(format_args!(
            "labels or texts that begin with a quotation mark, which is a part of them as nothing is quoted in TSV: in {} of \
             {} records; if the file was written with quotes, save it as CSV",
            HumanCount(summary.quoted),
            HumanCount(summary.records)
        ));
    }
    tell_of_stray_quotes(summary.stray_quotes);
    if summary.skipped > 0 {
        tell(format_args!("bad records, left out: {}", HumanCount(summary.skipped)));
    }
    for skipped in &summary.first_skipped {
        tell(format_args!("  {skipped}"));
    }
}

/// Tells of records of CSV that may not be what they seem.
pub fn tell_of_stray_quotes(records: u64) {
    if records > 0 {
        tell(format_args!(
            "records with text behind a closing quote, each of which may have been several: {}; double the quotes inside of \
             quoted fields",
            HumanCount(records)
        ));
    }
}

/// The model that a verb reads.
#[derive(Debug, Args)]
pub struct ModelArgument {
    /// The model file [default: the built-in model of job titles]
    #[arg(short, long, value_name = "MODEL")]
    model: Option<PathBuf>,
}

impl ModelArgument {
    /// The file, unless the model is the built-in one.
    pub fn file(&self) -> Option<&PathBuf> {
        self.model.as_ref()
    }

    /// # Errors
    /// When the file cannot be read or is not a model.
    pub fn load(&self) -> Result<Model, Failure> {
        match &self.model {
            Some(path) if path == Path::new(STANDARD_INPUT) => Err(Usage(
                "-: expected the name of a model file: models are not read from standard input".into(),
            )
            .into()),
            Some(path) => Ok(Model::load(path)?),
            None => Ok(paring::builtin::job_titles()),
        }
    }
}

/// Nobody reads the output any more: what ends a verb early with success, as users of `head` expect.
#[derive(Debug)]
pub struct ReaderGone;

impl fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output: nobody reads it")
    }
}

impl std::error::Error for ReaderGone {}

/// Writes a report for people to standard output, without its styles where it is no terminal.
///
/// # Errors
/// When it cannot be written, or nobody reads it any more.
pub fn print(text: &str) -> Result<(), Failure> {
    write_to(anstream::stdout().lock(), text)
}

/// Writes to standard output what programs read, byte for byte.
///
/// # Errors
/// As for [`print`].
pub fn print_data(text: &str) -> Result<(), Failure> {
    write_to(io::stdout().lock(), text)
}

/// Likewise, as it comes, what may be much more than what it is made of.
///
/// # Errors
/// As for [`print`].
pub fn print_pieces(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    told(write(&mut output).and_then(|()| output.flush()))
}

fn write_to(mut output: impl Write, text: &str) -> Result<(), Failure> {
    told(output.write_all(text.as_bytes()).and_then(|()| output.flush()))
}

fn told(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        Err(error) => Err(format!("standard output: {error}").into()),
        Ok(()) => Ok(()),
    }
}

/// Prints an object, indented.
///
/// # Errors
/// As for [`print`].
pub fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    print_data(&format!("{value:#}\n"))
}

/// A number of 0 or more, for clap.
pub fn whole<N: FromStr>(argument: &str) -> Result<N, String> {
    argument.parse().map_err(|_| "expected a whole number, 0 or more, and none too large".into())
}

/// A number of at least 1, for clap.
pub fn at_least_one(argument: &str) -> Result<NonZeroUsize, String> {
    argument.parse().map_err(|_| "expected a whole number of at least 1".into())
}

/// Refuses an output that is one of the inputs, that is called `-`, or that cannot be written: before any work is done.
///
/// # Errors
/// When it is.
pub fn check_output<'p>(output: &Path, inputs: impl IntoIterator<Item = &'p PathBuf>) -> Result<(), Failure> {
    if output == Path::new(STANDARD_INPUT) {
        let told = "-: expected the name of a file to write (./- for one of this name)";
        return Err(Usage(told.into()).into());
    }
    let found = std::fs::metadata(output);
    #[cfg(unix)]
    if let (Ok(found), Ok(standard)) = (&found, standard_output())
        && (is_same(found, &standard) || is_same_pipe(found, &standard))
    {
        let told = "standard output is this file: expected another";
        return Err(Usage(format!("{}: {told}", output.display())).into());
    }
    if let Ok(found) = found
        && found.is_file()
    {
        #[cfg(unix)]
        let is_output = |input: &&PathBuf| is_same_file(input, &found);
        #[cfg(not(unix))]
        let is_output = |input: &&PathBuf| {
            let resolved = input.canonicalize().ok();
            resolved.is_some() && resolved == output.canonicalize().ok()
        };
        if let Some(input) = inputs.into_iter().find(is_output) {
            return Err(input_is_output(input).into());
        }
    }
    paring::model::check_atomic_write(output)
        .map_err(|error| format!("{}: cannot be written: {error}", output.display()).into())
}

/// Refuses a folder that cannot be made or written into: before any work is done, and without making it.
///
/// # Errors
/// When it cannot.
pub fn check_folder(folder: &Path) -> Result<(), Failure> {
    let there = folder.ancestors().find(|folder| folder.exists());
    let there = there.unwrap_or(Path::new("."));
    tempfile::tempfile_in(there)
        .map(drop)
        .map_err(|error| format!("{}: cannot be written into: {error}", folder.display()).into())
}

/// Refuses standard input among the inputs more than once, and a standard output that is one of them, as `>>` makes it:
/// what is read would grow as it is read, and what was kept in it would be kept no more.
///
/// # Errors
/// When it is.
pub fn check_standard_streams<'p>(
    inputs: impl IntoIterator<Item = &'p PathBuf, IntoIter: Clone>,
) -> Result<(), Failure> {
    let inputs = inputs.into_iter();
    if inputs.clone().filter(|input| *input == Path::new(STANDARD_INPUT)).count() > 1 {
        return Err(Usage("standard input: expected among the inputs once at most".into()).into());
    }
    #[cfg(unix)]
    if let Ok(output) = standard_output()
        && let Some(input) = inputs.clone().find(|input| is_same_file(input, &output))
    {
        return Err(input_is_output(input).into());
    }
    Ok(())
}

fn input_is_output(input: &Path) -> Usage {
    Usage(format!("{}: the input is also the output: write to another file", display(input)))
}

#[cfg(unix)]
fn standard_output() -> io::Result<std::fs::Metadata> {
    use std::os::fd::AsFd;
    std::fs::File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata()
}

/// Whether two are of one file.
#[cfg(unix)]
fn is_same(one: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Whether two are of one pipe or socket: what is written to both would be mixed.
#[cfg(unix)]
fn is_same_pipe(one: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let kind = one.file_type();
    (kind.is_fifo() || kind.is_socket()) && (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Whether an input is the file that has this metadata, by whatever name it goes.
#[cfg(unix)]
fn is_same_file(input: &Path, other: &std::fs::Metadata) -> bool {
    use std::os::fd::AsFd;
    let input = if input == Path::new(STANDARD_INPUT) {
        io::stdin().as_fd().try_clone_to_owned().and_then(|input| std::fs::File::from(input).metadata())
    } else {
        std::fs::metadata(input)
    };
    // A file that cannot be looked at is told of when it is opened.
    input.is_ok_and(|input| is_same(&input, other))
}

/// Writes a file whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    paring::model::write_atomically(path, bytes)
        .map_err(|error| format!("{}: cannot be written: {error}", path.display()).into())
}

pub fn display(file: &Path) -> String {
    if file == Path::new(STANDARD_INPUT) { "standard input".into() } else { file.display().to_string() }
}

/// A line of a report.
pub fn line(name: &str, value: impl fmt::Display) -> String {
    format!("{name:<18} {value}\n")
}

/// A heading, in bold on a terminal.
pub fn heading(text: &str) -> String {
    let bold = anstyle::Style::new().bold();
    format!("\n{bold}{text}{bold:#}\n")
}

pub fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// A name as people may see it: whatever a model's maker wrote, it cannot steer the terminal.
pub fn visible(name: &str) -> String {
    // Line and paragraph separators, and what turns the direction of writing, steer as well; what takes no room makes
    // two names look like one.
    let steers = |c: char| {
        let is_unseen =
            matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}');
        is_unseen || c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    name.replace(steers, "\u{fffd}")
}

/// The width of a column that the widest of the names fits into, within bounds.
pub fn column<'n>(names: impl IntoIterator<Item = &'n str>, least: usize, most: usize) -> usize {
    names.into_iter().map(|name| visible(name).width()).max().unwrap_or(0).clamp(least, most)
}

/// A name at most `width` wide: names that begin alike differ at their ends, and so it is the middle that is left out.
pub fn shortened(name: &str, width: usize) -> String {
    let name = visible(name);
    if name.width() <= width {
        return name;
    }
    let room = width.saturating_sub(1);
    let fits = |room: usize| {
        let mut taken = 0;
        move |c: &char| {
            taken += c.width().unwrap_or(0);
            taken <= room
        }
    };
    let beginning: String = name.chars().take_while(fits(room - room / 2)).collect();
    let end: Vec<char> = name.chars().rev().take_while(fits(room / 2)).collect();
    // An accent whose letter is left out would stand on the ellipsis.
    let end = end.into_iter().rev().skip_while(|c| c.width() == Some(0));
    beginning.chars().chain(['…']).chain(end).collect()
}

/// What fills `text` up to `width`.
pub fn filling(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(text.width()))
}

/// A name shortened to `width`, filled up with spaces.
pub fn padded(name: &str, width: usize) -> String {
    let name = shortened(name, width);
    let filling = filling(&name, width);
    name + &filling
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_wide_keeps_its_beginning_and_its_end() {
        assert_eq!(shortened("nurse", 5), "nurse");
        assert_eq!(shortened("senior nurse at night", 10), "senio…ight");
        assert_eq!(shortened("nurses", 5), "nu…es");
        assert_eq!((shortened("nurse", 1), shortened("", 1)), ("…".into(), String::new()));
    }

    #[test]
    fn names_are_as_wide_as_a_terminal_shows_them() {
        // Each of these takes two columns.
        assert_eq!(padded("看護師", 8), "看護師  ");
        assert_eq!(shortened("看護師看護師", 8), "看護…師");
        // Combining accents take none, and stay with their letters.
        assert_eq!(padded("e\u{301}e\u{301}", 3), "e\u{301}e\u{301} ");
        assert_eq!(shortened("e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}", 3), "e\u{301}…e\u{301}");
        assert_eq!(shortened("看e\u{301}e\u{301}看\u{301}", 3), "…");
        assert_eq!(column(["a", "看護師"], 2, 9), 6);
        assert_eq!((column([], 2, 9), column(["0123456789"], 2, 9)), (2, 9));
    }

    #[test]
    fn what_cannot_be_seen_or_turns_the_direction_of_writing_is_shown_in_place() {
        for hidden in
            "\u{200b}\u{200e}\u{200f}\u{61c}\u{202e}\u{2066}\u{2028}\u{2060}\u{feff}\u{1b}\t".chars()
        {
            assert_eq!(visible(&format!("a{hidden}b")), "a\u{fffd}b", "{hidden:?}");
        }
        // They join and part the letters of several languages.
        assert_eq!(visible("a\u{200c}b\u{200d}"), "a\u{200c}b\u{200d}");
    }
}
