//! The weight of one layer while it is worked on.

use std::sync::Mutex;

use super::super::widen::widen;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel::Parallel;
use crate::types::Dtype;

/// Rows that one task takes.
pub(in super::super) const ROWS: usize = 96;

/// A weight \[N, K\] in f32.
#[derive(Debug, Clone)]
pub(in super::super) struct Weight {
    pub n: usize,
    pub k: usize,
    pub data: Vec<f32>,
}

impl Weight {
    /// Reads N rows of K elements.
    ///
    /// # Errors
    /// [`ErrorKind::Tensor`] naming row and column of a weight that is not finite, or for an empty one.
    pub fn read(bytes: &[u8], dtype: Dtype, n: usize, k: usize, par: &dyn Parallel) -> Result<Self> {
        if n == 0 || k == 0 {
            return Err(Error::new(ErrorKind::Tensor, "the weight is empty").found(format!("[{n}, {k}]")));
        }
        let mut weight = Weight { n, k, data: vec![0.0; n * k] };
        let bad = Mutex::new(None::<(usize, f32)>);
        weight.each_rows(par, |first, rows| {
            let bytes = &bytes[first * k * dtype.bytes()..][..rows.len() * dtype.bytes()];
            widen(bytes, dtype, rows);
            // x · 0 is 0 for every finite x and NaN for all others, and NaN stays in a sum.
            if rows.iter().map(|w| w * 0.0).sum::<f32>() == 0.0 {
                return;
            }
            let at = rows.iter().position(|w| !w.is_finite()).unwrap_or(0);
            let mut bad = bad.lock().expect("no task panics");
            if bad.is_none_or(|(other, _)| first * k + at < other) {
                *bad = Some((first * k + at, rows[at]));
            }
        });
        match bad.into_inner().expect("no task panics") {
            None => Ok(weight),
            Some((at, value)) => {
                let what = format!("the weight in row {}, column {} is not finite", at / k, at % k);
                Err(Error::new(ErrorKind::Tensor, what).found(value).needed("a finite number"))
            }
        }
    }

    /// Calls `body` with the number of the first row and some rows, for all rows.
    pub fn each_rows(&mut self, par: &dyn Parallel, body: impl Fn(usize, &mut [f32]) + Sync) {
        let tasks: Vec<_> = self.data.chunks_mut(ROWS * self.k).map(Mutex::new).collect();
        par.run(tasks.len(), &|t| body(t * ROWS, &mut tasks[t].lock().expect("no task panics")));
    }
}
