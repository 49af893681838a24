//! `awqm_plan`: the choice of a kernel, as data and in words.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::guard::guard;
use super::linear::{activation, awqm_linear, awqm_run_args, batch_invariant, run};
use super::options::{self, InfoOut, Sized0};
use super::pointers::{Out, StringOut, free, positive, reference, text_field};
use super::status::awqm_status;
use super::types::{awqm_backend, awqm_dtype, awqm_isa, awqm_kernel};
use crate::cpu::{CpuLinear, CpuPlan};
use crate::cuda::{CudaLinear, CudaPlan, Wish};
use crate::layout::{LayerDesc, Layout};

/// The kernel that the library would run for a layer and a number of rows. Immutable; shareable between threads.
pub struct awqm_plan {
    pub(super) inner: Plan,
}

/// A plan with the layer that it is for.
pub(super) enum Plan {
    Cpu(Arc<CpuLinear>, CpuPlan),
    Cuda(Arc<CudaLinear>, CudaPlan),
}

impl Plan {
    pub(super) fn desc(&self) -> &LayerDesc {
        match self {
            Plan::Cpu(linear, _) => linear.desc(),
            Plan::Cuda(linear, _) => linear.desc(),
        }
    }

    fn info(&self) -> awqm_plan_info {
        let desc = self.desc();
        let layer = awqm_plan_info {
            n: desc.n as i64,
            k: desc.k as i64,
            group_size: if desc.layout == Layout::Dense { 0 } else { desc.spec.group.get() },
            ..awqm_plan_info::zero()
        };
        match self {
            Plan::Cpu(_, p) => awqm_plan_info {
                kernel: p.kernel.into(),
                backend: awqm_backend::CPU,
                isa: p.isa.into(),
                dtype: p.dtype.into(),
                m: p.m as i64,
                block_rows: p.block_rows as i64,
                tasks: p.tasks as i64,
                workspace_bytes: p.workspace_bytes,
                bytes_moved: p.bytes_moved,
                operations: p.operations,
                ..layer
            },
            Plan::Cuda(_, p) => {
                let (grid_x, grid_y, grid_z) = p.grid;
                awqm_plan_info {
                    kernel: p.kernel.into(),
                    backend: awqm_backend::CUDA,
                    dtype: p.problem.dtype.into(),
                    m: p.problem.m as i64,
                    block_rows: i64::from(p.block_rows),
                    tasks: i64::from(grid_x) * i64::from(grid_y) * i64::from(grid_z),
                    workspace_bytes: p.workspace_bytes,
                    bytes_moved: p.bytes_moved,
                    operations: p.operations,
                    tiles: p.tiles,
                    splits: p.splits,
                    grid_x,
                    grid_y,
                    grid_z,
                    block_threads: p.block,
                    floor_us: p.floor_us,
                    products_floor_us: p.products_floor_us,
                    predicted_us: p.predicted_us,
                    dense_predicted_us: p.dense_predicted_us,
                    prefers_dense: p.prefers_dense().into(),
                    batch_invariant: p.batch_invariant().into(),
                    shared_bytes: p.shared_bytes,
                    code: text_field(&p.code()),
                    ..layer
                }
            }
        }
    }
}

/// Options of awqm_plan_create.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_plan_options {
    /// sizeof(awqm_plan_options).
    pub struct_size: usize,
    /// Kernel version to force; AWQM_KERNEL_AUTO chooses.
    pub kernel: awqm_kernel,
    /// Element type of x.
    pub dtype: awqm_dtype,
    /// Rows, 1 or more.
    pub m: i64,
    /// AWQM_BATCH_INVARIANT or 0.
    pub flags: u32,
    /// Not used yet; must be 0.
    pub reserved: u32,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_plan_options {
    fn reserved(&self) -> u32 {
        self.reserved
    }
}

/// A plan in numbers; filled by awqm_plan_get_info.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_plan_info {
    /// sizeof(awqm_plan_info), set by the caller.
    pub struct_size: usize,
    /// Kernel version chosen, never AUTO.
    pub kernel: awqm_kernel,
    /// Where it runs.
    pub backend: awqm_backend,
    /// Instruction set, on the CPU; AUTO on a GPU.
    pub isa: awqm_isa,
    /// Element type of x.
    pub dtype: awqm_dtype,
    /// Rows.
    pub m: i64,
    /// Output features.
    pub n: i64,
    /// Input features.
    pub k: i64,
    /// Group size; -1 = per channel; 0 when dense.
    pub group_size: i64,
    /// Rows that meet a decoded weight at a time: of a block, on a GPU.
    pub block_rows: i64,
    /// Pieces of work that may run at the same time: parts of N on the CPU, blocks on a GPU.
    pub tasks: i64,
    /// Workspace that a run needs.
    pub workspace_bytes: usize,
    /// Bytes that a run must move: weights, scales, zero points, x and y, each once.
    pub bytes_moved: u64,
    /// Operations of the product: 2 * M * N * K.
    pub operations: u64,
    /// Tiles of 64 outputs of a block, on a GPU; 0 on the CPU, as all fields from here on.
    pub tiles: u32,
    /// Slices of K, whose sums the last block of a column adds in a fixed order.
    pub splits: u32,
    /// Blocks of the launch along N.
    pub grid_x: u32,
    /// Blocks along K: the splits.
    pub grid_y: u32,
    /// Blocks along M.
    pub grid_z: u32,
    /// Threads of a block.
    pub block_threads: u32,
    /// Least time in microseconds, bytes_moved at the full bandwidth of the device's memory; 0: unknown.
    pub floor_us: f64,
    /// Least time of the products, at the peak of the GPU's typical product.
    pub products_floor_us: f64,
    /// What the library's time model predicts for a run: good for comparing, not measured.
    pub predicted_us: f64,
    /// What it predicts for awqm_linear_dequantize once and a dense GEMM of the host's.
    pub dense_predicted_us: f64,
    /// 1: that detour is predicted to be faster by 5 % or more, for 128 rows or more. The library owns no dense GEMM; the host decides.
    pub prefers_dense: i32,
    /// 1: made with AWQM_BATCH_INVARIANT.
    pub batch_invariant: i32,
    /// Dynamic shared memory of a block.
    pub shared_bytes: u32,
    /// Name of the kernel that is launched, such as "awqm_marlin_bf16_w4_m64n128".
    pub code: [c_char; 52],
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_plan_info {}

/// Chooses the kernel for `m` rows, or takes the one that the options force.
///
/// On a GPU the kernel versions GEMM and MARLIN are the same tensor-core code, called GEMM below compute capability 8.0,
/// where MARLIN is refused; the plan's info says which code runs.
///
/// Statuses: KERNEL_UNSUPPORTED (the forced kernel cannot run here; the message says why), INVALID_ARGUMENT,
/// UNKNOWN_ENUM, UNSUPPORTED.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `linear` is a live handle; `options` is readable for its struct_size; `out_plan` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_plan_create(
    linear: *const awqm_linear,
    options: *const awqm_plan_options,
    out_plan: *mut *mut awqm_plan,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, linear) = unsafe { (Out::new(out_plan, "out_plan")?, reference(linear, "linear")?) };
        // SAFETY: the caller's promise.
        let options = unsafe { options::read_required(options, "options") }?;
        let kernel = options.kernel.get("options.kernel")?;
        let dtype = activation(options.dtype, "options.dtype")?;
        let wish = Wish { kernel, batch_invariant: batch_invariant(options.flags)? };
        let inner = linear.inner.plan(positive(options.m, "options.m")?, dtype, wish)?;
        out.give(awqm_plan { inner });
        Ok(())
    })
}

/// The plan in numbers.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `plan` is a live handle; `out_info` is writable for the struct_size that it carries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_plan_get_info(
    plan: *const awqm_plan,
    out_info: *mut awqm_plan_info,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, plan) = unsafe { (InfoOut::new(out_info, "out_info")?, reference(plan, "plan")?) };
        out.set(&plan.inner.info());
        Ok(())
    })
}

/// Why the plan is what it is, in a sentence.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `plan` is a live handle; `buf`, `cap`, `out_len` as the file comment says.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_plan_get_reason(
    plan: *const awqm_plan,
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let plan = unsafe { reference(plan, "plan") }?;
        let reason = match &plan.inner {
            Plan::Cpu(_, p) => p.reason(),
            Plan::Cuda(_, p) => p.reason(),
        };
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(&reason)
    })
}

/// As awqm_linear_run, with this plan's kernel. `args->m` may be at most the plan's m, and x_dtype must be the plan's.
///
/// Statuses: as awqm_linear_run; INVALID_ARGUMENT also for a plan that the call does not fit.
///
/// Threads: any, at once, each with a workspace and a y of its own. Since 0.1.
///
/// # Safety
/// As awqm_linear_run. The plan keeps its layer alive.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_plan_run(
    plan: *const awqm_plan,
    args: *const awqm_run_args,
    workspace: *mut c_void,
    workspace_bytes: usize,
    stream: *mut c_void,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (plan, args) = unsafe { (reference(plan, "plan")?, options::read_required(args, "args")?) };
        // SAFETY: the caller's promise.
        unsafe { run(&plan.inner, &args, workspace, workspace_bytes, stream) }
    })
}

/// Frees a plan. NULL is fine.
///
/// Threads: any; the last call with this handle. Since 0.1.
///
/// # Safety
/// `plan` is NULL or a live handle that is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_plan_free(plan: *mut awqm_plan) {
    // SAFETY: the caller's promise.
    unsafe { free(plan) }
}
