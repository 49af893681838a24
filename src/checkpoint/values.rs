//! The checks that read a layer's data: they run when the layer is asked for, not when the checkpoint is opened.

use half::{bf16, f16};

use super::describe::suffixes;
use super::module::{Member, Module};
use super::table::TensorView;
use crate::error::{ErrorKind, Result};
use crate::layout::{LayerDesc, Layout};
use crate::types::{Bits, Dtype};

/// Scales are finite, stored zero points of a symmetric layer say nothing new, groups are in order.
pub(super) fn check(module: &Module, desc: &LayerDesc) -> Result<()> {
    let names = suffixes(module, desc.layout);
    let Some(scales) = names.scales else { return Ok(()) };
    let scales = module.need(scales)?;
    finite(&scales)?;
    if let Some(qzeros) = names.qzeros
        && let Some(zeros) = module.find(qzeros)?
    {
        let scaled = desc.layout == Layout::AwqGemvFast;
        if scaled {
            finite(&zeros)?;
        }
        match (desc.spec.zero_point, scaled) {
            (true, _) => {}
            (false, true) => symmetric_scaled(&zeros, &scales, desc)?,
            (false, false) => symmetric(&zeros, desc)?,
        }
    }
    if matches!(desc.layout, Layout::Gptq | Layout::GptqV2)
        && let Some(g_idx) = module.find("g_idx")?
    {
        in_order(module, &g_idx, desc)?;
    }
    Ok(())
}

/// One NaN in a scale makes a whole output column NaN, far from its cause.
fn finite(tensor: &Member) -> Result<()> {
    if all_finite(&tensor.view) {
        return Ok(());
    }
    let Some((at, value)) = floats(tensor).enumerate().find(|(_, v)| !v.is_finite()) else { return Ok(()) };
    let columns = tensor.matrix()?[1];
    let place = format!("is not finite at row {}, column {}", at / columns, at % columns);
    Err(tensor.error(&place).found(value).needed("a finite number"))
}

/// The same by bits alone, without leaving early, so that it runs as fast as memory is read.
fn all_finite(tensor: &TensorView) -> bool {
    let halves = |exponent: u16| {
        let odd = |b: &[u8; 2]| u16::from_le_bytes(*b) & exponent == exponent;
        tensor.data.as_chunks().0.iter().fold(false, |any, b| any | odd(b))
    };
    !match tensor.dtype {
        Dtype::F16 => halves(0x7c00),
        Dtype::BF16 => halves(0x7f80),
        _ => {
            let odd = |b: &[u8; 4]| u32::from_le_bytes(*b) & 0x7f80_0000 == 0x7f80_0000;
            tensor.data.as_chunks().0.iter().fold(false, |any, b| any | odd(b))
        }
    }
}

/// The elements of a float tensor.
fn floats<'a>(tensor: &Member<'a>) -> impl Iterator<Item = f32> + use<'a> {
    let TensorView { data, dtype, .. } = tensor.view;
    data.chunks_exact(dtype.bytes()).map(move |b| match dtype {
        Dtype::F16 => f16::from_le_bytes([b[0], b[1]]).to_f32(),
        Dtype::BF16 => bf16::from_le_bytes([b[0], b[1]]).to_f32(),
        _ => f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
    })
}

/// A config that says symmetric makes stored zero points redundant; they must then all be the middle code.
fn symmetric(zeros: &Member, desc: &LayerDesc) -> Result<()> {
    let bits = desc.spec.bits;
    // GPTQ v1 stores one less than the zero point.
    let needed = bits.mid() - u8::from(desc.layout == Layout::Gptq);
    let code = |at: usize| match bits {
        Bits::Four => zeros.view.data[at / 2] >> (4 * (at % 2)) & 15,
        Bits::Eight => zeros.view.data[at],
    };
    let [rows, words] = zeros.matrix()?;
    let codes = words * bits.per_word();
    // A row of the gemv layout is one output's groups, filled up with zeros.
    let used = if desc.layout == Layout::AwqGemv { desc.spec.group.count(desc.k) } else { codes };
    let odd = (0..rows).flat_map(|r| (0..used).map(move |c| r * codes + c)).find(|&at| code(at) != needed);
    match odd {
        None => Ok(()),
        Some(at) => Err(zeros
            .error("the config says symmetric, but the zero points are not all in the middle")
            .found(code(at))
            .needed(needed)),
    }
}

/// The same where zero points are stored as −z·s, which is exact for z a power of two.
fn symmetric_scaled(zeros: &Member, scales: &Member, desc: &LayerDesc) -> Result<()> {
    let mid = f32::from(desc.spec.bits.mid());
    let used = desc.spec.group.count(desc.k) * desc.n;
    let mut pairs = floats(zeros).zip(floats(scales)).take(used);
    match pairs.find(|(z, s)| *z != -mid * s) {
        None => Ok(()),
        Some((z, s)) => Err(zeros
            .error("the config says symmetric, but the zero points are not all in the middle")
            .found(z)
            .needed(-mid * s)),
    }
}

/// `g_idx` must be k / g: anything else is a permutation of the input features (act-order).
fn in_order(module: &Module, g_idx: &Member, desc: &LayerDesc) -> Result<()> {
    let group = desc.spec.group.effective(desc.k);
    let indices = g_idx.view.data.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b));
    match indices.enumerate().find(|&(k, g)| g as usize != k / group) {
        None => Ok(()),
        Some((k, g)) => Err(module
            .error("g_idx", ErrorKind::Unsupported, "GPTQ activation order (desc_act) is not supported")
            .found(format!("group {g} for input feature {k}"))
            .needed(format!("group {}", k / group))),
    }
}
