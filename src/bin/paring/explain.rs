//! `paring explain`: why a text gets its label.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use paring::data::input::{self, MAX_RECORD_BYTES, STANDARD_INPUT};
use paring::infer::Classifier;

use crate::common::{Failure, ModelArgument, check_standard_streams, heading, padded, print, visible};

/// Show which features give a text its label
#[derive(Debug, Args)]
#[command(after_help = "\
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
        line.clear();
        let most = MAX_RECORD_BYTES as u64;
        let read = input.take(most).read_until(b'\n', &mut line);
        if read.map_err(|error| format!("standard input: {error}"))? == 0 {
            break;
        }
        if line.len() as u64 == most {
            return Err(format!("standard input:{number}: a line of more than 2 GiB: expected a text").into());
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        print(&explained(classifier, &String::from_utf8_lossy(text)))?;
    }
    Ok(())
}

fn explained(classifier: &Classifier, text: &str) -> String {
    let model = classifier.model();
    let best = classifier.top_k(text, 2);
    let name = |at: usize| best.get(at).map_or("(none)", |&(class, _)| classifier.class_name(class));
    let mut out = heading(&visible(text));
    out += &format!("{:<11}{}\n{:<11}{}\n\n", "label", visible(name(0)), "runner-up", visible(name(1)));
    let width = 28;
    let row = |name: &str, cells: &[String]| {
        let cells: String = cells.iter().map(|cell| format!(" {cell:>28}")).collect();
        format!("{}{cells}\n", padded(name, width))
    };
    let names: Vec<String> =
        (0..best.len()).map(|at| padded(name(at), width).trim_end().to_string()).collect();
    out += &row("feature", &names);
    for contribution in classifier.explain(text) {
        let (classes, scores) = model.column(contribution.feature);
        let cells: Vec<String> = best
            .iter()
            .map(|(class, _)| match classes.binary_search(class) {
                Ok(at) => format!("{:+.3}", f64::from(scores[at]) * f64::from(contribution.count)),
                Err(_) => "0".into(),
            })
            .collect();
        let times =
            if contribution.count > 1 { format!(" (x{})", contribution.count) } else { String::new() };
        let name = padded(&model.features()[contribution.feature], width - times.len());
        out += &row(&format!("{}{times}", name.trim_end()), &cells);
    }
    let sums: Vec<String> = best.iter().map(|(_, score)| format!("{score:+.3}")).collect();
    out + &row("score", &sums)
}
