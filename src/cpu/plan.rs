//! Which kernel runs a problem, how it is cut up, what memory it needs, and why.

use super::job::{LANES, block_rows};
use super::kernels::Kernels;
use super::pack::Form;
use super::{CpuLinear, Isa, gemm, integer};
use crate::error::{Error, ErrorKind, Result};
use crate::kernel::{Compute, Kernel};
use crate::types::{Bits, Dtype, mul, round_up};

/// The decision for one layer, one activation dtype, and any number of rows up to [`CpuPlan::m`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuPlan {
    /// [`Kernel::Gemv`] or [`Kernel::Gemm`].
    pub kernel: Kernel,
    /// Instruction set of the kernels.
    pub isa: Isa,
    /// Most rows that the workspace is sized for.
    pub m: usize,
    /// Input features of the layer.
    pub k: usize,
    /// Output features of the layer.
    pub n: usize,
    /// Element type of x.
    pub dtype: Dtype,
    /// The layer's arithmetic.
    pub compute: Compute,
    /// Rows that meet a decoded weight at a time.
    pub block_rows: usize,
    /// Pieces that N is cut into, to run at the same time.
    pub tasks: usize,
    /// Bytes of workspace that `run` needs, at any alignment.
    pub workspace_bytes: usize,
    /// Bytes of weights, activations and results that must cross the memory bus once.
    pub bytes_moved: u64,
    /// Multiplications and additions: 2·M·N·K.
    pub operations: u64,
    pub(super) bits: Option<Bits>,
    /// What the host asked for, and up to which M GEMV is the automatic choice: for [`CpuPlan::reason`].
    wish: Kernel,
    limit: usize,
    pub(super) form: Form,
    pub(super) regions: Regions,
}

/// What lies in the workspace, from a 64-byte boundary on: packed rows, their group sums, scratch of each task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Regions {
    /// Rows that are packed and run together; more rows take more passes.
    pub pass_rows: usize,
    /// Bytes of one packed row, and number of its sums.
    pub row_bytes: usize,
    pub row_sums: usize,
    /// Start of the sums and of the scratch.
    pub sums_at: usize,
    pub scratch_at: usize,
    /// Scratch of one task.
    pub scratch_bytes: usize,
}

/// Workspace is cut on boundaries of this many bytes.
pub(super) const ALIGN: usize = 64;

/// Rows of a pass: what bounds the workspace. A multiple of every block size.
const PASS_ROWS: usize = 480;

/// A task should last at least this long, so that waking a thread pays.
const TASK_NS: usize = 8_000;

/// Tasks a thread, where there is work enough: evens out what other programs take from a core.
const TASKS_PER_THREAD: usize = 4;

/// M up to which GEMV wins, measured on Zen 4: it decodes again for every block of rows, GEMM once. With 16
/// lanes of f32 decoding costs little, with fewer it costs as much as the products.
fn gemv_limit(kernels: &Kernels, form: Form) -> usize {
    match form {
        Form::Bf16 | Form::Integer { .. } => usize::MAX,
        Form::F32 if kernels.gemv_rows >= 8 => 48,
        Form::F32 => kernels.gemv_rows,
    }
}

impl CpuPlan {
    /// The plan for up to `m` rows of `dtype`.
    pub(super) fn new(layer: &CpuLinear, m: usize, dtype: Dtype, wish: Kernel) -> Result<Self> {
        if !dtype.is_activation() {
            return Err(Error::unsupported("activations must be floating point")
                .subject("x")
                .found(dtype)
                .needed("F16, BF16 or F32"));
        }
        if wish == Kernel::Marlin {
            return Err(Error::new(
                ErrorKind::KernelUnsupported,
                "the Marlin kernels run on tensor cores, which a CPU does not have",
            )
            .found("device cpu")
            .needed("kernel auto, gemv or gemm"));
        }
        let kernels = layer.kernels();
        let (k, n) = (layer.desc().k, layer.desc().n);
        let bits = layer.bits();
        let dots = match (dtype, bits, kernels.bf16) {
            _ if layer.compute() == Compute::Int8 => Form::Integer { planes: 1 },
            (Dtype::BF16, Some(Bits::Four), Some(_)) => Form::Bf16,
            (_, Some(_), _) if kernels.integers.exact.is_some() => Form::Integer { planes: integer::EXACT },
            _ => Form::F32,
        };
        let limit = if bits.is_some() { gemv_limit(kernels, dots) } else { kernels.gemv_rows };
        let kernel = match wish {
            Kernel::Auto if m <= limit => Kernel::Gemv,
            Kernel::Auto => Kernel::Gemm,
            forced => forced,
        };
        let form = match kernel {
            Kernel::Gemm if layer.compute() == Compute::Exact => Form::F32,
            _ => dots,
        };
        let block_rows = match (bits, kernel) {
            (None, _) => 1,
            _ if form != Form::F32 => block_rows(m.min(PASS_ROWS), kernels.most_rows(form)),
            (_, Kernel::Gemv) => kernels.gemv_rows,
            _ => kernels.gemm_rows,
        };

        let bytes_moved =
            layer.bytes().saturating_add(m.saturating_mul(k.saturating_add(n)).saturating_mul(dtype.bytes()));
        let operations = [m, n, k].iter().fold(2u64, |product, size| product.saturating_mul(*size as u64));
        let tile_groups = match kernel {
            Kernel::Gemm if bits.is_some() && form == Form::F32 => n.div_ceil(LANES * kernels.gemm_tiles),
            _ => n.div_ceil(LANES),
        };
        // A core reads some 20 bytes or does some 100 operations in a nanosecond, 200 on bf16, 400 on bytes.
        let each = match form {
            Form::F32 => 100,
            Form::Bf16 => 200,
            Form::Integer { planes } => 400 / planes as u64,
        };
        let ns = (bytes_moved / 20).saturating_add((operations / each) as usize);
        let threads = layer.device().threads();
        let tasks = match threads {
            1 => 1,
            threads => (ns / TASK_NS).min(threads.saturating_mul(TASKS_PER_THREAD)),
        }
        .clamp(1, tile_groups.max(1));

        let scratch_bytes = match (bits, kernel) {
            (Some(_), Kernel::Gemm) if form == Form::F32 => {
                gemm::scratch_bytes(kernels.gemm_tiles, m.min(PASS_ROWS))
            }
            _ => 0,
        };
        let (regions, workspace_bytes) =
            Regions::new(layer, (m, block_rows), form.wider(), tasks, scratch_bytes)?;
        Ok(CpuPlan {
            kernel,
            isa: layer.device().isa(),
            m,
            k,
            n,
            dtype,
            compute: layer.compute(),
            block_rows,
            tasks,
            workspace_bytes,
            bytes_moved: bytes_moved as u64,
            operations,
            bits,
            wish,
            limit,
            form,
            regions,
        })
    }

    /// One sentence: what was chosen and why.
    pub fn reason(&self) -> String {
        let CpuPlan { kernel, m, limit, .. } = *self;
        if self.bits.is_none() {
            return format!(
                "dense weights: row dot products over the weights as they are, the same for gemv and gemm (m = {m})"
            );
        }
        let how = match (kernel, self.form) {
            (_, Form::Integer { planes: 1 }) => {
                "activations as 8-bit integers, four products by one instruction, the same for gemv and gemm"
            }
            (_, Form::Integer { .. }) => {
                "activations as integers of a few bytes, exact sums of four products by one instruction"
            }
            (Kernel::Gemv, Form::Bf16) => {
                "codes decoded in registers, bf16 pairs multiplied by one instruction"
            }
            (Kernel::Gemv, Form::F32) => "codes decoded in registers, f32 multiplications",
            _ => "panels of weights dequantized to f32 once for all rows",
        };
        let why = match self.wish {
            Kernel::Auto if limit == usize::MAX => format!("the fastest for every m here (m = {m})"),
            Kernel::Auto if m <= limit => {
                format!("m = {m} is at most {limit}, where reading weights dominates")
            }
            Kernel::Auto => format!("m = {m} is above {limit}, where decoding once for all rows pays"),
            _ => format!("asked for by the caller (m = {m})"),
        };
        format!("{kernel}: {how}; {why}")
    }
}

impl Regions {
    fn new(
        layer: &CpuLinear,
        (m, block_rows): (usize, usize),
        form: Form,
        tasks: usize,
        scratch_bytes: usize,
    ) -> Result<(Self, usize)> {
        let pass_rows = m.min(PASS_ROWS);
        let (row_bytes, row_sums) = match layer.bits() {
            Some(_) => (mul(layer.groups().steps, form.step_bytes(), "a packed row")?, layer.row_sums(form)),
            // Rows that are a power of two apart would fall into the same cache sets: one line more.
            None => (mul(round_up(layer.desc().k, LANES)?, 4, "a packed row")? + ALIGN, 0),
        };
        // The last block may have more slots than rows.
        let slots = round_up(pass_rows, block_rows)?;
        let values = round_up(mul(slots, row_bytes, "packed activations")?, ALIGN)?;
        let sums = round_up(mul(slots, row_sums * 4, "group sums")?, ALIGN)?;
        let scratch = mul(tasks, scratch_bytes, "scratch of the tasks")?;
        let total = [sums, scratch, ALIGN]
            .iter()
            .try_fold(values, |sum, part| sum.checked_add(*part))
            .ok_or_else(|| Error::new(ErrorKind::SizeOverflow, "the workspace does not fit"))?;
        let regions = Regions {
            pass_rows,
            row_bytes,
            row_sums,
            sums_at: values,
            scratch_at: values + sums,
            scratch_bytes,
        };
        Ok((regions, total))
    }
}
