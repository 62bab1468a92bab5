//! `paring explain`: why a text gets its label.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use paring::data::input::{self, STANDARD_INPUT};
use paring::infer::{Classifier, Contribution};
use paring::text::Tokenizer;

use crate::common::{
    Failure, ModelArgument, check_standard_streams, column, filling, heading, padded, print, shortened,
    visible,
};

/// The bounds of a column.
const NARROWEST: usize = 28;
const WIDEST: usize = 48;

/// Show which features give a text its label
#[derive(Debug, Args)]
#[command(after_help = "\
Scores are rounded to three digits, so that what is printed may add up to a little more or less than the score; \
`paring inspect --tsv` prints all digits. Words that are in no feature of the text that the model knows are listed as \
unknown.

Examples:
  paring explain 'Senior Registered Nurse'
  paring explain -m titles.paring 'night cook' 'night nurse'
  head -3 titles.txt | paring explain -")]
pub struct Explain {
    #[command(flatten)]
    model: ModelArgument,

    /// The texts; - stands for the lines of standard input; gzip and Zstandard are read through
    #[arg(value_name = "TEXT", required = true)]
    texts: Vec<String>,
}

/// # Errors
/// When the model cannot be loaded, or standard input not be read.
pub fn run(arguments: &Explain) -> Result<(), Failure> {
    let lines: Vec<PathBuf> =
        arguments.texts.iter().filter(|text| *text == STANDARD_INPUT).map(PathBuf::from).collect();
    check_standard_streams(arguments.model.file().into_iter().chain(&lines))?;
    let classifier = arguments.model.load()?.into_classifier();
    for text in &arguments.texts {
        if text == STANDARD_INPUT {
            let input =
                input::open(Path::new(STANDARD_INPUT)).map_err(|error| format!("standard input: {error}"))?;
            explain_lines(&classifier, &mut BufReader::new(input))?;
        } else {
            print(&explained(&classifier, text))?;
        }
    }
    Ok(())
}

fn explain_lines(classifier: &Classifier, input: &mut impl BufRead) -> Result<(), Failure> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        let read = input::read_line(input, &mut line);
        if !read.map_err(|error| format!("standard input:{number}: {error}"))? {
            break;
        }
        print(&explained(classifier, &String::from_utf8_lossy(&line)))?;
    }
    Ok(())
}

fn explained(classifier: &Classifier, text: &str) -> String {
    let model = classifier.model();
    let best = classifier.top_k(text, 2);
    let name = |at: usize| best.get(at).map_or("(none)", |&(class, _)| classifier.class_name(class));
    let contributions = classifier.explain(text);
    let unknown = unknown_words(classifier, text, &contributions);
    let mut out = heading(&visible(text));
    out += &format!("{:<11}{}\n{:<11}{}\n", "label", visible(name(0)), "runner-up", visible(name(1)));
    if !unknown.is_empty() {
        out += &format!("{:<11}{}\n", "unknown", visible(&unknown.join(" ")));
    }
    if contributions.iter().all(|contribution| Some(contribution.feature) == model.intercept_index()) {
        let label = if contributions.is_empty() { "the first class" } else { "the largest intercept" };
        out += &format!("no feature of the text is in the model: the label is that of {label}\n");
    }
    let cells = |cells: Vec<String>, widths: &[usize]| -> String {
        let cells = cells.iter().zip(widths);
        cells.map(|(cell, &width)| format!(" {}{cell}", filling(cell, width))).collect()
    };
    let feature = |at: usize| model.features()[at].as_str();
    let times = |count: u32| if count > 1 { format!(" (x{count})") } else { String::new() };
    let names: Vec<String> = (contributions.iter())
        .map(|contribution| {
            let times = times(contribution.count);
            shortened(feature(contribution.feature), WIDEST - times.len()) + &times
        })
        .collect();
    let width = column(names.iter().map(String::as_str), NARROWEST, WIDEST);
    let widths: Vec<usize> = (0..best.len()).map(|at| column([name(at)], NARROWEST, WIDEST)).collect();
    let row = |name: &str, row: Vec<String>| format!("{}{}\n", padded(name, width), cells(row, &widths));
    let classes = (0..best.len()).map(|at| shortened(name(at), widths[at])).collect();
    out += &format!("\n{}", row("feature", classes));
    for (contribution, name) in contributions.iter().zip(&names) {
        let (classes, scores) = model.column(contribution.feature);
        let score = |(class, _): &(u32, f32)| match classes.binary_search(class) {
            Ok(at) => format!("{:+.3}", f64::from(scores[at]) * f64::from(contribution.count)),
            Err(_) => "0".into(),
        };
        out += &row(name, best.iter().map(score).collect());
    }
    out + &row("score", best.iter().map(|(_, score)| format!("{score:+.3}")).collect())
}

/// The words of a text that are in none of its features that the model knows, each once.
fn unknown_words(classifier: &Classifier, text: &str, contributions: &[Contribution]) -> Vec<String> {
    let features = classifier.model().features();
    // A word may be known as part of an n-gram alone, and by its beginning or end alone.
    let known: HashSet<&str> =
        contributions.iter().flat_map(|contribution| features[contribution.feature].split(' ')).collect();
    let mut scorer = classifier.scorer();
    let (mut unknown, mut told) = (Vec::new(), HashSet::new());
    Tokenizer::default().for_each_token(text.as_bytes(), |word| {
        if !known.contains(word) && !scorer.predict(word.as_bytes()).known && told.insert(word.to_string()) {
            unknown.push(word.to_string());
        }
    });
    unknown
}
