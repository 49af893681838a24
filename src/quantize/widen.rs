//! Elements of F16, BF16 and F32 as f32.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::types::Dtype;

/// Reads `row.len()` elements; their bytes need no alignment.
pub(super) fn widen(bytes: &[u8], dtype: Dtype, row: &mut [f32]) {
    match dtype {
        Dtype::F16 => {
            // In pieces, through the conversion that uses the processor's own instructions.
            let mut piece = [f16::ZERO; 256];
            for (bytes, row) in bytes.chunks(512).zip(row.chunks_mut(256)) {
                let piece = &mut piece[..row.len()];
                for (h, &b) in piece.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *h = f16::from_le_bytes(b);
                }
                piece.convert_to_f32_slice(row);
            }
        }
        Dtype::BF16 => {
            for (w, &b) in row.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *w = bf16::from_le_bytes(b).to_f32();
            }
        }
        _ => {
            for (w, &b) in row.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *w = f32::from_le_bytes(b);
            }
        }
    }
}

/// The bytes of `values` in that type, each rounded to nearest, ties to even.
pub(super) fn narrow(values: &[f32], dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F16 => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        Dtype::BF16 => values.iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
    }
}
