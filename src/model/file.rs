//! Models on disk.

#![forbid(unsafe_code)]

use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::Model;
use super::format::{FormatError, MAX_BYTES};

/// Why a model file could not be written or read: the path and the cause.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// The file could not be read.
    Read(PathBuf, io::Error),
    /// The file could not be written: its path holds what it held, or, where only the last flush of the folder failed, the
    /// new file.
    Write(PathBuf, io::Error),
    /// The file is not a model.
    Format(PathBuf, FormatError),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(f, "{}: cannot be read: {error}", path.display()),
            Self::Write(path, error) => write!(f, "{}: cannot be written: {error}", path.display()),
            Self::Format(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for FileError {}

impl Model {
    /// Writes the model to a temporary file in the same folder, flushes it to the disk, and renames
    /// it to `path`: whatever happens, `path` holds either what it held or the whole model. One of more than
    /// [`MAX_BYTES`] is read again by [`Model::from_bytes_up_to`] alone.
    ///
    /// # Errors
    /// When the folder or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let path = path.as_ref();
        write_atomically(path, &self.to_bytes()).map_err(|error| FileError::Write(path.to_path_buf(), error))
    }

    /// Reads a model file, of at most [`MAX_BYTES`].
    ///
    /// # Errors
    /// When the file cannot be read, is larger, or is not a model.
    pub fn load(path: impl AsRef<Path>) -> Result<Model, FileError> {
        let path = path.as_ref();
        let failed = |error| FileError::Read(path.to_path_buf(), error);
        let not_a_model = |error| FileError::Format(path.to_path_buf(), error);
        let file = std::fs::File::open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        // What is no regular file need not have an end.
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        Model::from_bytes(&bytes).map_err(not_a_model)
    }
}

/// Writes `bytes` to a temporary file in the folder of `path`, flushes it to the disk, and renames it to `path`:
/// whatever happens, `path` holds either what it held or all of `bytes`. A link at `path` stays one, and what it points
/// to is replaced, or made; the new file may be read and written by whom the old one might, but is the writer's where
/// the system does not let it be given to another, and has no access control list of the old one. What is no regular
/// file, as `/dev/null` or a named pipe, is not replaced but written to.
///
/// # Errors
/// When the folder or the file cannot be written, or, on Unix, the folder not be read, which it takes to flush the new
/// name to the disk. If that flush alone fails, `path` holds `bytes` already.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let old = std::fs::metadata(path).ok();
    if old.as_ref().is_some_and(is_special) {
        return std::fs::OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    let path = behind_links(path)?;
    let folder = Folder::of(&path)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    if old.is_none() {
        // As for any new file, rather than for secrets; the process's mask applies.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.prefix(".paring-").tempfile_in(folder.path)?;
    #[cfg(unix)]
    if let Some(old) = old {
        make_as_readable(file.as_file(), &old)?;
    }
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    folder.flush()
}

/// Gives a new file the owner, the group and the mode of an old one, as far as the writer may. Where the file cannot be
/// given to the group, its mode has nothing for the writer's own.
#[cfg(unix)]
fn make_as_readable(new: &std::fs::File, old: &std::fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let is_owners = fchown(new, Some(old.uid()), Some(old.gid())).is_ok();
    let is_groups = is_owners || fchown(new, None, Some(old.gid())).is_ok();
    let mode = old.permissions().mode();
    new.set_permissions(std::fs::Permissions::from_mode(if is_groups { mode } else { mode & !0o070 }))
}

/// Whether [`write_atomically`] may write to `path`, so that it can be told before work is done. Nothing is changed.
///
/// # Errors
/// When `path` is a folder or names no file, or its folder cannot be written or read.
pub fn check_atomic_write(path: &Path) -> io::Result<()> {
    let bytes = path.as_os_str().as_encoded_bytes();
    let names_a_file =
        !bytes.contains(&0) && bytes.last().is_some_and(|&last| !std::path::is_separator(char::from(last)));
    if !names_a_file {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
    }
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if is_special(&found) => return Ok(()),
        _ => {}
    }
    let path = behind_links(path)?;
    tempfile::tempfile_in(Folder::of(&path)?.path).map(drop)
}

fn is_special(found: &std::fs::Metadata) -> bool {
    !found.is_file() && !found.is_dir()
}

/// More links than systems follow.
const MOST_LINKS: usize = 40;

/// What a path points to in the end, whether that exists or not; the path itself if it is no link.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let Ok(target) = std::fs::read_link(&path) else { return Ok(path) };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(io::Error::other("its links go in a circle"))
}

/// The folder that holds a file, open so that it can be flushed.
struct Folder<'p> {
    path: &'p Path,
    #[cfg(unix)]
    open: std::fs::File,
}

impl<'p> Folder<'p> {
    fn of(file: &'p Path) -> io::Result<Folder<'p>> {
        let path = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        Ok(Folder {
            path,
            #[cfg(unix)]
            open: std::fs::File::open(path)?,
        })
    }

    /// Flushes the names in it to the disk.
    fn flush(&self) -> io::Result<()> {
        #[cfg(unix)]
        self.open.sync_all()?;
        Ok(())
    }
}
