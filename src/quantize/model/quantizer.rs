//! A job: the groups of a model, which of them are done, and the checkpoint at the end.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::block::{Job, rule};
use super::options::{AwqMode, AwqOptions};
use super::report::{AwqReport, GroupReport};
use super::work::Work;
use crate::checkpoint::{Checkpoint, LayerEntry, check_destination, load_packed};
use crate::config;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel::Parallel;
use crate::quantize::architecture::{Architecture, Group, resolve};
use crate::quantize::awq::Weight;
use crate::quantize::options::{Progress, Report, Stage};
use crate::quantize::quantizer::{choose, targets};
use crate::quantize::rewrite::{self, OnProgress, Rewrite};
use crate::quantize::{Calibrator, CheckpointOptions, RangeRule};

/// Turns a dense model directory into an AWQ checkpoint. One checkpoint is being written; the source is never changed, and
/// the destination does not change before [`AwqQuantizer::finish`].
pub struct AwqQuantizer {
    source: Checkpoint,
    dst: PathBuf,
    options: AwqOptions,
    architecture: Option<String>,
    /// Names of the layers to quantize, in the order of the model.
    targets: Vec<String>,
    groups: Vec<Group>,
    units: Vec<Unit>,
    warnings: Vec<String>,
    work: Work,
    finished: bool,
}

/// What is done in one go: the groups of a block, or a group that is in none.
struct Unit {
    name: String,
    groups: Range<usize>,
    /// None while it is not done.
    done: Option<Vec<GroupReport>>,
}

/// A group as the host sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupInfo<'a> {
    /// Name of its first layer.
    pub name: &'a str,
    /// The block that it is in; its own name when it is in none.
    pub block: &'a str,
    /// Names of its layers.
    pub layers: Vec<&'a str>,
    /// Input channels.
    pub k: usize,
    /// Output features of all layers.
    pub n: usize,
    /// Whether it needs statistics: its input is scaled.
    pub scaled: bool,
    /// Whether it is finished.
    pub done: bool,
}

impl AwqQuantizer {
    /// Opens the model directory `src` and decides what is to be done. `dst` must not hold a checkpoint unless the options
    /// say that it is replaced. Unfinished work is kept in `<dst>.awqm-unfinished` beside it.
    ///
    /// # Errors
    /// As [`crate::quantize::quantize_checkpoint`] says of source, layout and destination; those of
    /// [`Architecture::load`]; [`ErrorKind::InvalidArgument`] naming the option in which an interrupted job that is to be
    /// resumed differs; [`ErrorKind::Io`] when another process works on the same destination.
    pub fn create(src: &Path, dst: &Path, options: AwqOptions, par: &dyn Parallel) -> Result<Self> {
        let source = rewrite::open(src, dst)?;
        if !options.checkpoint.writer.overwrite {
            check_destination(dst)?;
        }
        let (mut chosen, mut warnings) = choose(&source, &options.checkpoint.skip)?;
        if options.skip_not_finite {
            warnings.extend(leave_not_finite(&source, &mut chosen, par)?);
        }
        targets(&source, &chosen, &options.checkpoint)?;
        let config_path = src.join("config.json");
        let config = if config_path.exists() { config::json::read(&config_path)? } else { json!({}) };
        let user = options.architecture.as_deref().map(Architecture::load).transpose()?;
        let resolved = resolve(&source, &chosen, &config, user.clone());
        if resolved.name.is_none() {
            warnings.push(
                "the architecture of the model is not known: its layers are quantized without scaling; a description \
                 of it would help"
                    .to_owned(),
            );
        }
        let targets = chosen.iter().map(|l| l.name.clone()).collect();
        let work = Work::open(dst, &identity(&source, &options, user.is_some())?, options.resume)?;
        let mut units = units(&resolved.groups);
        for unit in &mut units {
            unit.done = work.read(&unit.name)?.map(|part| part.reports);
        }
        Ok(AwqQuantizer {
            source,
            dst: dst.to_owned(),
            options,
            architecture: resolved.name,
            targets,
            groups: resolved.groups,
            units,
            warnings,
            work,
            finished: false,
        })
    }

    /// Name of the architecture's description; None when nothing is known about it.
    pub fn architecture(&self) -> Option<&str> {
        self.architecture.as_deref()
    }

    /// Names of the layers that are quantized.
    pub fn layers(&self) -> &[String] {
        &self.targets
    }

    /// Names of the linear layers that stay as they are.
    pub fn kept(&self) -> Vec<String> {
        let targets: HashSet<&String> = self.targets.iter().collect();
        self.source.layers().iter().map(|l| &l.name).filter(|n| !targets.contains(n)).cloned().collect()
    }

    /// The groups, in the order of the model.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = GroupInfo<'_>> {
        self.groups.iter().enumerate().map(|(i, group)| {
            let unit = self.units.iter().find(|u| u.groups.contains(&i)).expect("units cover all groups");
            GroupInfo {
                name: &group.layers[0].name,
                block: &unit.name,
                layers: group.layers.iter().map(|l| l.name.as_str()).collect(),
                k: group.k,
                n: group.layers.iter().map(|l| l.n).sum(),
                scaled: group.producer.is_ok(),
                done: unit.done.is_some(),
            }
        })
    }

    /// Searches, folds and rounds all groups of a block, or of every block that is not done, and writes them to the
    /// folder of the job. A block that is done stays as it is. `progress` is told before each group.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a block that there is not, or a group without statistics that needs them (also: an
    /// empty calibration); [`ErrorKind::InvalidArgument`] for statistics of another K; [`ErrorKind::Tensor`] naming layer,
    /// row and column of a weight that is not finite; [`ErrorKind::Cancelled`]; [`ErrorKind::Io`]. Blocks that were
    /// done before the error stay done.
    pub fn run(
        &mut self,
        calibrator: &Calibrator,
        block: Option<&str>,
        progress: OnProgress,
        par: &dyn Parallel,
    ) -> Result<()> {
        if let Some(block) = block
            && !self.units.iter().any(|u| u.name == block)
        {
            return Err(Error::new(ErrorKind::NotFound, "the model has no such block").subject(block));
        }
        let count = self.groups.len();
        let bytes: Vec<u64> = self.groups.iter().map(|g| self.bytes_of(g)).collect();
        let bytes_total = bytes.iter().sum();
        for u in 0..self.units.len() {
            let Unit { name, groups, done } = &self.units[u];
            if done.is_some() || block.is_some_and(|b| b != name) {
                continue;
            }
            let mut index = groups.start;
            let mut next = |layer: &str| {
                let bytes_done = bytes[..index].iter().sum();
                let told = Progress { stage: Stage::Search, layer, index, count, bytes_done, bytes_total };
                index += 1;
                match progress(&told) {
                    true => Ok(()),
                    false => Err(Error::new(ErrorKind::Cancelled, "the caller asked to stop")),
                }
            };
            let job = Job { source: &self.source, options: &self.options, par };
            let part = job.run(&self.groups[groups.clone()], calibrator, &mut next)?;
            self.work.write(name, &part)?;
            self.units[u].done = Some(part.reports);
        }
        Ok(())
    }

    /// Puts the checkpoint together: the quantized layers, the rest of the model, config and index. Groups that need no
    /// statistics and were not run are rounded now. The destination appears only when it is complete; then the folder of
    /// the job goes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] naming a group that was not run; [`ErrorKind::Cancelled`]; [`ErrorKind::Io`]. The
    /// job can be finished later, after any of them.
    pub fn finish(&mut self, progress: OnProgress, par: &dyn Parallel) -> Result<Report> {
        if self.finished {
            return Err(Error::invalid("the checkpoint is finished already").file(&self.dst));
        }
        let nothing = Calibrator::default();
        let open: Vec<String> =
            self.units.iter().filter(|u| u.done.is_none()).map(|u| u.name.clone()).collect();
        for name in open {
            let unit = self.units.iter().find(|u| u.name == name).expect("it was just found");
            if let Some(group) = self.groups[unit.groups.clone()].iter().find(|g| g.producer.is_ok()) {
                return Err(Error::invalid("the group was not run").subject(&group.layers[0].name));
            }
            self.run(&nothing, Some(&name), &mut |_| true, par)?;
        }
        let mut parts = BTreeMap::new();
        let mut changed = BTreeMap::new();
        for unit in &self.units {
            for group in &self.groups[unit.groups.clone()] {
                parts.extend(group.layers.iter().map(|l| (l.name.as_str(), self.work.part(&unit.name))));
            }
            let part = self.work.read(&unit.name)?;
            let part = part.ok_or_else(|| Error::internal("a part is gone").subject(&unit.name))?;
            changed.extend(part.changed);
        }
        let entries: Vec<&LayerEntry> =
            self.targets.iter().map(|t| self.source.entry(t)).collect::<Result<_>>()?;
        let job = Rewrite {
            source: &self.source,
            targets: targets(&self.source, &entries, &self.options.checkpoint)?,
            writer: self.options.checkpoint.writer,
            warnings: self.warnings.clone(),
            changed,
        };
        let done = job.run(
            &self.dst,
            &mut |target| {
                let part = parts.get(target.name.as_str());
                load_packed(part.ok_or_else(|| Error::internal("a layer is in no part"))?, &target.name)
            },
            progress,
        )?;
        self.work.remove();
        self.finished = true;
        Ok(done)
    }

    /// What was chosen so far.
    pub fn report(&self) -> AwqReport {
        let spec = self.options.checkpoint.spec;
        AwqReport {
            mode: mode_name(self.options.mode).to_owned(),
            architecture: self.architecture.clone(),
            bits: spec.bits.get(),
            group_size: spec.group.get(),
            zero_point: spec.zero_point,
            layout: self.options.checkpoint.layout.name().to_owned(),
            groups: self.units.iter().filter_map(|u| u.done.as_ref()).flatten().cloned().collect(),
            kept: self.kept(),
            warnings: self.warnings.clone(),
        }
    }

    fn bytes_of(&self, group: &Group) -> u64 {
        let tensors = group.layers.iter().filter_map(|l| self.source.layer_tensors(&l.name).ok()).flatten();
        tensors.filter_map(|t| self.source.tensor(&t).ok()).map(|t| t.data.len() as u64).sum()
    }
}

/// Takes layers with weights that are not finite out of `chosen`, and says so.
fn leave_not_finite(
    source: &Checkpoint,
    chosen: &mut Vec<&LayerEntry>,
    par: &dyn Parallel,
) -> Result<Vec<String>> {
    let mut sentences = vec![];
    let mut good = vec![];
    for entry in chosen.drain(..) {
        if entry.error().is_some() {
            good.push(entry);
            continue;
        }
        let view = source.layer(&entry.name)?;
        match Weight::read(view.qweight, view.desc.scale_dtype, entry.n, entry.k, par) {
            Ok(_) => good.push(entry),
            Err(e) => sentences.push(format!("{} is left as it is: {e}", entry.name)),
        }
    }
    *chosen = good;
    Ok(sentences)
}

/// Groups of one block are done together, because scales of one change the weights of another.
fn units(groups: &[Group]) -> Vec<Unit> {
    let mut units: Vec<Unit> = vec![];
    for (i, group) in groups.iter().enumerate() {
        match units.last_mut() {
            Some(unit) if !group.block.is_empty() && unit.name == group.block => unit.groups.end = i + 1,
            _ => {
                let name = if group.block.is_empty() { &group.layers[0].name } else { &group.block };
                units.push(Unit { name: name.clone(), groups: i..i + 1, done: None });
            }
        }
    }
    units
}

fn mode_name(mode: AwqMode) -> &'static str {
    match mode {
        AwqMode::Better => "better",
        AwqMode::Faithful => "faithful",
    }
}

/// Everything that the parts of a job depend on, but for the calibration.
fn identity(source: &Checkpoint, options: &AwqOptions, user: bool) -> Result<Value> {
    let mut files = BTreeMap::new();
    for (name, _) in source.tensors() {
        let Some(path) = source.file_of(name) else { continue };
        if files.contains_key(path) {
            continue;
        }
        let meta = fs::metadata(path).map_err(|e| Error::io(path, &e))?;
        let changed = meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        files.insert(path, (meta.len(), changed.map_or(0, |d| d.as_nanos() as u64)));
    }
    let files: BTreeMap<String, _> =
        files.into_iter().map(|(path, meta)| (path.display().to_string(), meta)).collect();
    let architecture = match (user, &options.architecture) {
        (true, Some(path)) => fs::read_to_string(path).map_err(|e| Error::io(path, &e))?,
        _ => String::new(),
    };
    let CheckpointOptions { spec, layout, skip, .. } = &options.checkpoint;
    Ok(json!({
        "library": env!("CARGO_PKG_VERSION"),
        "mode": mode_name(options.mode),
        "bits": spec.bits.get(),
        "group_size": spec.group.get(),
        "zero_point": spec.zero_point,
        "layout": layout.name(),
        "rule": match rule(options) {
            RangeRule::AutoAwq => "autoawq",
            RangeRule::CompressedTensors => "compressed-tensors",
        },
        "skip": skip,
        "skip_not_finite": options.skip_not_finite,
        "architecture": architecture,
        "source": files,
    }))
}
