//! Which layers a checkpoint of a layout can hold.

use crate::error::{Error, Result};
use crate::layout::{self, LayerDesc, Layout};
use crate::types::{GroupSize, QuantSpec};

/// Refuses a layer that a checkpoint in `desc.layout` cannot hold in the way that other readers of it understand.
///
/// Partial groups have a place in the tensors of most layouts, but their readers compute K / group rounded down.
pub(super) fn check(desc: &LayerDesc) -> Result<()> {
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
