//! The steps of Marlin repacking one by one, for engines that assemble them as Python stacks do. awqm_repack does all
//! at once and takes any shape; these refuse the shapes that the stacks' kernels refuse.

use std::ffi::c_void;

use super::device::{awqm_device, threads};
use super::guard::guard;
use super::pointers::{Out, disjoint, positive, slice, slice_mut};
use super::status::awqm_status;
use super::support::fill;
use super::types::awqm_dtype;
use crate::error::Result;
use crate::layout::marlin::{self, KernelLineage, ScaleOrder};
use crate::types::{Bits, Dtype, GroupSize};

fn bits(bits: u32) -> Result<Bits> {
    Bits::new(bits).map_err(|e| e.subject("bits"))
}

/// Input and output bytes that do not overlap.
///
/// # Safety
/// `input` is readable for `in_bytes`, `out` writable for `out_bytes`.
unsafe fn buffers<'a>(
    input: *const c_void,
    in_bytes: usize,
    out: *mut c_void,
    out_bytes: usize,
) -> Result<(&'a [u8], &'a mut [u8])> {
    disjoint(&[(input.cast(), in_bytes, "in")], &[(out.cast(), out_bytes, "out")])?;
    // SAFETY: the caller's promise; no overlap.
    unsafe { Ok((slice(input.cast(), in_bytes, "in")?, slice_mut(out.cast(), out_bytes, "out")?)) }
}

/// Bytes of the workspace, zeroed int32 locks, that today's Marlin kernels of vLLM and its relatives want on a GPU with
/// so many multiprocessors, for N output features.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `out_bytes` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_marlin_workspace_bytes(
    n: i64,
    multiprocessors: u32,
    out_bytes: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(out_bytes, "out_bytes") }?;
        let (n, processors) = (positive(n, "n")?, positive(multiprocessors.into(), "multiprocessors")?);
        out.set(marlin::workspace_bytes(KernelLineage::PerProcessor, n, processors)?);
        Ok(())
    })
}

/// Marlin's order of scales: `permuted[L * b + i] = plain[L * b + table[i]]`, with L = 64 entries when there are several
/// groups along K (`grouped` not 0) and 32 when there is one.
///
/// Statuses: BUFFER_TOO_SMALL (with out_count written) unless `out_table` is NULL and `cap` 0.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `out_table` is writable for `cap` numbers; `out_count` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_marlin_scale_permutation(
    grouped: i32,
    out_table: *mut u32,
    cap: usize,
    out_count: *mut usize,
) -> awqm_status {
    guard(|| {
        let order = if grouped != 0 { ScaleOrder::Grouped } else { ScaleOrder::Single };
        let table: Vec<u32> = order.table().iter().map(|i| *i as u32).collect();
        // SAFETY: the caller's promise.
        unsafe { fill(&table, out_table, cap, out_count, "out_table") }
    })
}

/// Scales (G, N) into Marlin's order; which of the two follows from size_k and group_size (-1 = per channel).
///
/// `dtype` (F16, BF16 or F32) is that of the scales, `size_n` is N.
///
/// Statuses: TENSOR (a size that does not match), OVERLAP, UNSUPPORTED.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `scales` is readable and `out` writable for `bytes`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_marlin_permute_scales(
    scales: *const c_void,
    out: *mut c_void,
    bytes: usize,
    dtype: awqm_dtype,
    size_k: i64,
    size_n: i64,
    group_size: i64,
) -> awqm_status {
    guard(|| {
        let (k, n) = (positive(size_k, "size_k")?, positive(size_n, "size_n")?);
        let group = GroupSize::new(group_size).map_err(|e| e.subject("group_size"))?;
        // SAFETY: the caller's promise.
        let (scales, out) = unsafe { buffers(scales, bytes, out, bytes) }?;
        marlin::permute_scales(scales, dtype.get("dtype")?, group.count(k), n, ScaleOrder::of(k, group), out)
    })
}

/// A bias (N) into the order in which Marlin kernels that add it themselves read it.
///
/// `dtype` (F16, BF16 or F32) is that of the bias, `size_n` is N.
///
/// Statuses: TENSOR (a size that does not match), OVERLAP, UNSUPPORTED.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `bias` is readable and `out` writable for `bytes`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_marlin_permute_bias(
    bias: *const c_void,
    out: *mut c_void,
    bytes: usize,
    dtype: awqm_dtype,
    size_n: i64,
) -> awqm_status {
    guard(|| {
        let n = positive(size_n, "size_n")?;
        // SAFETY: the caller's promise.
        let (bias, out) = unsafe { buffers(bias, bytes, out, bytes) }?;
        marlin::permute_bias(bias, dtype.get("dtype")?, n, out)
    })
}

/// Codes (rows, columns), one a byte, to words (rows, columns * bits / 32), the first column in the lowest bits.
///
/// `bits`: 4 or 8; `rows`, `columns`: the shape of the codes.
///
/// Statuses: TENSOR (a size that does not match, a code that does not fit its bits), OVERLAP, UNSUPPORTED.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `codes` is readable for `codes_bytes`, `out` writable for `out_bytes`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_pack_columns(
    codes: *const u8,
    codes_bytes: usize,
    rows: i64,
    columns: i64,
    bits: u32,
    out: *mut c_void,
    out_bytes: usize,
) -> awqm_status {
    guard(|| {
        let (rows, columns, bits) =
            (positive(rows, "rows")?, positive(columns, "columns")?, self::bits(bits)?);
        // SAFETY: the caller's promise.
        let (codes, out) = unsafe { buffers(codes.cast(), codes_bytes, out, out_bytes) }?;
        marlin::pack_columns(codes, Dtype::U8, rows, columns, bits, out)
    })
}

/// The inverse of awqm_pack_columns.
///
/// `bits`: 4 or 8; `rows`, `columns`: the shape of the codes.
///
/// Statuses: TENSOR (a size that does not match), OVERLAP, UNSUPPORTED.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `words` is readable for `words_bytes`, `out` writable for `out_bytes`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_unpack_columns(
    words: *const c_void,
    words_bytes: usize,
    rows: i64,
    columns: i64,
    bits: u32,
    out: *mut u8,
    out_bytes: usize,
) -> awqm_status {
    guard(|| {
        let (rows, columns, bits) =
            (positive(rows, "rows")?, positive(columns, "columns")?, self::bits(bits)?);
        // SAFETY: the caller's promise.
        let (words, out) = unsafe { buffers(words, words_bytes, out.cast(), out_bytes) }?;
        marlin::unpack_columns(words, rows, columns, bits, Dtype::U8, out)
    })
}

/// Zero points (G, N), one a byte, to Marlin's words (G, N * bits / 32).
///
/// `groups` is G, `size_n` is N, `bits` 4 or 8.
///
/// Statuses: TENSOR (a size that does not match, a code that does not fit its bits), OVERLAP, UNSUPPORTED.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `zeros` is readable for `zeros_bytes`, `out` writable for `out_bytes`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_marlin_zero_points(
    zeros: *const u8,
    zeros_bytes: usize,
    groups: i64,
    size_n: i64,
    bits: u32,
    out: *mut c_void,
    out_bytes: usize,
) -> awqm_status {
    guard(|| {
        let (groups, n, bits) = (positive(groups, "groups")?, positive(size_n, "size_n")?, self::bits(bits)?);
        // SAFETY: the caller's promise.
        let (zeros, out) = unsafe { buffers(zeros.cast(), zeros_bytes, out, out_bytes) }?;
        marlin::zero_points_to_marlin(zeros, Dtype::U8, groups, n, bits, out)
    })
}

/// qzeros of the AWQ gemm layout to Marlin's, both (G, N * bits / 32) words.
///
/// `groups` is G, `size_n` is N, `bits` 4 or 8.
///
/// Statuses: TENSOR (a size that does not match), OVERLAP, UNSUPPORTED.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `qzeros` is readable and `out` writable for `bytes`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_awq_to_marlin_zero_points(
    qzeros: *const c_void,
    out: *mut c_void,
    bytes: usize,
    groups: i64,
    size_n: i64,
    bits: u32,
) -> awqm_status {
    guard(|| {
        let (groups, n, bits) = (positive(groups, "groups")?, positive(size_n, "size_n")?, self::bits(bits)?);
        // SAFETY: the caller's promise.
        let (qzeros, out) = unsafe { buffers(qzeros, bytes, out, bytes) }?;
        marlin::awq_to_marlin_zero_points(qzeros, groups, n, bits, out)
    })
}

/// qweight of the AWQ gemm layout, words (K, N * bits / 32), to Marlin's (K / 16, N * 16 * bits / 32). K must be a
/// multiple of 16 and N of 64; for other shapes see awqm_repack.
///
/// `size_k` is K, `size_n` is N, `bits` 4 or 8.
///
/// Statuses: TENSOR (a size that does not match), OVERLAP, UNSUPPORTED.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `qweight` is readable and `out` writable for `bytes`; `device` (whose threads work) is NULL or a live handle.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_awq_marlin_repack(
    qweight: *const c_void,
    out: *mut c_void,
    bytes: usize,
    size_k: i64,
    size_n: i64,
    bits: u32,
    device: *const awqm_device,
) -> awqm_status {
    guard(|| {
        let (k, n, bits) = (positive(size_k, "size_k")?, positive(size_n, "size_n")?, self::bits(bits)?);
        // SAFETY: the caller's promise.
        let ((qweight, out), par) = unsafe { (buffers(qweight, bytes, out, bytes)?, threads(device)) };
        marlin::awq_marlin_repack(qweight, k, n, bits, out, par)
    })
}

/// As awqm_awq_marlin_repack, from the GPTQ layout without act-order: words (K * bits / 32, N).
///
/// Statuses: as awqm_awq_marlin_repack.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// As awqm_awq_marlin_repack.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_gptq_marlin_repack(
    qweight: *const c_void,
    out: *mut c_void,
    bytes: usize,
    size_k: i64,
    size_n: i64,
    bits: u32,
    device: *const awqm_device,
) -> awqm_status {
    guard(|| {
        let (k, n, bits) = (positive(size_k, "size_k")?, positive(size_n, "size_n")?, self::bits(bits)?);
        // SAFETY: the caller's promise.
        let ((qweight, out), par) = unsafe { (buffers(qweight, bytes, out, bytes)?, threads(device)) };
        marlin::gptq_marlin_repack(qweight, k, n, bits, out, par)
    })
}
