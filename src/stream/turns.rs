//! Who writes when: the output of blocks in their order, by the threads that made it.
//!
//! The thread that is done with the block whose turn it is writes its output, and then that of the blocks behind it
//! that others have finished early. One that is early leaves its output to be written and is free for another block. So
//! no thread is woken only to write, and most output is written by the core that has it in its cache. Where much has
//! been left already, or a block makes more than is left at a time, its worker waits for its turn: a slow output makes
//! all of them wait.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::work::{Bad, Part};
use super::{Sink, StreamError, bad_record, unreadable};

/// What a block has come to.
pub(super) struct Outcome {
    /// The last of its output.
    pub(super) part: Part,
    pub(super) ended: Ended,
}

/// How a block has ended.
pub(super) enum Ended {
    /// After so many lines.
    Block(u64),
    /// At a bad record.
    BadRecord(Bad),
    /// There was none: the end of the input, or it could not be read any further.
    Input(io::Result<()>),
}

/// The turns of the blocks of one input, which are numbered from 0.
pub(super) struct Turns<W> {
    sink: Arc<Mutex<Sink<W>>>,
    /// Stands for the input in errors.
    name: PathBuf,
    most_early: usize,
    state: Mutex<State>,
    next_has_changed: Condvar,
    has_ended: Condvar,
}

struct State {
    /// The block whose turn it is.
    next: u64,
    /// Lines of the input before it.
    lines: u64,
    /// Blocks finished before their turn.
    early: BTreeMap<u64, Outcome>,
    /// Room for output, to be used again.
    spare: Vec<Vec<u8>>,
    ended: Option<Result<(), StreamError>>,
}

impl<W> Turns<W> {
    /// The turns of an input of which `lines` lines are done with. At most `most_early` outcomes are left behind.
    pub(super) fn new(sink: Arc<Mutex<Sink<W>>>, name: PathBuf, lines: u64, most_early: usize) -> Turns<W> {
        let state = State { next: 0, lines, early: BTreeMap::new(), spare: Vec::new(), ended: None };
        let state = Mutex::new(state);
        Turns { sink, name, most_early, state, next_has_changed: Condvar::new(), has_ended: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn have_ended(&self) -> bool {
        self.state().ended.is_some()
    }

    /// Ends the stream for all, unless it has ended.
    pub(super) fn end(&self, ended: Result<(), StreamError>) {
        self.state().ended.get_or_insert(ended);
        self.next_has_changed.notify_all();
        self.has_ended.notify_all();
    }

    /// Waits for the end of the stream.
    pub(super) fn wait_for_end(&self) -> Result<(), StreamError> {
        let ended = self.has_ended.wait_while(self.state(), |state| state.ended.is_none());
        // The workers look whether it has ended after this as well.
        ended.unwrap_or_else(PoisonError::into_inner).ended.replace(Ok(())).unwrap_or(Ok(()))
    }

    /// Waits until it is a block's turn or the stream has ended, as long as there is reason to.
    fn wait_for_turn(&self, number: u64, has_reason: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let is_early = |state: &mut State| state.next != number && state.ended.is_none() && has_reason(state);
        self.next_has_changed.wait_while(self.state(), is_early).unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write> Turns<W> {
    /// Waits for a block's turn, writes some of its output and clears it; false when the stream has ended.
    pub(super) fn write_in_turn(&self, number: u64, part: &mut Part) -> bool {
        let state = self.wait_for_turn(number, |_| true);
        if state.ended.is_some() {
            return false;
        }
        let lines = state.lines;
        drop(state);
        self.write(lines, part)
    }

    /// Writes what a block came to and what is ready behind it, or leaves it to be written in its turn. Gives a part to
    /// be filled.
    pub(super) fn finish(&self, number: u64, outcome: Outcome) -> Part {
        let mut state = self.wait_for_turn(number, |state| state.early.len() >= self.most_early);
        state.early.insert(number, outcome);
        if state.next == number {
            while let Some(Outcome { mut part, ended }) = state.take_ready() {
                let before = state.lines;
                drop(state);
                self.write(before, &mut part);
                state = self.state();
                state.spare.push(part.output);
                match ended {
                    Ended::Block(lines) => {
                        state.lines += lines;
                        state.next += 1;
                    }
                    Ended::BadRecord(bad) => {
                        let error = bad_record(&self.name, state.lines, bad);
                        state.ended.get_or_insert(Err(error.into()));
                    }
                    Ended::Input(ended) => {
                        let ended = ended.map_err(|error| unreadable(&self.name, error).into());
                        state.ended.get_or_insert(ended);
                    }
                }
            }
            self.next_has_changed.notify_all();
            if state.ended.is_some() {
                self.has_ended.notify_all();
            }
        }
        Part { output: state.spare.pop().unwrap_or_default(), ..Part::default() }
    }

    /// Writes some output of the block that begins after so many lines, and clears it; false, and the stream has ended, when
    /// it cannot be written.
    fn write(&self, lines: u64, part: &mut Part) -> bool {
        let written = match self.sink.lock() {
            Ok(mut sink) => sink.take(&self.name, lines, part),
            // A worker has died while it wrote.
            Err(_) => Err(StreamError::Stopped),
        };
        part.clear();
        written.map_err(|error| self.end(Err(error))).is_ok()
    }
}

impl State {
    /// Takes what the block whose turn it is has come to, if that is known and the stream goes on.
    fn take_ready(&mut self) -> Option<Outcome> {
        if self.ended.is_some() { None } else { self.early.remove(&self.next) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn turns(most_early: usize) -> Arc<Turns<Vec<u8>>> {
        let sink = Sink::new(Vec::new());
        Arc::new(Turns::new(Arc::new(Mutex::new(sink)), "x".into(), 0, most_early))
    }

    fn block(output: &str) -> Outcome {
        Outcome { part: part(output), ended: Ended::Block(1) }
    }

    fn part(output: &str) -> Part {
        Part { output: output.into(), ..Part::default() }
    }

    fn written(turns: &Turns<Vec<u8>>) -> String {
        String::from_utf8(turns.sink.lock().unwrap().output.clone().unwrap()).unwrap()
    }

    #[test]
    fn blocks_finished_early_are_written_behind_those_before_them() {
        let turns = turns(3);
        turns.finish(2, block("c"));
        turns.finish(1, block("b"));
        turns.finish(3, Outcome { part: Part::default(), ended: Ended::Input(Ok(())) });
        assert_eq!(written(&turns), "");
        assert!(turns.write_in_turn(0, &mut part("a")));
        turns.finish(0, block("A"));
        assert_eq!(written(&turns), "aAbc");
        assert!(turns.wait_for_end().is_ok());
    }

    #[test]
    fn who_is_early_waits_where_much_has_been_left() {
        let turns = turns(1);
        turns.finish(1, block("b"));
        let (sender, receiver) = channel();
        let early = turns.clone();
        let waiting = thread::spawn(move || {
            early.finish(2, block("c"));
            sender.send(()).unwrap();
        });
        assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err(), "it did not wait");
        turns.finish(0, block("a"));
        waiting.join().unwrap();
        assert_eq!(written(&turns), "abc");
    }

    #[test]
    fn nothing_is_written_behind_a_failure_and_nobody_waits() {
        let turns = turns(2);
        turns.finish(1, block("b"));
        turns.finish(0, Outcome { part: part("a"), ended: Ended::Input(Err(io::ErrorKind::Other.into())) });
        assert!(!turns.write_in_turn(2, &mut part("c")));
        turns.finish(3, block("d"));
        assert_eq!(written(&turns), "a");
        assert!(matches!(turns.wait_for_end(), Err(StreamError::Input(_))));
        assert!(turns.have_ended());
    }
}
