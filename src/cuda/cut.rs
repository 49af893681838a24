//! How a problem is cut into blocks, by whichever code runs it.

use super::gemv_cut::{self, GemvCut};
use super::marlin_cut::MarlinCut;
use super::problem::{Gpu, Problem, TILE_COLUMNS};
use crate::error::{Error, Result};
use crate::types::mul;

/// Counters come first in the workspace; the partial sums start here, whatever the plan. So plans of different layers
/// can share a workspace: none leaves sums where another expects zeros.
pub const COUNTER_BYTES: usize = 32 << 10;

/// Blocks of outputs that can have a counter; a launch of more needs no splits to fill a GPU.
pub(super) const MOST_COUNTERS: usize = COUNTER_BYTES / size_of::<u32>();

/// Most slices of K.
pub(super) const MOST_SPLITS: usize = 16;

/// Most blocks of a grid along y and z.
pub(super) const GRID_LIMIT: usize = 65_535;

/// The code that runs, and its share of the work for each block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cut {
    /// `kernels/gemv.cu`.
    Gemv(GemvCut),
    /// `kernels/marlin.cu`.
    Marlin(MarlinCut),
}

impl Cut {
    /// Slices of K, added afterwards in a fixed order.
    pub fn splits(&self) -> usize {
        match self {
            Cut::Gemv(c) => c.splits,
            Cut::Marlin(c) => c.splits,
        }
    }

    /// The kernels' own measure of a slice, in tiles of 16 rows of W.
    pub fn slice_tiles(&self) -> usize {
        match self {
            Cut::Gemv(c) => c.slice_tiles,
            Cut::Marlin(c) => c.slice_tiles,
        }
    }

    /// Rows of x of a block.
    pub fn rows(&self) -> usize {
        match self {
            Cut::Gemv(_) => gemv_cut::BLOCK_ROWS,
            Cut::Marlin(c) => c.tile.rows,
        }
    }

    /// Columns of W of a block.
    pub fn columns(&self) -> usize {
        match self {
            Cut::Gemv(c) => c.tiles * TILE_COLUMNS,
            Cut::Marlin(c) => c.tile.columns,
        }
    }

    /// Threads of a block.
    pub fn threads(&self) -> u32 {
        match self {
            Cut::Gemv(_) => 32 * gemv_cut::WARPS as u32,
            Cut::Marlin(c) => c.tile.threads,
        }
    }

    /// Blocks along N, K and M.
    pub fn grid(&self, problem: &Problem) -> (usize, usize, usize) {
        (problem.stored_n.div_ceil(self.columns()), self.splits(), problem.m.div_ceil(self.rows()))
    }

    /// Bytes of workspace that must be zero before the first launch, and bytes of all of it.
    ///
    /// Errors: [`crate::ErrorKind::Unsupported`] for more blocks of outputs than there are counters.
    pub fn workspace(&self, problem: &Problem) -> Result<(usize, usize)> {
        let (columns, splits, row_blocks) = self.grid(problem);
        if splits == 1 {
            return Ok((0, 0));
        }
        let outputs = mul(columns, row_blocks, "workspace")?;
        if outputs > MOST_COUNTERS {
            return Err(Error::unsupported(
                "K is split, and so many blocks share no counters: run fewer rows at a time",
            )
            .subject("splits")
            .found(format!("{outputs} blocks of outputs"))
            .needed(format!("at most {MOST_COUNTERS}")));
        }
        let sums = splits * self.rows() * self.columns() * size_of::<f32>();
        Ok((COUNTER_BYTES, COUNTER_BYTES + outputs * sums))
    }

    /// Predicted time in nanoseconds.
    pub fn time_ns(&self, gpu: &Gpu, problem: &Problem) -> f64 {
        match self {
            Cut::Gemv(c) => c.time_ns(gpu, problem),
            Cut::Marlin(c) => c.time_ns(gpu, problem),
        }
    }
}
