//! A checkpoint copied with some of its layers replaced: the streaming that quantizing and converting share.
//! At any time one layer is in memory, and nothing is seen in the destination until all of it is there.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::beside;
use super::options::{Progress, Report, Stage, matches};
use crate::checkpoint::{Checkpoint, ShardWriter, TensorPlan, WriterOptions, names};
use crate::config;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{LayerDesc, Packed};

/// Says where the job stands; false asks it to stop.
pub type OnProgress<'a> = &'a mut dyn FnMut(&Progress) -> bool;

/// A layer that is replaced.
pub(super) struct Target {
    /// Module name.
    pub name: String,
    /// What it becomes.
    pub desc: LayerDesc,
    /// Names of the tensors that it was.
    pub from: Vec<String>,
}

/// Everything that is decided before the first byte is written.
pub(super) struct Rewrite<'a> {
    pub source: &'a Checkpoint,
    /// At least one.
    pub targets: Vec<Target>,
    pub writer: WriterOptions,
    pub warnings: Vec<String>,
    /// New contents of tensors that stay what they are but for their values.
    pub changed: BTreeMap<String, Vec<u8>>,
}

/// Opens a model directory as the source of a job that writes to `dst`.
pub(super) fn open(src: &Path, dst: &Path) -> Result<Checkpoint> {
    if src.exists() && !src.is_dir() {
        return Err(Error::invalid("the source is not a directory").file(src));
    }
    let source = Checkpoint::open(src)?;
    if let (Ok(a), Ok(b)) = (fs::canonicalize(src), fs::canonicalize(dst))
        && a == b
    {
        return Err(Error::invalid("source and destination are the same directory").file(dst));
    }
    if let Some(name) = source.unreadable().next() {
        return Err(Error::unsupported("the tensor has a dtype that cannot be copied").subject(name));
    }
    Ok(source)
}

impl Rewrite<'_> {
    /// Runs the job; `make` gives the new form of a layer.
    pub fn run(
        self,
        dst: &Path,
        make: &mut dyn FnMut(&Target) -> Result<Packed>,
        progress: OnProgress,
    ) -> Result<Report> {
        let skipped = self.skipped();
        let model_config = beside::model_config(self.dir(), self.section(&skipped)?)?;
        let mut warnings = self.warnings.clone();
        warnings.extend(beside::check_config(&model_config, self.targets.iter().map(|t| &*t.name))?);

        let replaced: HashSet<&str> = self.targets.iter().flat_map(|t| &t.from).map(String::as_str).collect();
        let kept: Vec<_> = self.source.tensors().filter(|(name, _)| !replaced.contains(name)).collect();
        let mut plans = vec![];
        for target in &self.targets {
            plans.extend(names::plan(&target.desc, &target.name)?);
        }
        plans.extend(kept.iter().map(|(name, t)| TensorPlan::new(*name, t.dtype, t.shape)));
        plans.sort_by_cached_key(|plan| natural_order(&plan.name));
        let mut writer = ShardWriter::create(dst, &plans, &self.writer)?;

        let bytes_total = self.source.tensors().map(|(_, t)| t.data.len() as u64).sum();
        let mut telling = Telling { progress, bytes_done: 0, bytes_total };
        for (i, target) in self.targets.iter().enumerate() {
            telling.next(Stage::Layers, &target.name, i, self.targets.len())?;
            let packed = make(target).map_err(|e| e.subject(&target.name))?;
            if packed.desc != target.desc {
                return Err(Error::internal("a layer became another than was planned").subject(&target.name));
            }
            for (plan, data) in names::tensors(&packed, &target.name)? {
                writer.write(&plan.name, &data)?;
            }
            for name in &target.from {
                telling.bytes_done += self.source.tensor(name)?.data.len() as u64;
            }
        }
        for (i, (name, tensor)) in kept.iter().enumerate() {
            telling.next(Stage::Copy, name, i, kept.len())?;
            writer.write(name, self.changed.get(*name).map_or(tensor.data, |data| data))?;
            telling.bytes_done += tensor.data.len() as u64;
        }
        telling.next(Stage::Finish, "", 0, 1)?;
        writer.add_file("config.json", &model_config)?;
        for file in beside::companions(self.dir())? {
            writer.copy_file(&file)?;
        }
        let written = writer.finish()?;
        Ok(Report {
            layers: self.targets.len(),
            skipped,
            bytes_in: bytes_total,
            bytes_out: written.tensor_bytes,
            files: written.files,
            warnings,
        })
    }

    fn dir(&self) -> &Path {
        self.source.dir().expect("opened as a directory")
    }

    /// Linear layers that stay as they are.
    fn skipped(&self) -> Vec<String> {
        let replaced: HashSet<&str> = self.targets.iter().map(|t| t.name.as_str()).collect();
        let all = self.source.layers().iter().map(|l| &l.name);
        all.filter(|name| !replaced.contains(name.as_str())).cloned().collect()
    }

    /// The `quantization_config` of the result.
    fn section(&self, skipped: &[String]) -> Result<Value> {
        let LayerDesc { spec, layout, .. } = self.one_way()?;
        let lm_head = self.targets.iter().any(|t| matches("lm_head", &t.name));
        config::section(spec, layout, skipped, lm_head)
    }

    /// The first layer, to which all others are alike: one section describes one way of quantizing.
    fn one_way(&self) -> Result<LayerDesc> {
        let first = self.targets.first().ok_or_else(|| Error::internal("there is no layer to replace"))?;
        match self.targets.iter().find(|t| t.desc.spec != first.desc.spec) {
            None => Ok(first.desc),
            Some(other) => Err(Error::unsupported("layers are quantized in several ways")
                .found(format!(
                    "{}: {:?}, {}: {:?}",
                    first.name, first.desc.spec, other.name, other.desc.spec
                ))
                .needed("one way for all")),
        }
    }
}

/// Tells the caller what comes next, and hears whether to go on.
struct Telling<'a> {
    progress: OnProgress<'a>,
    bytes_done: u64,
    bytes_total: u64,
}

impl Telling<'_> {
    fn next(&mut self, stage: Stage, layer: &str, index: usize, count: usize) -> Result<()> {
        let &mut Telling { bytes_done, bytes_total, .. } = self;
        match (self.progress)(&Progress { stage, layer, index, count, bytes_done, bytes_total }) {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Cancelled, "the caller asked to stop")),
        }
    }
}

/// Numbers in a name compare as numbers, so that shards hold consecutive blocks.
fn natural_order(name: &str) -> Vec<(u64, String)> {
    name.split('.')
        .map(|part| part.parse().map_or((u64::MAX, part.to_owned()), |n| (n, String::new())))
        .collect()
}
