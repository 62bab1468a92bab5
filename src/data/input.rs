//! Files, pipes and standard input, with gzip and Zstandard read through.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::model::format::MAGIC;

/// The path that stands for standard input.
pub const STANDARD_INPUT: &str = "-";

/// The longest record that is read: 2 GiB. A few megabytes of compressed data could take all memory otherwise.
pub const MAX_RECORD_BYTES: usize = if cfg!(test) { 32 << 20 } else { 2 << 30 };

/// Bytes that are read or decompressed at a time, at most.
const BLOCK_BYTES: usize = 64 << 10;

/// Decompressed blocks that may wait for a reader.
const BLOCKS_AHEAD: usize = 4;

/// Opens a file, or standard input for the path `-`, as [`decompressed`] reads it. Waits for the first bytes.
///
/// # Errors
/// When the file cannot be opened or read. The error does not name the file.
pub fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    if path == Path::new(STANDARD_INPUT) {
        decompressed(Box::new(io::stdin()))
    } else {
        decompressed(Box::new(File::open(path)?))
    }
}

/// Reads gzip (of any number of members) and Zstandard (of any number of frames) through, and text as it is. What begins as
/// xz, bzip2, ZIP, UTF-16 with a byte-order mark or a model file does is an error.
///
/// Compressed input is recognised by its first bytes, so that pipes work as files do. It is decompressed in a thread
/// of its own, which is at most 256 KiB ahead of the reader. Dropping the reader ends that thread, at the latest when
/// it has next decompressed something.
///
/// A read gives what is there and waits for more only when there is nothing: what a program has flushed into a pipe
/// can be read at once.
///
/// # Errors
/// When the first bytes cannot be read, or tell that it is no text. Compressed data that is damaged or cut
/// short is an error of the read that comes upon it.
pub fn decompressed(mut input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let head = read_head(&mut input, |head| Kind::of(head).is_none() && Kind::may_begin(head))?;
    let kind = Kind::of(&head);
    let input = Cursor::new(head).chain(input);
    match kind {
        None => Ok(Box::new(input)),
        Some(Kind::Refused(told)) => Err(io::Error::new(io::ErrorKind::InvalidData, told)),
        Some(Kind::Gzip) => in_a_thread("gzip", move || {
            Ok(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(BLOCK_BYTES, input)))
        }),
        Some(Kind::Zstandard) => in_a_thread("zstd", move || zstd::Decoder::new(input)),
    }
}

/// Reads the next line into `line`, which it clears, without its end, LF or CRLF; gives whether there was one.
///
/// # Errors
/// When the line is longer than [`MAX_RECORD_BYTES`], or cannot be read.
pub fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let most = MAX_RECORD_BYTES as u64 + 1;
    if input.take(most).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.ends_with(b"\n") {
        line.pop();
    } else if line.len() > MAX_RECORD_BYTES {
        return Err(record_too_long());
    }
    if line.ends_with(b"\r") {
        line.pop();
    }
    Ok(true)
}

pub(crate) fn record_too_long() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "a record of more than 2 GiB: expected shorter ones, or a line end",
    )
}

/// Doubles the buffer of a record that has filled it.
///
/// # Errors
/// When the record is longer than [`MAX_RECORD_BYTES`], or than memory has room for.
pub(crate) fn grow_for_record(buffer: &mut Vec<u8>) -> io::Result<()> {
    let length = (2 * buffer.len()).clamp(4096, MAX_RECORD_BYTES);
    let further =
        length.checked_sub(buffer.len()).filter(|&further| further > 0).ok_or_else(record_too_long)?;
    let no_room = |_| io::Error::new(io::ErrorKind::OutOfMemory, "a record longer than there is memory for");
    buffer.try_reserve_exact(further).map_err(no_room)?;
    buffer.resize(length, 0);
    Ok(())
}

/// Reads until the bytes so far decide something: at least once, and nothing only when there is nothing to read.
fn read_head(input: &mut dyn Read, is_undecided: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match input.read(&mut block) {
            Ok(0) => return Ok(head),
            Ok(read) => head.extend_from_slice(&block[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if !is_undecided(&head) {
            return Ok(head);
        }
    }
}

/// UTF-8's byte-order mark, which files from spreadsheets begin with.
pub(crate) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The first bytes of text, past a byte-order mark, and whether there was one.
pub(crate) fn past_byte_order_mark(input: &mut dyn Read) -> io::Result<(Cursor<Vec<u8>>, bool)> {
    let may_begin = |head: &[u8]| head.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(head);
    let head = read_head(input, may_begin)?;
    let is_marked = head.starts_with(BYTE_ORDER_MARK);
    let mut head = Cursor::new(head);
    head.set_position(if is_marked { BYTE_ORDER_MARK.len() as u64 } else { 0 });
    Ok((head, is_marked))
}

/// What input is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gzip,
    Zstandard,
    /// Nothing that is read: what it is, and what is to be done.
    Refused(&'static str),
}

/// The first bytes, what of the very first of them counts, and what they tell.
const KINDS: [(&[u8], u8, Kind); 9] = [
    (&[0x1f, 0x8b], 0xff, Kind::Gzip),
    (&[0x28, 0xb5, 0x2f, 0xfd], 0xff, Kind::Zstandard),
    // A skippable frame, of sixteen kinds: pzstd begins with one.
    (&[0x50, 0x2a, 0x4d, 0x18], 0xf0, Kind::Zstandard),
    (b"\xfd7zXZ\0", 0xff, Kind::Refused("xz data: expected text, gzip or Zstandard; decompress it first")),
    (b"BZh91AY&SY", 0xff, Kind::Refused("bzip2 data: expected text, gzip or Zstandard; decompress it first")),
    (
        b"PK\x03\x04",
        0xff,
        Kind::Refused("a ZIP archive, or a spreadsheet: expected text; extract it, or save it as CSV"),
    ),
    (&[0xff, 0xfe], 0xff, UTF_16),
    (&[0xfe, 0xff], 0xff, UTF_16),
    (&MAGIC, 0xff, Kind::Refused("a paring model: expected records; name it as the model")),
];

const UTF_16: Kind = Kind::Refused("UTF-16: expected UTF-8; convert it first");

impl Kind {
    fn of(head: &[u8]) -> Option<Kind> {
        Kind::alike(head).find(|(start, _)| head.len() >= start.len()).map(|(_, kind)| kind)
    }

    /// Whether more bytes could make these the start of one of the kinds.
    fn may_begin(head: &[u8]) -> bool {
        Kind::alike(head).any(|(start, _)| head.len() < start.len())
    }

    /// The kinds whose first bytes these are as far as there are both.
    fn alike(head: &[u8]) -> impl Iterator<Item = (&'static [u8], Kind)> {
        let is_alike = |&&(start, mask, _): &&(&[u8], u8, Kind)| {
            let masks = std::iter::once(mask).chain(std::iter::repeat(0xff));
            head.iter().zip(start).zip(masks).all(|((&found, &byte), mask)| found & mask == byte & mask)
        };
        KINDS.iter().filter(is_alike).map(|&(start, _, kind)| (start, kind))
    }
}

/// Runs a decoder in a thread and reads what it gives.
fn in_a_thread<D: Read>(
    name: &'static str,
    make_decoder: impl FnOnce() -> io::Result<D> + Send + 'static,
) -> io::Result<Box<dyn Read + Send>> {
    let (sender, blocks) = sync_channel(BLOCKS_AHEAD);
    thread::Builder::new().name(name.into()).spawn(move || {
        let ended = make_decoder().and_then(|decoder| send_blocks(decoder, &sender));
        if let Err(error) = ended {
            // Nobody is left to hear of it when the reader is gone.
            let _ = sender.send(Err(explain(name, error)));
        }
    })?;
    Ok(Box::new(Blocks { blocks, current: Cursor::default(), ended: false }))
}

/// Sends blocks until the decoder ends, then an empty one; stops when the reader is gone.
fn send_blocks(mut decoder: impl Read, blocks: &SyncSender<io::Result<Vec<u8>>>) -> io::Result<()> {
    loop {
        let mut block = vec![0; BLOCK_BYTES];
        match decoder.read(&mut block) {
            Ok(read) => {
                block.truncate(read);
                if blocks.send(Ok(block)).is_err() || read == 0 {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn explain(name: &str, error: io::Error) -> io::Error {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            format!("the {name} data is cut short, or followed by what is none: expected its end")
        }
        _ => format!("the {name} data cannot be read: {error}"),
    };
    io::Error::new(error.kind(), message)
}

/// What a decoder's thread has sent.
struct Blocks {
    blocks: Receiver<io::Result<Vec<u8>>>,
    current: Cursor<Vec<u8>>,
    ended: bool,
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.current.read(buffer)?;
        if read > 0 || self.ended || buffer.is_empty() {
            return Ok(read);
        }
        // Only an empty block is the end: a thread that is gone without one must not pass for it.
        let gone = |_| Err(io::Error::other("the decompression has stopped"));
        self.current = Cursor::new(self.blocks.recv().unwrap_or_else(gone)?);
        self.ended = self.current.get_ref().is_empty();
        self.current.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{PipeReader, PipeWriter, Write, pipe};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zst(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read_all(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        decompressed(Box::new(Cursor::new(bytes)))?.read_to_end(&mut read)?;
        Ok(read)
    }

    /// Some text of many blocks that does not compress to nothing.
    fn long_text() -> Vec<u8> {
        (0_u32..150_000).flat_map(|n| n.wrapping_mul(2_654_435_761).to_string().into_bytes()).collect()
    }

    /// Gives one byte a read, as the slowest pipe would.
    struct Trickle<R>(R);

    impl<R: Read> Read for Trickle<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let end = buffer.len().min(1);
            self.0.read(&mut buffer[..end])
        }
    }

    #[test]
    fn what_begins_as_no_text_is_refused_and_told() {
        let starts: [(&[u8], &str); 6] = [
            (b"\xfd7zXZ\0\0\x04", "xz data"),
            (b"BZh91AY&SY\0", "bzip2 data"),
            (b"PK\x03\x04\0", "a ZIP archive"),
            (b"\xff\xfen\0", "UTF-16"),
            (b"\xfe\xff\0n", "UTF-16"),
            (&MAGIC, "a paring model"),
        ];
        for (bytes, told) in starts {
            for error in [
                decompressed(Box::new(Cursor::new(bytes.to_vec()))).err().unwrap(),
                decompressed(Box::new(Trickle(Cursor::new(bytes.to_vec())))).err().unwrap(),
            ] {
                assert!(error.to_string().starts_with(told), "{error}");
            }
        }
    }

    #[test]
    fn plain_input_comes_through_unchanged() {
        for text in ["", "a", "(", "(a)", "\u{1f}", "P*", "P*M", "PK\u{3}", "BZh91AY&S", "nurse\ncook\n"] {
            assert_eq!(read_all(text.into()).unwrap(), text.as_bytes(), "{text:?}");
        }
        assert_eq!(read_all(vec![0x28, 0xb5, 0x2f]).unwrap(), [0x28, 0xb5, 0x2f]);
        assert_eq!(read_all(long_text()).unwrap(), long_text());
    }

    #[test]
    fn compressed_input_is_read_through_with_all_its_members_and_frames() {
        for compress in [gzip, zst] {
            for text in [&b""[..], b"a", &long_text()] {
                assert_eq!(read_all(compress(text)).unwrap(), text);
            }
            let two = [compress(b"one\n"), compress(b"two\n")].concat();
            assert_eq!(read_all(two).unwrap(), b"one\ntwo\n");
        }
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9][..], &zst(b"text")].concat();
        assert_eq!(read_all(skippable).unwrap(), b"text");
    }

    #[test]
    fn a_byte_at_a_time_gives_the_same() {
        for bytes in [gzip(b"text"), zst(b"text"), b"text".to_vec(), b"(".to_vec()] {
            let mut slow = Vec::new();
            let input = Box::new(Trickle(Cursor::new(bytes.clone())));
            Trickle(decompressed(input).unwrap()).read_to_end(&mut slow).unwrap();
            assert_eq!(slow, read_all(bytes).unwrap());
        }
    }

    #[test]
    fn every_cut_of_compressed_data_is_an_error_that_says_so() {
        for (compressed, name, shortest) in [(gzip(b"some text"), "gzip", 2), (zst(b"some text"), "zstd", 4)]
        {
            for length in shortest..compressed.len() {
                let error = read_all(compressed[..length].to_vec()).unwrap_err().to_string();
                assert!(error.contains(name) && error.contains("cut short"), "{length} bytes: {error}");
            }
        }
    }

    #[test]
    fn damaged_data_is_an_error_of_every_further_read() {
        for compress in [gzip, zst] {
            let mut compressed = compress(&long_text());
            let middle = compressed.len() / 2;
            compressed[middle..middle + 40].fill(0x55);
            let mut input = decompressed(Box::new(Cursor::new(compressed))).unwrap();
            assert!(io::copy(&mut input, &mut io::sink()).is_err());
            assert!(input.read(&mut [0; 9]).is_err());
        }
    }

    /// Has `write` fill a pipe and keeps it open, and gives what one read finds at its other end.
    fn read_from_open_pipe(write: impl FnOnce(&mut PipeWriter)) -> Vec<u8> {
        let (reader, mut writer): (PipeReader, PipeWriter) = pipe().unwrap();
        write(&mut writer);
        let mut buffer = vec![0; 1 << 20];
        let read = decompressed(Box::new(reader)).unwrap().read(&mut buffer).unwrap();
        drop(writer);
        buffer.truncate(read);
        buffer
    }

    #[test]
    fn what_was_flushed_into_an_open_pipe_is_read_at_once() {
        assert_eq!(read_from_open_pipe(|writer| writer.write_all(b"line\n").unwrap()), b"line\n");
        let through_gzip = read_from_open_pipe(|writer| {
            let mut encoder = flate2::write::GzEncoder::new(writer, flate2::Compression::fast());
            encoder.write_all(b"line\n").unwrap();
            encoder.flush().unwrap();
            std::mem::forget(encoder);
        });
        assert_eq!(through_gzip, b"line\n");
        let through_zstd = read_from_open_pipe(|writer| {
            let mut encoder = zstd::Encoder::new(writer, 1).unwrap();
            encoder.write_all(b"line\n").unwrap();
            encoder.flush().unwrap();
        });
        assert_eq!(through_zstd, b"line\n");
    }

    #[test]
    fn dropping_the_reader_ends_the_thread() {
        struct Flagged(Cursor<Vec<u8>>, Arc<AtomicBool>);
        impl Read for Flagged {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0.read(buffer)
            }
        }
        impl Drop for Flagged {
            fn drop(&mut self) {
                self.1.store(true, Ordering::SeqCst);
            }
        }
        let ended = Arc::new(AtomicBool::new(false));
        let input = Flagged(Cursor::new(gzip(&long_text())), ended.clone());
        let mut reader = decompressed(Box::new(input)).unwrap();
        reader.read_exact(&mut [0; 10]).unwrap();
        assert!(!ended.load(Ordering::SeqCst), "the text is longer than what may be read ahead");
        drop(reader);
        let start = Instant::now();
        while !ended.load(Ordering::SeqCst) {
            assert!(start.elapsed() < Duration::from_secs(20), "the thread goes on");
            thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        assert_eq!(open(Path::new("no/such/file")).err().unwrap().kind(), io::ErrorKind::NotFound);
    }
}
