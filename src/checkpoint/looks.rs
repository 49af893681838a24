//! What a layer's tensors look like, when they are not what the config asks for.

use super::describe::{describe, group_sizes};
use super::module::Module;
use crate::error::Error;
use crate::layout::{LayerDesc, Layout};
use crate::types::{Bits, QuantSpec};

/// Layouts that tensors without further hint can be recognized as.
const LAYOUTS: [Layout; 6] = [
    Layout::AwqGemm,
    Layout::AwqGemv,
    Layout::AwqGemvFast,
    Layout::CompressedTensors,
    Layout::Gptq,
    Layout::AwqMarlin,
];

/// `error`, or a better one if another layout or bit width explains the tensors.
pub(super) fn explain(module: &Module, spec: QuantSpec, layout: Layout, error: Error) -> Error {
    let Some(found) = recognize(module, spec) else { return error };
    let plain = |l| if l == Layout::GptqV2 { Layout::Gptq } else { l };
    if found.layout == plain(layout) && found.spec.bits == spec.bits {
        // The error already says what differs.
        return error;
    }
    let codes = if found.layout == Layout::CompressedTensors { "weight_packed" } else { "qweight" };
    let words = |layout: Layout, spec: QuantSpec| {
        format!("{layout}, {} bits, group size {}", spec.bits.get(), spec.group)
    };
    module
        .error(codes, error.kind(), "the tensors are not laid out as the config says")
        .found(format!(
            "what looks like {}, K = {}, N = {}",
            words(found.layout, found.spec),
            found.k,
            found.n
        ))
        .needed(words(layout, spec))
}

/// The first layout, bit width and group size that fit; those that the config names are tried first.
fn recognize(module: &Module, spec: QuantSpec) -> Option<LayerDesc> {
    let scales = ["scales", "weight_scale"].iter().find_map(|s| module.find(s).ok().flatten())?;
    let mut groups = vec![spec.group];
    groups.extend(group_sizes(0, scales.view.shape));
    for layout in LAYOUTS {
        for bits in [spec.bits, Bits::Four, Bits::Eight] {
            for &group in &groups {
                for zero_point in [spec.zero_point, !spec.zero_point] {
                    let spec = QuantSpec { bits, group, zero_point };
                    if let Ok(desc) = describe(module, spec, layout) {
                        return Some(desc);
                    }
                }
            }
        }
    }
    None
}
