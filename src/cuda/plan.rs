//! Which kernel runs a problem on a GPU, how it is cut up, what memory it needs, how long it should take, and why.

use super::capability::{AMPERE, check, check_activation, check_kernel};
use super::choose::{self, Choice, Origin, Wish};
use super::cut::{Cut, GRID_LIMIT};
use super::dense;
use super::problem::{Gpu, Problem, TILE_COLUMNS};
use super::rows;
use super::speed::Speed;
use super::tuning::Tuning;
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::types::Dtype;

/// The detour over a dense matrix must be faster by this factor to be worth its memory.
const DENSE_BETTER: f64 = 0.95;

/// With fewer rows the detour is never worth its memory, whatever the model makes of a small layer's microseconds.
const DENSE_ROWS: usize = 128;

/// The decision for one problem on one GPU, and any number of rows up to the problem's m.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CudaPlan {
    /// The version whose code runs: [`Kernel::Gemv`]; [`Kernel::Marlin`], or on capability 7.5 [`Kernel::Gemm`], for
    /// the tensor-core tiles.
    pub kernel: Kernel,
    /// Rows of x of a block.
    pub block_rows: u32,
    /// Tiles of 64 columns of a block.
    pub tiles: u32,
    /// Slices of K, added afterwards in a fixed order.
    pub splits: u32,
    /// Tiles of 16 rows along K of a slice: of one warp in the GEMV.
    pub slice_tiles: u32,
    /// Blocks of the launch for all m rows; fewer rows have a smaller z.
    pub grid: (u32, u32, u32),
    /// Threads of a block.
    pub block: u32,
    /// Dynamic shared memory of a block.
    pub shared_bytes: u32,
    /// Bytes of workspace: counters, then partial sums.
    pub workspace_bytes: usize,
    /// Bytes at the start of the workspace that must be zero before the first launch, and are zero after each.
    pub counter_bytes: usize,
    /// Bytes of weights, activations and results that must cross the memory bus once.
    pub bytes_moved: u64,
    /// Multiplications and additions: 2·M·N·K.
    pub operations: u64,
    /// The least time in microseconds at the memory's bandwidth; 0: bandwidth unknown.
    pub floor_us: f64,
    /// The least time in microseconds of the products, at the peak that a dense GEMM is measured against.
    pub products_floor_us: f64,
    /// What the time model says, in microseconds: good for comparing, not measured.
    pub predicted_us: f64,
    /// What it says for dequantizing once and a dense GEMM of the host's.
    pub dense_predicted_us: f64,
    /// What it is a plan for.
    pub problem: Problem,
    /// And on what.
    pub gpu: Gpu,
    choice: Choice,
}

impl CudaPlan {
    /// The plan for a problem on a GPU, after the tuning table that the library ships for it, if any.
    ///
    /// Errors: those of [`CudaPlan::tuned`].
    pub fn new(gpu: &Gpu, problem: &Problem, wish: impl Into<Wish>) -> Result<Self> {
        match Tuning::shipped(gpu) {
            Some(tuning) => Self::tuned(gpu, problem, wish, tuning),
            None => Self::tuned(gpu, problem, wish, &Tuning::empty(gpu)),
        }
    }

    /// The plan for a problem on a GPU with what the caller wishes, after a tuning table.
    ///
    /// Errors: [`crate::ErrorKind::CapabilityTooLow`]; [`crate::ErrorKind::Unsupported`] (dtype of x, rows);
    /// [`crate::ErrorKind::KernelUnsupported`]; [`crate::ErrorKind::InvalidArgument`] and
    /// [`crate::ErrorKind::SizeOverflow`] for sizes that no layer has.
    pub fn tuned(gpu: &Gpu, problem: &Problem, wish: impl Into<Wish>, tuning: &Tuning) -> Result<Self> {
        let wish = wish.into();
        Self::admitted(gpu, problem, wish, || choose::choose(gpu, problem, wish, tuning))
    }

    /// The plan with a choice that is made when all else is in order.
    pub(super) fn admitted(
        gpu: &Gpu,
        problem: &Problem,
        wish: Wish,
        choice: impl FnOnce() -> Choice,
    ) -> Result<Self> {
        admit(gpu, problem, wish)?;
        Self::with(gpu, problem, choice())
    }

    /// The plan with a cut that was decided elsewhere.
    pub(super) fn imported(gpu: &Gpu, problem: &Problem, cut: Cut) -> Result<Self> {
        admit(gpu, problem, Kernel::Auto.into())?;
        Self::with(gpu, problem, Choice { cut, origin: Origin::Imported })
    }

    fn with(gpu: &Gpu, problem: &Problem, choice: Choice) -> Result<Self> {
        let cut = choice.cut;
        let most = GRID_LIMIT * cut.rows();
        if problem.m > most {
            return Err(Error::unsupported("has more rows than one launch takes; run it in parts")
                .subject("x")
                .found(problem.m)
                .needed(format!("at most {most}")));
        }
        let (columns, splits, row_blocks) = cut.grid(problem);
        let (counter_bytes, workspace_bytes) = cut.workspace(problem)?;
        let (speed, bytes_moved) = (Speed::of(gpu), problem.bytes_moved());
        let floor_us = match gpu.bandwidth_gbps {
            0.0 => 0.0,
            gbps => bytes_moved as f64 / (gbps * 1e3),
        };
        let (kernel, shared_bytes) = match cut {
            Cut::Gemv(_) => (Kernel::Gemv, 0),
            Cut::Marlin(c) => {
                let kernel = if gpu.capability < AMPERE { Kernel::Gemm } else { Kernel::Marlin };
                (kernel, c.tile.shared_bytes(problem.bits, gpu.capability))
            }
        };
        Ok(CudaPlan {
            kernel,
            block_rows: cut.rows() as u32,
            tiles: (cut.columns() / TILE_COLUMNS) as u32,
            splits: splits as u32,
            slice_tiles: cut.slice_tiles() as u32,
            grid: (columns as u32, splits as u32, row_blocks as u32),
            block: cut.threads(),
            shared_bytes: shared_bytes as u32,
            workspace_bytes,
            counter_bytes,
            bytes_moved,
            operations: problem.operations(),
            floor_us,
            products_floor_us: problem.operations() as f64 / speed.dense_products / 1e3,
            predicted_us: cut.time_ns(gpu, problem) / 1e3,
            dense_predicted_us: dense::detour_ns(&speed, gpu.capability, problem) / 1e3,
            problem: *problem,
            gpu: *gpu,
            choice,
        })
    }

    /// Workspace that is enough for every number of rows from 1 to the problem's m.
    ///
    /// Errors: those of [`CudaPlan::tuned`].
    pub fn workspace_bytes_up_to(
        gpu: &Gpu,
        problem: &Problem,
        wish: impl Into<Wish>,
        tuning: &Tuning,
    ) -> Result<usize> {
        let wish = wish.into();
        let mut most = 0;
        for class in 0..=rows::class_of(problem.m) {
            let fewer = Problem { m: problem.m.min(rows::most_rows(class)), ..*problem };
            most = most.max(CudaPlan::tuned(gpu, &fewer, wish, tuning)?.workspace_bytes);
        }
        // The last class may go on far beyond its most usual rows.
        Ok(most.max(CudaPlan::tuned(gpu, problem, wish, tuning)?.workspace_bytes))
    }

    /// The grid of a launch with `m` rows, at most the problem's.
    pub fn grid_for(&self, m: usize) -> (u32, u32, u32) {
        let (x, y, z) = self.grid;
        (x, y, z.min(m.div_ceil(self.block_rows as usize) as u32))
    }

    /// Whether dequantizing once and a dense GEMM of the host's is predicted to be faster.
    pub fn prefers_dense(&self) -> bool {
        self.problem.m >= DENSE_ROWS && self.dense_predicted_us < DENSE_BETTER * self.predicted_us
    }

    /// Whether the bits of a row of y do not depend on the number of rows.
    pub fn batch_invariant(&self) -> bool {
        self.choice.origin == Origin::Invariant
    }

    /// The name of the kernel that is launched, such as "awqm_marlin_bf16_w4_m64n128".
    pub fn code(&self) -> String {
        let x = if self.problem.dtype == Dtype::BF16 { "bf16" } else { "f16" };
        let bits = self.problem.bits.get();
        match self.cut() {
            Cut::Gemv(c) => format!("awqm_gemv_{x}_w{bits}_n{}", c.tiles),
            Cut::Marlin(c) => format!("awqm_marlin_{x}_w{bits}_m{}n{}", c.tile.rows, c.tile.columns),
        }
    }

    pub(super) fn cut(&self) -> Cut {
        self.choice.cut
    }

    pub(super) fn origin(&self) -> Origin {
        self.choice.origin
    }
}

/// Refuses what no plan can be made for.
fn admit(gpu: &Gpu, problem: &Problem, wish: Wish) -> Result<()> {
    gpu.check()?;
    check(gpu.capability)?;
    check_kernel(gpu.capability, wish.kernel)?;
    choose::admit_invariant(gpu, wish)?;
    check_activation(gpu.capability, problem.dtype)?;
    problem.check()
}
