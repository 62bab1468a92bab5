//! Classifies blocks in several threads and gives the results in order.
//!
//! Each worker takes the next block from the source, which one of them can use at a time, and in the same breath enters
//! a channel of its own into a queue: so the queue is in the order of the blocks, and who empties it writes in that
//! order. The queue is short. When the output is slow, it fills up, and the workers wait.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::blocks::{Block, Blocks};
use super::work::{Failure, Part, Plan, Worker, count_lines};
use crate::Classifier;

/// What becomes of a block.
pub(super) enum Message {
    /// Some of its output.
    Part(Part),
    /// The last of its output, and how many lines it has or which record of it is bad.
    End(Part, Result<u64, Failure>),
    /// The input could not be read any further.
    Unreadable(io::Error),
}

/// Output buffers to be used again.
#[derive(Clone, Default)]
pub(super) struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

impl Pool {
    fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(super) fn put(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

struct Source {
    blocks: Blocks,
    /// Gone when there are no more blocks.
    queue: Option<SyncSender<Receiver<Message>>>,
}

/// Starts the workers. Dropping the queue ends them, one of them as late as a read under way returns.
///
/// # Errors
/// When no thread can be started.
pub(super) fn start(
    blocks: Blocks,
    classifier: &Arc<Classifier>,
    plan: &Arc<Plan>,
    threads: usize,
) -> io::Result<(Receiver<Receiver<Message>>, Pool)> {
    let (sender, queue) = sync_channel(2 * threads);
    let source = Arc::new(Mutex::new(Source { blocks, queue: Some(sender) }));
    let pool = Pool::default();
    for started in 0..threads {
        let (source, pool) = (source.clone(), pool.clone());
        let (classifier, plan) = (classifier.clone(), plan.clone());
        let thread = thread::Builder::new().name("classify".into());
        match thread.spawn(move || work(&source, &pool, &classifier, &plan)) {
            Err(error) if started == 0 => return Err(error),
            // Those that there are do the work of all.
            Err(_) => break,
            Ok(_) => {}
        }
    }
    Ok((queue, pool))
}

fn work(source: &Mutex<Source>, pool: &Pool, classifier: &Classifier, plan: &Plan) {
    let mut worker = Worker::new(classifier, plan);
    let mut block = Block::default();
    let mut part = Part::default();
    while let Some(results) = take_block(source, &mut block) {
        part.output = pool.take();
        let mut emit = |part: &mut Part| {
            let next = Part { output: pool.take(), ..Part::default() };
            results.send(Message::Part(std::mem::replace(part, next))).is_ok()
        };
        let ended = worker.run(block.records(), &mut part, &mut emit);
        let ended = ended.map(|()| count_lines(block.records()));
        // Nobody is left to hear of it when the stream has ended early: `take_block` will tell.
        let _ = results.send(Message::End(std::mem::take(&mut part), ended));
    }
}

/// Takes the next block, and the end of a channel for what becomes of it. `None` when the stream has ended.
fn take_block(source: &Mutex<Source>, block: &mut Block) -> Option<SyncSender<Message>> {
    // A worker that has died with the source in hand has ended the stream.
    let mut source = source.lock().ok()?;
    let queue = source.queue.clone()?;
    match source.blocks.next(block) {
        Ok(true) => {
            let (results, receiver) = sync_channel(1);
            if queue.send(receiver).is_ok() {
                return Some(results);
            }
        }
        Ok(false) => {}
        Err(error) => {
            let (results, receiver) = sync_channel(1);
            let _ = results.send(Message::Unreadable(error));
            let _ = queue.send(receiver);
        }
    }
    source.queue = None;
    None
}
