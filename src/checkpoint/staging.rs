//! Files of a directory that appear all at once or not at all.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::config;
use crate::error::{Error, ErrorKind, Result};

/// What happens to files that are there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// A checkpoint in the directory, or a file of the same name, is an error.
    Refuse,
    /// The checkpoint that the directory holds goes, as do files of the same names.
    ReplaceCheckpoint,
    /// Files of the same names go.
    ReplaceFiles,
}

/// New files of one directory under temporary names. Dropped before [`Staging::commit`], it removes them,
/// and the directory too when it made it.
#[derive(Debug)]
pub(super) struct Staging {
    dir: PathBuf,
    /// The outermost directory that did not exist before.
    made: Option<PathBuf>,
    /// Part of every temporary name, so that two writers never meet.
    tag: String,
    names: Vec<String>,
    existing: Existing,
    committed: bool,
}

impl Staging {
    /// Makes the directory when it is not there.
    pub fn open(dir: &Path, existing: Existing) -> Result<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let made = dir.ancestors().filter(|a| !a.as_os_str().is_empty() && !a.exists()).last();
        let tag = format!(".awqm-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let staging = Staging {
            dir: dir.to_owned(),
            made: made.map(Path::to_owned),
            tag,
            names: vec![],
            existing,
            committed: false,
        };
        fs::create_dir_all(dir).map_err(|e| Error::io(dir, &e))?;
        if existing == Existing::Refuse {
            check_destination(dir)?;
        }
        Ok(staging)
    }

    /// Takes a final name and gives the path to write instead.
    pub fn add(&mut self, name: &str) -> Result<PathBuf> {
        if Path::new(name).file_name() != Some(OsStr::new(name)) {
            return Err(Error::invalid("is not a plain file name").subject(name));
        }
        if self.names.iter().any(|n| n == name) {
            return Err(Error::invalid("two files cannot have this name").subject(name));
        }
        let path = self.dir.join(name);
        if self.existing == Existing::Refuse && path.exists() {
            return Err(exists(&path));
        }
        if path.is_dir() {
            return Err(Error::new(ErrorKind::Io, "is a directory, and no file can replace it").file(&path));
        }
        self.names.push(name.to_owned());
        Ok(self.temporary(name))
    }

    /// Where the file of that final name is for now.
    pub fn temporary(&self, name: &str) -> PathBuf {
        // Not `.safetensors` at the end: what a killed process leaves is no shard to any reader.
        self.dir.join(format!("{}-{name}.new", self.tag))
    }

    /// Gives the files their names; what is to be replaced goes. On an error all is as before.
    pub fn commit(mut self) -> Result<Vec<String>> {
        let mut replaced = match self.existing {
            Existing::ReplaceFiles => vec![],
            Existing::Refuse | Existing::ReplaceCheckpoint => checkpoint_files(&self.dir)?,
        };
        for name in &self.names {
            if !replaced.contains(name) && self.dir.join(name).exists() {
                replaced.push(name.clone());
            }
        }
        if self.existing == Existing::Refuse
            && let Some(name) = replaced.first()
        {
            return Err(exists(&self.dir.join(name)));
        }
        let aside = |name: &str| self.dir.join(format!("{}-{name}.old", self.tag));
        let away = replaced.iter().map(|n| (self.dir.join(n), aside(n)));
        let into = self.names.iter().map(|n| (self.temporary(n), self.dir.join(n)));
        rename_all(away.chain(into).collect())?;
        for name in &replaced {
            // The new checkpoint stands; an old file that will not go does no harm under its odd name.
            let _ = fs::remove_file(aside(name));
        }
        self.committed = true;
        Ok(std::mem::take(&mut self.names))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        for name in &self.names {
            let _ = fs::remove_file(self.temporary(name));
        }
        if let Some(made) = &self.made {
            // Only while empty: somebody else may have put a file there.
            let inner = self.dir.ancestors().take_while(|a| a.starts_with(made));
            inner.for_each(|a| drop(fs::remove_dir(a)));
        }
    }
}

/// Refuses a directory that holds a checkpoint, as [`super::ShardWriter`] would without `overwrite`.
///
/// # Errors
/// [`ErrorKind::Io`] naming a file of the checkpoint.
pub fn check_destination(dir: &Path) -> Result<()> {
    if !dir.is_dir() {
        return Ok(());
    }
    match checkpoint_files(dir)?.first() {
        Some(file) => Err(exists(&dir.join(file))),
        None => Ok(()),
    }
}

/// Names of the files that make a directory a checkpoint, in order.
fn checkpoint_files(dir: &Path) -> Result<Vec<String>> {
    let is_one = |n: &String| {
        n.ends_with(".safetensors")
            || n.ends_with(".safetensors.index.json")
            || config::FILE_NAMES.contains(&n.as_str())
    };
    let entries = fs::read_dir(dir).map_err(|e| Error::io(dir, &e))?;
    let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(is_one).collect();
    names.sort();
    Ok(names)
}

/// Renames one after the other; when one fails, those before it are renamed back.
fn rename_all(moves: Vec<(PathBuf, PathBuf)>) -> Result<()> {
    for (i, (from, to)) in moves.iter().enumerate() {
        if let Err(e) = fs::rename(from, to) {
            for (from, to) in moves[..i].iter().rev() {
                let _ = fs::rename(to, from);
            }
            return Err(Error::io(to, &e));
        }
    }
    Ok(())
}

fn exists(path: &Path) -> Error {
    Error::new(ErrorKind::Io, "exists already; choose another directory or ask for it to be replaced")
        .file(path)
}
