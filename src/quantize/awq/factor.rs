//! The Gram matrix taken apart for error-compensating rounding: in which order channels are rounded, and what the error of
//! one asks of those that are not rounded yet.

use super::super::linalg::cholesky;
use super::loss::Quadratic;
use crate::parallel::Parallel;

/// What is added to the diagonal, as a share of its mean: keeps the matrix definite, and channels that the calibration
/// hardly saw from being used as a dump for the errors of others.
const DAMPING: f64 = 0.01;

/// The factor L of the damped matrix, A = L·Lᵀ, with channels reordered. They are rounded from the last to the first, so
/// the error is Σ_k (Σ_{j ≥ k} e_j·L\[j, k\])², and channel k is best rounded from w_k − Σ_{j > k} e_j·L\[j, k\] / L\[k, k\].
pub(in super::super) struct Factor {
    k: usize,
    /// The channel at each place.
    pub order: Vec<usize>,
    /// Places at which groups end; the first entry is 0.
    pub ends: Vec<usize>,
    /// L, row by row.
    pub lower: Vec<f32>,
    /// What was added to the diagonal.
    pub damping: f32,
    /// The damped diagonal, by channel.
    pub diagonal: Vec<f32>,
}

impl Factor {
    /// Groups of `group` channels stay together, because each has one scale. Groups, and channels within one, are rounded
    /// in the order of their weight in the error: the heavy ones first, while there are many left to compensate.
    pub fn new(gram: &Quadratic, group: usize, par: &dyn Parallel) -> Self {
        let g = gram.gram();
        let k = gram.k();
        let mean = (0..k).map(|i| f64::from(g[i * k + i])).sum::<f64>() / k as f64;
        let damping = if mean > 0.0 { DAMPING * mean } else { 1.0 };
        let diagonal: Vec<f32> = (0..k).map(|i| (f64::from(g[i * k + i]) + damping) as f32).collect();
        let mut groups: Vec<Vec<usize>> =
            (0..k).step_by(group).map(|from| (from..k.min(from + group)).collect()).collect();
        // Ascending: places are rounded from the last to the first. Sorting is stable, so ties stay in order.
        let weight = |channels: &Vec<usize>| channels.iter().map(|c| f64::from(diagonal[*c])).sum::<f64>();
        groups.sort_by(|a, b| weight(a).total_cmp(&weight(b)));
        for channels in &mut groups {
            channels.sort_by(|a, b| diagonal[*a].total_cmp(&diagonal[*b]));
        }
        let mut ends = vec![0];
        for channels in &groups {
            ends.push(ends[ends.len() - 1] + channels.len());
        }
        let order = groups.concat();
        let mut a = vec![0f64; k * k];
        for (row, &r) in a.chunks_mut(k).zip(&order) {
            for (to, &c) in row.iter_mut().zip(&order) {
                *to = f64::from(g[r * k + c]);
            }
        }
        (0..k).for_each(|i| a[i * k + i] += damping);
        cholesky(&mut a, k, damping * 1e-3, par);
        let lower = a.iter().map(|v| *v as f32).collect();
        Factor { k, order, ends, lower, damping: damping as f32, diagonal }
    }

    /// A row of L.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.lower[row * self.k..][..self.k]
    }
}
