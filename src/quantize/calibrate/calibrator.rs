//! Statistics of many layers, fed by a host that runs the model.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::super::widen::widen;
use super::gram::CHUNK;
use super::statistics::Statistics;
use crate::error::{Error, ErrorKind, Result};
use crate::matrix::Matrix;
use crate::parallel::Parallel;

/// What a [`Calibrator`] keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CalibratorOptions {
    /// Most bytes that all statistics may take; 0 = no limit.
    pub max_bytes: u64,
    /// Rows of each layer that are kept in place of its Gram matrix; 0 = the Gram matrix.
    pub rows: usize,
    /// What happens to a layer whose activations are not finite. False: an error. True: it is marked, its statistics go,
    /// and a quantizer rounds it without looking at activations.
    pub skip_not_finite: bool,
}

/// Where an activation was not finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NotFinite {
    /// Row, counted from the layer's first.
    pub row: u64,
    /// Input channel.
    pub channel: usize,
    /// What was there: NaN, infinite, or too large to be squared and summed.
    pub value: f32,
}

/// What is known about one layer.
#[derive(Debug, Clone)]
pub(super) enum Seen {
    Good(Statistics),
    Bad { k: usize, at: NotFinite },
}

/// Statistics of the inputs of linear layers, by module name.
///
/// Layers that share an input (q, k and v) need only one of their names. Any stream of calls that hands over the same
/// rows in the same order gives the same bits, whatever the number of threads.
#[derive(Debug, Clone, Default)]
pub struct Calibrator {
    pub(super) options: CalibratorOptions,
    pub(super) layers: BTreeMap<String, Seen>,
}

/// Beyond this, squares of a chunk of rows could leave the range of f32.
const LARGEST: f32 = 1e16;

impl Calibrator {
    /// An empty one.
    pub fn new(options: CalibratorOptions) -> Self {
        Calibrator { options, layers: BTreeMap::new() }
    }

    /// What it keeps.
    pub fn options(&self) -> &CalibratorOptions {
        &self.options
    }

    /// Memory that a layer with `k` input channels will take.
    ///
    /// # Errors
    /// [`ErrorKind::SizeOverflow`].
    pub fn layer_bytes(options: &CalibratorOptions, k: usize) -> Result<usize> {
        Statistics::bytes(k, options.rows)
    }

    /// Memory that all layers take, counted as [`Calibrator::layer_bytes`] does.
    pub fn bytes(&self) -> u64 {
        let bytes = |seen: &Seen| match seen {
            Seen::Good(s) => Statistics::bytes(s.k(), self.options.rows).unwrap_or(usize::MAX) as u64,
            Seen::Bad { .. } => 0,
        };
        self.layers.values().map(bytes).sum()
    }

    /// Names of the layers that were observed, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.layers.keys().map(String::as_str)
    }

    /// Statistics of a layer; None for one that was never observed.
    ///
    /// # Errors
    /// [`ErrorKind::Tensor`] for a layer that is marked because an activation was not finite.
    pub fn layer(&self, name: &str) -> Result<Option<&Statistics>> {
        match self.layers.get(name) {
            None => Ok(None),
            Some(Seen::Good(statistics)) => Ok(Some(statistics)),
            Some(Seen::Bad { at, .. }) => Err(not_finite(name, *at)),
        }
    }

    /// Input channels of an observed layer, and where it was not finite.
    pub fn describe(&self, name: &str) -> Option<(usize, Option<NotFinite>)> {
        self.layers.get(name).map(|seen| match seen {
            Seen::Good(s) => (s.k(), None),
            Seen::Bad { k, at } => (*k, Some(*at)),
        })
    }

    /// Forgets all layers.
    pub fn clear(&mut self) {
        self.layers.clear();
    }

    /// Records the rows of `x`, inputs of the linear layer `layer`; `data` is at least `x.bytes()` long. No row at all
    /// is fine and records nothing.
    ///
    /// # Errors
    /// All of them leave the statistics as they were, except that a layer may be marked, see
    /// [`CalibratorOptions::skip_not_finite`]: [`ErrorKind::Tensor`] naming layer, row and channel of an activation that
    /// is not finite (or beyond 1e16); [`ErrorKind::InvalidArgument`] for another K than before;
    /// [`ErrorKind::OutOfMemory`] when a new layer would pass the limit.
    pub fn observe(&mut self, layer: &str, data: &[u8], x: &Matrix, par: &dyn Parallel) -> Result<()> {
        let Matrix { rows, cols: k, .. } = *x;
        if layer.is_empty() {
            return Err(Error::invalid("the name is empty").subject("layer"));
        }
        if k == 0 || data.len() < x.bytes() {
            return Err(Error::invalid("holds no whole rows").subject("x"));
        }
        if rows == 0 {
            return Ok(());
        }
        let seen = match self.layers.get(layer) {
            Some(Seen::Bad { .. }) => return Ok(()),
            Some(Seen::Good(s)) if s.k() != k => {
                return Err(Error::invalid("the layer had another number of input channels before")
                    .subject(layer)
                    .found(format!("K = {k}"))
                    .needed(format!("K = {}", s.k())));
            }
            Some(Seen::Good(s)) => s.rows(),
            None => {
                self.check_room(layer, Statistics::bytes(k, self.options.rows)?)?;
                0
            }
        };
        if let Some(mut at) = find_not_finite(data, x, par) {
            at.row += seen;
            if !self.options.skip_not_finite {
                return Err(not_finite(layer, at));
            }
            self.layers.insert(layer.to_owned(), Seen::Bad { k, at });
            return Ok(());
        }
        let rows_kept = self.options.rows;
        let entry =
            self.layers.entry(layer.to_owned()).or_insert_with(|| Seen::Good(Statistics::new(k, rows_kept)));
        let Seen::Good(statistics) = entry else { return Ok(()) };
        let mut piece = vec![0f32; rows.min(CHUNK) * k];
        for first in (0..rows).step_by(CHUNK) {
            let piece = &mut piece[..CHUNK.min(rows - first) * k];
            read_rows(data, x, first, piece, par);
            statistics.add(piece, par);
        }
        Ok(())
    }

    /// Adds what another one has seen: the result is as if this one had seen all rows.
    ///
    /// # Errors
    /// As [`Calibrator::observe`]; [`ErrorKind::InvalidArgument`] too when one keeps rows and the other Gram matrices.
    /// Nothing is changed then.
    pub fn merge(&mut self, other: &Calibrator, par: &dyn Parallel) -> Result<()> {
        if (self.options.rows == 0) != (other.options.rows == 0) {
            return Err(Error::invalid("one keeps rows and the other Gram matrices"));
        }
        let mut new = 0;
        for (name, theirs) in &other.layers {
            let k = other.describe(name).map_or(0, |(k, _)| k);
            match self.describe(name) {
                Some((ours, _)) if ours != k => {
                    return Err(Error::invalid("the layer has another number of input channels there")
                        .subject(name)
                        .found(format!("K = {k}"))
                        .needed(format!("K = {ours}")));
                }
                Some(_) => {}
                None if matches!(theirs, Seen::Good(_)) => new += Statistics::bytes(k, self.options.rows)?,
                None => {}
            }
        }
        self.check_room("merge", new)?;
        for (name, theirs) in &other.layers {
            match (self.layers.get_mut(name), theirs) {
                (Some(Seen::Bad { .. }), _) => {}
                (_, Seen::Bad { .. }) => drop(self.layers.insert(name.clone(), theirs.clone())),
                (Some(Seen::Good(to)), Seen::Good(from)) => to.merge(from, par)?,
                (None, Seen::Good(from)) => {
                    let mut to = Statistics::new(from.k(), self.options.rows);
                    to.merge(from, par)?;
                    self.layers.insert(name.clone(), Seen::Good(to));
                }
            }
        }
        Ok(())
    }

    /// Refuses `more` bytes when they would pass the limit.
    pub(super) fn check_room(&self, subject: &str, more: usize) -> Result<()> {
        let needed = self.bytes().saturating_add(more as u64);
        let limit = self.options.max_bytes;
        if limit != 0 && needed > limit {
            return Err(Error::new(
                ErrorKind::OutOfMemory,
                "statistics would take more memory than is allowed",
            )
            .subject(subject)
            .found(format!("a limit of {limit} bytes"))
            .needed(format!(
                "{needed} bytes; keeping a sample of rows takes less, as does one block at a time"
            )));
        }
        Ok(())
    }
}

fn not_finite(layer: &str, at: NotFinite) -> Error {
    let NotFinite { row, channel, value } = at;
    Error::new(ErrorKind::Tensor, format!("the activation in row {row}, channel {channel} cannot be used"))
        .subject(layer)
        .found(value)
        .needed(format!("a finite number of at most {LARGEST:e}"))
}

/// Rows that one task reads.
const ROWS: usize = 32;

fn read_row(data: &[u8], x: &Matrix, row: usize, to: &mut [f32]) {
    let bytes = x.dtype.bytes();
    widen(&data[row * x.stride * bytes..][..x.cols * bytes], x.dtype, to);
}

/// Rows from `first` on as f32, as many as fit.
fn read_rows(data: &[u8], x: &Matrix, first: usize, to: &mut [f32], par: &dyn Parallel) {
    let k = x.cols;
    let tasks: Vec<_> = to.chunks_mut(ROWS * k).map(Mutex::new).collect();
    par.run(tasks.len(), &|t| {
        let mut rows = tasks[t].lock().expect("no task panics");
        for (i, to) in rows.chunks_mut(k).enumerate() {
            read_row(data, x, first + t * ROWS + i, to);
        }
    });
}

/// The first activation that cannot be used, whatever the number of threads.
fn find_not_finite(data: &[u8], x: &Matrix, par: &dyn Parallel) -> Option<NotFinite> {
    let found = Mutex::new(None::<NotFinite>);
    par.run(x.rows.div_ceil(ROWS), &|t| {
        let mut row = vec![0f32; x.cols];
        for r in t * ROWS..x.rows.min((t + 1) * ROWS) {
            read_row(data, x, r, &mut row);
            // NaN fails every comparison. Counting instead of stopping early lets the loop become SIMD.
            let good: usize = row.iter().map(|v| usize::from(v.abs() <= LARGEST)).sum();
            if good == row.len() {
                continue;
            }
            let channel = row.iter().position(|v| v.is_nan() || v.abs() > LARGEST).unwrap_or(0);
            let mut found = found.lock().expect("no task panics");
            if found.is_none_or(|other| (r as u64) < other.row) {
                *found = Some(NotFinite { row: r as u64, channel, value: row[channel] });
            }
            return;
        }
    });
    found.into_inner().expect("no task panics")
}
