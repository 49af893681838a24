//! `awqm_linear`: a layer on a device, ready to run.

use std::ffi::c_void;
use std::sync::Arc;

use super::device::{Backend, awqm_device};
use super::guard::guard;
use super::options::{self, InfoOut, Sized0};
use super::packed::awqm_packed;
use super::plan::Plan;
use super::pointers::{Out, free, null, positive, reference, size};
use super::status::awqm_status;
use super::types::{awqm_backend, awqm_compute, awqm_dtype, awqm_layout};
use crate::cpu::{CpuLinear, XView, YMut};
use crate::cuda::{CudaLinear, DeviceMatrix, Run, Wish};
use crate::error::{Error, ErrorKind, Result};
use crate::kernel::{Compute, Kernel};
use crate::layout::{LayerDesc, Layout};
use crate::matrix::Matrix;
use crate::types::Dtype;

/// A linear layer on a device: y = x * w + bias. Immutable: any number of threads may run it at once, each with a
/// workspace of its own.
pub struct awqm_linear {
    pub(super) inner: Linear,
}

/// A layer on one of the backends.
#[derive(Clone)]
pub(super) enum Linear {
    Cpu(Arc<CpuLinear>),
    Cuda(Arc<CudaLinear>),
}

impl Linear {
    pub(super) fn desc(&self) -> &LayerDesc {
        match self {
            Linear::Cpu(l) => l.desc(),
            Linear::Cuda(l) => l.desc(),
        }
    }

    /// What would run, with the layer that it is for.
    pub(super) fn plan(&self, m: usize, dtype: Dtype, wish: Wish) -> Result<Plan> {
        Ok(match self {
            Linear::Cpu(_) if wish.batch_invariant => return Err(no_invariance()),
            Linear::Cpu(l) => Plan::Cpu(l.clone(), l.plan(m, dtype, wish.kernel)?),
            Linear::Cuda(l) => Plan::Cuda(l.clone(), l.plan(m, dtype, wish)?),
        })
    }
}

/// The answer to the wish for batch invariance on the CPU.
fn no_invariance() -> Error {
    Error::unsupported("batch-invariant results are a promise of the GPU kernels only")
        .subject("options.flags")
        .found("AWQM_BATCH_INVARIANT for a layer on the CPU")
        .needed("a layer on a GPU, or int8 arithmetic, which needs no flag")
}

/// Flag of awqm_linear_options, awqm_plan_options and awqm_cuda_plan_options, for GPUs: the bits of a row of y depend
/// neither on m nor on the other rows, so that a query's answer is the same whatever it is batched with. The tensor-core
/// tiles then run every m with slices of K that depend on the layer and the GPU alone. Few rows are slower than without
/// (awqm_plan_get_info predicts both), and where K is split the workspace grows with m, so that very many rows must be
/// run in parts; the bits are the same.
pub const AWQM_BATCH_INVARIANT: u32 = 1;

/// Whether the flags ask for batch invariance, and for nothing that is not known.
pub(super) fn batch_invariant(flags: u32) -> Result<bool> {
    if flags & !AWQM_BATCH_INVARIANT != 0 {
        let e = Error::new(ErrorKind::UnknownEnum, "holds a flag that this version does not know");
        return Err(e.subject("options.flags").found(flags).needed("0 or AWQM_BATCH_INVARIANT"));
    }
    Ok(flags != 0)
}

/// Options of awqm_linear_create.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_linear_options {
    /// sizeof(awqm_linear_options).
    pub struct_size: usize,
    /// Arithmetic.
    pub compute: awqm_compute,
    /// AWQM_BATCH_INVARIANT or 0: for awqm_linear_run, and for every plan of the layer.
    pub flags: u32,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_linear_options {}

/// What a layer is; filled by awqm_linear_get_info.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_linear_info {
    /// sizeof(awqm_linear_info), set by the caller.
    pub struct_size: usize,
    /// Input features.
    pub k: i64,
    /// Output features.
    pub n: i64,
    /// Layout on the device.
    pub layout: awqm_layout,
    /// 4 or 8; 0 when dense.
    pub bits: u32,
    /// Group size; -1 = per channel; 0 when dense.
    pub group_size: i64,
    /// 1: there is a bias.
    pub has_bias: i32,
    /// Where it runs.
    pub backend: awqm_backend,
    /// Bytes that it holds on the device.
    pub bytes: usize,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_linear_info {}

/// Arguments of awqm_linear_run and awqm_plan_run.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_run_args {
    /// sizeof(awqm_run_args).
    pub struct_size: usize,
    /// Activations, m rows of K elements; at any alignment on the CPU, that of their elements on a GPU.
    pub x: *const c_void,
    /// F16, BF16 or F32; on a GPU F16, or BF16 from compute capability 8.0 on.
    pub x_dtype: awqm_dtype,
    /// F16, BF16 or F32. 0 = x_dtype.
    pub y_dtype: awqm_dtype,
    /// Result, m rows of N elements; at any alignment where x may be; must not share memory with x or the workspace
    /// (x and y may be different columns of one matrix).
    pub y: *mut c_void,
    /// Rows, 1 or more: 0 is INVALID_ARGUMENT.
    pub m: i64,
    /// Elements from one row of x to the next, at least K; 0 = K. Any for a single row. What lies between rows is not read.
    pub x_stride: i64,
    /// Elements from one row of y to the next, at least N; 0 = N. Any for a single row. What lies between rows stays.
    pub y_stride: i64,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_run_args {}

/// Puts a packed layer on a device. On the CPU the weights are copied once, as they are repacked to AWQM_LAYOUT_CPU; a
/// layer that is in that layout already, or dense, shares the memory of `packed`, and nothing is copied.
/// On a GPU it is repacked to AWQM_LAYOUT_MARLIN and copied to memory of its own there; this waits for the copy, and for
/// nothing else. The layer keeps what it needs, so `packed` may be freed.
///
/// Statuses: UNSUPPORTED (dense layers on a GPU, int8 arithmetic for a dense layer or on a GPU), UNKNOWN_ENUM, OUT_OF_MEMORY, DEVICE.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `device` and `packed` are live handles; `options` is NULL or readable for its struct_size; `out_linear` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_linear_create(
    device: *const awqm_device,
    packed: *const awqm_packed,
    options: *const awqm_linear_options,
    out_linear: *mut *mut awqm_linear,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, device) = unsafe { (Out::new(out_linear, "out_linear")?, reference(device, "device")?) };
        // SAFETY: the caller's promise.
        let (packed, options) = unsafe { (reference(packed, "packed")?, options::read(options, "options")?) };
        let compute = options.compute.get("options.compute")?;
        let invariant = batch_invariant(options.flags)?;
        let inner = match &device.inner {
            // int8 sums are exact, so nothing else is needed there.
            Backend::Cpu(_) if invariant && compute != Compute::Int8 => return Err(no_invariance()),
            Backend::Cpu(cpu) => {
                let layer = CpuLinear::shared(packed.inner.clone(), cpu)?;
                Linear::Cpu(Arc::new(layer.with_compute(compute)?))
            }
            Backend::Cuda(_) if compute == Compute::Int8 => {
                return Err(Error::unsupported("int8 arithmetic is for the CPU").subject("options.compute"));
            }
            Backend::Cuda(cuda) => {
                Linear::Cuda(Arc::new(CudaLinear::upload(&packed.inner.view(), cuda, invariant)?))
            }
        };
        out.give(awqm_linear { inner });
        Ok(())
    })
}

/// What a layer is.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `linear` is a live handle; `out_info` is writable for the struct_size that it carries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_linear_get_info(
    linear: *const awqm_linear,
    out_info: *mut awqm_linear_info,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, linear) = unsafe { (InfoOut::new(out_info, "out_info")?, reference(linear, "linear")?) };
        let desc = linear.inner.desc();
        let quantized = desc.layout != Layout::Dense;
        let (backend, has_bias, bytes) = match &linear.inner {
            Linear::Cpu(l) => (awqm_backend::CPU, l.packed().bias.is_some(), l.bytes()),
            Linear::Cuda(l) => (awqm_backend::CUDA, l.has_bias(), l.bytes()),
        };
        out.set(&awqm_linear_info {
            struct_size: 0,
            k: desc.k as i64,
            n: desc.n as i64,
            layout: desc.layout.into(),
            bits: if quantized { desc.spec.bits.get() as u32 } else { 0 },
            group_size: if quantized { desc.spec.group.get() } else { 0 },
            has_bias: has_bias.into(),
            backend,
            bytes,
        });
        Ok(())
    })
}

/// Workspace that is enough for every m from 1 to max_m, every x and y dtype and every kernel of this layer.
///
/// On the CPU it need not be zeroed or aligned, and its contents mean nothing between calls. On a GPU it is device
/// memory on a 16-byte boundary whose first AWQM_CUDA_COUNTER_BYTES are zero before its first use (cudaMemset once, all
/// of it if that is simpler); every run leaves them zero, so that layers that run one after the other on a stream can
/// share one workspace without clearing it. After a run that a failure of the device cut short, clear them again. 0 bytes:
/// no workspace is needed, NULL will do. Work that may run at the same time, on two streams say, needs a workspace each;
/// AWQM_CUDA_CHECK_WORKSPACE finds sharing out. Plans with AWQM_BATCH_INVARIANT of a layer made without that flag, and
/// imported plans, may need more: awqm_plan_get_info says what.
///
/// `x_dtype`: element type of x.
///
/// Statuses: UNSUPPORTED (a dtype that activations cannot have).
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `linear` is a live handle; `out_bytes` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_linear_workspace_bytes(
    linear: *const awqm_linear,
    max_m: i64,
    x_dtype: awqm_dtype,
    out_bytes: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, linear) = unsafe { (Out::new(out_bytes, "out_bytes")?, reference(linear, "linear")?) };
        let max_m = positive(max_m, "max_m")?;
        let dtype = activation(x_dtype, "x_dtype")?;
        let bytes = match &linear.inner {
            Linear::Cpu(l) => {
                let mut bytes = 0;
                for kernel in [Kernel::Auto, Kernel::Gemv, Kernel::Gemm] {
                    bytes = bytes.max(l.plan(max_m, dtype, kernel)?.workspace_bytes);
                }
                bytes
            }
            Linear::Cuda(l) => l.workspace_bytes(max_m, dtype)?,
        };
        out.set(bytes);
        Ok(())
    })
}

/// y = x * w + bias, with the kernel that suits m. Allocates nothing; sums are in F32. A row of x that holds a NaN gives a
/// row of NaN, and one that holds an infinity a row of infinities and NaN, in every arithmetic; the other rows of y are what
/// they are without it. A scale or bias that is NaN spoils its column alone.
///
/// On the CPU it returns when y is written, `stream` must be NULL, and results do not depend on the number of threads.
/// On a GPU it launches one kernel on `stream` and returns: nothing is waited for, so a stream may capture it; rules at
/// awqm_device_create_cuda. Results are the same from run to run and do not depend on what else runs; the kernel assumes
/// nothing about which of its blocks run at the same time, and no block waits for another.
///
/// `workspace`, of `workspace_bytes`: room for the call, see awqm_linear_workspace_bytes.
///
/// Statuses: BUFFER_TOO_SMALL (workspace), OVERLAP, NULL_POINTER, INVALID_ARGUMENT (also a stream that is none),
/// UNSUPPORTED (dtype), UNKNOWN_ENUM; DEVICE: the driver's failure is named in the message, may come from earlier work in
/// the context, and after one that costs the context every call says so. Nothing runs after a failed check.
///
/// Threads: any, at once, each with a workspace and a y of its own. Since 0.1.
///
/// # Safety
/// `linear` is a live handle; `args` is readable for its struct_size, x for m rows, y writable for m rows, the
/// workspace for its bytes, and nothing else uses y or the workspace during the call.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_linear_run(
    linear: *const awqm_linear,
    args: *const awqm_run_args,
    workspace: *mut c_void,
    workspace_bytes: usize,
    stream: *mut c_void,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (linear, args) = unsafe { (reference(linear, "linear")?, options::read_required(args, "args")?) };
        let (m, dtype) = (positive(args.m, "args.m")?, activation(args.x_dtype, "args.x_dtype")?);
        // SAFETY: the caller's promise.
        unsafe {
            run(&linear.inner.plan(m, dtype, Kernel::Auto.into())?, &args, workspace, workspace_bytes, stream)
        }
    })
}

/// Frees a layer. NULL is fine.
///
/// Threads: any; the last call with this handle. Since 0.1.
///
/// # Safety
/// `linear` is NULL or a live handle that is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_linear_free(linear: *mut awqm_linear) {
    // SAFETY: the caller's promise.
    unsafe { free(linear) }
}

/// A dtype that activations may have.
pub(super) fn activation(code: awqm_dtype, argument: &str) -> Result<Dtype> {
    let dtype = code.get(argument)?;
    if !dtype.is_activation() {
        let e = Error::unsupported("is no dtype of activations").subject(argument);
        return Err(e.found(dtype).needed("F16, BF16 or F32"));
    }
    Ok(dtype)
}

/// One matrix of the arguments, its strides checked.
fn matrix(
    p: *const c_void,
    m: usize,
    columns: usize,
    stride: i64,
    dtype: Dtype,
    name: &str,
) -> Result<Matrix> {
    if p.is_null() {
        return Err(null(&format!("args.{name}")));
    }
    let stride = match usize::try_from(stride) {
        Ok(0) => columns,
        Ok(stride) => stride,
        // The name is put together only for the message: a good call allocates nothing.
        Err(_) => size(stride, &format!("args.{name}_stride"))?,
    };
    Matrix::new(name, dtype, m, columns, stride)
}

/// # Safety
/// As [`awqm_linear_run`].
pub(super) unsafe fn run(
    plan: &Plan,
    args: &awqm_run_args,
    workspace: *mut c_void,
    workspace_bytes: usize,
    stream: *mut c_void,
) -> Result<()> {
    let desc = plan.desc();
    let m = positive(args.m, "args.m")?;
    let x_dtype = activation(args.x_dtype, "args.x_dtype")?;
    let y_dtype = if args.y_dtype.0 == 0 { x_dtype } else { activation(args.y_dtype, "args.y_dtype")? };
    let x = matrix(args.x, m, desc.k, args.x_stride, x_dtype, "x")?;
    let y = matrix(args.y, m, desc.n, args.y_stride, y_dtype, "y")?;
    if workspace.is_null() && workspace_bytes > 0 {
        return Err(null("workspace"));
    }
    match plan {
        Plan::Cpu(linear, plan) => {
            if !stream.is_null() {
                return Err(Error::invalid("the CPU has no streams").subject("stream").needed("NULL"));
            }
            // SAFETY: readable and writable for these bytes by the caller's promise; run_raw finds out about overlaps.
            unsafe {
                let (x, y) = (XView::from_raw(args.x.cast(), x), YMut::from_raw(args.y.cast(), y));
                linear.run_raw(plan, x, y, workspace.cast(), workspace_bytes)
            }
        }
        Plan::Cuda(linear, plan) => {
            let x = DeviceMatrix { at: args.x.cast_mut(), shape: x };
            let y = DeviceMatrix { at: args.y, shape: y };
            // SAFETY: the caller's promise.
            unsafe { linear.run(plan, &Run { x, y, workspace, workspace_bytes, stream }) }
        }
    }
}
