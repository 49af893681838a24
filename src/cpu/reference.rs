//! The answer that kernels are measured against: three loops in f64, nothing clever.

use crate::error::Result;
use crate::layout::{self, LayerView};
use crate::parallel::Parallel;
use crate::types::{Dtype, mul};

/// y\[M, N\] = x\[M, K\] · weight\[K, N\] + bias\[N\], all dense in C order. `bias` may be empty.
///
/// # Panics
/// When a slice does not have the size that the shape says.
pub fn matmul(x: &[f64], weight: &[f64], bias: &[f64], m: usize, k: usize, n: usize) -> Vec<f64> {
    assert_eq!((x.len(), weight.len()), (m * k, k * n), "x must be [M, K] and the weight [K, N]");
    assert!(bias.is_empty() || bias.len() == n, "the bias must be [N]");
    let mut y = vec![0.0; m * n];
    for row in 0..m {
        for col in 0..n {
            let mut sum = if bias.is_empty() { 0.0 } else { bias[col] };
            for i in 0..k {
                sum += x[row * k + i] * weight[i * n + col];
            }
            y[row * n + col] = sum;
        }
    }
    y
}

/// y\[M, N\] of a layer in any layout for x\[M, K\], bias included: what [`super::CpuLinear`] approximates.
/// Fails as [`layout::dequantize`] does.
///
/// # Panics
/// When x is not \[M, K\].
pub fn linear(view: &LayerView, x: &[f64], m: usize, par: &dyn Parallel) -> Result<Vec<f64>> {
    let (weight, bias) = exact(view, par)?;
    Ok(matmul(x, &weight, &bias, m, view.desc.k, view.desc.n))
}

/// |x|\[M, K\] · |W| + |bias|: what the rounding errors of any way to compute y are proportional to.
/// `abs_x` holds |x|. Fails and panics as [`linear`].
pub fn abs_linear(view: &LayerView, abs_x: &[f64], m: usize, par: &dyn Parallel) -> Result<Vec<f64>> {
    let (mut weight, mut bias) = exact(view, par)?;
    weight.iter_mut().chain(&mut bias).for_each(|v| *v = v.abs());
    Ok(matmul(abs_x, &weight, &bias, m, view.desc.k, view.desc.n))
}

/// Weights \[K, N\] and bias \[N\] (or none), without any rounding.
fn exact(view: &LayerView, par: &dyn Parallel) -> Result<(Vec<f64>, Vec<f64>)> {
    layout::check(view)?;
    let elements = mul(view.desc.k, view.desc.n, "weight")?;
    let mut bytes = vec![0; mul(elements, Dtype::F64.bytes(), "weight")?];
    layout::dequantize(view, Dtype::F64, &mut bytes, par)?;
    let weight = bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap_or_default()));
    let bias = view.bias.unwrap_or(&[]);
    let bias = bias.chunks_exact(view.bias_dtype.bytes()).map(|b| match view.bias_dtype {
        Dtype::F16 => half::f16::from_le_bytes([b[0], b[1]]).to_f64(),
        Dtype::BF16 => half::bf16::from_le_bytes([b[0], b[1]]).to_f64(),
        _ => f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
    });
    Ok((weight.collect(), bias.collect()))
}
