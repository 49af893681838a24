//! Codes back to numbers: w\[k\]\[n\] = (q − z) · s, the exact product rounded once.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::address::get;
use super::join::{self, Sources};
use super::packing::unpadded;
use super::repack::{Task, run_all};
use super::tile::{TILE, Tile};
use super::{LayerView, Layout, Part, float};
use crate::error::{Error, ErrorKind, Result};
use crate::parallel::Parallel;
use crate::types::{Bits, Dtype, mul};

/// The weight \[K, N\] (logical sizes) as F16, BF16, F32 or F64, little-endian. F64 is exact; the others are the exact
/// product rounded once. A dense layer is transposed and converted.
///
/// Errors: [`ErrorKind::InvalidArgument`] for another dtype, [`ErrorKind::BufferTooSmall`], those of [`super::check`],
/// and [`ErrorKind::Tensor`] for scaled zero points that are no integers.
pub fn dequantize(view: &LayerView, dtype: Dtype, out: &mut [u8], par: &dyn Parallel) -> Result<()> {
    let desc = join::logical(&[Part::whole(*view)])?;
    if !matches!(dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64) {
        return Err(Error::invalid("weights cannot be written in this dtype")
            .found(dtype)
            .needed("F16, BF16, F32 or F64"));
    }
    let row = mul(desc.n, dtype.bytes(), "weight")?;
    let needed = mul(desc.k, row, "weight")?;
    if out.len() < needed {
        return Err(Error::too_small("the output is too small", out.len(), needed));
    }
    let out = &mut out[..needed];
    let source = view.desc.scale_dtype;
    if desc.layout == Layout::Dense {
        let line = &|k: usize, out: &mut [u8]| {
            for (n, to) in out.chunks_exact_mut(dtype.bytes()).enumerate() {
                let bits = get(view.qweight, 8 * source.bytes(), n * desc.k + k);
                put_f64(to, dtype, float::to_f64(source, bits));
            }
        };
        let lines = out.chunks_mut(row).enumerate();
        run_all(par, lines.map(|(k, out)| Box::new(move || line(k, out)) as Task).collect());
        return Ok(());
    }

    let p = unpadded(&desc);
    let sources = Sources::new(&[Part::whole(*view)], &desc, &p)?;
    let cells = mul(p.groups, p.n, "scales")?;
    let mut z = reserved(cells, 0.0f32)?;
    let mut s = reserved(cells, 0.0f64)?;
    sources.zeros(|g, n, v| {
        z[g * p.n + n..].iter_mut().zip(v).for_each(|(z, &v)| *z = v as f32);
    });
    sources.scales(|g, n, v| {
        s[g * p.n + n..].iter_mut().zip(v).for_each(|(s, &v)| *s = float::to_f64(source, v));
    });
    let band = &|k0: usize, out: &mut [u8]| {
        let mut tile = Tile::new();
        for n0 in (0..p.n).step_by(TILE) {
            sources.read(k0, n0, &mut tile);
            let cols = TILE.min(p.n - n0);
            for (r, line) in out.chunks_exact_mut(row).enumerate() {
                let at = (k0 + r) / p.group * p.n + n0;
                let (z, s) = (&z[at..at + cols], &s[at..at + cols]);
                let to = &mut line[n0 * dtype.bytes()..(n0 + cols) * dtype.bytes()];
                row_of_tile(&tile, desc.spec.bits, r, z, s, source, dtype, to);
            }
        }
    };
    let bands = out.chunks_mut(TILE * row).enumerate();
    run_all(par, bands.map(|(i, out)| Box::new(move || band(i * TILE, out)) as Task).collect());
    Ok(())
}

/// `len` copies of `v`, or [`ErrorKind::OutOfMemory`].
fn reserved<T: Clone>(len: usize, v: T) -> Result<Vec<T>> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(len)
        .map_err(|_| Error::new(ErrorKind::OutOfMemory, format!("no memory for {len} scales")))?;
    vec.resize(len, v);
    Ok(vec)
}

/// Weights of row `r` of a tile.
#[allow(clippy::too_many_arguments)]
fn row_of_tile(
    tile: &Tile,
    bits: Bits,
    r: usize,
    z: &[f32],
    s: &[f64],
    source: Dtype,
    dtype: Dtype,
    to: &mut [u8],
) {
    let cols = z.len();
    let codes = tile.row(bits, r);
    let mut q = [0f32; TILE];
    for n in 0..cols {
        q[n] = codes[n] as f32 - z[n];
    }
    if source == Dtype::F32 || dtype == Dtype::F64 {
        for (n, to) in to.chunks_exact_mut(dtype.bytes()).enumerate() {
            put_f64(to, dtype, f64::from(q[n]) * s[n]);
        }
        return;
    }
    // At most 9 bits of code times 11 bits of scale: exact in f32.
    for n in 0..cols {
        q[n] *= s[n] as f32;
    }
    match dtype {
        Dtype::F16 => {
            let mut h = [f16::ZERO; TILE];
            h[..cols].convert_from_f32_slice(&q[..cols]);
            for (to, h) in to.chunks_exact_mut(2).zip(h) {
                to.copy_from_slice(&h.to_le_bytes());
            }
        }
        Dtype::BF16 => {
            for (to, v) in to.chunks_exact_mut(2).zip(q) {
                to.copy_from_slice(&bf16::from_f32(v).to_le_bytes());
            }
        }
        _ => {
            for (to, v) in to.chunks_exact_mut(4).zip(q) {
                to.copy_from_slice(&v.to_le_bytes());
            }
        }
    }
}

fn put_f64(to: &mut [u8], dtype: Dtype, v: f64) {
    match dtype {
        Dtype::F64 => to.copy_from_slice(&v.to_le_bytes()),
        Dtype::F32 => to.copy_from_slice(&(v as f32).to_le_bytes()),
        _ => to.copy_from_slice(&(float::from_f64(dtype, v) as u16).to_le_bytes()),
    }
}
