//! What is known about the inputs of one linear layer.

use std::sync::Mutex;

use super::gram::{CHUNK, Gram, TILE, tile_count};
use super::sample::Sample;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel::Parallel;
use crate::types::mul;

/// Mean absolute inputs, and what gives the output error of any change of the weights.
#[derive(Debug, Clone)]
pub struct Statistics {
    pub(super) rows: u64,
    pub(super) sum_abs: Vec<f64>,
    pub(super) kept: Kept,
}

/// Xᵀ·X, or some of the rows of X.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    Gram(Gram),
    Sample(Sample),
}

impl Statistics {
    /// Nothing yet, for `k` input channels. `rows`: how many rows a sample may keep; 0 asks for the Gram matrix.
    pub(super) fn new(k: usize, rows: usize) -> Self {
        let kept = match rows {
            0 => Kept::Gram(Gram::new(k)),
            rows => Kept::Sample(Sample::new(k, rows)),
        };
        Statistics { rows: 0, sum_abs: vec![0.0; k], kept }
    }

    /// Memory that `k` input channels need, all that the stream can make of it.
    pub(super) fn bytes(k: usize, rows: usize) -> Result<usize> {
        let kept = match rows {
            0 => {
                let tiles = mul(tile_count(k), TILE * TILE * size_of::<f64>(), "the Gram matrix")?;
                tiles.checked_add(mul(CHUNK * size_of::<f32>(), k, "rows of the Gram matrix")?)
            }
            rows => Some(mul(mul(rows, k, "rows")?, size_of::<f32>(), "rows")?),
        };
        kept.and_then(|bytes| bytes.checked_add(k.checked_mul(size_of::<f64>())?))
            .ok_or_else(|| Error::new(ErrorKind::SizeOverflow, "the statistics do not fit"))
    }

    /// Input channels.
    pub fn k(&self) -> usize {
        self.sum_abs.len()
    }

    /// Rows observed.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that are kept; none where the Gram matrix is.
    pub fn rows_kept(&self) -> usize {
        match &self.kept {
            Kept::Gram(_) => 0,
            Kept::Sample(sample) => sample.len(),
        }
    }

    /// The rows that are kept, K elements each.
    pub(in super::super) fn sample(&self) -> Option<&[f32]> {
        match &self.kept {
            Kept::Gram(_) => None,
            Kept::Sample(sample) => Some(&sample.rows),
        }
    }

    /// Mean of |x| of each channel, over all rows.
    pub fn mean_abs(&self) -> Vec<f64> {
        let rows = self.rows.max(1) as f64;
        self.sum_abs.iter().map(|sum| sum / rows).collect()
    }

    /// XᵀX divided by the number of rows, \[K, K\]: of all rows, or of those that are kept.
    pub(in super::super) fn mean_gram(&self, par: &dyn Parallel) -> Vec<f32> {
        let factor = |rows: u64| 1.0 / rows.max(1) as f64;
        match &self.kept {
            Kept::Gram(gram) => gram.dense(factor(self.rows), par),
            Kept::Sample(sample) => {
                let mut gram = Gram::new(sample.k);
                gram.add(&sample.rows, par);
                gram.dense(factor(sample.len() as u64), par)
            }
        }
    }

    /// Adds finite rows of K.
    pub(super) fn add(&mut self, rows: &[f32], par: &dyn Parallel) {
        let k = self.k();
        {
            // Each column is summed by one task, row after row: the same sum however rows are cut into calls.
            let tasks: Vec<_> = self.sum_abs.chunks_mut(COLUMNS).map(Mutex::new).collect();
            par.run(tasks.len(), &|t| {
                let mut sums = tasks[t].lock().expect("no task panics");
                for row in rows.chunks(k) {
                    for (sum, x) in sums.iter_mut().zip(&row[t * COLUMNS..]) {
                        *sum += f64::from(x.abs());
                    }
                }
            });
        }
        match &mut self.kept {
            Kept::Gram(gram) => gram.add(rows, par),
            Kept::Sample(sample) => {
                for (seen, row) in (self.rows..).zip(rows.chunks(k)) {
                    sample.add(seen, row);
                }
            }
        }
        self.rows += (rows.len() / k) as u64;
    }

    /// Adds what another one has seen.
    pub(super) fn merge(&mut self, other: &Statistics, par: &dyn Parallel) -> Result<()> {
        if self.k() != other.k() {
            return Err(Error::invalid("the layer has another number of input channels there")
                .found(format!("K = {}", other.k()))
                .needed(format!("K = {}", self.k())));
        }
        match (&mut self.kept, &other.kept) {
            (Kept::Gram(to), Kept::Gram(from)) => to.merge(from, par),
            (Kept::Sample(to), Kept::Sample(from)) => to.merge(from),
            _ => return Err(Error::invalid("one keeps rows and the other a Gram matrix")),
        }
        for (to, from) in self.sum_abs.iter_mut().zip(&other.sum_abs) {
            *to += from;
        }
        self.rows += other.rows;
        Ok(())
    }
}

/// Columns that one task sums.
const COLUMNS: usize = 128;
