//! Streams of records: labels out as fast as texts come in.
//!
//! | format | a record | its text |
//! |---|---|---|
//! | lines | every line, an empty one too, and the last one with or without its line feed | the line |
//! | TSV | every line after the header, but for empty ones where there are several columns (as the first line that is not empty has, where there is no header) | a column |
//! | CSV | as RFC 4180 says; a quoted field may hold line breaks; empty lines are no records | a column |
//! | JSON Lines | every line but those of white space | a field, a string or a number; a dotted path reaches into objects, or is the whole name of a field; bytes that are not UTF-8 and escapes of half a character separate words, as in the others |
//!
//! For each record one record is written, in order, whatever the number of threads.
//!
//! * [`Output::Label`] writes a line for each record: the label, and behind tabs what else was asked for. There is no
//!   header, so that the lines are as many as the records. A tab in a label is written as a space.
//! * [`Output::Append`] writes the records as they came, byte for byte, line ends and empty lines included, and adds to
//!   each: columns at its end (a plain line gets them behind tabs), or fields at the end of the object. A header gets
//!   the names. A last line without a line feed gets one.
//!
//! The values are, in this order, `label`, `score` and `margin` (by how much the score exceeds the next class's), and
//! `probability`, as far as they were asked for; for the second class `label_2`, `score_2` and so on. Scores are exact
//! up to 65,536, probabilities have six decimals. A text that the model does not know has the unknown label for `label`;
//! its other values are still those of the best class. The margin of the last class of all is `inf`, in JSON `null`.
//!
//! A table's rows must all have as many columns as its header, or as its first row where there is no header (where bad
//! records are passed over, the first that has the text: those before it are bad). A bad record ends the stream with an
//! error when all before it have been written; with [`StreamOptions::skip_bad_records`] it gets the unknown label, or
//! an empty one, and no other values; in [`Output::Append`] it is copied without anything added. An object that has a
//! field already by a name that is to be added ends the stream all the same: passed over, it would seem to have been
//! given that. So does a file behind one that ends in a quoted field without a closing quote, if records are copied: it
//! would be taken for part of that field.
//!
//! Memory is bounded: a block of input and its output for each thread, and as much again on the way to the output. Only
//! a record longer than a block takes what it needs. A slow output makes the reading wait.

#![forbid(unsafe_code)]

mod blocks;
mod error;
mod options;
mod records;
mod render;
mod scan;
mod table;
mod threads;
mod turns;
mod work;

#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use error::StreamError;
pub use options::{DEFAULT_BLOCK_BYTES, OptionsError, Output, StreamOptions, Unknown};

use crate::Classifier;
use crate::data::input::BYTE_ORDER_MARK;
use crate::data::read::{ColumnRole, SKIPPED_TOLD, Skipped, check_column};
use crate::data::{Column, Format, ReadError, input};
use blocks::{Block, Blocks, RecordEnds};
use records::{Fields, Layout};
use render::{Renderer, value_names};
use turns::Turns;
use work::{Bad, Part, Plan, Worker, part_bytes};

/// What a stream has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamSummary {
    /// Records classified and written, bad ones included.
    pub records: u64,
    /// Bad records among them.
    pub bad_records: u64,
    /// Records of CSV in which text follows a closing quote, which is taken to be part of the field: a stray quote may have
    /// made one record of several.
    pub stray_quotes: u64,
    /// Bytes of records read.
    pub bytes_read: u64,
    /// Bytes written.
    pub bytes_written: u64,
}

/// Classifies inputs one after the other and writes to one output.
///
/// ```
/// # use std::{path::Path, sync::Arc};
/// # use paring::{Model, model::ModelParts};
/// # use paring::stream::{Stream, StreamOptions};
/// # let model = Model::from_parts(ModelParts {
/// #     classes: vec!["Kitchen".into(), "Health".into()],
/// #     class_counts: vec![2, 1],
/// #     features: vec!["nurse".into()],
/// #     indptr: vec![0, 1],
/// #     indices: vec![1],
/// #     data: vec![1.0],
/// #     ..ModelParts::default()
/// # })?;
/// let classifier = Arc::new(model.into_classifier());
/// let mut stream = Stream::new(classifier, StreamOptions::default(), Vec::new())?;
/// stream.classify(Path::new("titles.txt"), Box::new(&b"Night nurse\nPastry cook\n"[..]))?;
/// assert_eq!(stream.summary().records, 2);
/// assert_eq!(stream.into_output()?, b"Health\nKitchen\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Stream<W> {
    classifier: Arc<Classifier>,
    options: StreamOptions,
    sink: Arc<Mutex<Sink<W>>>,
    /// The header that has been written.
    header: Option<Vec<u8>>,
    /// The columns of the tables without a header that have been written.
    width: Option<usize>,
    /// The format of the input before.
    format_before: Option<Format>,
}

/// The output, and what has gone there.
struct Sink<W> {
    /// Gone when it has been given back.
    output: Option<W>,
    summary: StreamSummary,
    first_bad: Vec<Skipped>,
    /// Whether what was written ends in a field without a closing quote: anything behind it would be in it.
    ends_in_quotes: bool,
    on_progress: Option<Box<dyn FnMut(StreamSummary) + Send>>,
}

impl<W> Sink<W> {
    fn new(output: W) -> Sink<W> {
        let summary = StreamSummary::default();
        Sink {
            output: Some(output),
            summary,
            first_bad: Vec::new(),
            ends_in_quotes: false,
            on_progress: None,
        }
    }
}

impl<W: Write> Sink<W> {
    /// Writes what comes of some records of a block that begins after so many lines of an input.
    fn take(&mut self, name: &Path, lines: u64, part: &mut Part) -> Result<(), StreamError> {
        let untold = SKIPPED_TOLD - self.first_bad.len();
        let skipped = |bad: Bad| Skipped {
            file: name.into(),
            line: lines + bad.lines_before + 1,
            problem: bad.problem,
        };
        self.first_bad.extend(part.first_bad.drain(..).take(untold).map(skipped));
        self.write(part)
    }

    fn write(&mut self, part: &Part) -> Result<(), StreamError> {
        if let Some(output) = &mut self.output
            && !part.output.is_empty()
        {
            output.write_all(&part.output).and_then(|()| output.flush()).map_err(StreamError::Output)?;
        }
        self.ends_in_quotes |= part.ends_in_quotes;
        self.summary.records += part.records;
        self.summary.bad_records += part.bad_records;
        self.summary.stray_quotes += part.stray_quotes;
        self.summary.bytes_read += part.bytes_read;
        self.summary.bytes_written += part.output.len() as u64;
        if let Some(on_progress) = &mut self.on_progress {
            on_progress(self.summary);
        }
        Ok(())
    }

    fn write_bytes(&mut self, output: Vec<u8>) -> Result<(), StreamError> {
        self.write(&Part { output, ..Part::default() })
    }
}

impl<W: Write + Send + 'static> Stream<W> {
    /// A stream that writes to `output`: whole records in each call of `write_all`, then `flush`. Blocks are large;
    /// a buffer would only copy them once more.
    ///
    /// # Errors
    /// When an option is out of range.
    pub fn new(
        classifier: Arc<Classifier>,
        options: StreamOptions,
        output: W,
    ) -> Result<Stream<W>, OptionsError> {
        options.check(classifier.model())?;
        let threads = options.number_of_threads();
        Ok(Stream {
            classifier,
            options: StreamOptions { threads, ..options },
            sink: Arc::new(Mutex::new(Sink::new(output))),
            header: None,
            width: None,
            format_before: None,
        })
    }

    /// Has `report` called with the summary whenever something has been written, by the thread that wrote it.
    #[must_use]
    pub fn on_progress(self, report: impl FnMut(StreamSummary) + Send + 'static) -> Self {
        self.sink().on_progress = Some(Box::new(report));
        self
    }

    /// What has been done so far.
    pub fn summary(&self) -> StreamSummary {
        self.sink().summary
    }

    /// The first five bad records that were passed over, and what is wrong with each.
    pub fn first_bad_records(&self) -> Vec<Skipped> {
        self.sink().first_bad.clone()
    }

    /// The output, when all is written.
    ///
    /// # Errors
    /// [`StreamError::Stopped`] when a thread has died while it wrote.
    pub fn into_output(self) -> Result<W, StreamError> {
        let sink = self.sink.lock().ok();
        sink.and_then(|mut sink| sink.output.take()).ok_or(StreamError::Stopped)
    }

    /// The format in which an input of this name is read.
    ///
    /// # Errors
    /// When the options make no sense for it.
    pub fn check_input(&self, name: &Path) -> Result<Format, StreamError> {
        let StreamOptions { format, text, header, .. } = &self.options;
        let format = format.or_else(|| Format::from_path(name)).unwrap_or(Format::Lines);
        if format == Format::FastText {
            return Err(StreamError::FastText { file: name.into() });
        }
        let checked = check_column(format, *header, ColumnRole::Text, text);
        checked.map_err(|kind| ReadError::new(name, None, kind))?;
        Ok(format)
    }

    /// Classifies an input to its end. `name` stands for it in errors and tells its format if the options do not. The
    /// input is read as it is: [`input::open`] and [`input::decompressed`] give one that was compressed as text.
    /// Output of all records read is written before more input is waited for.
    ///
    /// With several threads, each writes what it has classified, one at a time. A read that is under way when the stream
    /// ends early is not waited for: its thread ends when the read returns.
    ///
    /// # Errors
    /// When the input cannot be read, has no such column, or has a bad record; when records of its format cannot follow
    /// those written before; when the output cannot be written. The records before a bad one have been written.
    pub fn classify(&mut self, name: &Path, input: Box<dyn Read + Send>) -> Result<(), StreamError> {
        let format = self.check_input(name)?;
        if self.options.output == Output::Append
            && let Some(before) = self.format_before.filter(|&before| before != format)
        {
            return Err(StreamError::FormatDiffers { file: name.into(), found: format, before });
        }
        if self.sink().ends_in_quotes {
            return Err(StreamError::InQuotes { file: name.into() });
        }
        let mut input = input;
        let (head, is_marked) =
            input::past_byte_order_mark(&mut input).map_err(|error| unreadable(name, error))?;
        if is_marked && self.options.output == Output::Append && self.format_before.is_none() {
            self.sink().write_bytes(BYTE_ORDER_MARK.to_vec())?;
        }
        self.format_before = Some(format);
        let ends = RecordEnds::of(format);
        let mut blocks = Blocks::new(Box::new(head.chain(input)), ends, self.options.block_bytes);
        let mut lines = 0;
        let layout = match (format, &self.options.text) {
            (Format::Tsv | Format::Csv, _) => {
                match self.begin_table(name, format, &mut blocks, &mut lines)? {
                    Some(layout) => layout,
                    None => return Ok(()),
                }
            }
            (Format::JsonLines, Column::Name(path)) => {
                let added = match self.options.output {
                    Output::Append => value_names(&self.options, self.classifier.model()),
                    Output::Label => Vec::new(),
                };
                Layout::Json(Fields::new(path, added))
            }
            _ => Layout::Lines,
        };
        let plan = self.plan(format, layout);
        if self.options.threads == 1 {
            self.classify_here(name, blocks, &plan, lines)
        } else {
            let turns = Turns::new(self.sink.clone(), name.to_owned(), lines, self.options.threads);
            self.classify_in_threads(blocks, plan, turns)
        }
    }

    fn plan(&self, format: Format, layout: Layout) -> Plan {
        Plan {
            layout,
            ends: RecordEnds::of(format),
            renderer: Renderer::new(&self.options, format, self.classifier.model()),
            skip_bad_records: self.options.skip_bad_records,
            write_each_record: self.options.write_each_record,
            part_bytes: part_bytes(self.options.threads),
        }
    }

    fn classify_here(
        &self,
        name: &Path,
        mut blocks: Blocks,
        plan: &Plan,
        mut lines: u64,
    ) -> Result<(), StreamError> {
        let mut worker = Worker::new(&self.classifier, plan);
        let (mut block, mut part) = (Block::default(), Part::default());
        while blocks.next(&mut block).map_err(|error| unreadable(name, error))? {
            self.classify_block(name, &mut worker, block.records(), &mut part, lines)?;
            lines += plan.lines_of(block.records());
        }
        Ok(())
    }

    /// Classifies a block that begins after so many lines, and writes what comes of it. `part` is empty before and after.
    fn classify_block(
        &self,
        name: &Path,
        worker: &mut Worker<'_>,
        block: &[u8],
        part: &mut Part,
        lines: u64,
    ) -> Result<(), StreamError> {
        let mut written = Ok(());
        let ended = worker.run(block, part, &mut |part| {
            written = self.sink().take(name, lines, part);
            part.clear();
            written.is_ok()
        });
        written?;
        self.sink().take(name, lines, part)?;
        part.clear();
        ended.map_err(|bad| bad_record(name, lines, bad).into())
    }

    fn sink(&self) -> MutexGuard<'_, Sink<W>> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreadable(name: &Path, error: io::Error) -> ReadError {
    ReadError::new(name, None, error)
}

fn bad_record(name: &Path, lines: u64, bad: Bad) -> ReadError {
    ReadError::new(name, Some(lines + bad.lines_before + 1), bad.problem)
}
