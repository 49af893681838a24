//! The clip search: how far each group of weights is cut before it is rounded.

use super::super::arithmetic::Arithmetic;
use super::super::linalg::{Mat, MatMut, product};
use super::loss::Quadratic;
use super::round::Rounding;
use super::weight::{ROWS, Weight};
use crate::parallel::Parallel;

/// AutoAWQ's grid: maxima of 1, 0.95 … 0.55 of the largest weight.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct ClipOptions {
    /// Steps of 1 / `grid`.
    pub grid: usize,
    /// How many of them are tried.
    pub steps: usize,
}

impl Default for ClipOptions {
    fn default() -> Self {
        ClipOptions { grid: 20, steps: 10 }
    }
}

/// Clamps each group of `weight` to the bound that gives the least error of the group's own part of the output; `inputs`
/// is the Gram matrix of the inputs that the (scaled) weight sees. Returns the bounds, \[N, G\].
pub(in super::super) fn clip<A: Arithmetic>(
    weight: &mut Weight,
    inputs: &Quadratic,
    rounding: &Rounding,
    options: ClipOptions,
    par: &dyn Parallel,
) -> Vec<f32> {
    let k = weight.k;
    let g = rounding.spec.group.effective(k);
    let groups = k.div_ceil(g);
    let bounds = std::sync::Mutex::new(vec![0f32; weight.n * groups]);
    weight.each_rows(par, |first, rows| {
        let count = rows.len() / k;
        let mut task = Task { delta: vec![0.0; count * g], seen: vec![0.0; count * g], codes: vec![0; g] };
        let mut mine = vec![0f32; count * groups];
        debug_assert!(count <= ROWS);
        for j in 0..groups {
            let (from, width) = (j * g, g.min(k - j * g));
            let gram = Mat::new(&inputs.gram()[from * k + from..], width, width, k);
            task.group::<A>(rows, k, from, width, gram, rounding, options, &mut mine[j..], groups);
        }
        bounds.lock().expect("no task panics")[first * groups..][..mine.len()].copy_from_slice(&mine);
    });
    bounds.into_inner().expect("no task panics")
}

/// Room of one task.
struct Task {
    delta: Vec<f32>,
    seen: Vec<f32>,
    codes: Vec<u8>,
}

impl Task {
    #[allow(clippy::too_many_arguments)]
    fn group<A: Arithmetic>(
        &mut self,
        rows: &mut [f32],
        k: usize,
        from: usize,
        width: usize,
        gram: Mat,
        rounding: &Rounding,
        options: ClipOptions,
        bounds: &mut [f32],
        stride: usize,
    ) {
        let count = rows.len() / k;
        let largest: Vec<f32> = rows
            .chunks(k)
            .map(|row| row[from..from + width].iter().fold(0f32, |m, w| m.max(w.abs())))
            .collect();
        let mut best = largest.clone();
        let mut least = vec![f64::INFINITY; count];
        for step in 0..options.steps {
            let bound = |m: f32| A::round(m * (1.0 - step as f32 / options.grid as f32));
            let delta = &mut self.delta[..count * width];
            for ((row, d), &m) in rows.chunks(k).zip(delta.chunks_mut(width)).zip(&largest) {
                let weights = &row[from..from + width];
                d.iter_mut().zip(weights).for_each(|(d, w)| *d = w.clamp(-bound(m), bound(m)));
                rounding.apply::<A>(d, &mut self.codes);
                d.iter_mut().zip(weights).for_each(|(d, w)| *d -= w);
            }
            let seen = &mut self.seen[..count * width];
            product(
                1.0,
                Mat::new(delta, count, width, width),
                gram,
                0.0,
                &mut MatMut::new(seen, count, width, width),
            );
            for (r, (d, s)) in delta.chunks(width).zip(seen.chunks(width)).enumerate() {
                let error: f64 = d.iter().zip(s).map(|(d, s)| f64::from(*d) * f64::from(*s)).sum();
                if error < least[r] {
                    (least[r], best[r]) = (error, bound(largest[r]));
                }
            }
        }
        for ((row, &m), out) in rows.chunks_mut(k).zip(&best).zip(bounds.iter_mut().step_by(stride)) {
            row[from..from + width].iter_mut().for_each(|w| *w = w.clamp(-m, m));
            *out = m;
        }
    }
}
