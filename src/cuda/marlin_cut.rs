//! How the Marlin GEMM cuts up a problem.
//!
//! A block takes a tile of `rows` x `columns` outputs and one slice of K, or `k_warps` slices side by side. Large tiles
//! decode each weight for many rows and read it few times; small ones leave more blocks, so that few rows still fill the
//! GPU, if need be with K split between blocks as in the GEMV.
//!
//! The time of a tile and a split is estimated as
//!
//! ```text
//! time     = start + max(memory, flight, work) + waves + second step
//! memory   = bytes / bandwidth
//! flight   = bytes of weights x 2 latency / bytes in flight on the whole GPU
//! work     = the longest of cache, issue and products, and a quarter of the others
//! cache    = bytes of weights x blocks of rows + bytes of x x blocks of columns / what L2 gives
//! issue    = instructions for the tiles of W on the busiest multiprocessor, 4 a clock ([`instructions`])
//! products = operations on the busiest multiprocessor / 0.8 of the tensor cores' rate, empty rows included
//! waves    = latency of filling the ring again for each further block of a multiprocessor, shared by those beside it
//! second   = as for the GEMV, with the sums of all rows
//! ```
//!
//! Nothing of it is measured; a tuning table overrules it.

use super::capability;
use super::cut::{MOST_COUNTERS, MOST_SPLITS};
use super::marlin_tiles::{MarlinTile, TILES};
use super::problem::{Gpu, Problem, TILE_COLUMNS, TILE_ROWS};
use super::speed::{LATENCY_NS, START_NS, Speed};
use crate::types::Bits;

/// Instructions that a multiprocessor issues in a nanosecond: 4 a clock at 1.6 GHz.
const ISSUE_PER_NS: f64 = 6.4;

/// Share of the tensor cores' rate that a loop with loads beside it keeps up.
const PRODUCTS_SHARE: f64 = 0.8;

/// Least tiles along K of a slice of a split problem.
const LEAST_TILES: usize = 8;

/// Shared memory of a block that the driver keeps for itself.
const RESERVED_BYTES: usize = 1024;

/// Most slices where results must not depend on the number of rows: the sums of very many rows are written and read as
/// often.
const MOST_INVARIANT_SPLITS: usize = 4;

/// Most rows of the smallest tiles, which the invariant cut is made for.
const FEW_ROWS: usize = 16;

/// So many rows can be run at once with the invariant cut of any layer.
const MANY_ROWS: usize = 8192;

/// A tile, and how often K is split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MarlinCut {
    pub tile: &'static MarlinTile,
    /// Slices of K that different blocks take.
    pub splits: usize,
    /// Tiles along K of a slice; a block has `tile.k_warps` of them.
    pub slice_tiles: usize,
}

/// Instructions of a block for one tile of 16 x 64 codes, all its rows together, as `kernels/marlin.cu` counts them for
/// groups of 128; shorter groups are scaled more often, with two instructions for each output of a lane.
fn instructions(tile: &MarlinTile, problem: &Problem) -> f64 {
    const COUNTED_GROUP: f64 = 128.0;
    let counted = match (tile.rows, tile.columns) {
        (16, 64) => 102.0,
        (16, _) => 2.0 * 70.0,
        (32, _) => 120.0,
        (64, _) => 2.0 * 95.0,
        // Two warps one above the other, and two side by side.
        _ => 4.0 * 93.0,
    };
    let groups =
        TILE_ROWS as f64 / problem.group.effective(problem.k) as f64 - TILE_ROWS as f64 / COUNTED_GROUP;
    counted + 2.0 * 2.0 * tile.rows as f64 * groups.max(0.0)
}

/// The tiles that a GPU has the shared memory for.
pub(super) fn tiles(gpu: &Gpu, problem: &Problem) -> impl Iterator<Item = &'static MarlinTile> {
    let (capability, bits) = (gpu.capability, problem.bits);
    let limit = capability::shared_limit(capability) as usize;
    TILES.iter().filter(move |tile| tile.shared_bytes(bits, capability) <= limit)
}

impl MarlinCut {
    /// K in at most `splits` slices, none of them empty.
    pub fn split(problem: &Problem, tile: &'static MarlinTile, splits: usize) -> Self {
        let k_tiles = problem.k_tiles();
        let even = k_tiles.div_ceil(splits * tile.k_warps);
        // Whole stages, unless the slice is shorter than one.
        let slice_tiles = match even {
            ..MarlinTile::STAGE_TILES => even,
            _ => even.next_multiple_of(MarlinTile::STAGE_TILES),
        };
        MarlinCut { tile, splits: k_tiles.div_ceil(slice_tiles * tile.k_warps), slice_tiles }
    }

    /// Every sensible cut of a problem for a tile: K whole, or in so many slices.
    pub fn all(problem: &Problem, tile: &'static MarlinTile) -> impl Iterator<Item = Self> {
        (1..=MOST_SPLITS).filter_map(move |wanted| {
            let cut = MarlinCut::split(problem, tile, wanted);
            (cut.splits == wanted && (wanted == 1 || cut.slice_tiles >= LEAST_TILES)).then_some(cut)
        })
    }

    /// Cuts with which the bits of a row of y do not depend on the number of rows: the slices depend on the layer and
    /// the GPU alone, and all tiles with one slice for each block add in the same order. `splits` is what
    /// [`MarlinCut::invariant_splits`] says.
    pub fn invariant(gpu: &Gpu, problem: &Problem, splits: usize) -> impl Iterator<Item = Self> {
        tiles(gpu, problem)
            .filter(|tile| tile.k_warps == 1)
            .map(move |tile| MarlinCut::split(problem, tile, splits))
    }

    /// The best number of slices for few rows; K whole where [`MANY_ROWS`] would be too many blocks for the counters.
    pub fn invariant_splits(gpu: &Gpu, problem: &Problem) -> usize {
        let largest = tiles(gpu, problem).filter(|tile| tile.k_warps == 1).max_by_key(|tile| tile.rows);
        let blocks = largest.map_or(usize::MAX, |tile| {
            problem.stored_n.div_ceil(tile.columns).saturating_mul(MANY_ROWS.div_ceil(tile.rows))
        });
        if blocks > MOST_COUNTERS {
            return 1;
        }
        let few = Problem { m: FEW_ROWS, ..*problem };
        let smallest = tiles(gpu, &few).filter(|tile| tile.k_warps == 1).take(1);
        let cuts = smallest.flat_map(|tile| MarlinCut::all(&few, tile));
        let cuts = cuts.filter(|cut| cut.splits <= MOST_INVARIANT_SPLITS);
        let best = cuts.min_by(|a, b| a.time_ns(gpu, &few).total_cmp(&b.time_ns(gpu, &few)));
        best.map_or(1, |cut| cut.splits)
    }

    /// Blocks that a multiprocessor holds at a time.
    fn resident(&self, gpu: &Gpu, problem: &Problem) -> usize {
        let bytes = self.tile.shared_bytes(problem.bits, gpu.capability);
        let all = capability::shared_limit(gpu.capability) as usize;
        let fit = if gpu.capability.0 < 8 {
            all / bytes
        } else {
            (all + RESERVED_BYTES) / (bytes + RESERVED_BYTES)
        };
        fit.min(self.tile.resident as usize).max(1)
    }

    /// Bytes of codes that a block has on their way.
    fn in_flight(&self, problem: &Problem) -> usize {
        let ahead = self.tile.stages[usize::from(problem.bits == Bits::Eight)] - 1;
        let deep = (ahead * MarlinTile::STAGE_TILES).min(self.slice_tiles);
        deep * self.tile.k_warps * (self.tile.columns / TILE_COLUMNS) * problem.tile_bytes()
    }

    /// Predicted time in nanoseconds.
    pub fn time_ns(&self, gpu: &Gpu, problem: &Problem) -> f64 {
        let speed = Speed::of(gpu);
        let (rows, columns) = (self.tile.rows, self.tile.columns);
        let (row_blocks, column_blocks) = (problem.m.div_ceil(rows), problem.stored_n.div_ceil(columns));
        let blocks = column_blocks * self.splits * row_blocks;
        let resident = self.resident(gpu, problem);
        // Blocks of other rows read the same weights.
        let running = (column_blocks * self.splits).min(resident * speed.multiprocessors);
        let weights = problem.weight_bytes() as f64;

        let memory = speed.memory_ns(problem.bytes_moved() as f64);
        let flight = weights * 2.0 * LATENCY_NS / (running * self.in_flight(problem)) as f64;
        let x_bytes = (row_blocks * rows * problem.k * problem.dtype.bytes()) as f64;
        let cache = (weights * row_blocks as f64 + x_bytes * column_blocks as f64) / speed.cache;

        let tiles = self.slice_tiles * self.tile.k_warps * (columns / TILE_COLUMNS);
        let busiest = (blocks.div_ceil(speed.multiprocessors) * tiles) as f64;
        let issue = busiest * instructions(self.tile, problem) / ISSUE_PER_NS;
        let operations = busiest * (2 * rows * TILE_ROWS * TILE_COLUMNS) as f64;
        let products = operations / (PRODUCTS_SHARE * speed.products / speed.multiprocessors as f64);

        let waves = blocks.div_ceil(resident * speed.multiprocessors) - 1;
        let second = match self.splits {
            1 => 0.0,
            n => speed.second_step_ns((n * row_blocks * rows * problem.stored_n * size_of::<f32>()) as f64),
        };
        let work = Speed::overlapped_ns(&[cache, issue, products]);
        START_NS + memory.max(flight).max(work) + waves as f64 * LATENCY_NS / resident as f64 + second
    }
}
