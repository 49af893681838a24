//! A quantized model directory to one in another layout.

use std::path::Path;

use super::options::{Report, matches};
use super::rewrite::{self, OnProgress, Rewrite, Target};
use crate::checkpoint::{Checkpoint, LayerEntry, WriterOptions};
use crate::config;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, Layout, Part};
use crate::parallel::Parallel;
use crate::types::QuantSpec;

/// Repacks the quantized layers of the model directory `src` into the layout `to` in the new directory `dst`, one
/// by one. Codes, zero points and scales keep their values; everything else is as in
/// [`super::quantize_checkpoint`].
///
/// # Errors
/// [`ErrorKind::Cancelled`] when `progress` returns false; [`ErrorKind::Unsupported`] naming a layer that the layout
/// cannot hold, or two layers that are quantized differently; [`ErrorKind::InvalidArgument`] for a model that is not
/// quantized, or `src` = `dst`; whatever is wrong with a layer; [`ErrorKind::Io`]. After an error `dst` is as it was
/// before.
pub fn convert_checkpoint(
    src: &Path,
    dst: &Path,
    to: Layout,
    writer: &WriterOptions,
    progress: OnProgress,
    par: &dyn Parallel,
) -> Result<Report> {
    let source = rewrite::open(src, dst)?;
    let mut targets = vec![];
    for entry in source.layers().iter().filter(|l| l.quantized) {
        targets.push(target(&source, entry, to).map_err(|e| e.subject(&entry.name))?);
    }
    let Some(spec) = one_spec(&targets)? else {
        return Err(Error::invalid("the model has no quantized layer to convert").file(src));
    };
    let kept: Vec<_> = source.layers().iter().filter(|l| !l.quantized).map(|l| l.name.clone()).collect();
    let lm_head = targets.iter().any(|t| matches("lm_head", &t.name));
    let section = config::section(spec, to, &kept, lm_head)?;
    let warnings = source.warnings().to_vec();
    let job = Rewrite { source: &source, targets, section, writer: *writer, warnings };
    let mut make = |target: &Target| {
        let mut whole = Part::whole(source.layer(&target.name)?);
        // The bias is copied with the other tensors.
        whole.with_bias = false;
        layout::repack(&[whole], to, par)
    };
    job.run(dst, &mut make, progress)
}

fn target(source: &Checkpoint, entry: &LayerEntry, to: Layout) -> Result<Target> {
    let desc = layout::joined_desc(&[Part::whole(source.layer(&entry.name)?)], to)?;
    rewrite::check_fit(&desc)?;
    let bias = format!("{}.bias", entry.name);
    let from = source.layer_tensors(&entry.name)?.into_iter().filter(|t| *t != bias).collect();
    Ok(Target { name: entry.name.clone(), desc, from })
}

/// How all of them are quantized, since one section describes one way; None when there are none.
fn one_spec(targets: &[Target]) -> Result<Option<QuantSpec>> {
    let Some(first) = targets.first() else { return Ok(None) };
    match targets.iter().find(|t| t.desc.spec != first.desc.spec) {
        None => Ok(Some(first.desc.spec)),
        Some(other) => Err(Error::new(ErrorKind::Unsupported, "layers are quantized in several ways")
            .found(format!("{}: {:?}, {}: {:?}", first.name, first.desc.spec, other.name, other.desc.spec))
            .needed("one way for all")),
    }
}
