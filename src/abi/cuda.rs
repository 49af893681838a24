//! NVIDIA GPUs: whether there are any, opening one, and what only they do.

use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::{Arc, OnceLock};

use super::device::{Backend, awqm_device};
use super::guard::guard;
use super::linear::{Linear, awqm_linear};
use super::options::{self, InfoOut, Sized0};
use super::packed::{awqm_layer_desc, awqm_layer_tensors};
use super::pointers::{Out, StringOut, reference, string};
use super::status::awqm_status;
use super::types::{awqm_dtype, awqm_layout};
use crate::cuda::{self, CudaDevice, CudaLinear, CudaOptions, DeviceTensors, DeviceTensorsMut};
use crate::error::{Error, ErrorKind, Result};

/// Flag of awqm_cuda_options: every device pointer and stream is looked up in the driver before a launch, so that host
/// pointers, memory and streams of another device, and buffers that are too short for their shape give
/// INVALID_ARGUMENT. Takes microseconds a call; for development. Memory that the host shares with the device
/// (cuMemHostAlloc) counts as a host pointer.
pub const AWQM_CUDA_CHECK_POINTERS: u32 = 1;

/// Flag of awqm_cuda_options: a workspace that a launch on another stream still uses is refused with INVALID_ARGUMENT,
/// as its counters and sums would mix. Takes microseconds and a lock a call; for development. It does not see captures
/// and replays of graphs, and it also refuses a stream that waits for the other by an event of the host's.
pub const AWQM_CUDA_CHECK_WORKSPACE: u32 = 2;

/// Bytes at the start of a GPU workspace that must be zero before its first use; see awqm_linear_workspace_bytes.
pub const AWQM_CUDA_COUNTER_BYTES: usize = 32768;

const _: () = assert!(AWQM_CUDA_COUNTER_BYTES == cuda::COUNTER_BYTES);

/// Options of awqm_device_create_cuda.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_cuda_options {
    /// sizeof(awqm_cuda_options).
    pub struct_size: usize,
    /// Which GPU, as the driver counts (CUDA_VISIBLE_DEVICES matters); unused with `context`.
    pub ordinal: u32,
    /// AWQM_CUDA_CHECK_POINTERS and AWQM_CUDA_CHECK_WORKSPACE, or 0.
    pub flags: u32,
    /// CUcontext that layers live and run in; it must outlive the device and its layers. NULL: the calling thread's
    /// current context when it is one of GPU `ordinal`, else the primary context of that GPU, which programs that use
    /// the CUDA runtime share.
    pub context: *mut c_void,
    /// A tuning table as JSON text (awqm_device_export_tuning shows the form): cuts that plans take before they ask the
    /// library's time model. Checked hard: whatever it says, results are right. NULL: the table that the library ships
    /// for the GPU, if any. Read before this call returns.
    pub tuning: *const c_char,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_cuda_options {}

/// What there is of CUDA; filled by awqm_cuda_get_info.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_cuda_info {
    /// sizeof(awqm_cuda_info), set by the caller.
    pub struct_size: usize,
    /// 1: kernels are built in, a driver is there that is new enough, and it sees a device.
    pub available: i32,
    /// Number of GPUs.
    pub device_count: u32,
    /// CUDA version of the driver, 1000 * major + 10 * minor; 0: no driver.
    pub driver_version: i32,
    /// The oldest driver that the kernels run with, counted alike; 0: no CUDA backend is built in.
    pub needed_driver_version: i32,
    /// What kernels are built for, as text, such as "75,80,86,89,90,100,120,ptx80,ptx120"; "" when none are. Static.
    pub images: *const c_char,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_cuda_info {}

/// Looks for a CUDA driver and its devices. Succeeds with or without them; `reason` gets a sentence that says why
/// `available` is 0, else an empty string.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `out_info` is writable for the struct_size that it carries; `reason`, `cap`, `out_len` as the file comment says, all
/// NULL and 0 when not wanted.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_cuda_get_info(
    out_info: *mut awqm_cuda_info,
    reason: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, text) =
            unsafe { (InfoOut::new(out_info, "out_info")?, StringOut::new(reason, cap, out_len)) };
        let status = cuda::status();
        let why = status.problem.as_ref().map_or_else(String::new, |e| e.to_string());
        text.write(&why)?;
        out.set(&awqm_cuda_info {
            struct_size: 0,
            available: status.problem.is_none().into(),
            device_count: status.devices,
            driver_version: status.driver_version,
            needed_driver_version: status.needed_version,
            images: images(),
        });
        Ok(())
    })
}

/// The list of images as a C string.
fn images() -> *const c_char {
    static TEXT: OnceLock<CString> = OnceLock::new();
    let text: &'static CStr = TEXT.get_or_init(|| CString::new(cuda::built_for()).unwrap_or_default());
    text.as_ptr()
}

/// A GPU. Kernels are loaded here, so this takes milliseconds and must not run on a thread that captures a stream; it
/// neither disturbs nor minds a capture on another thread. The thread's current context is the same afterwards. NULL
/// options: GPU 0.
///
/// Rules for everything that runs on it. Calls that take a stream are asynchronous: they launch and return. `stream` is
/// a CUstream or cudaStream_t of the device's context, or NULL, cudaStreamLegacy or cudaStreamPerThread. x, y,
/// workspace and tensors are device pointers. Graphs that captured such a call use the layer: free it after them. Free
/// layers and devices after their last work is done. Results are the same bit for bit from run to run.
///
/// Statuses: BACKEND_UNAVAILABLE (no driver, or no kernels in this build), DRIVER_TOO_OLD, NO_DEVICE,
/// CAPABILITY_TOO_LOW, DEVICE (the message has the driver's own name of the failure), UNKNOWN_ENUM (a flag),
/// OUT_OF_MEMORY; of the tuning table JSON and INVALID_ARGUMENT (no table, one for another GPU, or nonsense in it: the
/// message names the entry).
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `options` is NULL or readable for its struct_size, its `context` NULL or a live CUcontext, its `tuning` NULL or
/// NUL-terminated; `out_device` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_device_create_cuda(
    options: *const awqm_cuda_options,
    out_device: *mut *mut awqm_device,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, options) =
            unsafe { (Out::new(out_device, "out_device")?, options::read(options, "options")?) };
        const KNOWN: u32 = AWQM_CUDA_CHECK_POINTERS | AWQM_CUDA_CHECK_WORKSPACE;
        if options.flags & !KNOWN != 0 {
            let e = Error::new(ErrorKind::UnknownEnum, "holds a flag that this version does not know");
            return Err(e
                .subject("options.flags")
                .found(options.flags)
                .needed("AWQM_CUDA_CHECK_POINTERS and AWQM_CUDA_CHECK_WORKSPACE, or 0"));
        }
        let tuning = match options.tuning.is_null() {
            true => None,
            // SAFETY: the caller's promise.
            false => Some(unsafe { string(options.tuning, "options.tuning") }?),
        };
        let options = CudaOptions {
            ordinal: options.ordinal,
            context: options.context,
            check_pointers: options.flags & AWQM_CUDA_CHECK_POINTERS != 0,
            check_workspaces: options.flags & AWQM_CUDA_CHECK_WORKSPACE != 0,
            tuning,
        };
        // SAFETY: the caller's promise.
        let device = unsafe { CudaDevice::open(&options) }?;
        out.give(awqm_device { inner: Backend::Cuda(Arc::new(device)) });
        Ok(())
    })
}

/// The GPU behind a handle.
fn gpu<'a>(device: &'a awqm_device, argument: &str) -> Result<&'a Arc<CudaDevice>> {
    match &device.inner {
        Backend::Cuda(cuda) => Ok(cuda),
        Backend::Cpu(_) => Err(Error::invalid("is the CPU, and this call works on GPUs")
            .subject(argument)
            .needed("a device of awqm_device_create_cuda")),
    }
}

/// The tuning table that plans of a GPU are made after, as JSON: what awqm_cuda_options had, else what the library ships
/// for it; a table without entries where there is neither. `scripts/tuning_table.py` makes one from measurements.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `device` is a live handle; `buf`, `cap`, `out_len` as the file comment says.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_device_export_tuning(
    device: *const awqm_device,
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let device = unsafe { reference(device, "device") }?;
        let text = gpu(device, "device")?.tuning().to_json();
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(&text)
    })
}

impl awqm_layer_tensors {
    /// As device pointers.
    fn on_device(&self) -> DeviceTensors {
        DeviceTensors {
            qweight: (self.qweight, self.qweight_bytes),
            scales: (self.scales, self.scales_bytes),
            qzeros: (self.qzeros, self.qzeros_bytes),
            bias: (self.bias, self.bias_bytes),
        }
    }
}

/// A layer over device memory that the host holds, in layout MARLIN (what vLLM and SGLang hold after loading, or what
/// awqm_cuda_repack made): nothing is copied or allocated on the device. qweight, scales and qzeros lie on 16-byte
/// boundaries. The memory must stay as it is until the layer is freed and its last run is done.
///
/// Statuses: TENSOR (a size that does not match), INVALID_ARGUMENT (another layout, a misaligned pointer, the CPU),
/// NULL_POINTER, UNSUPPORTED, UNKNOWN_ENUM.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `device` is a live handle; `desc` and `tensors` are readable for their struct_size; the tensors are memory of the
/// device; `out_linear` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_linear_create_from_device(
    device: *const awqm_device,
    desc: *const awqm_layer_desc,
    tensors: *const awqm_layer_tensors,
    out_linear: *mut *mut awqm_linear,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, device) = unsafe { (Out::new(out_linear, "out_linear")?, reference(device, "device")?) };
        // SAFETY: the caller's promise.
        let (desc, tensors) =
            unsafe { (options::read_required(desc, "desc")?, options::read_required(tensors, "tensors")?) };
        let (desc, bias_dtype) = desc.get()?;
        let gpu = gpu(device, "device")?;
        // SAFETY: the caller's promise.
        let linear = unsafe { CudaLinear::wrap(&desc, &tensors.on_device(), bias_dtype, gpu) }?;
        out.give(awqm_linear { inner: Linear::Cuda(Arc::new(linear)) });
        Ok(())
    })
}

/// Writes a layer's weights as a dense matrix to device memory, `w[k][n] = (q - z) * s` rounded once to F16 or BF16,
/// the very numbers of awqm_packed_dequantize: row-major (K, N), or (N, K) when `transposed` is not 0. `out_bytes` must be
/// exactly K * N elements. Asynchronous on `stream`. For hosts that prefer a dense product for many rows. Layers on the CPU: awqm_packed_dequantize.
///
/// Statuses: TENSOR (size), UNSUPPORTED (dtype), KERNEL_UNSUPPORTED (BF16 below compute capability 8.0),
/// INVALID_ARGUMENT, NULL_POINTER, DEVICE, UNKNOWN_ENUM.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `linear` is a live handle; `out` is memory of its device, writable for `out_bytes`; the stream lives.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_linear_dequantize(
    linear: *const awqm_linear,
    dtype: awqm_dtype,
    transposed: i32,
    out: *mut c_void,
    out_bytes: usize,
    stream: *mut c_void,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let linear = unsafe { reference(linear, "linear") }?;
        let dtype = dtype.get("dtype")?;
        match &linear.inner {
            // SAFETY: the caller's promise.
            Linear::Cuda(l) => unsafe { l.dequantize(dtype, transposed != 0, out, out_bytes, stream) },
            Linear::Cpu(_) => Err(Error::unsupported("is on the CPU, where awqm_packed_dequantize does it")
                .subject("linear")
                .needed("a layer on a GPU")),
        }
    })
}

/// Repacks a layer from device memory to device memory, between the layouts AWQ_GEMM, AWQ_GEMV, COMPRESSED_TENSORS and
/// MARLIN, to the very bytes that awqm_repack makes. Sizes are those of awqm_repack_query, checked exactly; the bias is
/// not touched; inputs and outputs must not overlap. Inputs lie on the boundary of their elements, outputs on 16-byte
/// boundaries. Asynchronous on `stream`: two launches, three with zero points.
///
/// `to`: the layout of the outputs `qweight`, `scales` and `qzeros`, of `qweight_bytes`, `scales_bytes` and
/// `qzeros_bytes`; NULL and 0 for what the layer does not have.
///
/// Statuses: TENSOR (the size of an input), BUFFER_TOO_SMALL, OVERLAP, UNSUPPORTED (another layout, or one that cannot
/// hold the layer), INVALID_ARGUMENT, NULL_POINTER, DEVICE, UNKNOWN_ENUM.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `device` is a live handle; `from` and `tensors` are readable for their struct_size; all tensors are memory of the
/// device for their bytes; the stream lives.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_cuda_repack(
    device: *const awqm_device,
    from: *const awqm_layer_desc,
    tensors: *const awqm_layer_tensors,
    to: awqm_layout,
    qweight: *mut c_void,
    qweight_bytes: usize,
    scales: *mut c_void,
    scales_bytes: usize,
    qzeros: *mut c_void,
    qzeros_bytes: usize,
    stream: *mut c_void,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let device = unsafe { reference(device, "device") }?;
        // SAFETY: the caller's promise.
        let (from, tensors) =
            unsafe { (options::read_required(from, "from")?, options::read_required(tensors, "tensors")?) };
        let (desc, _) = from.get()?;
        let to = to.get("to")?;
        let gpu = gpu(device, "device")?;
        let out = DeviceTensorsMut {
            qweight: (qweight, qweight_bytes),
            scales: (scales, scales_bytes),
            qzeros: (qzeros, qzeros_bytes),
        };
        // SAFETY: the caller's promise.
        unsafe { cuda::repack(gpu, &desc, &tensors.on_device(), to, &out, stream) }
    })
}
