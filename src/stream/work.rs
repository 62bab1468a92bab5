//! Classifies blocks.

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use super::records::{Batch, Layout, Span};
use super::render::{Rank, Renderer};
use crate::Classifier;
use crate::data::read::BadRecord;
use crate::infer::{Prediction, Scorer, softmax};

/// Bytes of output that are given on together, unless one record makes more.
const PART_BYTES: usize = 256 << 10;

/// How one file is classified.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) layout: Layout,
    pub(super) renderer: Renderer,
    pub(super) skip_bad_records: bool,
    pub(super) write_each_record: bool,
}

/// What some whole records of a block came to.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) output: Vec<u8>,
    pub(super) records: u64,
    pub(super) bad_records: u64,
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

/// A bad record that ends the stream.
#[derive(Debug)]
pub(super) struct Failure {
    /// Lines of the block before the one on which the record begins.
    pub(super) lines_before: u64,
    pub(super) problem: BadRecord,
}

/// Classifies blocks in buffers of its own.
pub(super) struct Worker<'c> {
    plan: &'c Plan,
    scorer: Scorer<'c>,
    batch: Batch,
    predictions: Vec<Prediction>,
    ranks: Vec<Rank>,
    order: Vec<(u32, f32)>,
    probabilities: Vec<f32>,
}

impl<'c> Worker<'c> {
    pub(super) fn new(classifier: &'c Classifier, plan: &'c Plan) -> Worker<'c> {
        Worker {
            plan,
            scorer: classifier.scorer(),
            batch: Batch::default(),
            predictions: Vec::new(),
            ranks: Vec::new(),
            order: Vec::new(),
            probabilities: Vec::new(),
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
    ) -> Result<(), Failure> {
        let ended = self.run_records(block, part, emit);
        part.bytes_read += block.len() as u64;
        ended
    }

    fn run_records(
        &mut self,
        block: &[u8],
        part: &mut Part,
        emit: &mut dyn FnMut(&mut Part) -> bool,
    ) -> Result<(), Failure> {
        let plan = self.plan;
        let part_bytes = if plan.write_each_record { 1 } else { PART_BYTES };
        let mut start = 0;
        while start < block.len() {
            if plan.renderer.is_label_alone()
                && !plan.write_each_record
                && let Some(lines) = plan.layout.lines_alone(block, start)
            {
                self.add_labels(lines, part);
                start += lines.len();
                if part.output.len() >= part_bytes && !emit(part) {
                    return Ok(());
                }
                continue;
            }
            plan.layout.fill(block, start, &mut self.batch);
            self.predict();
            let mut text = 0..0;
            for at in 0..self.batch.spans.len() {
                let span = self.batch.spans[at];
                if span.is_bad
                    && !plan.skip_bad_records
                    && let Some((record_start, problem)) = self.batch.first_problem.take()
                {
                    return Err(Failure { lines_before: count_lines(&block[..record_start]), problem });
                }
                text.end = text.start + memchr(b'\n', &self.batch.lines[text.start..]).unwrap_or(0);
                self.add_record(block, start, at, text.clone(), part);
                text.start = text.end + 1;
                start = span.end;
                if part.output.len() >= part_bytes && !emit(part) {
                    return Ok(());
                }
            }
            if self.batch.spans.is_empty() {
                if plan.renderer.is_appended() {
                    part.output.extend_from_slice(&block[start..]);
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// Classifies the lines of the batch.
    fn predict(&mut self) {
        self.predictions.clear();
        predict_lines(&mut self.scorer, &self.batch.lines, &mut self.predictions);
    }

    /// Adds a line with the label of each line.
    fn add_labels(&mut self, lines: &[u8], part: &mut Part) {
        self.predictions.clear();
        predict_lines(&mut self.scorer, lines, &mut self.predictions);
        part.records += self.predictions.len() as u64;
        for prediction in &self.predictions {
            let Prediction { class, margin, known, .. } = *prediction;
            part.output.extend_from_slice(self.plan.renderer.label_line(class, margin, known));
        }
    }

    /// Adds what is written for the record at this place of the batch, which starts at `start`.
    fn add_record(&mut self, block: &[u8], start: usize, at: usize, text: Range<usize>, part: &mut Part) {
        let Plan { layout, renderer, .. } = self.plan;
        let Span { end, insert_at, is_bad } = self.batch.spans[at];
        part.records += 1;
        part.bad_records += u64::from(is_bad);
        let output = &mut part.output;
        if renderer.is_appended() {
            output.extend_from_slice(&block[start..insert_at]);
        }
        if !is_bad {
            let prediction = self.predictions[at];
            self.rank(prediction, text);
            renderer.add_values(&self.ranks, prediction.known, output);
        } else if !renderer.is_appended() {
            renderer.add_nothing(output);
        }
        if renderer.is_appended() {
            output.extend_from_slice(&block[insert_at..end]);
        }
        // The last record of a file may have no line end; what follows is another record all the same.
        let ends_with_return = matches!(layout, Layout::Csv(_)) && block[insert_at..end].ends_with(b"\r");
        if !(renderer.is_appended() && (block[..end].ends_with(b"\n") || ends_with_return)) {
            output.push(b'\n');
        }
    }

    /// Ranks the classes for a text, as far as they are written.
    fn rank(&mut self, prediction: Prediction, text: Range<usize>) {
        let renderer = &self.plan.renderer;
        self.ranks.clear();
        let Prediction { class, score, margin, .. } = prediction;
        if renderer.top() == 1 && !renderer.has_probabilities() {
            self.ranks.push(Rank { class, score, margin, probability: 0.0 });
            return;
        }
        let scores = self.scorer.scores(&self.batch.lines[text]);
        self.probabilities.clear();
        if renderer.has_probabilities() {
            self.probabilities.extend_from_slice(scores);
            softmax(&mut self.probabilities);
        }
        self.order.clear();
        self.order.extend((0..).zip(scores.iter().copied()));
        // Equal scores stay in the order of the classes, by which ties are decided.
        self.order.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        for (at, &(class, score)) in self.order.iter().enumerate().take(renderer.top()) {
            let margin = self.order.get(at + 1).map_or(f32::INFINITY, |next| score - next.1);
            let probability = self.probabilities.get(class as usize).copied().unwrap_or(0.0);
            self.ranks.push(Rank { class, score, margin, probability });
        }
    }
}

/// Classifies each line; the last may lack its line feed.
fn predict_lines(scorer: &mut Scorer<'_>, lines: &[u8], predictions: &mut Vec<Prediction>) {
    predictions.extend(lines.split_inclusive(|&byte| byte == b'\n').map(|line| scorer.predict(line)));
}

/// Line feeds in some bytes.
pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}
