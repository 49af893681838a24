//! Codes back to numbers: w\[k\]\[n\] = (q − z) · s, the exact product rounded once.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::address::get;
use super::join;
use super::packing::unpadded;
use super::repack::{Task, run_all};
use super::source::Sources;
use super::tile::{TILE, Tile, shift, vectorized};
use super::{LayerView, Layout, Part, float};
use crate::error::{Error, ErrorKind, Result};
use crate::parallel::Parallel;
use crate::types::{Dtype, mul};

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
    let mut z = zeros(cells)?;
    let mut s = zeros(cells)?;
    for part in sources.list() {
        part.zeros(0, |g, n, v| {
            z[g * p.n + n..].iter_mut().zip(v).for_each(|(z, &v)| *z = v as f32);
        });
        // Every dtype of scales fits f32.
        part.scales(0, |g, n, v| {
            s[g * p.n + n..].iter_mut().zip(v).for_each(|(s, &v)| *s = float::to_f64(source, v) as f32);
        });
    }
    let bits = desc.spec.bits;
    let band = &|k0: usize, out: &mut [u8]| {
        let mut tile = Tile::new();
        let mut words = [0; TILE];
        for n0 in (0..p.n).step_by(TILE) {
            sources.read(k0, n0, &mut tile);
            let cols = TILE.min(p.n - n0);
            for (r, line) in out.chunks_exact_mut(row).enumerate() {
                if r % bits.per_word() == 0 {
                    words = tile.words(bits, r / bits.per_word());
                }
                let at = (k0 + r) / p.group * p.n + n0;
                let (z, s) = (&z[at..at + cols], &s[at..at + cols]);
                let mut q = [0.0; TILE];
                differences(&words, shift(bits, r) as u32, bits.max_code() as u32, z, &mut q);
                let to = &mut line[n0 * dtype.bytes()..(n0 + cols) * dtype.bytes()];
                scale(&mut q[..cols], s, source, dtype, to);
            }
        }
    };
    let bands = out.chunks_mut(TILE * row).enumerate();
    run_all(par, bands.map(|(i, out)| Box::new(move || band(i * TILE, out)) as Task).collect());
    Ok(())
}

/// `len` zeros, or [`ErrorKind::OutOfMemory`].
fn zeros(len: usize) -> Result<Vec<f32>> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(len)
        .map_err(|_| Error::new(ErrorKind::OutOfMemory, format!("no memory for {len} scales")))?;
    vec.resize(len, 0.0);
    Ok(vec)
}

vectorized! {
    /// q − z of one row, whose codes stand at `shift` of the words.
    fn differences(words: &[u32; TILE], shift: u32, mask: u32, z: &[f32], out: &mut [f32; TILE]) {
        for ((out, word), z) in out.iter_mut().zip(words).zip(z) {
            *out = ((word >> shift) & mask) as f32 - z;
        }
    }
}

/// Multiplies by the scales and rounds once.
fn scale(q: &mut [f32], s: &[f32], source: Dtype, dtype: Dtype, to: &mut [u8]) {
    if source == Dtype::F32 || dtype == Dtype::F64 {
        for ((to, q), s) in to.chunks_exact_mut(dtype.bytes()).zip(q).zip(s) {
            put_f64(to, dtype, f64::from(*q) * f64::from(*s));
        }
        return;
    }
    // At most 9 bits of code times 11 bits of scale: exact in f32.
    q.iter_mut().zip(s).for_each(|(q, s)| *q *= s);
    match dtype {
        Dtype::F16 => {
            let mut h = [f16::ZERO; TILE];
            h[..q.len()].convert_from_f32_slice(q);
            for (to, h) in to.chunks_exact_mut(2).zip(h) {
                to.copy_from_slice(&h.to_le_bytes());
            }
        }
        Dtype::BF16 => {
            for (to, v) in to.chunks_exact_mut(2).zip(q) {
                to.copy_from_slice(&bf16::from_f32(*v).to_le_bytes());
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
