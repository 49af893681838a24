//! Candidates for the scales of a group of layers.

use std::sync::Mutex;

use super::super::arithmetic::Arithmetic;
use super::weight::Weight;
use crate::parallel::Parallel;

/// A point of the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Candidate {
    /// α: how much the activations count.
    pub ratio: f32,
    /// Whether the weights count with 1 − α.
    pub duo: bool,
}

/// Of each input channel the mean over all rows of |w| / (largest |w| of its group + 1e-6).
pub(super) fn mean_weight<A: Arithmetic>(weights: &[Weight], group: usize, par: &dyn Parallel) -> Vec<f32> {
    let k = weights[0].k;
    let rows: usize = weights.iter().map(|w| w.n).sum();
    let mut mean = vec![0f32; k];
    {
        let tasks: Vec<_> = mean.chunks_mut(group).map(Mutex::new).collect();
        par.run(tasks.len(), &|t| {
            let mut mean = tasks[t].lock().expect("no task panics");
            let mut sum = vec![0f64; mean.len()];
            for row in weights.iter().flat_map(|w| w.data.chunks(k)) {
                let group = &row[t * group..][..sum.len()];
                let largest = A::round(group.iter().fold(0f32, |m, w| m.max(w.abs())) + 1e-6);
                for (sum, w) in sum.iter_mut().zip(group) {
                    *sum += f64::from(A::round(w.abs() / largest));
                }
            }
            for (mean, sum) in mean.iter_mut().zip(sum) {
                *mean = A::round((sum / rows as f64) as f32);
            }
        });
    }
    mean
}

/// max(x^α / (w^(1−α) + 1e-4), 1e-4), or max(x^α, 1e-4); divided by √(max · min), so that they lie around 1.
pub(super) fn scales<A: Arithmetic>(c: Candidate, x_mean: &[f32], w_mean: &[f32]) -> Vec<f32> {
    let floor = A::round(1e-4);
    let scale = |(&x, &w): (&f32, &f32)| {
        let x = A::round(x.powf(c.ratio));
        let weighted = match c.duo {
            true => A::round(x / A::round(A::round(w.powf(1.0 - c.ratio)) + 1e-4)),
            false => x,
        };
        weighted.max(floor)
    };
    let mut scales: Vec<f32> = x_mean.iter().zip(w_mean).map(scale).collect();
    let max = scales.iter().copied().fold(0f32, f32::max);
    let min = scales.iter().copied().fold(f32::INFINITY, f32::min);
    let middle = A::round(A::round(max * min).sqrt());
    for s in &mut scales {
        *s = A::round(*s / middle);
        // A scale of 0 could not be divided by.
        if !s.is_finite() || *s == 0.0 {
            *s = 1.0;
        }
    }
    scales
}

#[cfg(test)]
mod tests {
    use super::super::super::arithmetic::{Half, Single};
    use super::*;

    #[test]
    fn scales_lie_around_one_and_are_never_useless() {
        let (x, w) = ([0.0, 1e-3, 1.0, 50.0], [0.5, 0.5, 0.25, 0.1]);
        for ratio in [0.0, 0.05, 0.5, 0.95] {
            for duo in [false, true] {
                for s in [
                    scales::<Single>(Candidate { ratio, duo }, &x, &w),
                    scales::<Half>(Candidate { ratio, duo }, &x, &w),
                ] {
                    assert!(s.iter().all(|s| s.is_finite() && *s > 0.0), "{ratio} {duo} {s:?}");
                    assert!(s[3] >= s[1]);
                }
            }
        }
        assert_eq!(scales::<Single>(Candidate { ratio: 0.0, duo: false }, &x, &w), [1.0; 4]);
        assert_eq!(
            scales::<Single>(Candidate { ratio: 0.5, duo: false }, &[f32::INFINITY, 1.0], &w[..2])[0],
            1.0
        );
    }
}
