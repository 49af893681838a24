//! A quantized model directory to one in another layout.

use std::path::Path;

use super::fit;
use super::options::Report;
use super::rewrite::{self, OnProgress, Rewrite, Target};
use crate::checkpoint::{Checkpoint, LayerEntry, WriterOptions, names};
use crate::error::{Error, Result};
use crate::layout::{self, Layout, Part};
use crate::parallel::Parallel;

/// Repacks the quantized layers of the model directory `src` into the layout `to` in the new directory `dst`, one
/// by one. Codes, zero points and scales keep their values; everything else is as in
/// [`super::quantize_checkpoint`].
///
/// # Errors
/// [`ErrorKind::Cancelled`] when `progress` returns false; [`ErrorKind::Unsupported`] naming a layer that the layout
/// cannot hold, or two layers that are quantized differently; [`ErrorKind::InvalidArgument`] for a model that is not
/// quantized, or `src` = `dst`; whatever is wrong with a layer; [`ErrorKind::Io`]. After an error `dst` is as it was
/// before.
///
/// [`ErrorKind::Cancelled`]: crate::ErrorKind::Cancelled
/// [`ErrorKind::Unsupported`]: crate::ErrorKind::Unsupported
/// [`ErrorKind::InvalidArgument`]: crate::ErrorKind::InvalidArgument
/// [`ErrorKind::Io`]: crate::ErrorKind::Io
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
    if targets.is_empty() {
        return Err(Error::invalid("the model has no quantized layer to convert").file(src));
    }
    let warnings = source.warnings().to_vec();
    let job = Rewrite { source: &source, targets, writer: *writer, warnings, changed: Default::default() };
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
    fit::check(&desc)?;
    let bias = names::full_name(&entry.name, names::suffixes(to).bias);
    let from = source.layer_tensors(&entry.name)?.into_iter().filter(|t| *t != bias).collect();
    Ok(Target { name: entry.name.clone(), desc, from })
}
