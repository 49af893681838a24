//! A checkpoint copied with some of its layers replaced: the streaming that quantizing and converting share.
//! At any time one layer is in memory, and nothing is seen in the destination until all of it is there.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::options::{Progress, Report, Stage, matches};
use crate::checkpoint::{Checkpoint, ShardWriter, TensorPlan, WriterOptions, names};
use crate::config::{self, ModuleDecision, QuantConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, LayerDesc, Layout, Packed};
use crate::types::{GroupSize, QuantSpec};

/// Says where the job stands; false asks it to stop.
pub type OnProgress<'a> = &'a mut dyn FnMut(&Progress) -> bool;

/// Files beside the tensors that belong to a model, by their extension.
const COMPANIONS: [&str; 8] = ["json", "txt", "model", "jinja", "md", "py", "tiktoken", "spm"];

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

/// Whether a checkpoint in `layout` can hold the layer in a way that other readers of the layout understand.
pub(super) fn check_fit(desc: &LayerDesc) -> Result<()> {
    match desc.layout {
        Layout::AwqGemm
        | Layout::AwqGemv
        | Layout::AwqGemvFast
        | Layout::AwqMarlin
        | Layout::CompressedTensors => {}
        // Ours: it pads.
        Layout::Marlin => return Ok(()),
        Layout::Dense | Layout::Gptq | Layout::GptqV2 | Layout::Cpu => {
            return Err(Error::unsupported("checkpoints of this layout are not written").found(desc.layout));
        }
    }
    let k = desc.k;
    match desc.spec.group {
        GroupSize::Of(g) if !k.is_multiple_of(g as usize) => {
            let fits = [16, 32, 64, 128, 256, 512, 1024].into_iter().filter(|&g| {
                let spec = QuantSpec { group: GroupSize::Of(g), ..desc.spec };
                k.is_multiple_of(g as usize) && layout::sizes(&LayerDesc { spec, ..*desc }).is_ok()
            });
            let fits: Vec<_> = fits.map(|g| g.to_string()).collect();
            let usual = if fits.is_empty() { String::new() } else { format!("{} or ", fits.join(", ")) };
            Err(Error::unsupported(format!("the {} layout has no partial groups", desc.layout))
                .found(format!("K = {k}, group size {g}"))
                .needed(format!("a group size that divides K ({usual}-1), or the layer among those to skip")))
        }
        _ => Ok(()),
    }
}

impl Rewrite<'_> {
    /// Runs the job; `make` gives the new form of a layer.
    pub fn run(
        self,
        dst: &Path,
        make: &mut dyn FnMut(&Target) -> Result<Packed>,
        progress: OnProgress,
    ) -> Result<Report> {
        let mut warnings = self.warnings.clone();
        let skipped = self.skipped();
        let model_config = self.model_config(&skipped)?;
        self.check_section(&model_config, &mut warnings)?;

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
        let mut bytes_done = 0;
        let mut tell = |stage, layer: &str, index, count, bytes_done| match progress(&Progress {
            stage,
            layer,
            index,
            count,
            bytes_done,
            bytes_total,
        }) {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Cancelled, "the job was cancelled").file(dst)),
        };
        for (i, target) in self.targets.iter().enumerate() {
            tell(Stage::Layers, &target.name, i, self.targets.len(), bytes_done)?;
            let packed = make(target).map_err(|e| e.subject(&target.name))?;
            if packed.desc != target.desc {
                return Err(Error::internal("a layer became another than was planned").subject(&target.name));
            }
            for (plan, data) in names::tensors(&packed, &target.name)? {
                writer.write(&plan.name, &data)?;
            }
            for name in &target.from {
                bytes_done += self.source.tensor(name)?.data.len() as u64;
            }
        }
        for (i, (name, tensor)) in kept.iter().enumerate() {
            tell(Stage::Copy, name, i, kept.len(), bytes_done)?;
            writer.write(name, tensor.data)?;
            bytes_done += tensor.data.len() as u64;
        }
        tell(Stage::Finish, "", 0, 1, bytes_done)?;
        writer.add_file("config.json", &model_config)?;
        for file in self.companions()? {
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

    /// The text of the new config.json: the old one with another section, everything else in its place.
    fn model_config(&self, skipped: &[String]) -> Result<Vec<u8>> {
        let path = self.dir().join("config.json");
        let mut value = if path.exists() { config::json::read(&path)? } else { serde_json::json!({}) };
        let LayerDesc { spec, layout, .. } = self.one_way()?;
        let lm_head = self.targets.iter().any(|t| matches("lm_head", &t.name));
        let section = config::section(spec, layout, skipped, lm_head)?;
        config::replace_section(&mut value, Some(section));
        let mut text = serde_json::to_vec_pretty(&value).map_err(|e| Error::internal(e.to_string()))?;
        text.push(b'\n');
        Ok(text)
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

    /// Reads the new config as any reader would and compares it with what is going to be written. Skip lists
    /// match parts of names in some dialects, so that an entry can hit more than it is meant to.
    fn check_section(&self, model_config: &[u8], warnings: &mut Vec<String>) -> Result<()> {
        let config = QuantConfig::from_json(model_config, "config.json")?;
        for target in &self.targets {
            if let ModuleDecision::Skipped { reason } = config.stored_module(&target.name)? {
                warnings.push(format!(
                    "{} is quantized, but engines that go by the skip list will take it for unquantized: {reason}",
                    target.name
                ));
            }
        }
        Ok(())
    }

    /// Tokenizer, generation config, license and the like.
    fn companions(&self) -> Result<Vec<PathBuf>> {
        let dir = self.dir();
        let mut files = vec![];
        for entry in fs::read_dir(dir).map_err(|e| Error::io(dir, &e))? {
            let path = entry.map_err(|e| Error::io(dir, &e))?.path();
            let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
            let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            let known =
                COMPANIONS.contains(&extension) || name.starts_with("LICENSE") || name.starts_with("NOTICE");
            let replaced = config::FILE_NAMES.contains(&name) || name.ends_with(".index.json");
            // Follows links: model caches are made of them.
            if known && !replaced && !name.starts_with('.') && path.is_file() {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}

/// Numbers in a name compare as numbers, so that shards hold consecutive blocks.
fn natural_order(name: &str) -> Vec<(u64, String)> {
    name.split('.')
        .map(|part| part.parse().map_or((u64::MAX, part.to_owned()), |n| (n, String::new())))
        .collect()
}
