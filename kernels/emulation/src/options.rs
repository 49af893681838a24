//! How a launch runs, and what it counted.

use std::ops::Range;

/// When the data of an asynchronous copy arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum AsyncCopies {
    /// As soon as the copy is asked for.
    Immediate,
    /// When it is waited for.
    Late,
    /// When it is waited for, with NaN in its place until then.
    #[default]
    Poison,
}

/// Which thread runs next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Blocks, warps and lanes by their number.
    #[default]
    Forward,
    /// The same from the end.
    Reverse,
    /// Blocks, warps and lanes mixed, different for each seed.
    Random(u64),
    /// Each warp runs as far as barriers let it before the next one does.
    Greedy,
    /// The same from the last warp.
    GreedyReverse,
}

/// How a launch runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// When copies arrive.
    pub async_copies: AsyncCopies,
    /// Who runs.
    pub order: Order,
    /// How many blocks run at the same time; 0 for all. Kernels whose blocks wait for each other need all.
    pub resident: usize,
    /// What loads and stores may touch, as addresses; empty: anything.
    pub memory: Vec<Range<usize>>,
    /// Count conflicts of banks. The lanes of a warp then meet at each access to shared memory.
    pub count_wavefronts: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            async_copies: AsyncCopies::default(),
            order: Order::default(),
            resident: 1,
            memory: Vec::new(),
            count_wavefronts: false,
        }
    }
}

impl Options {
    /// Every kind of schedule, with `seeds` random ones, each with copies at once and late, with one block at a time and
    /// with all.
    pub fn all(seeds: u64) -> Vec<Options> {
        let orders = [Order::Forward, Order::Reverse, Order::Greedy, Order::GreedyReverse];
        let orders = orders.into_iter().chain((1..=seeds).map(Order::Random));
        let copies = [AsyncCopies::Immediate, AsyncCopies::Poison];
        orders
            .flat_map(|order| copies.map(|async_copies| (order, async_copies)))
            .flat_map(|both| [1, 0].map(|resident| (both, resident)))
            .map(|((order, async_copies), resident)| Options {
                async_copies,
                order,
                resident,
                ..Options::default()
            })
            .collect()
    }
}

/// What a launch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Stats {
    /// Blocks that ended.
    pub blocks: u64,
    /// Switches from the scheduler to a thread.
    pub switches: u64,
    /// Barriers of a block.
    pub barriers: u64,
    /// Shuffles of a warp.
    pub shuffles: u64,
    /// Multiplications of a warp on tensor cores, 16x8x16.
    pub mma: u64,
    /// Loads of four matrices by a warp.
    pub ldmatrix: u64,
    /// Asynchronous copies of 16 bytes.
    pub async_copies: u64,
    /// Bytes of weights that were loaded.
    pub weight_bytes: u64,
    /// Other bytes that were loaded.
    pub load_bytes: u64,
    /// Bytes that were stored.
    pub store_bytes: u64,
    /// Wavefronts of accesses to shared memory, if [`Options::count_wavefronts`].
    pub wavefronts: u64,
    /// Those that the same accesses would take without conflicts of banks.
    pub least_wavefronts: u64,
}
