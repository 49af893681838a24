//! `awqm_plan`: the choice of a kernel, as data and in words.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::guard::guard;
use super::linear::{activation, awqm_linear, awqm_run_args, run};
use super::options::{self, InfoOut, Sized0};
use super::pointers::{Out, StringOut, free, positive, reference};
use super::status::awqm_status;
use super::types::{awqm_backend, awqm_dtype, awqm_isa, awqm_kernel};
use crate::cpu::{CpuLinear, CpuPlan};
use crate::layout::Layout;

/// The kernel that the library would run for a layer and a number of rows. Immutable; shareable between threads.
pub struct awqm_plan {
    linear: Arc<CpuLinear>,
    plan: CpuPlan,
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
    /// Rows.
    pub m: i64,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_plan_options {}

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
    /// Instruction set, on the CPU.
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
    /// Rows that meet a decoded weight at a time.
    pub block_rows: i64,
    /// Pieces that N is cut into, to run at the same time.
    pub tasks: i64,
    /// Workspace that a run needs.
    pub workspace_bytes: usize,
    /// Bytes that a run must move: weights, scales, zero points, x and y, each once.
    pub bytes_moved: u64,
    /// Operations of the product: 2 * M * N * K.
    pub operations: u64,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_plan_info {}

/// Chooses the kernel for `m` rows, or takes the one that the options force.
///
/// Statuses: KERNEL_UNSUPPORTED (the forced kernel cannot run here; the message says why), INVALID_ARGUMENT,
/// UNKNOWN_ENUM, UNSUPPORTED.
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
        let plan = linear.inner.plan(positive(options.m, "options.m")?, dtype, kernel)?;
        out.give(awqm_plan { linear: linear.inner.clone(), plan });
        Ok(())
    })
}

/// The plan in numbers.
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
        let (p, desc) = (&plan.plan, plan.linear.desc());
        out.set(&awqm_plan_info {
            struct_size: 0,
            kernel: p.kernel.into(),
            backend: awqm_backend::CPU,
            isa: p.isa.into(),
            dtype: p.dtype.into(),
            m: p.m as i64,
            n: desc.n as i64,
            k: desc.k as i64,
            group_size: if desc.layout == Layout::Dense { 0 } else { desc.spec.group.get() },
            block_rows: p.block_rows as i64,
            tasks: p.tasks as i64,
            workspace_bytes: p.workspace_bytes,
            bytes_moved: p.bytes_moved,
            operations: p.operations,
        });
        Ok(())
    })
}

/// Why the plan is what it is, in a sentence.
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
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(&plan.plan.reason())
    })
}

/// As awqm_linear_run, with this plan's kernel. `args->m` may be at most the plan's m, and x_dtype must be the plan's.
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
        unsafe { run(&plan.linear, &plan.plan, &args, workspace, workspace_bytes, stream) }
    })
}

/// Frees a plan. NULL is fine.
///
/// # Safety
/// `plan` is NULL or a live handle that is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_plan_free(plan: *mut awqm_plan) {
    // SAFETY: the caller's promise.
    unsafe { free(plan) }
}
