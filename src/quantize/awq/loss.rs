//! The output error of a change of weights, from the Gram matrix of the inputs.

use super::super::linalg::{Mat, MatMut, product};

/// Columns of one product.
const TILE: usize = 256;

/// Δ ↦ Δ·G·Δᵀ for a symmetric G \[K, K\].
#[derive(Clone)]
pub(in super::super) struct Quadratic {
    k: usize,
    gram: Vec<f32>,
}

/// Room for the products of some rows.
#[derive(Default)]
pub(in super::super) struct Scratch(Vec<f32>);

impl Quadratic {
    pub fn new(gram: Vec<f32>, k: usize) -> Self {
        assert_eq!(gram.len(), k * k);
        Quadratic { k, gram }
    }

    /// G of inputs that are divided by these scales.
    pub fn divided(&self, scales: &[f32]) -> Self {
        let rows = self.gram.chunks(self.k).zip(scales);
        let gram = rows.flat_map(|(row, s)| row.iter().zip(scales).map(move |(g, t)| g / (s * t))).collect();
        Quadratic { k: self.k, gram }
    }

    /// Input channels.
    pub fn k(&self) -> usize {
        self.k
    }

    /// G, row by row.
    pub fn gram(&self) -> &[f32] {
        &self.gram
    }

    /// The errors of rows of K changes. Because G is symmetric, half of its product with the rows is enough: that below
    /// the diagonal counts twice.
    pub fn of_rows(&self, delta: &[f32], room: &mut Scratch, errors: &mut [f64]) {
        let k = self.k;
        let rows = delta.len() / k;
        errors.fill(0.0);
        room.0.resize(rows * TILE, 0.0);
        for first in (0..k).step_by(TILE) {
            let width = TILE.min(k - first);
            let below = first + width;
            self.add(delta, first..below, first, width, 1.0, room, errors);
            if below < k {
                self.add(delta, below..k, first, width, 2.0, room, errors);
            }
        }
    }

    /// errors += factor · (Δ\[:, from\] · G\[from, to\]) ∘ Δ\[:, to\], summed over each row.
    #[allow(clippy::too_many_arguments)]
    fn add(
        &self,
        delta: &[f32],
        from: std::ops::Range<usize>,
        to: usize,
        width: usize,
        factor: f64,
        room: &mut Scratch,
        errors: &mut [f64],
    ) {
        let k = self.k;
        let rows = delta.len() / k;
        let a = Mat::new(&delta[from.start..], rows, from.len(), k);
        let b = Mat::new(&self.gram[from.start * k + to..], from.len(), width, k);
        product(1.0, a, b, 0.0, &mut MatMut::new(&mut room.0, rows, width, TILE));
        for ((error, row), delta) in errors.iter_mut().zip(room.0.chunks(TILE)).zip(delta.chunks(k)) {
            *error += factor * dot(&row[..width], &delta[to..to + width]);
        }
    }

    /// What each input channel contributes to the error of the rows, added to `channels`; the sum is that of
    /// [`Quadratic::of_rows`].
    pub fn add_channels(&self, delta: &[f32], room: &mut Scratch, channels: &mut [f64]) {
        let k = self.k;
        let rows = delta.len() / k;
        room.0.resize(rows * TILE, 0.0);
        for first in (0..k).step_by(TILE) {
            let width = TILE.min(k - first);
            let b = Mat::new(&self.gram[first..], k, width, k);
            product(
                1.0,
                Mat::new(delta, rows, k, k),
                b,
                0.0,
                &mut MatMut::new(&mut room.0, rows, width, TILE),
            );
            for (row, delta) in room.0.chunks(TILE).zip(delta.chunks(k)) {
                for c in 0..width {
                    channels[first + c] += f64::from(row[c]) * f64::from(delta[first + c]);
                }
            }
        }
    }
}

/// Σ a·b, in lanes of f64 so that it becomes SIMD.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0f64; 8];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for l in 0..8 {
            lanes[l] += f64::from(a[l]) * f64::from(b[l]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_product_gives_the_whole_error() {
        let k = TILE + 37;
        let noise = |i: usize| ((i * 7919 + 13) % 2003) as f32 / 1000.0 - 1.0;
        let mut gram = vec![0f32; k * k];
        for r in 0..k {
            for c in 0..=r {
                gram[r * k + c] = noise(r * k + c);
                gram[c * k + r] = gram[r * k + c];
            }
        }
        let delta: Vec<f32> = (0..3 * k).map(|i| noise(i * 31)).collect();
        let loss = Quadratic::new(gram, k);
        let (mut errors, mut channels, mut room) = ([0f64; 3], vec![0f64; k], Scratch::default());
        loss.of_rows(&delta, &mut room, &mut errors);
        loss.add_channels(&delta, &mut room, &mut channels);
        for (row, found) in delta.chunks(k).zip(errors) {
            let mut exact = 0f64;
            for r in 0..k {
                for c in 0..k {
                    exact += f64::from(row[r]) * f64::from(loss.gram()[r * k + c]) * f64::from(row[c]);
                }
            }
            assert!((found - exact).abs() < 1e-2, "{found} {exact}");
        }
        let (a, b) = (errors.iter().sum::<f64>(), channels.iter().sum::<f64>());
        assert!((a - b).abs() < 1e-2, "{a} {b}");
    }
}
