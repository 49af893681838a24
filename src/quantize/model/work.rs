//! The folder of a job that is not finished: one file for each block that is done.
//!
//! It lies beside the destination and holds nothing that ends in `.safetensors`, so no tool takes it for a checkpoint, and
//! the destination is not there before everything is.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::block::Done;
use super::report::GroupReport;
use crate::checkpoint::{TensorFile, TensorPlan, save_packed_with};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Packed;
use crate::types::Dtype;

const JOB: &str = "job.json";
const PART: &str = ".part";
/// The key of a part's metadata that holds the report.
const REPORT: &str = "awq_marlin.report";
/// What stands before the names of dense tensors that a block changes, in its part.
const CHANGED: &str = "changed:";

/// The folder, locked for this process.
#[derive(Debug)]
pub(super) struct Work {
    dir: PathBuf,
    /// Stays when the job is dropped.
    keep: bool,
    /// job.json, locked until it is closed.
    _lock: File,
}

/// What a part holds besides packed layers.
pub(super) struct Part {
    pub reports: Vec<GroupReport>,
    /// Names and new contents of dense tensors.
    pub changed: Vec<(String, Vec<u8>)>,
}

impl Work {
    /// Opens the folder of the job that writes to `dst`. `job` says everything that parts depend on: what an
    /// interrupted job left is taken up when it was the same, and removed when `resume` is off.
    pub fn open(dst: &Path, job: &Value, resume: bool) -> Result<Self> {
        let name = dst.file_name().ok_or_else(|| Error::invalid("is no name for a directory").file(dst))?;
        let mut unfinished = OsString::from(name);
        unfinished.push(".awqm-unfinished");
        let dir = dst.with_file_name(unfinished);
        fs::create_dir_all(&dir).map_err(|e| Error::io(&dir, &e))?;
        let path = dir.join(JOB);
        let io = |e: std::io::Error| Error::io(&path, &e);
        // Not truncated: another process may hold it.
        let file =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        file.try_lock().map_err(|_| {
            Error::new(ErrorKind::Io, "another job is writing to this destination").file(&dir)
        })?;
        let mut work = Work { dir, keep: true, _lock: file };
        let before = fs::read(&path).map_err(io)?;
        if resume && !before.is_empty() {
            same_job(&before, job).map_err(|e| e.file(&path))?;
        } else {
            work.remove_parts()?;
            let text = serde_json::to_vec_pretty(job).map_err(|e| Error::internal(e.to_string()))?;
            fs::write(&path, text).map_err(io)?;
        }
        work.keep = resume;
        Ok(work)
    }

    /// The file with the layers of a block.
    pub fn part(&self, block: &str) -> PathBuf {
        self.dir.join(format!("{block}{PART}"))
    }

    /// Writes a part, all at once or not at all.
    pub fn write(&self, block: &str, done: &Done) -> Result<()> {
        let layers: Vec<(&str, &Packed)> = done.layers.iter().map(|(n, p)| (n.as_str(), p)).collect();
        let changed = done.changed.iter().map(|(name, data)| {
            (TensorPlan::new(format!("{CHANGED}{name}"), Dtype::U8, [data.len()]), data.as_slice().into())
        });
        let report = serde_json::to_string(&done.reports).map_err(|e| Error::internal(e.to_string()))?;
        let metadata = HashMap::from([(REPORT.to_owned(), report)]);
        save_packed_with(&layers, changed.collect(), &self.part(block), metadata)
    }

    /// What is known of a block; None when it is not done.
    pub fn read(&self, block: &str) -> Result<Option<Part>> {
        let path = self.part(block);
        if !path.exists() {
            return Ok(None);
        }
        let file = TensorFile::open(&path)?;
        let metadata = file.metadata();
        let broken = |what: &str| Error::new(ErrorKind::Container, what.to_owned()).file(&path);
        let report = metadata.get(REPORT).ok_or_else(|| broken("is no part of a job"))?;
        let reports =
            serde_json::from_str(report).map_err(|e| broken(&format!("its report is damaged: {e}")))?;
        let mut changed = vec![];
        for name in file.names() {
            if let Some(tensor) = name.strip_prefix(CHANGED) {
                changed.push((tensor.to_owned(), file.tensor(name)?.data.to_vec()));
            }
        }
        Ok(Some(Part { reports, changed }))
    }

    fn remove_parts(&self) -> Result<()> {
        for entry in fs::read_dir(&self.dir).map_err(|e| Error::io(&self.dir, &e))? {
            let path = entry.map_err(|e| Error::io(&self.dir, &e))?.path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            // What a killed process was writing ends in .new.
            if name.ends_with(PART) || (name.starts_with(".awqm-") && name.ends_with(".new")) {
                fs::remove_file(&path).map_err(|e| Error::io(&path, &e))?;
            }
        }
        Ok(())
    }

    /// Removes the folder. What cannot be removed does no harm.
    pub fn remove(&mut self) {
        let _ = self.remove_parts();
        let _ = fs::remove_file(self.dir.join(JOB));
        let _ = fs::remove_dir(&self.dir);
        self.keep = true;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.keep {
            self.remove();
        }
    }
}

/// Refuses to go on with another job, naming what differs.
fn same_job(before: &[u8], job: &Value) -> Result<()> {
    let before: Value = serde_json::from_slice(before)
        .map_err(|e| Error::new(ErrorKind::Json, format!("the job file is damaged: {e}")))?;
    let (Some(ours), Some(theirs)) = (job.as_object(), before.as_object()) else {
        return Err(Error::new(ErrorKind::Json, "the job file is damaged"));
    };
    match ours.iter().find(|(key, value)| theirs.get(*key) != Some(value)) {
        None => Ok(()),
        Some((key, value)) => {
            let found = theirs.get(key).map_or("nothing".to_owned(), Value::to_string);
            let what =
                "the interrupted job had other options or another source; remove its folder or do not resume";
            let short = |s: String| if s.len() > 200 { "another value".to_owned() } else { s };
            Err(Error::invalid(what).subject(key).found(short(found)).needed(short(value.to_string())))
        }
    }
}
