//! A quantized weight row by row, as quantizers make it: the other way round than layouts keep it.

use std::sync::Mutex;

use half::{bf16, f16};

use crate::layout::Plain;
use crate::parallel::Parallel;
use crate::types::{Dtype, QuantSpec};

/// Codes \[N, K\], zero points and scales \[N, G\].
#[derive(Debug, Clone)]
pub(super) struct ByRow {
    pub n: usize,
    pub k: usize,
    pub spec: QuantSpec,
    pub scale_dtype: Dtype,
    pub q: Vec<u8>,
    /// The middle code everywhere when symmetric.
    pub z: Vec<u8>,
    /// In `scale_dtype`.
    pub scales: Vec<u8>,
}

/// A row of [`ByRow`] to be filled.
pub(super) struct RowMut<'a> {
    pub q: &'a mut [u8],
    pub z: &'a mut [u8],
    pub scales: &'a mut [u8],
}

impl ByRow {
    /// All zeros.
    pub fn new(n: usize, k: usize, spec: QuantSpec, scale_dtype: Dtype) -> Self {
        let groups = spec.group.count(k);
        let scales = vec![0; n * groups * scale_dtype.bytes()];
        ByRow { n, k, spec, scale_dtype, q: vec![0; n * k], z: vec![0; n * groups], scales }
    }

    /// All rows, to be filled by whoever takes them.
    pub fn rows_mut(&mut self) -> Vec<RowMut<'_>> {
        let groups = self.spec.group.count(self.k);
        let scales = self.scales.chunks_mut(groups * self.scale_dtype.bytes());
        let rows = self.q.chunks_mut(self.k).zip(self.z.chunks_mut(groups)).zip(scales);
        rows.map(|((q, z), scales)| RowMut { q, z, scales }).collect()
    }

    /// Row `r` as the numbers that it stands for, (q − z)·s in f32.
    pub fn dequantize(&self, r: usize, row: &mut [f32]) {
        let (k, g) = (self.k, self.spec.group.effective(self.k));
        let groups = self.spec.group.count(k);
        let codes = self.q[r * k..][..k].chunks(g);
        for (j, (codes, row)) in codes.zip(row.chunks_mut(g)).enumerate() {
            let (zero, scale) = (i32::from(self.z[r * groups + j]), self.scale(r * groups + j));
            for (w, &q) in row.iter_mut().zip(codes) {
                *w = (i32::from(q) - zero) as f32 * scale;
            }
        }
    }

    fn scale(&self, i: usize) -> f32 {
        let bytes = &self.scales[i * self.scale_dtype.bytes()..][..self.scale_dtype.bytes()];
        match (self.scale_dtype, bytes) {
            (Dtype::F16, &[a, b]) => f16::from_le_bytes([a, b]).to_f32(),
            (Dtype::BF16, &[a, b]) => bf16::from_le_bytes([a, b]).to_f32(),
            (_, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            _ => 0.0,
        }
    }

    /// The same column by column.
    pub fn into_plain(self, par: &dyn Parallel) -> Plain {
        let ByRow { n, k, spec, scale_dtype, q, z, scales } = self;
        let groups = spec.group.count(k);
        Plain {
            k,
            n,
            spec,
            scale_dtype,
            q: transpose::<1>(&q, n, k, par),
            z: if spec.zero_point { transpose::<1>(&z, n, groups, par) } else { vec![] },
            scales: match scale_dtype.bytes() {
                2 => transpose::<2>(&scales, n, groups, par),
                _ => transpose::<4>(&scales, n, groups, par),
            },
            bias: None,
            bias_dtype: Dtype::F16,
        }
    }
}

/// Stores a scale; false when it overflows.
pub(super) fn store_scale(scale: f32, dtype: Dtype, out: &mut [u8]) -> bool {
    match dtype {
        Dtype::F16 => {
            let s = f16::from_f32(scale);
            out.copy_from_slice(&s.to_le_bytes());
            s.is_finite()
        }
        Dtype::BF16 => {
            let s = bf16::from_f32(scale);
            out.copy_from_slice(&s.to_le_bytes());
            s.is_finite()
        }
        _ => {
            out.copy_from_slice(&scale.to_le_bytes());
            scale.is_finite()
        }
    }
}

/// \[rows, cols\] elements of `S` bytes to \[cols, rows\].
fn transpose<const S: usize>(from: &[u8], rows: usize, cols: usize, par: &dyn Parallel) -> Vec<u8> {
    const TILE: usize = 64;
    let mut to = vec![0; from.len()];
    {
        let from = from.as_chunks::<S>().0;
        let tasks: Vec<_> = to.chunks_mut(TILE * rows * S).map(Mutex::new).collect();
        par.run(tasks.len(), &|t| {
            let mut out = tasks[t].lock().expect("no task panics");
            for first in (0..rows).step_by(TILE) {
                let height = TILE.min(rows - first);
                for (c, line) in out.chunks_mut(rows * S).enumerate() {
                    let column = from[first * cols + t * TILE + c..].iter().step_by(cols);
                    let line = &mut line.as_chunks_mut::<S>().0[first..first + height];
                    line.iter_mut().zip(column).for_each(|(to, from)| *to = *from);
                }
            }
        });
    }
    to
}
