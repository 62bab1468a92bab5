//! Classifies blocks in several threads.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::thread;

use super::blocks::{Block, Blocks};
use super::turns::{Ended, Outcome, Turns};
use super::work::{Part, Plan, Worker};
use super::{Stream, StreamError};
use crate::Classifier;

/// Where blocks come from: one worker at a time.
struct Source {
    blocks: Blocks,
    taken: u64,
    is_at_end: bool,
}

impl<W: Write + Send + 'static> Stream<W> {
    /// Classifies blocks to the last one. Workers end with the stream, but for one that is reading when it ends early:
    /// that one ends when the read returns.
    pub(super) fn classify_in_threads(
        &self,
        blocks: Blocks,
        plan: Plan,
        turns: Turns<W>,
    ) -> Result<(), StreamError> {
        let source = Arc::new(Mutex::new(Source { blocks, taken: 0, is_at_end: false }));
        let (plan, turns) = (Arc::new(plan), Arc::new(turns));
        for started in 0..self.options.threads {
            let (source, turns) = (source.clone(), turns.clone());
            let (classifier, plan) = (self.classifier.clone(), plan.clone());
            let thread = thread::Builder::new().name("classify".into());
            match thread.spawn(move || work(&source, &turns, &classifier, &plan)) {
                Err(error) if started == 0 => return Err(StreamError::Threads(error)),
                // Those that there are do the work of all.
                Err(_) => break,
                Ok(_) => {}
            }
        }
        turns.wait_for_end()
    }
}

fn work<W: Write>(source: &Mutex<Source>, turns: &Turns<W>, classifier: &Classifier, plan: &Plan) {
    let _guard = EndOnPanic(turns);
    let mut worker = Worker::new(classifier, plan);
    let mut block = Block::default();
    let mut part = Part::default();
    while let Some((number, is_block)) = take_block(source, turns, &mut block) {
        let ended = match is_block {
            Ok(true) => {
                let mut emit = |part: &mut Part| turns.write_in_turn(number, part);
                match worker.run(block.records(), &mut part, &mut emit) {
                    Ok(()) => Ended::Block(plan.lines_of(block.records())),
                    Err(failure) => Ended::BadRecord(failure),
                }
            }
            Ok(false) => Ended::Input(Ok(())),
            Err(error) => Ended::Input(Err(error)),
        };
        part = turns.finish(number, Outcome { part, ended });
    }
}

/// Takes the next block, or learns that there is none, and the number of its turn. `None` when the stream has ended.
fn take_block<W>(
    source: &Mutex<Source>,
    turns: &Turns<W>,
    block: &mut Block,
) -> Option<(u64, io::Result<bool>)> {
    // A worker that has died with the source in hand has ended the stream.
    let mut source = source.lock().ok()?;
    if source.is_at_end || turns.have_ended() {
        return None;
    }
    let is_block = source.blocks.next(block);
    source.is_at_end = !matches!(is_block, Ok(true));
    source.taken += 1;
    Some((source.taken - 1, is_block))
}

/// Ends the stream when a worker has died.
struct EndOnPanic<'t, W>(&'t Turns<W>);

impl<W> Drop for EndOnPanic<'_, W> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.end(Err(StreamError::Stopped));
        }
    }
}
