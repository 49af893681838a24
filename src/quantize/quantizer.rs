//! A dense model directory to a quantized one.

use std::path::Path;

use super::fit;
use super::options::{CheckpointOptions, Method, Report, matches};
use super::rewrite::{self, OnProgress, Rewrite, Target};
use super::rtn::{RtnOptions, rtn};
use super::rule::RangeRule;
use crate::checkpoint::{Checkpoint, LayerEntry, names};
use crate::error::{Error, Result};
use crate::layout::{self, LayerDesc, Layout, Packed};
use crate::parallel::Parallel;
use crate::types::Dtype;

/// Quantizes the linear layers of the model directory `src` into the new directory `dst`, one by one.
///
/// Linear layers are the two-dimensional weights that are no embeddings, except those that `options.skip` names.
/// All other tensors are copied byte for byte; config.json gets a `quantization_config` and keeps the rest; tokenizer
/// and other small files are copied. `progress` is told about every step.
///
/// AutoAWQ's rule computes in F16 for F16 and BF16 models, as AutoAWQ does, and in F32 for F32 models;
/// compressed-tensors' rule computes in the model's type. Scales are F16, except that compressed-tensors
/// checkpoints of BF16 models have BF16 scales.
///
/// # Errors
/// [`ErrorKind::Cancelled`] when `progress` returns false; [`ErrorKind::Unsupported`] naming a layer that the layout
/// cannot hold; [`ErrorKind::InvalidArgument`] for a model that is quantized already, or `src` = `dst`;
/// [`ErrorKind::Tensor`] for weights that are not finite; [`ErrorKind::Io`]. After an error `dst` is as it was before.
///
/// [`ErrorKind::Cancelled`]: crate::ErrorKind::Cancelled
/// [`ErrorKind::Unsupported`]: crate::ErrorKind::Unsupported
/// [`ErrorKind::InvalidArgument`]: crate::ErrorKind::InvalidArgument
/// [`ErrorKind::Tensor`]: crate::ErrorKind::Tensor
/// [`ErrorKind::Io`]: crate::ErrorKind::Io
pub fn quantize_checkpoint(
    src: &Path,
    dst: &Path,
    options: &CheckpointOptions,
    progress: OnProgress,
    par: &dyn Parallel,
) -> Result<Report> {
    let source = rewrite::open(src, dst)?;
    let (chosen, warnings) = choose(&source, &options.skip)?;
    let targets = targets(&source, &chosen, options)?;
    let job =
        Rewrite { source: &source, targets, writer: options.writer, warnings, changed: Default::default() };
    job.run(dst, &mut |target| quantize(&source, target, options, par), progress)
}

/// The layers of a dense model to quantize, and a warning for each pattern of the caller's that skips nothing.
pub(super) fn choose<'a>(
    source: &'a Checkpoint,
    skip: &[String],
) -> Result<(Vec<&'a LayerEntry>, Vec<String>)> {
    if let Some(config) = source.config() {
        let e = Error::invalid("the model is quantized already; convert it instead").found(&config.source);
        return Err(source.dir().into_iter().fold(e, Error::file));
    }
    let mut warnings = source.warnings().to_vec();
    for pattern in skip {
        if pattern.is_empty() {
            return Err(Error::invalid("a pattern of layers to skip is empty").subject("skip"));
        }
        let hit = source.layers().iter().any(|l| matches(pattern, &l.name));
        if !hit && !super::DEFAULT_SKIP.contains(&pattern.as_str()) {
            warnings.push(format!("skip pattern {pattern:?} matches no linear layer"));
        }
    }
    let chosen = source.layers().iter().filter(|l| !skip.iter().any(|p| matches(p, &l.name))).collect();
    Ok((chosen, warnings))
}

/// What the chosen layers become; at least one.
pub(super) fn targets(
    source: &Checkpoint,
    chosen: &[&LayerEntry],
    options: &CheckpointOptions,
) -> Result<Vec<Target>> {
    if chosen.is_empty() {
        let e = Error::invalid("the model has no linear layer to quantize");
        return Err(source.dir().into_iter().fold(e, Error::file));
    }
    let one = |entry: &&LayerEntry| target(source, entry, options).map_err(|e| e.subject(&entry.name));
    chosen.iter().map(one).collect()
}

fn target(source: &Checkpoint, entry: &LayerEntry, options: &CheckpointOptions) -> Result<Target> {
    if let Some(e) = entry.error() {
        return Err(e.clone());
    }
    let weight = names::full_name(&entry.name, names::suffixes(Layout::Dense).qweight);
    let dtype = source.tensor(&weight)?.dtype;
    let scale_dtype = rtn_options(options, dtype).types(dtype).1;
    let desc = LayerDesc { k: entry.k, n: entry.n, spec: options.spec, layout: options.layout, scale_dtype };
    fit::check(&desc)?;
    let desc = layout::target(desc, options.layout)?;
    Ok(Target { name: entry.name.clone(), desc, from: vec![weight] })
}

/// How a weight of that type is rounded.
pub(super) fn rtn_options(options: &CheckpointOptions, dtype: Dtype) -> RtnOptions {
    let compressed_tensors = options.layout == Layout::CompressedTensors;
    let rule = options.rule.unwrap_or(match compressed_tensors {
        true => RangeRule::CompressedTensors,
        false => RangeRule::AutoAwq,
    });
    let arithmetic = match (rule, dtype) {
        (RangeRule::AutoAwq, Dtype::BF16) => Dtype::F16,
        _ => dtype,
    };
    // compressed-tensors keeps scales in the model's type, all others in F16.
    let scale_dtype = if compressed_tensors { None } else { Some(Dtype::F16) };
    RtnOptions { spec: options.spec, rule, arithmetic: Some(arithmetic), scale_dtype }
}

fn quantize(
    source: &Checkpoint,
    target: &Target,
    options: &CheckpointOptions,
    par: &dyn Parallel,
) -> Result<Packed> {
    let view = source.layer(&target.name)?;
    let LayerDesc { k, n, scale_dtype: dtype, .. } = view.desc;
    let plain = match options.method {
        Method::Rtn => rtn(view.qweight, dtype, n, k, &rtn_options(options, dtype), par)?,
    };
    plain.pack(options.layout, par)
}
