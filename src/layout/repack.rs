//! From any layout to any layout: tiles of codes are read as column words and written, group by group for the rest.

use std::sync::{Mutex, PoisonError};

use super::address::{Plane, put};
use super::join::{self, Sources};
use super::packing::{self, Axis, Packing};
use super::tile::{TILE, Tile};
use super::{LayerDesc, Layout, Packed, Padded, Part, float};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::parallel::Parallel;
use crate::types::{Bits, Dtype};

/// Where a repacked layer goes: the caller's memory, in exactly the sizes of [`super::sizes`].
#[derive(Debug)]
pub struct TensorsMut<'a> {
    /// Codes, or the dense weight.
    pub qweight: &'a mut [u8],
    /// Scales.
    pub scales: &'a mut [u8],
    /// Zero points.
    pub qzeros: &'a mut [u8],
}

/// Repacks parts of layers, joined along N, into new memory. The bias is joined with them.
///
/// Errors: those of [`super::joined_desc`], [`crate::ErrorKind::OutOfMemory`], and [`crate::ErrorKind::Tensor`] for scaled zero
/// points that are no integers.
pub fn repack(parts: &[Part], to: Layout, par: &dyn Parallel) -> Result<Packed> {
    let desc = join::joined_desc(parts, to)?;
    let bias = join::bias(parts)?;
    let mut packed = empty(desc)?;
    repack_into(parts, to, tensors(&mut packed), par)?;
    if let Some((bytes, dtype)) = bias {
        packed.bias = Some(Buffer::copy_of(&bytes)?);
        packed.bias_dtype = dtype;
    }
    Ok(packed)
}

/// As [`repack`], into the caller's memory; the bias is left to the caller (see [`super::bias`]).
///
/// Errors: those of [`repack`], and [`crate::ErrorKind::BufferTooSmall`] or [`crate::ErrorKind::InvalidArgument`] when a slice is
/// smaller or larger than needed.
pub fn repack_into(parts: &[Part], to: Layout, out: TensorsMut, par: &dyn Parallel) -> Result<LayerDesc> {
    let desc = join::joined_desc(parts, to)?;
    let sizes = packing::sizes(&desc)?;
    for (name, found, needed) in [
        ("qweight", out.qweight.len(), sizes.qweight),
        ("scales", out.scales.len(), sizes.scales),
        ("qzeros", out.qzeros.len(), sizes.qzeros),
    ] {
        if found < needed {
            return Err(Error::too_small("the output is too small", found, needed).subject(name));
        }
        if found > needed {
            return Err(Error::invalid("the output has the wrong size")
                .subject(name)
                .found(format!("{found} bytes"))
                .needed(format!("{needed} bytes")));
        }
    }
    if to == Layout::Dense {
        super::dense::join(parts, &desc, out.qweight);
        return Ok(desc);
    }
    let p = packing::padded(&desc)?;
    let sources = Sources::new(parts, &desc, &p)?;
    write(&sources, packing::of(to)?, &desc, &p, out, par);
    Ok(desc)
}

/// Zeroed memory for `desc`.
fn empty(desc: LayerDesc) -> Result<Packed> {
    let sizes = packing::sizes(&desc)?;
    Ok(Packed {
        desc,
        padded: packing::padded(&desc)?,
        qweight: Buffer::zeroed(sizes.qweight)?,
        scales: Buffer::zeroed(sizes.scales)?,
        qzeros: Buffer::zeroed(sizes.qzeros)?,
        bias: None,
        bias_dtype: Dtype::F16,
    })
}

fn tensors(packed: &mut Packed) -> TensorsMut<'_> {
    TensorsMut { qweight: &mut packed.qweight, scales: &mut packed.scales, qzeros: &mut packed.qzeros }
}

/// New memory for `desc`, filled from `sources`.
pub(super) fn fill(sources: &Sources, desc: LayerDesc, par: &dyn Parallel) -> Result<Packed> {
    let mut packed = empty(desc)?;
    let padded = packed.padded;
    write(sources, packing::of(desc.layout)?, &desc, &padded, tensors(&mut packed), par);
    Ok(packed)
}

/// Writes all three tensors, which have the right sizes.
pub(super) fn write(
    sources: &Sources,
    packing: &dyn Packing,
    desc: &LayerDesc,
    p: &Padded,
    out: TensorsMut,
    par: &dyn Parallel,
) {
    write_codes(sources, packing, desc.spec.bits, p, out.qweight, par);

    let plane = Plane::new(8 * desc.scale_dtype.bytes(), packing.scales(p));
    out.scales.fill(0);
    sources.scales(|g, n, s| plane.put(out.scales, plane.address.rows[g], plane.address.cols[n], s));

    out.qzeros.fill(0);
    if !desc.spec.zero_point {
        return;
    }
    let plane = packing.zeros(p, desc.spec.bits);
    let place = |g: usize, n: usize| (plane.address.rows[g], plane.address.cols[n]);
    if packing.scaled_zeros() {
        scale_zeros(sources, desc.scale_dtype, out.qzeros, place);
    } else {
        sources.zeros(|g, n, z| {
            let (row, col) = place(g, n);
            plane.put(out.qzeros, row, col, z);
        });
    }
}

/// Writes −z·s in the dtype of the scales, the exact product rounded once.
fn scale_zeros(
    sources: &Sources,
    dtype: Dtype,
    out: &mut [u8],
    place: impl Fn(usize, usize) -> (usize, usize),
) {
    let width = 8 * dtype.bytes();
    sources.zeros(|g, n, z| {
        let (row, col) = place(g, n);
        put(out, width, row + col, from_small(dtype, z));
    });
    sources.scales(|g, n, s| {
        let (row, col) = place(g, n);
        let z = float::to_f64(dtype, super::address::get(out, width, row + col));
        put(out, width, row + col, float::from_f64(dtype, -(z * float::to_f64(dtype, s))));
    });
}

/// An integer up to 15 as a float; exact in every dtype.
fn from_small(dtype: Dtype, z: u32) -> u32 {
    float::from_f64(dtype, f64::from(z))
}

/// Writes the codes, in contiguous pieces that run in parallel.
pub(super) fn write_codes(
    sources: &Sources,
    packing: &dyn Packing,
    bits: Bits,
    p: &Padded,
    out: &mut [u8],
    par: &dyn Parallel,
) {
    let width = packing.code_width(bits);
    let places = packing.codes(p, bits);
    let outer_is_k = packing.outer() == Axis::K;
    let (outer, inner) = if outer_is_k { (p.k, p.n) } else { (p.n, p.k) };
    // Up to four tiles deep, so that a source whose slowest index is the other one is read in whole cache lines.
    let depth = outer.div_ceil(TILE).div_ceil(par.threads()).clamp(1, 4) * TILE;
    for_each_chunk(par, out, depth * (inner * width / 8), &|chunk, out| {
        let start = chunk * depth;
        let end = (start + depth).min(outer);
        let mut tile = Tile::new();
        for i in (0..inner).step_by(TILE) {
            for o in (start..end).step_by(TILE) {
                let whole = o + TILE <= outer && i + TILE <= inner;
                let (k, n, k_out, n_out) =
                    if outer_is_k { (o, i, o - start, i) } else { (i, o, i, o - start) };
                sources.read(k, n, &mut tile);
                if whole {
                    packing.write(bits, out, p, k_out, n_out, &tile);
                    continue;
                }
                for r in 0..TILE.min(p.k - k) {
                    for c in 0..TILE.min(p.n - n) {
                        let e = places.rows[k_out + r] + places.cols[n_out + c];
                        put(out, width, e, tile.get(bits, r, c));
                    }
                }
            }
        }
    });
}

/// Calls `body(i, i-th piece)` for the pieces of `chunk` bytes of `data`, in parallel.
pub(super) fn for_each_chunk(
    par: &dyn Parallel,
    data: &mut [u8],
    chunk: usize,
    body: &(dyn Fn(usize, &mut [u8]) + Sync),
) {
    let pieces: Vec<_> = data.chunks_mut(chunk.max(1)).map(|piece| Mutex::new(Some(piece))).collect();
    par.run(pieces.len(), &|i| {
        // Each piece is taken once; a lock is poisoned only if a body panicked, and then the piece is gone.
        let piece = pieces[i].lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(piece) = piece {
            body(i, piece);
        }
    });
}
