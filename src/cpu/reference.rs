//! The answer that kernels are measured against: three loops in f64, nothing clever.

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
