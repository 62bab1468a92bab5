//! Standard output that holds whole records only.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::common::Failure;

/// Standard output, without a buffer of its own, which would cut at its length rather than at records.
///
/// What is written in one piece is there in one piece: a signal to end (Ctrl-C, a terminal that is closed) waits for it, for
/// a second at most, because who reads may have stopped to.
pub struct RecordOutput {
    file: File,
    writing: Arc<Mutex<()>>,
}

impl RecordOutput {
    /// Takes standard output, and signals from here on, before whose end there is something to do. A standard output that
    /// was closed is `/dev/null` by now.
    ///
    /// # Errors
    /// When the system gives no file for standard output, or no thread for signals.
    pub fn standard(before_end: impl FnOnce() + Send + 'static) -> Result<RecordOutput, Failure> {
        let writing = Arc::new(Mutex::new(()));
        #[cfg(not(unix))]
        drop(before_end);
        #[cfg(unix)]
        end_between_writes(writing.clone(), before_end)
            .map_err(|error| format!("signals cannot be waited for: {error}"))?;
        let file = unbuffered().map_err(|error| format!("standard output: {error}"))?;
        #[cfg(target_os = "linux")]
        widen(&file);
        Ok(RecordOutput { file, writing })
    }
}

impl Write for RecordOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        (&self.file).write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes that a pipe is to hold: what Linux lets anybody have.
#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 1 << 20;

/// Makes room in a pipe, so that writer and reader seldom wait for each other: Linux gives it 64 KiB at first, less than
/// is written at a time. What is no pipe stays as it is, and so does a pipe for which there is no leave.
#[cfg(target_os = "linux")]
fn widen(file: &File) {
    if rustix::pipe::fcntl_getpipe_size(file).is_ok_and(|size| size < PIPE_BYTES) {
        let _ = rustix::pipe::fcntl_setpipe_size(file, PIPE_BYTES);
    }
}

#[cfg(unix)]
fn unbuffered() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

#[cfg(windows)]
fn unbuffered() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(File::from(io::stdout().as_handle().try_clone_to_owned()?))
}

#[cfg(unix)]
fn end_between_writes(writing: Arc<Mutex<()>>, before_end: impl FnOnce() + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;
    use std::sync::mpsc::channel;
    use std::time::{Duration, Instant};

    let ending = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|&signal| !is_ignored(signal));
    let mut signals = Signals::new(ending)?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        let Some(signal) = signals.forever().next() else { return };
        let deadline = Instant::now() + Duration::from_secs(1);
        let mut pause = writing.try_lock();
        while pause.is_err() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
            pause = writing.try_lock();
        }
        // Nor is standard error waited for longer than that.
        let (done, is_done) = channel();
        let telling = std::thread::Builder::new().spawn(move || {
            before_end();
            let _ = done.send(());
        });
        if telling.is_ok() {
            let _ = is_done.recv_timeout(Duration::from_secs(1));
        }
        // Ends the process as if the signal had not been taken, so that shells see what ended it.
        let _ = emulate_default_handler(signal);
    })?;
    Ok(())
}

/// Whether the process was started with a signal ignored, as shells start what runs in the background. Elsewhere than
/// on Linux it cannot be told.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    ignored >> (signal - 1) & 1 == 1
}
