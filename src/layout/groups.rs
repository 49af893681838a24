//! Scales and zero points on their way from one layout to another.

use super::address::Plane;
use super::forms::{ScaleForm, ZeroForm};
use super::packing::Packing;
use super::source::Sources;
use super::{LayerDesc, Padded, float};

/// Writes the scales of the whole layer; padding is 0.
pub(super) fn write_scales(
    sources: &Sources,
    packing: &dyn Packing,
    desc: &LayerDesc,
    p: &Padded,
    out: &mut [u8],
) {
    let width = 8 * desc.scale_dtype.bytes();
    clear_padding(desc, p, width, out);
    let mut plane = None;
    for s in sources.list() {
        let form = packing.scale_form(p);
        let done = form.map_or(0, |form| {
            let blocks_first = matches!(form, ScaleForm::Strips | ScaleForm::Columns);
            s.scale_blocks(blocks_first, |g, n, scales| form.write(out, p, g, n, scales))
        });
        s.scales(done, |g, n, scales| {
            plane.get_or_insert_with(|| Plane::new(width, packing.scales(p))).put_run(out, g, n, scales)
        });
    }
}

/// Writes the zero points of the whole layer; padding is 0.
pub(super) fn write_zeros(
    sources: &Sources,
    packing: &dyn Packing,
    desc: &LayerDesc,
    p: &Padded,
    out: &mut [u8],
) {
    if !desc.spec.zero_point {
        return;
    }
    if packing.scaled_zeros() {
        out.fill(0);
        return write_scaled_zeros(sources, packing, desc, p, out);
    }
    let mut plane = None;
    let form = packing.zero_form(p, desc.spec.bits);
    let width = if let Some(ZeroForm::Strips) = form { 8 } else { desc.spec.bits.get() };
    clear_padding(desc, p, width, out);
    for s in sources.list() {
        let done = form.map_or(0, |form| {
            let blocks_first = matches!(form, ZeroForm::Strips | ZeroForm::Words { group: 1, .. });
            s.zero_blocks(blocks_first, |g, n, zeros| form.write(out, p, g, n, zeros))
        });
        s.zeros(done, |g, n, zeros| {
            plane.get_or_insert_with(|| packing.zeros(p, desc.spec.bits)).put_run(out, g, n, zeros)
        });
    }
}

/// −z·s in the dtype of the scales, the exact product rounded once. z lies there as a float until s comes.
fn write_scaled_zeros(
    sources: &Sources,
    packing: &dyn Packing,
    desc: &LayerDesc,
    p: &Padded,
    out: &mut [u8],
) {
    let dtype = desc.scale_dtype;
    let plane = Plane { width: 8 * dtype.bytes(), ..packing.zeros(p, desc.spec.bits) };
    for s in sources.list() {
        s.zeros(0, |g, n, z| {
            for (i, &z) in z.iter().enumerate() {
                plane.put_run(out, g, n + i, &[float::from_f64(dtype, f64::from(z))]);
            }
        });
        s.scales(0, |g, n, s| {
            for (i, &s) in s.iter().enumerate() {
                let mut z = [0];
                plane.get_run(out, g, n + i, &mut z);
                let product = float::to_f64(dtype, z[0]) * float::to_f64(dtype, s);
                plane.put_run(out, g, n + i, &[float::from_f64(dtype, -product)]);
            }
        });
    }
}

/// Zeroes a tensor that will not be written everywhere: `width` bits for each group and column of the layer.
fn clear_padding(desc: &LayerDesc, p: &Padded, width: usize, out: &mut [u8]) {
    let (groups, n) = (desc.spec.group.count(desc.k), desc.n);
    if (p.groups, p.n) != (groups, n) || groups * n * width != out.len() * 8 {
        out.fill(0);
    }
}
