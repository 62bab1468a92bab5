//! Writes labels, and what goes with them, in the syntax of the output.

use std::io::Write;

use super::{Output, StreamOptions, Unknown};
use crate::Model;
use crate::data::Format;
use crate::infer::{Label, Prediction};

/// A class that a text was given, and how surely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rank {
    pub(super) class: u32,
    pub(super) score: f32,
    /// By how much the score exceeds that of the next class; infinite if there is none.
    pub(super) margin: f32,
    /// Any number where no probabilities are written.
    pub(super) probability: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Tabs,
    Commas,
    Json,
}

/// Writes the values that a record gets.
#[derive(Debug, Clone)]
pub(super) struct Renderer {
    syntax: Syntax,
    is_appended: bool,
    /// Each class's label as it is written, then the unknown label's, or nothing.
    labels: Vec<Vec<u8>>,
    /// The same with a line feed each.
    label_lines: LabelLines,
    min_margin: Option<f32>,
    scores: bool,
    probabilities: bool,
    top: usize,
    /// The names of the values; in JSON with the comma before, and the colon after them.
    names: Vec<Vec<u8>>,
}

/// Labels with a line feed each.
#[derive(Debug, Clone)]
struct LabelLines {
    lines: Vec<Vec<u8>>,
    /// The same in cells of one width, each with the length of the line, if they all fit. To copy a whole cell and
    /// give back what was too much is several times as fast as to copy just so many bytes as there are.
    cells: Option<Vec<([u8; CELL_BYTES], u8)>>,
}

const CELL_BYTES: usize = 64;

impl Renderer {
    /// Bytes of the labels of a record, at most.
    pub(super) fn longest(&self) -> usize {
        self.top.saturating_mul(self.labels.iter().map(Vec::len).max().unwrap_or(0))
    }
}

impl LabelLines {
    fn new(labels: &[Vec<u8>]) -> LabelLines {
        let lines: Vec<Vec<u8>> = labels.iter().map(|label| [label, &b"\n"[..]].concat()).collect();
        let cell = |line: &Vec<u8>| {
            let mut cell = [0; CELL_BYTES];
            cell.get_mut(..line.len())?.copy_from_slice(line);
            Some((cell, line.len() as u8))
        };
        LabelLines { cells: lines.iter().map(cell).collect(), lines }
    }

    /// Adds the lines of some labels.
    fn add(&self, labels: impl ExactSizeIterator<Item = usize>, output: &mut Vec<u8>) {
        let Some(cells) = &self.cells else {
            return labels.for_each(|label| output.extend_from_slice(&self.lines[label]));
        };
        let mut end = output.len();
        // Room for all of them at once costs less than to look at each whether there is.
        output.resize(end + labels.len() * CELL_BYTES, 0);
        for label in labels {
            let (cell, length) = &cells[label];
            output[end..end + CELL_BYTES].copy_from_slice(cell);
            end += usize::from(*length);
        }
        output.truncate(end);
    }
}

/// The names of the values that a record gets, in order.
pub(super) fn value_names(options: &StreamOptions, model: &Model) -> Vec<String> {
    let mut names = Vec::new();
    for rank in 1..=options.top.min(model.classes().len()) {
        let suffix = if rank == 1 { String::new() } else { format!("_{rank}") };
        names.push(format!("{}{suffix}", options.label));
        if options.scores {
            names.push(format!("score{suffix}"));
            names.push(format!("margin{suffix}"));
        }
        if options.probabilities {
            names.push(format!("probability{suffix}"));
        }
    }
    names
}

impl Renderer {
    pub(super) fn new(options: &StreamOptions, format: Format, model: &Model) -> Renderer {
        let is_appended = options.output == Output::Append;
        let syntax = match format {
            Format::Csv if is_appended => Syntax::Commas,
            Format::JsonLines if is_appended => Syntax::Json,
            _ => Syntax::Tabs,
        };
        let unknown = options.unknown.as_ref().map_or("", |unknown| &unknown.label);
        let written = model.classes().iter().map(String::as_str).chain([unknown]);
        let labels: Vec<Vec<u8>> = written.map(|label| syntax.written(label)).collect();
        let names = value_names(options, model);
        Renderer {
            syntax,
            is_appended,
            label_lines: LabelLines::new(&labels),
            labels,
            min_margin: options.unknown.as_ref().map(|Unknown { min_margin, .. }| *min_margin),
            scores: options.scores,
            probabilities: options.probabilities,
            top: options.top.min(model.classes().len()),
            names: names
                .iter()
                .map(|name| match syntax {
                    Syntax::Json => [b",", &syntax.written(name)[..], b":"].concat(),
                    Syntax::Tabs | Syntax::Commas => syntax.written(name),
                })
                .collect(),
        }
    }

    /// Whether the label is all that is written.
    pub(super) fn is_label_alone(&self) -> bool {
        !self.is_appended && self.names.len() == 1
    }

    pub(super) fn is_appended(&self) -> bool {
        self.is_appended
    }

    /// How many classes are written.
    pub(super) fn top(&self) -> usize {
        self.top
    }

    pub(super) fn has_probabilities(&self) -> bool {
        self.probabilities
    }

    /// Where the label of a text stands among the labels.
    fn label_index(&self, class: u32, margin: f32, is_known: bool) -> usize {
        match self.min_margin {
            Some(min_margin) if !is_known || margin < min_margin => self.labels.len() - 1,
            _ => class as usize,
        }
    }

    /// Writes the labels of some texts as lines.
    pub(super) fn add_label_lines(&self, labels: &[Label], output: &mut Vec<u8>) {
        let index = |&Label { class, known }: &Label| self.label_index(class, f32::INFINITY, known);
        self.label_lines.add(labels.iter().map(index), output);
    }

    /// Writes the labels of some texts as lines, where their margins matter.
    pub(super) fn add_predicted_lines(&self, predictions: &[Prediction], output: &mut Vec<u8>) {
        let index = |p: &Prediction| self.label_index(p.class, p.margin, p.known);
        self.label_lines.add(predictions.iter().map(index), output);
    }

    /// Whether what is written depends on more than the class.
    pub(super) fn needs_margin(&self) -> bool {
        self.scores || self.min_margin.is_some_and(|min_margin| min_margin > 0.0)
    }

    /// Writes the values of a text: as a line's content, or as what is added to a record.
    pub(super) fn add_values(&self, ranks: &[Rank], is_known: bool, output: &mut Vec<u8>) {
        let mut names = self.names.iter();
        let mut separate = |output: &mut Vec<u8>| {
            let name = names.next();
            match self.syntax {
                Syntax::Json => output.extend_from_slice(name.map_or(&[], |name| name)),
                Syntax::Commas => output.push(b','),
                Syntax::Tabs if self.is_appended || names.len() + 1 < self.names.len() => output.push(b'\t'),
                Syntax::Tabs => {}
            }
        };
        for (at, rank) in ranks.iter().enumerate() {
            separate(output);
            // Only the best can be what the model does not know.
            let label = match at {
                0 => self.label_index(rank.class, rank.margin, is_known),
                _ => rank.class as usize,
            };
            output.extend_from_slice(&self.labels[label]);
            if self.scores {
                separate(output);
                add_number(output, format_args!("{}", f64::from(rank.score)));
                separate(output);
                match self.syntax {
                    Syntax::Json if rank.margin.is_infinite() => output.extend_from_slice(b"null"),
                    _ => add_number(output, format_args!("{}", f64::from(rank.margin))),
                }
            }
            if self.probabilities {
                separate(output);
                add_number(output, format_args!("{:.6}", rank.probability));
            }
        }
    }

    /// Writes the values of a record that has no text: the unknown label, if there is one, and nothing for the others.
    pub(super) fn add_nothing(&self, output: &mut Vec<u8>) {
        output.extend_from_slice(&self.labels[self.labels.len() - 1]);
        output.extend(std::iter::repeat_n(b'\t', self.names.len() - 1));
    }

    /// Writes a table's header with the names of the values added.
    pub(super) fn add_header(&self, header: &[u8], line_end: &[u8], output: &mut Vec<u8>) {
        output.extend_from_slice(header);
        for name in &self.names {
            output.push(if self.syntax == Syntax::Commas { b',' } else { b'\t' });
            output.extend_from_slice(name);
        }
        output.extend_from_slice(if line_end.is_empty() { b"\n" } else { line_end });
    }
}

fn add_number(output: &mut Vec<u8>, number: std::fmt::Arguments<'_>) {
    // A vector takes everything.
    let _ = output.write_fmt(number);
}

impl Syntax {
    /// A label or name as it is written. Where tabs separate columns, a tab in it becomes a space.
    fn written(self, text: &str) -> Vec<u8> {
        match self {
            Syntax::Tabs => text.replace('\t', " ").into_bytes(),
            Syntax::Json => serde_json::Value::from(text).to_string().into_bytes(),
            Syntax::Commas => {
                // An empty first field would be quoted, to be told from an empty line.
                let mut writer = csv::Writer::from_writer(Vec::new());
                let is_written = writer.write_record(["", text]).is_ok();
                match writer.into_inner() {
                    Ok(row) if is_written => row.strip_suffix(b"\n").unwrap_or(&row)[1..].to_vec(),
                    _ => text.into(),
                }
            }
        }
    }
}
