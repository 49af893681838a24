//! The tiles that the Marlin GEMM is built for: the twin of `kernels/marlin/tiles.h`.
//!
//! Kernels are called `awqm_marlin_{f16,bf16}_w{4,8}_m{rows}n{columns}`. The grid is (blocks of columns, splits of K, blocks
//! of rows); a block takes `rows` x `columns` outputs and `k_warps` slices of K.
//!
//! Each output is the sum over k within a group, the groups of a slice in order, the slices of a block in order, the splits
//! in order. So tiles with the same `k_warps` give the same bits for the same `splits` and `slice_tiles`, for any number
//! of rows.

use crate::types::Bits;

/// One tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarlinTile {
    /// Rows of x of a block.
    pub rows: usize,
    /// Columns of w of a block, a multiple of 64.
    pub columns: usize,
    /// Slices of K that a block has side by side.
    pub k_warps: usize,
    /// Threads of a block.
    pub threads: u32,
    /// Blocks that registers let a multiprocessor hold.
    pub resident: u32,
    /// Stages of the ring in shared memory, each 64 rows of every slice, for codes of 4 and of 8 bits.
    pub stages: [usize; 2],
    /// Dynamic shared memory of a block in bytes, for codes of 4 and of 8 bits.
    pub shared_bytes: [usize; 2],
    /// The same on compute capability 7.5, where there are two stages. It has 65536 bytes.
    pub turing_shared_bytes: [usize; 2],
}

impl MarlinTile {
    /// Rows of k of a stage, in tiles of 16. Slices of whole stages run faster, and groups of whole stages do (64, 128).
    pub const STAGE_TILES: usize = 4;

    /// Dynamic shared memory of a block on a GPU of this compute capability, in bytes.
    pub fn shared_bytes(&self, bits: Bits, capability: (u32, u32)) -> usize {
        let of = if capability < (8, 0) { self.turing_shared_bytes } else { self.shared_bytes };
        of[usize::from(bits == Bits::Eight)]
    }
}

/// All tiles, smallest first.
pub const TILES: &[MarlinTile] = &[
    MarlinTile {
        rows: 16,
        columns: 64,
        k_warps: 4,
        threads: 128,
        resident: 3,
        stages: [4, 3],
        shared_bytes: [75776, 82944],
        turing_shared_bytes: [37888, 55296],
    },
    MarlinTile {
        rows: 16,
        columns: 128,
        k_warps: 1,
        threads: 128,
        resident: 4,
        stages: [6, 4],
        shared_bytes: [44544, 47104],
        turing_shared_bytes: [14848, 23552],
    },
    MarlinTile {
        rows: 32,
        columns: 64,
        k_warps: 4,
        threads: 128,
        resident: 2,
        stages: [3, 2],
        shared_bytes: [81408, 71680],
        turing_shared_bytes: [54272, 71680],
    },
    MarlinTile {
        rows: 64,
        columns: 128,
        k_warps: 1,
        threads: 128,
        resident: 2,
        stages: [5, 4],
        shared_bytes: [67840, 71680],
        turing_shared_bytes: [33792, 35840],
    },
    MarlinTile {
        rows: 128,
        columns: 128,
        k_warps: 1,
        threads: 256,
        resident: 1,
        stages: [4, 3],
        shared_bytes: [87040, 78336],
        turing_shared_bytes: [43520, 52224],
    },
];
