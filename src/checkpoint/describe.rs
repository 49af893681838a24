//! From the names, dtypes and shapes of a layer's tensors to what the layer is. Only headers are read here
//! (and two integers where a dialect stores the logical shape), so that opening a checkpoint stays cheap.

use super::module::{Member, Module};
use super::names::{self, Stored, Suffixes};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{LayerDesc, Layout, Role};
use crate::types::{Bits, Dtype, GroupSize, QuantSpec, mul};

/// Element types of scales, biases and dense weights.
const FLOATS: [Dtype; 3] = [Dtype::F16, Dtype::BF16, Dtype::F32];

/// Words of packed codes; unsigned is the same bits.
const WORDS: [Dtype; 2] = [Dtype::I32, Dtype::U32];

/// Words of the one layout that packs 16 bits.
const HALF_WORDS: [Dtype; 2] = [Dtype::I16, Dtype::U16];

/// The names of a module's tensors, if it is of this layout.
pub(super) fn suffixes(module: &Module, layout: Layout) -> Suffixes {
    let usual = names::suffixes(layout);
    match layout {
        // llm-awq's name for AutoAWQ's tensor.
        Layout::AwqGemvFast if module.has("scaled_zeros") => {
            Suffixes { qzeros: Some("scaled_zeros"), ..usual }
        }
        _ => usual,
    }
}

/// What the module is, if its tensors are what `layout` and `spec` ask for.
pub(super) fn describe(module: &Module, spec: QuantSpec, layout: Layout) -> Result<LayerDesc> {
    let desc = match layout {
        Layout::Dense => dense(module, spec)?,
        _ => packed(module, spec, layout)?,
    };
    if let Some(bias) = module.find("bias")? {
        bias.dtype(&FLOATS)?;
        bias.check_shape(&[desc.n])?;
    }
    Ok(desc)
}

fn dense(module: &Module, spec: QuantSpec) -> Result<LayerDesc> {
    let weight = module.need("weight")?;
    let scale_dtype = weight.dtype(&FLOATS)?;
    let [n, k] = weight.matrix()?;
    not_empty(&weight, k, n)?;
    Ok(LayerDesc { k, n, spec, layout: Layout::Dense, scale_dtype })
}

fn packed(module: &Module, spec: QuantSpec, layout: Layout) -> Result<LayerDesc> {
    let names = suffixes(module, layout);
    let codes = module.need(names.qweight)?;
    let scales = module.need(names.scales.unwrap_or("scales"))?;
    let zeros = match names.qzeros {
        Some(qzeros) if spec.zero_point => Some(module.need(qzeros)?),
        // A symmetric layer may have zero points all the same; `values` looks into them.
        Some(qzeros) => module.find(qzeros)?,
        None if module.has("qzeros") => {
            let what = "the layout is symmetric and has no such tensor";
            return Err(module.error("qzeros", ErrorKind::Tensor, what).found("zero points"));
        }
        None => None,
    };

    codes.dtype(if layout == Layout::AwqGemvFast { &HALF_WORDS } else { &WORDS })?;
    let scale_dtype = scales.dtype(&FLOATS)?;
    let (k, n) = logical_shape(module, &codes, spec.bits, layout)?;
    let desc = LayerDesc { k, n, spec, layout, scale_dtype };
    // This also refuses what the layout cannot hold: a bit width, a group size, a shape.
    let zero_point = spec.zero_point || zeros.is_some();
    let stored = names::stored(&LayerDesc { spec: QuantSpec { zero_point, ..spec }, ..desc })
        .map_err(|e| codes.locate(e))?;
    codes.check_shape(shape_of(&stored, Role::Qweight))?;
    if let Some(e) = wrong_group(&scales, &desc) {
        return Err(e);
    }
    scales.check_shape(shape_of(&stored, Role::Scales))?;
    if let Some(zeros) = zeros {
        zeros.dtype(if layout == Layout::AwqGemvFast {
            std::slice::from_ref(&scale_dtype)
        } else {
            &WORDS
        })?;
        zeros.check_shape(shape_of(&stored, Role::Qzeros))?;
    }
    order_of_activations(module, &desc)?;
    Ok(desc)
}

/// The shape of one of the tensors that a layout stores.
fn shape_of(stored: &[Stored], role: Role) -> &[usize] {
    stored.iter().find(|tensor| tensor.role == Some(role)).map_or(&[], |tensor| &tensor.shape)
}

/// K and N from the packed shape, or from the tensor that says them.
fn logical_shape(module: &Module, codes: &Member, bits: Bits, layout: Layout) -> Result<(usize, usize)> {
    let [rows, columns] = codes.matrix()?;
    not_empty(codes, rows, columns)?;
    let per_word = bits.per_word();
    Ok(match layout {
        Layout::AwqGemm => (rows, mul(columns, per_word, "N")?),
        Layout::AwqGemv => (mul(columns, per_word, "K")?, rows),
        Layout::AwqGemvFast => (columns, mul(rows, 4, "N")?),
        // A row of 16 x N codes.
        Layout::AwqMarlin => (mul(rows, 16, "K")?, mul(columns, per_word, "N")? / 16),
        Layout::Gptq | Layout::GptqV2 => (mul(rows, per_word, "K")?, columns),
        Layout::CompressedTensors => {
            let [n, k] = module.need("weight_shape")?.sizes()?;
            (k, n)
        }
        Layout::Marlin => {
            let [k, n] = module.need("shape")?.sizes()?;
            (k, n)
        }
        Layout::Dense | Layout::Cpu => {
            return Err(codes.error("the layout is not one that checkpoints have").found(layout));
        }
    })
}

fn not_empty(tensor: &Member, k: usize, n: usize) -> Result<()> {
    if k == 0 || n == 0 {
        return Err(tensor.error("is empty").found(tensor.shape()).needed("K and N of at least 1"));
    }
    Ok(())
}

/// If the scales do not have the config's groups, but those of another group size, the error that says so.
fn wrong_group(scales: &Member, desc: &LayerDesc) -> Option<Error> {
    let shape = |group| {
        let spec = QuantSpec { group, ..desc.spec };
        Some(shape_of(&names::stored(&LayerDesc { spec, ..*desc }).ok()?, Role::Scales).to_vec())
    };
    let needed = shape(desc.spec.group)?;
    if scales.view.shape == needed {
        return None;
    }
    let mut groups = group_sizes(desc.k, scales.view.shape).into_iter();
    let group = groups.find(|g| shape(*g).is_some_and(|s| scales.view.shape == s))?;
    Some(
        scales
            .error("the group size of the config does not fit the tensors")
            .found(format!("group size {group}, shape {}", scales.shape()))
            .needed(format!("group size {}, shape {needed:?}", desc.spec.group)),
    )
}

/// Group sizes worth a try: those that divide K into as many groups as the scales have, and the usual ones.
pub(super) fn group_sizes(k: usize, scales: &[usize]) -> Vec<GroupSize> {
    let exact = scales.iter().filter(move |&&s| s > 1 && k.is_multiple_of(s)).map(move |&s| (k / s) as i64);
    let usual = [128, 64, 32, 256, 512, 1024, 16, -1];
    exact.chain(usual).filter_map(|g| GroupSize::new(g).ok()).collect()
}

/// Columns in order of activation need another kernel than the rest: refused by name.
/// A `g_idx` that only repeats k / g is fine, which [`super::values`] looks into.
fn order_of_activations(module: &Module, desc: &LayerDesc) -> Result<()> {
    if desc.layout == Layout::CompressedTensors && module.has("weight_g_idx") {
        let what = "activation order (actorder: group) is not supported";
        return Err(module.error("weight_g_idx", ErrorKind::Unsupported, what));
    }
    if matches!(desc.layout, Layout::Gptq | Layout::GptqV2)
        && let Some(g_idx) = module.find("g_idx")?
    {
        g_idx.dtype(&WORDS)?;
        g_idx.check_shape(&[desc.k])?;
    }
    Ok(())
}
