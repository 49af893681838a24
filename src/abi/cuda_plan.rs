//! What GPUs are called and what would run on them: answered from numbers, without a GPU or a driver.

use std::ffi::c_char;

use super::guard::guard;
use super::linear::{activation, batch_invariant};
use super::options::{self, InfoOut, Sized0};
use super::pointers::{StringOut, positive, string, text_field};
use super::status::awqm_status;
use super::types::{awqm_dtype, awqm_kernel};
use crate::cuda::{CudaPlan, Gpu, Problem, Tuning, Wish, capability};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{LayerDesc, Layout};
use crate::types::{Bits, Dtype, GroupSize, QuantSpec};

/// A compute capability in words and in the numbers of a typical product; filled by awqm_query_capability.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_capability_info {
    /// sizeof(awqm_capability_info), set by the caller.
    pub struct_size: usize,
    /// 1: kernels of this library run on it.
    pub supported: i32,
    /// Multiprocessors of the typical product; 0 when unsupported or unknown.
    pub multiprocessors: u32,
    /// Memory bandwidth of the typical product in GB/s (10^9 bytes); 0 when unsupported or unknown.
    pub bandwidth_gbps: f64,
    /// Most shared memory of a block in bytes; 0 when unsupported.
    pub shared_bytes: u32,
    /// NVIDIA's name of the architecture, such as "Turing"; empty when unknown.
    pub architecture: [c_char; 32],
    /// Well-known products, such as "RTX 20, GTX 16, T4"; empty when unknown.
    pub products: [c_char; 64],
    /// The product that the numbers are of; empty when unsupported or unknown.
    pub typical: [c_char; 36],
    /// Dense products of F16 with sums in F32 of the typical product, in TFLOP/s (10^12); 0 when unsupported or unknown.
    pub tflops: f64,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_capability_info {}

/// Options of awqm_query_cuda_plan.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_cuda_plan_options {
    /// sizeof(awqm_cuda_plan_options).
    pub struct_size: usize,
    /// Compute capability times ten, such as 86.
    pub capability: u32,
    /// Multiprocessors of the GPU; 0 = as many as a typical product has, with its bandwidth.
    pub multiprocessors: u32,
    /// Memory bandwidth in GB/s (10^9 bytes); 0 = unknown.
    pub bandwidth_gbps: f64,
    /// Input features.
    pub k: i64,
    /// Output features.
    pub n: i64,
    /// Rows of activations.
    pub m: i64,
    /// 4 or 8.
    pub bits: u32,
    /// 1: zero points are stored; 0: symmetric.
    pub zero_point: i32,
    /// Group size; -1 = per channel.
    pub group_size: i64,
    /// Element type of the scales. 0 = F16.
    pub scale_dtype: awqm_dtype,
    /// Element type of x.
    pub dtype: awqm_dtype,
    /// Kernel version to force; AWQM_KERNEL_AUTO chooses.
    pub kernel: awqm_kernel,
    /// AWQM_BATCH_INVARIANT or 0.
    pub flags: u32,
    /// A tuning table as JSON text, as in awqm_cuda_options; NULL: the one that the library ships for such a GPU, if any.
    pub tuning: *const c_char,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_cuda_plan_options {}

/// A plan for a GPU in numbers; filled by awqm_query_cuda_plan.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_cuda_plan_info {
    /// sizeof(awqm_cuda_plan_info), set by the caller.
    pub struct_size: usize,
    /// Kernel version chosen, never AUTO.
    pub kernel: awqm_kernel,
    /// Multiprocessors that the plan is for.
    pub multiprocessors: u32,
    /// Bandwidth that the plan is for; 0 = unknown.
    pub bandwidth_gbps: f64,
    /// Tiles of 64 columns of a block.
    pub tiles: u32,
    /// Slices of K, added in a fixed order by the last block of a column.
    pub splits: u32,
    /// Tiles of 16 rows along K of a slice: of one warp in the GEMV, else of what the warps of a block share.
    pub slice_tiles: u32,
    /// Threads of a block.
    pub block: u32,
    /// Blocks of the launch along x.
    pub grid_x: u32,
    /// Blocks of the launch along y.
    pub grid_y: u32,
    /// Blocks of the launch along z.
    pub grid_z: u32,
    /// Rows of x of a block.
    pub block_rows: u32,
    /// Workspace that a run needs.
    pub workspace_bytes: usize,
    /// Bytes at its start that must be zero before the first run; each run leaves them zero.
    pub counter_bytes: usize,
    /// Bytes that a run must move: weights, scales, zero points, x and y, each once.
    pub bytes_moved: u64,
    /// Operations of the product: 2 * M * N * K.
    pub operations: u64,
    /// Least time in microseconds, bytes_moved at the full bandwidth; 0 = bandwidth unknown.
    pub floor_us: f64,
    /// Least time of the products, at the peak of the typical product, scaled to the multiprocessors.
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
unsafe impl Sized0 for awqm_cuda_plan_info {}

/// Compute capability 86 as (8, 6).
fn pair(code: u32) -> (u32, u32) {
    (code / 10, code % 10)
}

/// What GPUs of a compute capability (times ten, such as 86) are called, and whether kernels run on them. An unknown
/// capability is no failure: its texts are empty, and above 7.5 it is taken as newer and supported.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `out_info` is writable for the struct_size that it carries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_query_capability(
    capability: u32,
    out_info: *mut awqm_capability_info,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { InfoOut::new(out_info, "out_info") }?;
        let known = capability::architecture(pair(capability));
        let typical = known.and_then(|a| a.typical);
        out.set(&awqm_capability_info {
            struct_size: 0,
            supported: capability::check(pair(capability)).is_ok().into(),
            multiprocessors: typical.map_or(0, |p| p.multiprocessors),
            bandwidth_gbps: typical.map_or(0.0, |p| p.bandwidth_gbps),
            architecture: text_field(known.map_or("", |a| a.name)),
            products: text_field(known.map_or("", |a| a.products)),
            typical: text_field(typical.map_or("", |p| p.name)),
            tflops: typical.map_or(0.0, |p| p.tflops),
            shared_bytes: capability::check(pair(capability))
                .map_or(0, |()| capability::shared_limit(pair(capability))),
        });
        Ok(())
    })
}

/// The plan that a GPU of these numbers would get for a layer and a number of rows, and why, in a sentence. No GPU and
/// no driver are needed.
///
/// Statuses: CAPABILITY_TOO_LOW, KERNEL_UNSUPPORTED (the message says what the kernel needs), UNSUPPORTED (dtype,
/// bits, more rows than a launch takes), TENSOR (a dtype that scales cannot have), INVALID_ARGUMENT, SIZE_OVERFLOW,
/// UNKNOWN_ENUM; JSON (the tuning table).
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `options` is readable, its `tuning` NULL or NUL-terminated, and `out_info` writable for the struct_size that each carries; `reason`, `cap`, `out_len` as
/// the file comment says, all NULL and 0 when not wanted.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_query_cuda_plan(
    options: *const awqm_cuda_plan_options,
    out_info: *mut awqm_cuda_plan_info,
    reason: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let options = unsafe { options::read_required(options, "options") }?;
        // SAFETY: the caller's promise.
        let (out, text) =
            unsafe { (InfoOut::new(out_info, "out_info")?, StringOut::new(reason, cap, out_len)) };
        let kernel = options.kernel.get("options.kernel")?;
        let (gpu, problem) = (gpu(&options)?, problem(&options)?);
        let wish = Wish { kernel, batch_invariant: batch_invariant(options.flags)? };
        let plan = if options.tuning.is_null() {
            CudaPlan::new(&gpu, &problem, wish)?
        } else {
            // SAFETY: the caller's promise.
            let text = unsafe { string(options.tuning, "options.tuning") }?;
            CudaPlan::tuned(&gpu, &problem, wish, &Tuning::from_json(text, &gpu)?)?
        };
        text.write(&plan.reason())?;
        out.set(&awqm_cuda_plan_info {
            struct_size: 0,
            kernel: plan.kernel.into(),
            multiprocessors: gpu.multiprocessors,
            bandwidth_gbps: gpu.bandwidth_gbps,
            tiles: plan.tiles,
            splits: plan.splits,
            slice_tiles: plan.slice_tiles,
            block: plan.block,
            grid_x: plan.grid.0,
            grid_y: plan.grid.1,
            grid_z: plan.grid.2,
            workspace_bytes: plan.workspace_bytes,
            counter_bytes: plan.counter_bytes,
            bytes_moved: plan.bytes_moved,
            operations: plan.operations,
            block_rows: plan.block_rows,
            floor_us: plan.floor_us,
            shared_bytes: plan.shared_bytes,
            products_floor_us: plan.products_floor_us,
            predicted_us: plan.predicted_us,
            dense_predicted_us: plan.dense_predicted_us,
            prefers_dense: plan.prefers_dense().into(),
            batch_invariant: plan.batch_invariant().into(),
            code: text_field(&plan.code()),
        });
        Ok(())
    })
}

fn gpu(options: &awqm_cuda_plan_options) -> Result<Gpu> {
    let capability = pair(options.capability);
    capability::check(capability)?;
    let mut gpu =
        Gpu { capability, multiprocessors: options.multiprocessors, bandwidth_gbps: options.bandwidth_gbps };
    if gpu.multiprocessors == 0 {
        let typical = capability::architecture(capability).and_then(|a| a.typical).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "no product of this capability is known; name the number")
                .subject("options.multiprocessors")
                .found(0)
                .needed("1 or more")
        })?;
        gpu.multiprocessors = typical.multiprocessors;
        if gpu.bandwidth_gbps == 0.0 {
            gpu.bandwidth_gbps = typical.bandwidth_gbps;
        }
    }
    Ok(gpu)
}

fn problem(options: &awqm_cuda_plan_options) -> Result<Problem> {
    let scale_dtype = match options.scale_dtype.0 {
        0 => Dtype::F16,
        _ => options.scale_dtype.get("options.scale_dtype")?,
    };
    let spec = QuantSpec {
        bits: Bits::new(options.bits).map_err(|e| e.subject("options.bits"))?,
        group: GroupSize::new(options.group_size).map_err(|e| e.subject("options.group_size"))?,
        zero_point: options.zero_point != 0,
    };
    let (k, n) = (positive(options.k, "options.k")?, positive(options.n, "options.n")?);
    let layer = LayerDesc { k, n, spec, layout: Layout::Marlin, scale_dtype };
    Problem::new(&layer, positive(options.m, "options.m")?, activation(options.dtype, "options.dtype")?)
}
