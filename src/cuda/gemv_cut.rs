//! How the GEMV kernels cut up a problem.
//!
//! A block has 4 warps and takes 1 or 2 tiles of 64 columns and a slice of K; each warp takes a quarter of the slice,
//! in tiles of 16 x 64 codes. Slices of the same columns are added in a fixed order afterwards.
//!
//! **Bytes in flight.** With few rows the weights' way from memory is all that counts. Memory of bandwidth B answers
//! after about [`LATENCY_NS`], so B · latency bytes must be asked for at any time, B · latency / multiprocessors on
//! each: 20 KB on an H100 (3350 GB/s x 800 ns / 132), 6.3 KB on an RTX 4090, 43 KB on a B200. A warp asks for
//! [`AHEAD`] bytes ahead, stages of a ring in shared memory, so a block has 14 KB on their way, and the blocks that fit a
//! multiprocessor ([`resident_blocks`]) 28 KB (8.6, 8.9, 12.0) or 56 KB: the memory's need once or twice.
//!
//! **When K is split.** A 4096 x 4096 layer has 64 columns of tiles; 64 blocks would leave half of an H100 idle. Six
//! slices make 384 blocks, three for each of 132 multiprocessors, with eleven tiles for each warp.
//! The price is a second step: partial sums go to L2 and the last block of a column adds them. Among all splits,
//! [`GemvCut::new`] takes the one with the least time by a small model:
//!
//! ```text
//! time     = start + max(memory, flight, work) + second step
//! memory   = bytes / bandwidth
//! flight   = bytes x 2 latency / bytes in flight on the whole GPU      (2: margin for bursts)
//! work     = the longest of cache, decoding and products, and a quarter of the others
//! cache    = bytes that all blocks read / what L2 gives
//! decoding = tiles of a block x blocks on the busiest multiprocessor / what one multiprocessor decodes
//! products = operations on the busiest multiprocessor / half of the tensor cores' rate: each waits for its decoding
//! second   = 0 if not split, else 900 ns (write, count, read: three trips to L2) + the sums, there and back
//! ```
//!
//! A slice has at least [`LEAST_TILES`] tiles a warp, so the sums of one row are at most 1/64 of the weights' bytes,
//! and there are at most [`MOST_SPLITS`]. Two tiles a block halve the reads of x and are taken when the GPU is full
//! without splitting even so.
//!
//! **Many rows.** Each 8 rows are blocks of their own. Up to [`FEW_ROWS`] rows the cut depends on the layer and the
//! GPU alone, so that a row's result is the same whatever rows stand beside it. Beyond that there are blocks enough:
//! K is not split, and no workspace is needed.

use super::cut::{MOST_COUNTERS, MOST_SPLITS};
use super::problem::{Gpu, Problem, TILE_COLUMNS, TILE_ROWS};
use super::speed::{LATENCY_NS, START_NS, Speed};

/// Warps of a block.
pub(super) const WARPS: usize = 4;

/// Rows of x that a block multiplies.
pub(super) const BLOCK_ROWS: usize = 8;

/// Bytes of codes that a warp has on their way: seven of its eight stages.
const AHEAD: usize = 3584;

/// Blocks that fit a multiprocessor: 35 KB of shared memory and 128 threads of some 110 registers each. Before 8.0 rings
/// are short, because copies are not asynchronous.
const fn resident_blocks(capability: (u32, u32)) -> u32 {
    match capability {
        (8, 6 | 9) | (12, _) => 2,
        _ => 4,
    }
}

/// Tiles that a multiprocessor decodes and multiplies in a nanosecond: about 25 clocks for one.
const TILES_PER_NS: f64 = 1.0 / 16.0;

/// Share of the tensor cores' rate that products reach that wait for the decoding of each tile.
const PRODUCTS_SHARE: f64 = 0.5;

/// Least tiles of a warp in a split problem.
const LEAST_TILES: usize = 8;

/// Up to here the cut does not depend on the number of rows.
pub(super) const FEW_ROWS: usize = 16;

/// How a problem is cut up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GemvCut {
    /// Tiles of 64 columns of a block.
    pub tiles: usize,
    /// Slices of K.
    pub splits: usize,
    /// Tiles along K of one warp.
    pub slice_tiles: usize,
}

impl GemvCut {
    /// The cut of a problem on a GPU. Both are checked already.
    pub fn new(gpu: &Gpu, problem: &Problem) -> Self {
        let full = resident_blocks(gpu.capability) as usize * gpu.multiprocessors as usize;
        let row_blocks = if problem.m <= FEW_ROWS { 1 } else { problem.m.div_ceil(BLOCK_ROWS) };
        let tiles = if problem.n_tiles().div_ceil(2).saturating_mul(row_blocks) >= full { 2 } else { 1 };
        let mut best = GemvCut::split(problem, tiles, 1);
        // For the most rows of a cut, so that few rows are cut alike.
        let outputs = best.columns(problem) * FEW_ROWS / BLOCK_ROWS;
        if problem.m > FEW_ROWS || outputs > MOST_COUNTERS {
            return best;
        }
        // By the time of one block of rows, whatever m is.
        let few = Problem { m: BLOCK_ROWS, ..*problem };
        let mut least = best.time_ns(gpu, &few);
        for wanted in 2..=MOST_SPLITS {
            let cut = GemvCut::split(problem, tiles, wanted);
            if cut.splits != wanted || cut.slice_tiles < LEAST_TILES {
                continue;
            }
            let time = cut.time_ns(gpu, &few);
            // Fewer slices, unless more are worth it.
            if time < 0.99 * least {
                (best, least) = (cut, time);
            }
        }
        best
    }

    /// K in at most `splits` slices, none of them empty.
    pub fn split(problem: &Problem, tiles: usize, splits: usize) -> Self {
        let slice_tiles = problem.k_tiles().div_ceil(splits * WARPS);
        GemvCut { tiles, splits: problem.k_tiles().div_ceil(slice_tiles * WARPS), slice_tiles }
    }

    /// Blocks side by side: columns.
    pub fn columns(&self, problem: &Problem) -> usize {
        problem.n_tiles().div_ceil(self.tiles)
    }

    /// Bytes that one multiprocessor holds in flight when its blocks are there.
    pub fn bytes_in_flight(&self, problem: &Problem, blocks: usize) -> usize {
        blocks * WARPS * AHEAD.min(self.slice_tiles * self.tiles * problem.tile_bytes())
    }

    /// Blocks of 8 rows at a time on the fullest multiprocessor.
    pub fn resident(&self, gpu: &Gpu, problem: &Problem) -> usize {
        let blocks = self.columns(problem) * self.splits;
        blocks.div_ceil(gpu.multiprocessors as usize).min(resident_blocks(gpu.capability) as usize)
    }

    /// Predicted time in nanoseconds. Each 8 rows read and decode the weights again, from L2 but for the first time.
    pub fn time_ns(&self, gpu: &Gpu, problem: &Problem) -> f64 {
        let speed = Speed::of(gpu);
        let row_blocks = problem.m.div_ceil(BLOCK_ROWS);
        let weights = problem.weight_bytes() as f64;
        let blocks = self.columns(problem) * self.splits;
        let running = blocks.min(speed.multiprocessors * resident_blocks(gpu.capability) as usize);
        let flight = weights * 2.0 * LATENCY_NS / self.bytes_in_flight(problem, running) as f64;
        let busiest =
            (blocks * row_blocks).div_ceil(speed.multiprocessors) * self.slice_tiles * WARPS * self.tiles;
        let decoding = busiest as f64 / TILES_PER_NS;
        let cache = weights * row_blocks as f64 / speed.cache;
        let operations = (busiest * 2 * BLOCK_ROWS * TILE_ROWS * TILE_COLUMNS) as f64;
        let products = operations / (PRODUCTS_SHARE * speed.products / speed.multiprocessors as f64);
        let second = if self.splits == 1 {
            0.0
        } else {
            speed.second_step_ns(
                (self.splits * row_blocks * BLOCK_ROWS * problem.stored_n * size_of::<f32>()) as f64,
            )
        };
        let memory = speed.memory_ns(problem.bytes_moved() as f64);
        let work = Speed::overlapped_ns(&[cache, decoding, products]);
        START_NS + memory.max(flight).max(work) + second
    }
}

/// Bytes that each multiprocessor must have in flight to keep the memory busy.
pub(super) fn needed_in_flight(gpu: &Gpu) -> f64 {
    gpu.bandwidth() * LATENCY_NS / f64::from(gpu.multiprocessors)
}
