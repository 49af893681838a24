//! Fused layers and tensor parallelism: which rectangle of which layer a rank needs.

use super::{Checkpoint, LayerEntry, pages};
use crate::config::FUSED;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, Layout, Packed, Part};
use crate::parallel::Parallel;

/// Along which side of W a layer is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Along N: every rank computes some of the outputs.
    Column,
    /// Along K: every rank computes a partial sum of all outputs; rank 0 adds the bias.
    Row,
}

/// One rank's share of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TensorParallel {
    /// 0..world.
    pub rank: usize,
    /// Number of ranks.
    pub world: usize,
    /// What is split.
    pub dim: Split,
}

impl Checkpoint {
    /// The layers `names` joined along N in the given order, or one rank's share of them: with
    /// [`Split::Column`] each layer is cut by itself, so that a rank of a fused q, k, v holds whole q, k and v heads.
    ///
    /// A fused name (`…qkv_proj`, `…gate_up_proj`) stands for its members where it is no layer itself.
    ///
    /// # Errors
    /// [`ErrorKind::MixedFused`] if the members are not all quantized alike, [`ErrorKind::InvalidArgument`] if the
    /// rank or the division is impossible, and whatever [`Checkpoint::layer`] says.
    pub fn parts(&self, names: &[&str], tp: Option<TensorParallel>) -> Result<Vec<Part<'_>>> {
        let members = self.members(names)?;
        alike(&members)?;
        let mut parts = Vec::with_capacity(members.len());
        for member in members {
            let whole = Part::whole(self.layer(&member.name)?);
            parts.push(match tp {
                None => whole,
                Some(tp) => share(whole, tp).map_err(|e| e.subject(&member.name))?,
            });
        }
        Ok(parts)
    }

    /// The parts repacked into the layout `to`. Unquantized layers stay [`Layout::Dense`], whatever `to` is.
    ///
    /// # Errors
    /// Those of [`Checkpoint::parts`] and [`layout::repack`].
    pub fn load(
        &self,
        names: &[&str],
        tp: Option<TensorParallel>,
        to: Layout,
        par: &dyn Parallel,
    ) -> Result<Packed> {
        let parts = self.parts(names, tp)?;
        let dense = parts.iter().all(|p| p.view.desc.layout == Layout::Dense);
        let tensors: Vec<&[u8]> =
            parts.iter().flat_map(|p| [p.view.qweight, p.view.scales, p.view.qzeros]).collect();
        pages::bring(&tensors, par);
        let packed = layout::repack(&parts, if dense { Layout::Dense } else { to }, par)
            .map_err(|e| e.subject(names.join(", ")));
        // Otherwise the process would grow by the whole checkpoint, layer by layer.
        tensors.into_iter().for_each(pages::let_go);
        packed
    }

    fn members(&self, names: &[&str]) -> Result<Vec<&LayerEntry>> {
        if names.is_empty() {
            return Err(Error::invalid("no layer is named"));
        }
        let mut members = Vec::with_capacity(names.len());
        for &name in names {
            match self.entry(name) {
                Ok(entry) => members.push(entry),
                Err(missing) => {
                    for member in fused_members(name).ok_or(missing)? {
                        members.push(self.entry(&member)?);
                    }
                }
            }
        }
        Ok(members)
    }
}

/// The layers that a fused name stands for.
fn fused_members(name: &str) -> Option<Vec<String>> {
    let prefix = &name[..name.rfind('.').map_or(0, |dot| dot + 1)];
    let (_, members) = FUSED.iter().find(|(fused, _)| *fused == &name[prefix.len()..])?;
    Some(members.iter().map(|member| format!("{prefix}{member}")).collect())
}

/// Members of a fused layer share K and the way they are quantized. Damaged ones are left to [`Checkpoint::layer`].
fn alike(members: &[&LayerEntry]) -> Result<()> {
    let Some((first, rest)) = members.split_first() else { return Ok(()) };
    if members.iter().any(|m| m.error().is_some()) {
        return Ok(());
    }
    for other in rest {
        if first.spec != other.spec {
            let what = "the layers cannot be joined: they are quantized differently";
            return Err(Error::new(ErrorKind::MixedFused, what).found(format!(
                "{}: {}, {}: {}",
                first.name,
                how(first),
                other.name,
                how(other)
            )));
        }
        if first.k != other.k {
            return Err(Error::invalid("the layers cannot be joined: they differ in K")
                .found(format!("{}: {}, {}: {}", first.name, first.k, other.name, other.k)));
        }
    }
    Ok(())
}

fn how(layer: &LayerEntry) -> String {
    match layer.spec {
        None => "not quantized".to_string(),
        Some(s) => {
            let symmetry = if s.zero_point { "with zero points" } else { "symmetric" };
            format!("{} bits, group size {}, {symmetry}", s.bits.get(), s.group)
        }
    }
}

/// What one rank takes of a layer.
fn share<'a>(whole: Part<'a>, tp: TensorParallel) -> Result<Part<'a>> {
    let TensorParallel { rank, world, dim } = tp;
    if rank >= world {
        return Err(Error::invalid("the rank is outside the world")
            .found(rank)
            .needed(format!("less than {world}")));
    }
    let cut = |size: usize, letter: &str| match size % world {
        0 => Ok(rank * (size / world)..(rank + 1) * (size / world)),
        _ => Err(Error::invalid(format!("{letter} cannot be split evenly"))
            .found(format!("{letter} = {size}"))
            .needed(format!("a multiple of {world}"))),
    };
    Ok(match dim {
        Split::Column => Part { n: cut(whole.view.desc.n, "N")?, ..whole },
        Split::Row => Part { k: cut(whole.view.desc.k, "K")?, with_bias: rank == 0, ..whole },
    })
}
