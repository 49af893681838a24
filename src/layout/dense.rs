//! Weights that are not quantized: \[N, K\], as torch's `Linear` has them.

use super::{LayerDesc, Part};

/// Copies the rectangles of dense parts below one another; `out` is \[N, K\] of the joint layer.
pub(super) fn join(parts: &[Part], desc: &LayerDesc, out: &mut [u8]) {
    let size = desc.scale_dtype.bytes();
    let rows = parts.iter().flat_map(|part| {
        part.n.clone().map(|n| {
            let row = n * part.view.desc.k;
            &part.view.qweight[(row + part.k.start) * size..(row + part.k.end) * size]
        })
    });
    for (to, from) in out.chunks_exact_mut(desc.k * size).zip(rows) {
        to.copy_from_slice(from);
    }
}
