//! From the names, dtypes and shapes of a layer's tensors to what the layer is. Only headers are read here
//! (and two integers where a dialect stores the logical shape), so that opening a checkpoint stays cheap.

use super::module::{Member, Module};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, LayerDesc, Layout};
use crate::types::{Bits, Dtype, GroupSize, QuantSpec, mul};

/// Element types of scales, biases and dense weights.
const FLOATS: [Dtype; 3] = [Dtype::F16, Dtype::BF16, Dtype::F32];

/// Words of packed codes; unsigned is the same bits.
const WORDS: [Dtype; 2] = [Dtype::I32, Dtype::U32];

/// The suffixes of a layout's tensors: codes (or weight), scales, zero points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub codes: &'static str,
    pub scales: &'static str,
    pub zeros: &'static str,
}

impl Names {
    /// The names that a module uses for `layout`.
    pub fn of(module: &Module, layout: Layout) -> Self {
        match layout {
            Layout::Dense => Names { codes: "weight", scales: "", zeros: "" },
            Layout::CompressedTensors => {
                Names { codes: "weight_packed", scales: "weight_scale", zeros: "weight_zero_point" }
            }
            Layout::AwqGemvFast if module.has("scaled_zeros") => {
                Names { codes: "qweight", scales: "scales", zeros: "scaled_zeros" }
            }
            _ => Names { codes: "qweight", scales: "scales", zeros: "qzeros" },
        }
    }
}

/// Shapes of the stored tensors.
struct Stored {
    codes: [usize; 2],
    scales: [usize; 2],
    zeros: Option<[usize; 2]>,
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
    let names = Names::of(module, layout);
    let codes = module.need(names.codes)?;
    let scales = module.need(names.scales)?;
    let zeros = if spec.zero_point { Some(module.need(names.zeros)?) } else { module.find(names.zeros)? };

    codes.dtype(if layout == Layout::AwqGemvFast { &[Dtype::I16, Dtype::U16] } else { &WORDS })?;
    let scale_dtype = scales.dtype(&FLOATS)?;
    let (k, n) = logical_shape(module, &codes, spec.bits, layout)?;
    let desc = LayerDesc { k, n, spec, layout, scale_dtype };
    // Refuses what the layout cannot hold, too: a bit width, a group size, a shape.
    let stored = stored(&desc).map_err(|e| e.subject(module.tensor_name(names.codes)))?;
    codes.check_shape(&stored.codes)?;
    if scales.view.shape != stored.scales {
        return Err(
            wrong_group(&scales, &desc).unwrap_or_else(|| scales.check_shape(&stored.scales).unwrap_err())
        );
    }
    if let Some(zeros) = zeros {
        let Some(shape) = stored.zeros else {
            return Err(zeros.error("the layout is symmetric and has no such tensor"));
        };
        zeros.dtype(if layout == Layout::AwqGemvFast {
            std::slice::from_ref(&scale_dtype)
        } else {
            &WORDS
        })?;
        zeros.check_shape(&shape)?;
    }
    order_of_activations(module, &desc)?;
    Ok(desc)
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

/// The shapes that a layer of this description has on disk.
fn stored(desc: &LayerDesc) -> Result<Stored> {
    let p = layout::padded(desc)?;
    let per_word = desc.spec.bits.per_word();
    let by_rows = |codes, zeros| Stored { codes, scales: [p.groups, p.n], zeros: Some(zeros) };
    let by_columns = |codes, zeros| Stored { codes, scales: [p.n, p.groups], zeros: Some(zeros) };
    Ok(match desc.layout {
        Layout::AwqGemm => by_rows([p.k, p.n / per_word], [p.groups, p.n / per_word]),
        Layout::AwqGemv => by_columns([p.n, p.k / per_word], [p.n, p.groups / per_word]),
        Layout::AwqGemvFast => by_rows([p.n / 4, p.k], [p.groups, p.n]),
        Layout::Gptq | Layout::GptqV2 => by_rows([p.k / per_word, p.n], [p.groups, p.n / per_word]),
        Layout::CompressedTensors => {
            by_columns([p.n, p.k.div_ceil(per_word)], [p.n.div_ceil(per_word), p.groups])
        }
        Layout::Marlin => by_rows([p.k / 16, mul(p.n, 16, "N")? / per_word], [p.groups, p.n / per_word]),
        Layout::AwqMarlin => {
            Stored { zeros: None, ..by_rows([p.k / 16, mul(p.n, 16, "N")? / per_word], [0, 0]) }
        }
        Layout::Dense | Layout::Cpu => {
            return Err(Error::internal("no checkpoint stores this layout").found(desc.layout));
        }
    })
}

/// If another group size explains the scales, the error that says so.
fn wrong_group(scales: &Member, desc: &LayerDesc) -> Option<Error> {
    let needed = stored(desc).ok()?.scales;
    let fits = |group: &GroupSize| {
        let spec = QuantSpec { group: *group, ..desc.spec };
        stored(&LayerDesc { spec, ..*desc }).is_ok_and(|s| scales.view.shape == s.scales)
    };
    let group = group_sizes(desc.k, scales.view.shape).into_iter().find(fits)?;
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
