//! Several parts of layers seen as one layer: what the joint layer is.

use std::ops::Range;

use super::packing::{self, ZeroTensor, add};
use super::plain::zeroed;
use super::{LayerDesc, Layout, Part};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Dtype, GroupSize, mul};

/// The group size of rows `k` of a layer. A cut inside a group makes groups of the greatest common divisor, so that
/// every new group lies in one old group.
fn regroup(group: GroupSize, k: usize, rows: &Range<usize>) -> GroupSize {
    let g = group.effective(k);
    let cut = rows.start % g;
    if cut == 0 || group.count(k) == 1 {
        return group;
    }
    if rows.start / g == (rows.end - 1) / g {
        return GroupSize::PerChannel;
    }
    let (mut a, mut b) = (g, cut);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    // A divisor of a group size that fitted u32.
    GroupSize::Of(a as u32)
}

/// The joint layer of `parts` in the layout of the first, before any target is chosen.
pub(super) fn logical(parts: &[Part]) -> Result<LayerDesc> {
    let first = parts.first().ok_or_else(|| Error::invalid("there is no part to repack"))?;
    let mut joint = LayerDesc { n: 0, ..first.view.desc };
    for (i, part) in parts.iter().enumerate() {
        let d = &part.view.desc;
        super::check(&part.view)?;
        for (axis, range, size) in [("K", &part.k, d.k), ("N", &part.n, d.n)] {
            if range.start >= range.end || range.end > size {
                return Err(Error::invalid(format!("the range along {axis} is empty or leaves the layer"))
                    .found(format!("{}..{}", range.start, range.end))
                    .needed(format!("a range within 0..{size}")));
            }
        }
        let (k, group) = (part.k.len(), regroup(d.spec.group, d.k, &part.k));
        if i == 0 {
            (joint.k, joint.spec.group) = (k, group);
        }
        let dense = |l: Layout| l == Layout::Dense;
        let quantized = !dense(d.layout);
        let same = [
            ("K", joint.k.to_string(), k.to_string()),
            ("quantized", (!dense(joint.layout)).to_string(), quantized.to_string()),
            ("dtype of scales", joint.scale_dtype.to_string(), d.scale_dtype.to_string()),
        ];
        let quant = [
            ("bits", joint.spec.bits.get().to_string(), d.spec.bits.get().to_string()),
            ("group size", joint.spec.group.effective(k).to_string(), group.effective(k).to_string()),
            ("zero_point", joint.spec.zero_point.to_string(), d.spec.zero_point.to_string()),
        ];
        for (what, a, b) in same.into_iter().chain(quant.into_iter().filter(|_| quantized)) {
            if a != b {
                return Err(Error::new(ErrorKind::MixedFused, format!("parts differ in {what}"))
                    .found(format!("{a} in part 0, {b} in part {i}"))
                    .needed("the same in every part"));
            }
        }
        joint.n = add(joint.n, part.n.len(), "joint N")?;
    }
    Ok(joint)
}

/// `joint` as the layout `to` holds it.
pub(crate) fn target(joint: LayerDesc, to: Layout) -> Result<LayerDesc> {
    if (joint.layout == Layout::Dense) != (to == Layout::Dense) {
        return Err(Error::unsupported("repacking neither quantizes nor dequantizes")
            .found(format!("{} to {to}", joint.layout)));
    }
    let mut desc = LayerDesc { layout: to, ..joint };
    if to != Layout::Dense && packing::of(to)?.zero_tensor() == ZeroTensor::Always {
        desc.spec.zero_point = true;
    }
    packing::sizes(&desc)?;
    Ok(desc)
}

/// What [`super::repack`] of these parts would give; with [`super::sizes`] it answers how much memory that takes.
///
/// Errors: [`ErrorKind::InvalidArgument`] for no part or a range outside its layer, [`ErrorKind::MixedFused`] when the
/// parts differ, [`ErrorKind::Unsupported`] when `to` has no form for the layer, and those of [`super::check`].
pub fn joined_desc(parts: &[Part], to: Layout) -> Result<LayerDesc> {
    target(logical(parts)?, to)
}

/// The joint bias \[N\] and its dtype; parts without one get zeros, and without any there is none.
///
/// Errors: [`ErrorKind::MixedFused`] when the dtypes differ, [`ErrorKind::Tensor`] when one has the wrong length.
pub fn bias(parts: &[Part]) -> Result<Option<(Vec<u8>, Dtype)>> {
    let with = |part: &Part| part.view.bias.filter(|_| part.with_bias).is_some();
    let Some(dtype) = parts.iter().find(|p| with(p)).map(|p| p.view.bias_dtype) else {
        return Ok(None);
    };
    let mut out = Vec::new();
    for part in parts {
        super::check(&part.view)?;
        let size = dtype.bytes();
        match part.view.bias.filter(|_| part.with_bias) {
            Some(_) if part.view.bias_dtype != dtype => {
                return Err(Error::new(ErrorKind::MixedFused, "parts differ in the dtype of the bias")
                    .found(format!("{dtype} and {}", part.view.bias_dtype)));
            }
            Some(b) => {
                out.extend_from_slice(b.get(part.n.start * size..part.n.end * size).ok_or_else(|| {
                    Error::invalid("the range along N leaves the layer")
                        .needed(format!("0..{}", part.view.desc.n))
                })?)
            }
            None => {
                let zeros = zeroed(mul(part.n.len(), size, "bias")?)?;
                out.extend_from_slice(&zeros);
            }
        }
    }
    Ok(Some((out, dtype)))
}
