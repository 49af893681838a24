//! Writes a checkpoint directory: safetensors shards with an index, and the small files beside them.
//!
//! The header of a safetensors file comes first and names every offset, so the tensors are planned before
//! the first byte is written; then their data may come in any order and goes straight to its place. Nothing
//! is seen under its final name until [`ShardWriter::finish`].

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use super::shards::{Shards, TensorPlan};
use super::staging::{Existing, Staging};
use crate::error::{Error, Result};

/// How a checkpoint is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterOptions {
    /// Most bytes of tensor data in one file; a tensor larger than that has a file of its own.
    pub max_shard_bytes: u64,
    /// Replace a checkpoint that the directory already holds. Other files stay.
    pub overwrite: bool,
}

impl Default for WriterOptions {
    /// Shards of 4 GiB; an existing checkpoint is an error.
    fn default() -> Self {
        WriterOptions { max_shard_bytes: 4 << 30, overwrite: false }
    }
}

/// What a finished checkpoint consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Names of the files, shards first.
    pub files: Vec<String>,
    /// Bytes of tensor data.
    pub tensor_bytes: u64,
}

/// A checkpoint in the making. Dropped before [`ShardWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct ShardWriter {
    staging: Staging,
    shards: Shards,
    missing: HashSet<String>,
    /// The shard that was written to last; tensors mostly come shard by shard.
    open: Option<(usize, File)>,
}

impl ShardWriter {
    /// Starts a checkpoint of `tensors` in `dir`, which is made when it is not there.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`] when the directory cannot be made or written, or holds a checkpoint and
    /// `overwrite` is off; [`crate::ErrorKind::InvalidArgument`] when two tensors have one name.
    pub fn create(dir: &Path, tensors: &[TensorPlan], options: &WriterOptions) -> Result<Self> {
        let shards = Shards::plan(tensors, options.max_shard_bytes)?;
        let existing = if options.overwrite { Existing::ReplaceCheckpoint } else { Existing::Refuse };
        let mut staging = Staging::open(dir, existing)?;
        for shard in &shards.shards {
            let path = staging.add(&shard.name)?;
            let write = || -> std::io::Result<()> {
                let mut file = File::create_new(&path)?;
                file.write_all(&shard.header)?;
                file.set_len(shard.header.len() as u64 + shard.data_bytes)
            };
            write().map_err(|e| Error::io(&path, &e))?;
        }
        let missing = shards.places.keys().cloned().collect();
        Ok(ShardWriter { staging, shards, missing, open: None })
    }

    /// Writes the data of a planned tensor; each is written once, in any order.
    pub fn write(&mut self, name: &str, data: &[u8]) -> Result<()> {
        let Some(place) = self.shards.places.get(name).copied().filter(|_| self.missing.contains(name))
        else {
            return Err(Error::invalid("the tensor was not planned or is written already").subject(name));
        };
        if data.len() != place.bytes {
            return Err(Error::invalid("the data has another size than was planned")
                .subject(name)
                .found(format!("{} bytes", data.len()))
                .needed(format!("{} bytes", place.bytes)));
        }
        let path = self.staging.temporary(&self.shards.shards[place.shard].name);
        let mut write = || -> std::io::Result<()> {
            let mut file = match self.open.take() {
                Some((shard, file)) if shard == place.shard => file,
                _ => File::options().write(true).open(&path)?,
            };
            file.seek(SeekFrom::Start(place.offset))?;
            file.write_all(data)?;
            self.open = Some((place.shard, file));
            Ok(())
        };
        write().map_err(|e| Error::io(&path, &e))?;
        self.missing.remove(name);
        Ok(())
    }

    /// Adds a small file, such as `config.json`, with these contents.
    pub fn add_file(&mut self, name: &str, contents: &[u8]) -> Result<()> {
        let path = self.staging.add(name)?;
        fs::write(&path, contents).map_err(|e| Error::io(&path, &e))
    }

    /// Adds a copy of a file under its own name.
    pub fn copy_file(&mut self, from: &Path) -> Result<()> {
        let name = from.file_name().and_then(|n| n.to_str());
        let name = name.ok_or_else(|| Error::invalid("is not a file name in UTF-8").file(from))?;
        let path = self.staging.add(name)?;
        fs::copy(from, &path).map(drop).map_err(|e| Error::io(from, &e))
    }

    /// Writes the index and gives every file its final name.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`] naming a tensor that was planned and never written;
    /// [`crate::ErrorKind::Io`]. In both cases the directory is as it was before [`ShardWriter::create`].
    pub fn finish(mut self) -> Result<Written> {
        if let Some(name) = self.missing.iter().min() {
            return Err(Error::invalid("the tensor was planned and never written").subject(name));
        }
        if let Some(index) = self.shards.index() {
            self.add_file("model.safetensors.index.json", &index)?;
        }
        // A full disk can show as late as here, so look while it can still be undone.
        drop(self.open.take());
        for shard in &self.shards.shards {
            let path = self.staging.temporary(&shard.name);
            // Open for writing: Windows flushes nothing else.
            let file = File::options().write(true).open(&path);
            file.and_then(|f| f.sync_all()).map_err(|e| Error::io(&path, &e))?;
        }
        let tensor_bytes = self.shards.total_bytes;
        Ok(Written { files: self.staging.commit()?, tensor_bytes })
    }
}
