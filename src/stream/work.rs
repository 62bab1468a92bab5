//! Classifies blocks.

use memchr::memchr;

use super::blocks::RecordEnds;
use super::records::{BATCH_RECORDS, Batch, Layout, Span};
use super::render::{Rank, Renderer};
use crate::Classifier;
use crate::data::read::{BadRecord, SKIPPED_TOLD};
use crate::infer::{Label, Prediction, Scorer, softmax};

/// Bytes of output that are given on together, unless one record makes more, or there are many threads.
const PART_BYTES: usize = 256 << 10;

/// Bytes of output that all threads together gather before they give some of it on.
const ALL_PARTS_BYTES: usize = 8 << 20;

/// Bytes of output that each of so many threads gives on together.
pub(super) fn part_bytes(threads: usize) -> usize {
    (ALL_PARTS_BYTES / threads).clamp(1, PART_BYTES)
}

/// Labels that room is made for at a time: it should stay in the fastest cache until it is filled.
const LABELS_TOGETHER: usize = 128;

/// How one file is classified.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) layout: Layout,
    pub(super) ends: RecordEnds,
    pub(super) renderer: Renderer,
    pub(super) skip_bad_records: bool,
    pub(super) write_each_record: bool,
    /// Bytes of output that are given on together.
    pub(super) part_bytes: usize,
}

impl Plan {
    /// The lines of a block, as far as a line of a later one may have to be told: plain lines are never bad.
    pub(super) fn lines_of(&self, block: &[u8]) -> u64 {
        if matches!(self.layout, Layout::Lines) { 0 } else { self.ends.count(block) }
    }

    fn ends_with_line_end(&self, bytes: &[u8]) -> bool {
        bytes.ends_with(b"\n") || self.ends == RecordEnds::OutsideQuotes && bytes.ends_with(b"\r")
    }
}

/// What some whole records of a block came to.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) output: Vec<u8>,
    pub(super) records: u64,
    pub(super) bad_records: u64,
    /// The first of them.
    pub(super) first_bad: Vec<Bad>,
    /// Records with text behind a closing quote.
    pub(super) stray_quotes: u64,
    /// Whether the output ends in a field without a closing quote.
    pub(super) ends_in_quotes: bool,
    /// The length of the block, in its last part.
    pub(super) bytes_read: u64,
}

impl Part {
    /// Forgets everything but the room for output.
    pub(super) fn clear(&mut self) {
        self.output.clear();
        *self = Part { output: std::mem::take(&mut self.output), ..Part::default() };
    }
}

/// A bad record.
#[derive(Debug)]
pub(super) struct Bad {
    /// Lines of the block before the one on which the record begins.
    pub(super) lines_before: u64,
    pub(super) problem: BadRecord,
}

/// Classifies blocks in buffers of its own.
pub(super) struct Worker<'c> {
    plan: &'c Plan,
    batch: Batch,
    /// Records whose labels are no more than what is given on together, however long they are.
    most_records: usize,
    scoring: Scoring<'c>,
}

impl<'c> Worker<'c> {
    pub(super) fn new(classifier: &'c Classifier, plan: &'c Plan) -> Worker<'c> {
        let most_records = (plan.part_bytes / plan.renderer.longest().max(1)).max(1);
        let of_batch = if plan.write_each_record { 1 } else { BATCH_RECORDS.min(most_records) };
        Worker {
            plan,
            batch: Batch::new(of_batch, plan.skip_bad_records),
            most_records,
            scoring: Scoring::new(classifier.scorer()),
        }
    }

    /// Classifies a block of whole records. Calls `emit` whenever there is some output, to take it away; it says
    /// whether to go on. What is left in `part` is the last of it.
    ///
    /// # Errors
    /// At a bad record; `part` has all before it.
    pub(super) fn run(
        &mut self,
        block: &[u8],
        part: &mut Part,
        emit: &mut dyn FnMut(&mut Part) -> bool,
    ) -> Result<(), Bad> {
        let Worker { plan, batch, most_records, scoring } = self;
        let Plan { layout, renderer, .. } = *plan;
        let part_bytes = if plan.write_each_record { 1 } else { plan.part_bytes };
        let mut start = 0;
        let mut untold = SKIPPED_TOLD;
        while start < block.len() {
            let lines = layout
                .lines_alone(block, start, *most_records)
                .filter(|_| renderer.is_label_alone() && !plan.write_each_record);
            if let Some(lines) = lines {
                scoring.add_label_lines(renderer, lines, part);
                start += lines.len();
            } else {
                let end = layout.fill(block, start, batch);
                part.stray_quotes += batch.stray_quotes;
                if batch.spans.is_empty() {
                    if renderer.is_appended() {
                        part.output.extend_from_slice(&block[start..]);
                        if !plan.ends_with_line_end(&part.output) {
                            part.output.push(b'\n');
                        }
                    }
                    break;
                }
                if renderer.is_label_alone() && !batch.has_bad() {
                    scoring.add_label_lines(renderer, &batch.lines, part);
                } else {
                    add_records(plan, block, start, batch, scoring, (part, &mut untold))?;
                }
                start = end;
            }
            if part.output.len() >= part_bytes && !emit(part) {
                return Ok(());
            }
        }
        part.bytes_read += block.len() as u64;
        Ok(())
    }
}

/// Adds what is written for each record of a batch that begins at `start`; tells of as many more bad ones of the block.
fn add_records(
    plan: &Plan,
    block: &[u8],
    mut start: usize,
    batch: &mut Batch,
    scoring: &mut Scoring<'_>,
    (part, untold): (&mut Part, &mut usize),
) -> Result<(), Bad> {
    let Plan { renderer, .. } = plan;
    let bad = |(record_start, problem): (usize, BadRecord)| Bad {
        lines_before: plan.ends.count(&block[..record_start]),
        problem,
    };
    let told = batch.skipped.len().min(*untold);
    part.first_bad.extend(batch.skipped.drain(..told).map(bad));
    *untold -= told;
    scoring.predict(renderer, &batch.lines);
    let mut lines = &batch.lines[..];
    for (at, &Span { end, insert_at, is_bad }) in batch.spans.iter().enumerate() {
        if let Some(fatal) = batch.fatal.take_if(|(record_start, _)| *record_start < end) {
            return Err(bad(fatal));
        }
        let (text, rest) = lines.split_at(memchr(b'\n', lines).map_or(lines.len(), |at| at + 1));
        lines = rest;
        part.records += 1;
        part.bad_records += u64::from(is_bad);
        let output = &mut part.output;
        if renderer.is_appended() {
            output.extend_from_slice(&block[start..insert_at]);
        }
        if !is_bad {
            let (ranks, is_known) = scoring.ranks(renderer, at, text);
            renderer.add_values(ranks, is_known, output);
        } else if !renderer.is_appended() {
            renderer.add_nothing(output);
        }
        if renderer.is_appended() {
            output.extend_from_slice(&block[insert_at..end]);
        }
        // The last record of a file may have no line end; what follows is another record all the same.
        if !(renderer.is_appended() && plan.ends_with_line_end(&block[..end])) {
            output.push(b'\n');
        }
        start = end;
    }
    part.ends_in_quotes = renderer.is_appended() && batch.ends_in_quotes;
    Ok(())
}

/// Classifies texts in buffers of its own, as far as what is written takes it.
struct Scoring<'c> {
    scorer: Scorer<'c>,
    labels: Vec<Label>,
    predictions: Vec<Prediction>,
    probabilities: Vec<f64>,
    ranks: Vec<Rank>,
}

impl<'c> Scoring<'c> {
    fn new(scorer: Scorer<'c>) -> Scoring<'c> {
        Scoring {
            scorer,
            labels: Vec::new(),
            predictions: Vec::new(),
            probabilities: Vec::new(),
            ranks: Vec::new(),
        }
    }

    /// Adds a line with the label of each line of some texts.
    fn add_label_lines(&mut self, renderer: &Renderer, lines: &[u8], part: &mut Part) {
        if renderer.needs_margin() {
            self.predict(renderer, lines);
            part.records += self.predictions.len() as u64;
            for predictions in self.predictions.chunks(LABELS_TOGETHER) {
                renderer.add_predicted_lines(predictions, &mut part.output);
            }
        } else {
            self.labels.clear();
            self.scorer.label_lines(lines, &mut self.labels);
            part.records += self.labels.len() as u64;
            for labels in self.labels.chunks(LABELS_TOGETHER) {
                renderer.add_label_lines(labels, &mut part.output);
            }
        }
    }

    /// Classifies lines.
    fn predict(&mut self, renderer: &Renderer, lines: &[u8]) {
        self.predictions.clear();
        if renderer.needs_margin() {
            self.scorer.predict_lines(lines, &mut self.predictions);
            return;
        }
        self.labels.clear();
        self.scorer.label_lines(lines, &mut self.labels);
        let without_margin =
            |&Label { class, known }| Prediction { class, score: 0.0, margin: f32::INFINITY, known };
        self.predictions.extend(self.labels.iter().map(without_margin));
    }

    /// The best classes of the text on the line at this place, as many as are written, and whether it is known.
    fn ranks(&mut self, renderer: &Renderer, at: usize, text: &[u8]) -> (&[Rank], bool) {
        let Prediction { class, score, margin, known } = self.predictions[at];
        self.ranks.clear();
        if renderer.top() == 1 && !renderer.has_probabilities() {
            self.ranks.push(Rank { class, score, margin, probability: 0.0 });
            return (&self.ranks, known);
        }
        self.ranks.extend(self.scorer.ranked(text).map(|Prediction { class, score, margin, .. }| Rank {
            class,
            score,
            margin,
            probability: 0.0,
        }));
        if renderer.has_probabilities() {
            self.probabilities.clear();
            self.probabilities.extend(self.ranks.iter().map(|rank| f64::from(rank.score)));
            softmax(&mut self.probabilities);
            for (rank, &probability) in self.ranks.iter_mut().zip(&self.probabilities) {
                rank.probability = probability;
            }
        }
        self.ranks.truncate(renderer.top());
        (&self.ranks, known)
    }
}
