//! Error-compensating rounding: each channel is rounded, and those that are not rounded yet take up its error.
//!
//! The order and the factor are those of GPTQ with fixed groups; what is compensated is the error of the group's output as
//! the Gram matrix has it. Afterwards codes are moved one by one while that lowers the error (coordinate descent).

use std::sync::Mutex;

use super::super::by_row::{ByRow, RowMut, store_scale};
use super::super::linalg::{Mat, MatMut, product};
use super::factor::Factor;
use super::loss::Quadratic;
use super::params::{self, Params, code};
use crate::error::{Error, ErrorKind, Result};
use crate::parallel::Parallel;
use crate::types::{Dtype, QuantSpec};

/// Rows that one task takes, in lanes that become SIMD.
const ROWS: usize = 64;
/// Columns of a step of the descent.
const STEP: usize = 128;
/// Rounds of the descent.
const ROUNDS: usize = 2;

/// Inputs of a layer and how its weights are stored.
pub(in super::super) struct Compensation<'a> {
    pub gram: &'a Quadratic,
    pub factor: &'a Factor,
    /// What weights are multiplied by before they are rounded, by input channel.
    pub scales: Option<&'a [f32]>,
    /// What rows are divided by, because another group's scales go there.
    pub divisors: Option<&'a [f32]>,
    pub spec: QuantSpec,
    pub scale_dtype: Dtype,
}

impl Compensation<'_> {
    /// Rounds the rows of K original weights; row numbers in errors count from `rows`' first.
    ///
    /// # Errors
    /// [`ErrorKind::Tensor`] naming row and group of a scale that does not fit its type.
    pub fn round(&self, rows: &[f32], par: &dyn Parallel) -> Result<ByRow> {
        let k = self.gram.k();
        let mut out = ByRow::new(rows.len() / k, k, self.spec, self.scale_dtype);
        let failed = Mutex::new(None::<(usize, Error)>);
        {
            let mut places = out.rows_mut();
            let tasks: Vec<_> = places.chunks_mut(ROWS).map(Mutex::new).collect();
            par.run(tasks.len(), &|t| {
                let weights = &rows[t * ROWS * k..][..tasks[t].lock().expect("no task panics").len() * k];
                let mut task = Task::new(self, weights, t * ROWS);
                task.compensate();
                (0..ROUNDS).for_each(|_| task.descend());
                if let Err((row, e)) = task.store(&mut tasks[t].lock().expect("no task panics")) {
                    let mut failed = failed.lock().expect("no task panics");
                    if failed.as_ref().is_none_or(|(other, _)| row < *other) {
                        *failed = Some((row, e));
                    }
                }
            });
        }
        match failed.into_inner().expect("no task panics") {
            Some((_, e)) => Err(e),
            None => Ok(out),
        }
    }
}

/// Some rows being rounded. Matrices are \[channel or group, row\]: the rows of a channel lie together.
struct Task<'a> {
    job: &'a Compensation<'a>,
    first: usize,
    rows: usize,
    weights: &'a [f32],
    /// 1 / what rows are divided by.
    row_factor: Vec<f32>,
    /// Of each channel and row: what stands for the weight, minus the weight. In the model's own coordinates.
    error: Vec<f32>,
    codes: Vec<f32>,
    params: Vec<Params>,
}

impl<'a> Task<'a> {
    fn new(job: &'a Compensation<'a>, weights: &'a [f32], first: usize) -> Self {
        let k = job.gram.k();
        let rows = weights.len() / k;
        let row_factor = (0..rows).map(|r| job.divisors.map_or(1.0, |d| 1.0 / d[first + r])).collect();
        let (error, codes) = (vec![0.0; rows * k], vec![0.0; rows * k]);
        Task { job, first, rows, weights, row_factor, error, codes, params: vec![] }
    }

    fn scale_of(&self, channel: usize) -> f32 {
        self.job.scales.map_or(1.0, |s| s[channel])
    }

    /// Rounds all channels once.
    fn compensate(&mut self) {
        let (factor, rows) = (self.job.factor, self.rows);
        let k = factor.order.len();
        let group = self.job.spec.group.effective(k);
        let top = f32::from(self.job.spec.bits.max_code());
        self.params = (0..k.div_ceil(group)).map(|_| Params { scale: vec![], zero: vec![] }).collect();
        // What the errors so far ask of each place, [row, place].
        let mut asked = vec![0f32; rows * k];
        for range in factor.ends.windows(2).rev() {
            let (from, to) = (range[0], range[1]);
            let width = to - from;
            let channels = &factor.order[from..to];
            let mut weights = vec![0f32; width * rows];
            let mut asked_here = vec![0f32; width * rows];
            for (i, &c) in channels.iter().enumerate() {
                for r in 0..rows {
                    weights[i * rows + r] = self.weights[r * k + c];
                    asked_here[i * rows + r] = asked[r * k + from + i];
                }
            }
            // The weights that would make up for all errors so far, if nothing here were rounded.
            let mut free = asked_here.clone();
            for i in (0..width).rev() {
                let line = &factor.row(from + i)[from..to];
                let (before, here) = free.split_at_mut(i * rows);
                let here = &mut here[..rows];
                here.iter_mut().for_each(|e| *e = -*e / line[i]);
                spread(before, here, line);
            }
            for (i, &c) in channels.iter().enumerate() {
                let s = self.scale_of(c);
                for r in 0..rows {
                    let at = i * rows + r;
                    free[at] = (weights[at] + free[at]) * s * self.row_factor[r];
                }
            }
            let importance: Vec<f32> =
                channels.iter().map(|&c| factor.diagonal[c] / self.scale_of(c).powi(2)).collect();
            let spec = &self.job.spec;
            let found = params::search(&free, rows, &importance, spec, self.job.scale_dtype);
            // Rounded one by one; those before take up the error.
            let mut errors = vec![0f32; width * rows];
            for i in (0..width).rev() {
                let line = &factor.row(from + i)[from..to];
                let (c, s) = (channels[i], self.scale_of(channels[i]));
                let (before, here) = asked_here.split_at_mut(i * rows);
                for r in 0..rows {
                    let w = weights[i * rows + r];
                    let factor = s * self.row_factor[r];
                    let target = (w - here[r] / line[i]) * factor;
                    let q = code(target, found.scale[r], found.zero[r], top);
                    self.codes[c * rows + r] = q;
                    let e = (q - found.zero[r]) * found.scale[r] / factor - w;
                    (self.error[c * rows + r], errors[i * rows + r]) = (e, e);
                }
                spread(before, &errors[i * rows..][..rows], line);
            }
            if from > 0 {
                let errors = Mat::new(&errors, width, rows, rows).transposed();
                let lower = Mat::new(&factor.lower[from * k..], width, from, k);
                product(1.0, errors, lower, 1.0, &mut MatMut::new(&mut asked, rows, from, k));
            }
            self.params[channels[0] / group] = found;
        }
    }

    /// Moves each code to where the error is least while all others stay.
    fn descend(&mut self) {
        let (factor, gram, rows) = (self.job.factor, self.job.gram, self.rows);
        let k = gram.k();
        let group = self.job.spec.group.effective(k);
        let top = f32::from(self.job.spec.bits.max_code());
        // Half the slope of the error, [channel, row].
        let mut slope = vec![0f32; STEP * rows];
        for from in (0..k).step_by(STEP) {
            let width = STEP.min(k - from);
            let lines = Mat::new(&gram.gram()[from * k..], width, k, k);
            let slope = &mut slope[..width * rows];
            product(
                1.0,
                lines,
                Mat::new(&self.error, k, rows, rows),
                0.0,
                &mut MatMut::new(slope, width, rows, rows),
            );
            for i in 0..width {
                let c = from + i;
                let (s, found) = (self.scale_of(c), &self.params[c / group]);
                let mut moves = [0f32; ROWS];
                for r in 0..rows {
                    let at = c * rows + r;
                    let w = self.weights[r * k + c];
                    let m = s * self.row_factor[r];
                    let slope = slope[i * rows + r] + factor.damping * self.error[at];
                    let target = (w + self.error[at] - slope / factor.diagonal[c]) * m;
                    let q = code(target, found.scale[r], found.zero[r], top);
                    let e = (q - found.zero[r]) * found.scale[r] / m - w;
                    moves[r] = e - self.error[at];
                    (self.codes[at], self.error[at]) = (q, e);
                }
                // Only what is still to come in this step needs to know.
                let line = &gram.gram()[c * k + from..][..width];
                for j in i + 1..width {
                    let g = line[j];
                    let slope = &mut slope[j * rows..][..rows];
                    slope.iter_mut().zip(&moves).for_each(|(to, m)| *to += g * m);
                }
            }
        }
    }

    /// Writes codes, zero points and scales.
    fn store(&self, places: &mut [RowMut]) -> std::result::Result<(), (usize, Error)> {
        let rows = self.rows;
        let bytes = self.job.scale_dtype.bytes();
        for (r, place) in places.iter_mut().enumerate() {
            for (c, q) in place.q.iter_mut().enumerate() {
                *q = self.codes[c * rows + r] as u8;
            }
            for (j, found) in self.params.iter().enumerate() {
                place.z[j] = found.zero[r] as u8;
                let to = &mut place.scales[j * bytes..][..bytes];
                if !store_scale(found.scale[r], self.job.scale_dtype, to) {
                    let row = self.first + r;
                    let what = format!("the weights in row {row}, group {j} lie too far apart for its scale");
                    let e = Error::new(ErrorKind::Tensor, what)
                        .found(found.scale[r])
                        .needed(format!("a scale that fits {}", self.job.scale_dtype));
                    return Err((row, e));
                }
            }
        }
        Ok(())
    }
}

/// to\[j\] += errors · line\[j\] for all places before.
fn spread(to: &mut [f32], errors: &[f32], line: &[f32]) {
    for (to, l) in to.chunks_mut(errors.len()).zip(line) {
        to.iter_mut().zip(errors).for_each(|(t, e)| *t += l * e);
    }
}
