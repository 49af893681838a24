//! Which kernel runs a problem on a GPU, how it is cut up, what memory it needs, and why.

use super::capability::{AMPERE, check, check_activation, describe, number};
use super::cut::{BLOCK_ROWS, Cut, FEW_ROWS, WARPS, needed_in_flight};
use super::problem::{Gpu, Problem, TILE_COLUMNS};
use crate::error::{Error, ErrorKind, Result};
use crate::kernel::Kernel;
use crate::types::mul;

/// Most blocks of a grid along y and z.
const GRID_LIMIT: usize = 65_535;

/// Most rows of one launch.
const MOST_ROWS: usize = GRID_LIMIT * BLOCK_ROWS;

/// Counters come first in the workspace; the partial sums start here, whatever the plan. So plans of different layers
/// can share a workspace: none leaves sums where another expects zeros.
pub const COUNTER_BYTES: usize = 32 << 10;

/// Blocks of outputs that can have a counter; a launch of more needs no splits to fill a GPU.
pub(super) const MOST_COUNTERS: usize = COUNTER_BYTES / size_of::<u32>();

/// The decision for one problem on one GPU, and any number of rows up to the problem's m.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CudaPlan {
    /// The kernel version, never [`Kernel::Auto`].
    pub kernel: Kernel,
    /// Tiles of 64 columns of a block: 1 or 2.
    pub tiles: u32,
    /// Slices of K, added afterwards in a fixed order.
    pub splits: u32,
    /// Tiles of 16 rows along K of one warp.
    pub slice_tiles: u32,
    /// Blocks of the launch for all m rows; fewer rows have a smaller z.
    pub grid: (u32, u32, u32),
    /// Threads of a block.
    pub block: u32,
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
    /// What it is a plan for.
    pub problem: Problem,
    /// And on what.
    pub gpu: Gpu,
    /// Where the cut comes from: for [`CudaPlan::reason`].
    origin: Origin,
}

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// This library.
    Chosen,
    /// The caller named the kernel version.
    Forced,
    /// The caller imported the plan.
    Imported,
}

impl CudaPlan {
    /// Rows of x that a block multiplies.
    pub const BLOCK_ROWS: usize = BLOCK_ROWS;

    /// The plan for a problem on a GPU with the kernel version that the caller wishes.
    ///
    /// Errors: [`ErrorKind::CapabilityTooLow`]; [`ErrorKind::Unsupported`] (dtype of x, rows);
    /// [`ErrorKind::KernelUnsupported`]; [`ErrorKind::InvalidArgument`] and [`ErrorKind::SizeOverflow`] for sizes that
    /// no layer has.
    pub fn new(gpu: &Gpu, problem: &Problem, wish: Kernel) -> Result<Self> {
        admit(gpu, problem, wish)?;
        let origin = if wish == Kernel::Auto { Origin::Chosen } else { Origin::Forced };
        Self::with(gpu, problem, Cut::new(gpu, problem), origin)
    }

    /// The plan with a cut that was decided elsewhere.
    pub(super) fn imported(gpu: &Gpu, problem: &Problem, cut: Cut) -> Result<Self> {
        admit(gpu, problem, Kernel::Gemv)?;
        Self::with(gpu, problem, cut, Origin::Imported)
    }

    fn with(gpu: &Gpu, problem: &Problem, cut: Cut, origin: Origin) -> Result<Self> {
        let (columns, row_blocks) = (cut.columns(problem), problem.m.div_ceil(BLOCK_ROWS));
        let (counter_bytes, workspace_bytes) = if cut.splits == 1 {
            (0, 0)
        } else {
            let outputs = mul(columns, row_blocks, "workspace")?;
            if outputs > MOST_COUNTERS {
                return Err(Error::unsupported("so many blocks share no counters: K cannot be split")
                    .subject("splits")
                    .found(format!("{outputs} blocks of outputs"))
                    .needed(format!("at most {MOST_COUNTERS}")));
            }
            let sums = cut.splits * BLOCK_ROWS * TILE_COLUMNS * cut.tiles * size_of::<f32>();
            (COUNTER_BYTES, COUNTER_BYTES + outputs * sums)
        };
        let bytes_moved = problem.bytes_moved();
        let floor_us = match gpu.bandwidth_gbps {
            0.0 => 0.0,
            gbps => bytes_moved as f64 / (gbps * 1e3),
        };
        Ok(CudaPlan {
            kernel: Kernel::Gemv,
            tiles: cut.tiles as u32,
            splits: cut.splits as u32,
            slice_tiles: cut.slice_tiles as u32,
            grid: (columns as u32, cut.splits as u32, row_blocks as u32),
            block: 32 * WARPS as u32,
            workspace_bytes,
            counter_bytes,
            bytes_moved,
            operations: problem.operations(),
            floor_us,
            problem: *problem,
            gpu: *gpu,
            origin,
        })
    }

    /// Workspace that is enough for every number of rows from 1 to the problem's m.
    pub fn workspace_bytes_up_to(gpu: &Gpu, problem: &Problem, wish: Kernel) -> Result<usize> {
        let most = CudaPlan::new(gpu, problem, wish)?.workspace_bytes;
        // Few rows may be split where many are not.
        let few = Problem { m: problem.m.min(FEW_ROWS), ..*problem };
        Ok(most.max(CudaPlan::new(gpu, &few, wish)?.workspace_bytes))
    }

    /// The grid of a launch with `m` rows, at most the problem's.
    pub fn grid_for(&self, m: usize) -> (u32, u32, u32) {
        let (x, y, z) = self.grid;
        (x, y, z.min(m.div_ceil(BLOCK_ROWS) as u32))
    }

    pub(super) fn cut(&self) -> Cut {
        Cut {
            tiles: self.tiles as usize,
            splits: self.splits as usize,
            slice_tiles: self.slice_tiles as usize,
        }
    }

    /// One sentence: what was chosen and why.
    pub fn reason(&self) -> String {
        let (cut, p) = (self.cut(), &self.problem);
        let why = match self.origin {
            Origin::Chosen if p.m <= BLOCK_ROWS => {
                format!("m = {} is bound by the reading of weights", p.m)
            }
            Origin::Chosen => {
                format!("m = {} runs as blocks of 8 rows, each of which reads the weights again", p.m)
            }
            Origin::Forced => format!("asked for by the caller (m = {})", p.m),
            Origin::Imported => format!("cut as the imported plan says (m = {})", p.m),
        };
        let slices = match self.splits {
            1 => "K in one piece".to_string(),
            n => format!("K in {n} slices to fill the GPU"),
        };
        let (columns, resident) = (cut.columns(p), cut.resident(&self.gpu, p));
        let kilobytes = |bytes: f64| format!("{:.1} KB", bytes / 1e3);
        format!(
            "gemv: {columns} columns of {} outputs, {slices}, so that each of {} multiprocessors ({}) has up to {} in \
             flight where its memory needs {}; {why}",
            TILE_COLUMNS * cut.tiles,
            self.gpu.multiprocessors,
            number(self.gpu.capability),
            kilobytes(cut.bytes_in_flight(p, resident) as f64),
            kilobytes(needed_in_flight(&self.gpu)),
        )
    }
}

/// Refuses what no plan can be made for.
fn admit(gpu: &Gpu, problem: &Problem, wish: Kernel) -> Result<()> {
    gpu.check()?;
    check(gpu.capability)?;
    admit_kernel(gpu.capability, wish)?;
    check_activation(gpu.capability, problem.dtype)?;
    problem.check()?;
    if problem.m > MOST_ROWS {
        return Err(Error::unsupported("has more rows than one launch takes; run it in parts")
            .subject("x")
            .found(problem.m)
            .needed(format!("at most {MOST_ROWS}")));
    }
    Ok(())
}

/// Whether a kernel version runs on GPUs of a capability, in this version of the library.
///
/// Errors: [`ErrorKind::KernelUnsupported`] says what is missing, [`ErrorKind::CapabilityTooLow`].
pub fn admit_kernel(capability: (u32, u32), wish: Kernel) -> Result<()> {
    check(capability)?;
    let what = match wish {
        Kernel::Auto | Kernel::Gemv => return Ok(()),
        Kernel::Marlin if capability < AMPERE => {
            let what = "the marlin kernels need asynchronous copies and m16n8k16 tensor-core instructions";
            return Err(Error::new(ErrorKind::KernelUnsupported, what)
                .found(describe(capability))
                .needed("compute capability 8.0 (Ampere) or newer, or kernel auto or gemv"));
        }
        Kernel::Marlin => "the marlin kernels come with a later version of this library",
        Kernel::Gemm => "the gemm kernels for GPUs come with a later version of this library",
    };
    Err(Error::new(ErrorKind::KernelUnsupported, what)
        .found(format!("kernel {wish} on {}", number(capability)))
        .needed("kernel auto or gemv, which take any number of rows"))
}
