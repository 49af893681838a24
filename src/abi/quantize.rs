//! Quantization and conversion, of one tensor and of whole checkpoints.

use std::ffi::{CString, c_char, c_void};
use std::path::Path;
use std::sync::Arc;

use super::device::{awqm_device, threads};
use super::guard::guard;
use super::options::{self, InfoOut, Sized0};
use super::packed::awqm_packed;
use super::pointers::{Out, positive, slice, string};
use super::status::awqm_status;
use super::types::{awqm_dtype, awqm_layout, awqm_range_rule};
use crate::checkpoint::WriterOptions;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::quantize::{self, CheckpointOptions, Progress, RangeRule, Report, RtnOptions, Stage};
use crate::types::{self, Bits, GroupSize, QuantSpec};

/// How far a long job is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_progress {
    /// sizeof(awqm_progress).
    pub struct_size: usize,
    /// What is being done: "search" (of a group, by awqm_quantizer_run), "layers", "copy" (other tensors) or "finish".
    pub stage: *const c_char,
    /// The layer or tensor at hand.
    pub layer: *const c_char,
    /// Which one it is, from 0.
    pub index: u64,
    /// Of how many.
    pub count: u64,
    /// Bytes of the source done before this one.
    pub bytes_done: u64,
    /// Bytes of the source in all.
    pub bytes_total: u64,
}

/// Called before each layer on the thread that called the library; the struct and its strings die when it returns.
/// Return 0 to go on, anything else to stop: the call then gives AWQM_STATUS_CANCELLED and leaves nothing behind.
/// Must not unwind.
pub type awqm_progress_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, progress: *const awqm_progress) -> i32>;

/// Options of awqm_quantize_tensor, awqm_quantize_checkpoint and awqm_convert_checkpoint.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_quantize_options {
    /// sizeof(awqm_quantize_options).
    pub struct_size: usize,
    /// 4 or 8; 0 = 4. Not for convert.
    pub bits: u32,
    /// 0: with zero points. 1: symmetric. Not for convert.
    pub symmetric: i32,
    /// Group size; -1 = per channel; 0 = 128. Not for convert.
    pub group_size: i64,
    /// Layout to write; 0 = AWQM_LAYOUT_AWQ_GEMM.
    pub layout: awqm_layout,
    /// How ranges become scales. Not for convert.
    pub range_rule: awqm_range_rule,
    /// Layers to leave as they are, each one or more whole components of a module name: "lm_head", "self_attn.o_proj",
    /// "model.layers.0". lm_head and the routers of mixtures of experts are always left. Not for a single tensor, nor
    /// for convert.
    pub skip: *const *const c_char,
    /// Number of skip entries.
    pub skip_count: usize,
    /// Largest file to write; 0 = 4 GiB. Not for a single tensor.
    pub max_shard_bytes: u64,
    /// Whose threads work; NULL = the calling thread alone.
    pub device: *const awqm_device,
    /// Progress callback; NULL = none. Not for a single tensor.
    pub progress: awqm_progress_fn,
    /// Handed to `progress`.
    pub user_data: *mut c_void,
    /// 1: replace a checkpoint that is already in the destination. 0: refuse.
    pub overwrite: i32,
    /// Not used yet; must be 0.
    pub reserved: u32,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_quantize_options {
    fn reserved(&self) -> u32 {
        self.reserved
    }
}

/// What was written; filled by awqm_quantize_checkpoint and awqm_convert_checkpoint.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_quantize_report {
    /// sizeof(awqm_quantize_report), set by the caller.
    pub struct_size: usize,
    /// Layers that were quantized or converted.
    pub layers_quantized: u64,
    /// Linear layers that were left as they are.
    pub layers_kept: u64,
    /// Bytes of all tensors before.
    pub bytes_before: u64,
    /// Bytes of all tensors after.
    pub bytes_after: u64,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_quantize_report {}

impl awqm_quantize_options {
    fn spec(&self) -> Result<QuantSpec> {
        let bits = if self.bits == 0 { 4 } else { self.bits };
        let group = if self.group_size == 0 { 128 } else { self.group_size };
        Ok(QuantSpec {
            bits: Bits::new(bits).map_err(|e| e.subject("options.bits"))?,
            group: GroupSize::new(group).map_err(|e| e.subject("options.group_size"))?,
            zero_point: self.symmetric == 0,
        })
    }

    fn to(&self) -> Result<Layout> {
        self.layout.get_or(Layout::AwqGemm, "options.layout")
    }

    fn writer(&self) -> WriterOptions {
        let mut writer = WriterOptions { overwrite: self.overwrite != 0, ..WriterOptions::default() };
        if self.max_shard_bytes != 0 {
            writer.max_shard_bytes = self.max_shard_bytes;
        }
        writer
    }

    /// # Safety
    /// `skip` points to `skip_count` NUL-terminated strings.
    pub(super) unsafe fn checkpoint(&self) -> Result<CheckpointOptions> {
        let mut options = CheckpointOptions::new(self.spec()?, self.to()?);
        options.rule = self.range_rule.get("options.range_rule")?;
        options.writer = self.writer();
        // SAFETY: the caller's promise.
        let skip = unsafe { slice(self.skip, self.skip_count, "options.skip") }?;
        for (i, entry) in skip.iter().enumerate() {
            // SAFETY: the caller's promise.
            options.skip.push(unsafe { string(*entry, &format!("options.skip[{i}]")) }?.to_string());
        }
        Ok(options)
    }

    /// The host's callback as the library calls it: true = go on.
    pub(super) fn report(&self, progress: &Progress) -> bool {
        let Some(call) = self.progress else { return true };
        let text = |s: &str| CString::new(s.replace('\0', "\u{fffd}")).unwrap_or_default();
        let layer = text(progress.layer);
        let stage = match progress.stage {
            Stage::Layers => c"layers",
            Stage::Copy => c"copy",
            Stage::Finish => c"finish",
            Stage::Search => c"search",
        };
        let p = awqm_progress {
            struct_size: size_of::<awqm_progress>(),
            stage: stage.as_ptr(),
            layer: layer.as_ptr(),
            index: progress.index as u64,
            count: progress.count as u64,
            bytes_done: progress.bytes_done,
            bytes_total: progress.bytes_total,
        };
        // SAFETY: the host's promise at awqm_progress_fn; p and its strings live until the call returns.
        unsafe { call(self.user_data, &p) == 0 }
    }
}

/// Quantizes one weight (N, K) in F16, BF16 or F32 by rounding to nearest, and packs it. Scales are F16 for F16 and F32
/// weights, BF16 for BF16 weights.
///
/// `dtype`: element type of the weight; `n`, `k`: its shape.
///
/// Statuses: TENSOR (NaN or infinity in the weight; the message says where), INVALID_ARGUMENT, UNSUPPORTED.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `weight` is readable for `weight_bytes`; `options` is NULL or readable for its struct_size; `out_packed` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_quantize_tensor(
    weight: *const c_void,
    weight_bytes: usize,
    dtype: awqm_dtype,
    n: i64,
    k: i64,
    options: *const awqm_quantize_options,
    out_packed: *mut *mut awqm_packed,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, options) =
            unsafe { (Out::new(out_packed, "out_packed")?, options::read(options, "options")?) };
        let (dtype, n, k) =
            (super::linear::activation(dtype, "dtype")?, positive(n, "n")?, positive(k, "k")?);
        let needed = types::mul(types::mul(n, k, "weight")?, dtype.bytes(), "weight")?;
        if weight_bytes != needed {
            let e = Error::invalid("does not match n, k and dtype").subject("weight_bytes");
            return Err(e.found(weight_bytes).needed(needed));
        }
        // SAFETY: the caller's promise.
        let (weight, par) =
            unsafe { (slice(weight.cast::<u8>(), weight_bytes, "weight")?, threads(options.device)) };
        let to = options.to()?;
        let by_layout =
            if to == Layout::CompressedTensors { RangeRule::CompressedTensors } else { RangeRule::AutoAwq };
        let rule = options.range_rule.get("options.range_rule")?.unwrap_or(by_layout);
        let plain = quantize::rtn(
            weight,
            dtype,
            n,
            k,
            &RtnOptions { rule, ..RtnOptions::new(options.spec()?) },
            par,
        )?;
        out.give(awqm_packed { inner: Arc::new(plain.pack(to, par)?) });
        Ok(())
    })
}

pub(super) fn report(done: &Report) -> awqm_quantize_report {
    awqm_quantize_report {
        struct_size: 0,
        layers_quantized: done.layers as u64,
        layers_kept: done.skipped.len() as u64,
        bytes_before: done.bytes_in,
        bytes_after: done.bytes_out,
    }
}

/// The place for the report, if the caller wants one.
///
/// # Safety
/// As [`InfoOut::new`], or NULL.
pub(super) unsafe fn report_out(
    p: *mut awqm_quantize_report,
) -> Result<Option<InfoOut<awqm_quantize_report>>> {
    // SAFETY: the caller's promise.
    if p.is_null() { Ok(None) } else { unsafe { InfoOut::new(p, "out_report") }.map(Some) }
}

/// Quantizes a Hugging Face checkpoint directory in F16, BF16 or F32 into a new directory, by rounding to nearest:
/// every linear layer but lm_head and the skipped; everything else is copied. Layers are streamed, so memory stays
/// small. The destination appears only when it is complete.
///
/// Statuses: as awqm_checkpoint_open for the source; IO; CANCELLED; UNSUPPORTED (a layer that the layout cannot hold; the
/// message names it and says what would).
///
/// Threads: any, at once, each with a destination of its own. Since 0.1.
///
/// # Safety
/// `src` and `dst` are NUL-terminated strings; `options` is NULL or readable for its struct_size and points to valid
/// things; `out_report` is NULL or writable for the struct_size that it carries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_quantize_checkpoint(
    src: *const c_char,
    dst: *const c_char,
    options: *const awqm_quantize_options,
    out_report: *mut awqm_quantize_report,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { report_out(out_report) }?;
        // SAFETY: the caller's promise.
        let (src, dst, c) =
            unsafe { (string(src, "src")?, string(dst, "dst")?, options::read(options, "options")?) };
        // SAFETY: the caller's promise.
        let (options, par) = unsafe { (c.checkpoint()?, threads(c.device)) };
        let mut progress = |p: &Progress| c.report(p);
        let done =
            quantize::quantize_checkpoint(Path::new(src), Path::new(dst), &options, &mut progress, par)?;
        if let Some(out) = out {
            out.set(&report(&done));
        }
        Ok(())
    })
}

/// Rewrites a quantized checkpoint in another layout, without loss: codes, zero points and scales stay what they are.
/// Of the options only layout, max_shard_bytes, device, progress and overwrite count.
///
/// Statuses: as awqm_quantize_checkpoint.
///
/// Threads: any, at once, each with a destination of its own. Since 0.1.
///
/// # Safety
/// As awqm_quantize_checkpoint.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_convert_checkpoint(
    src: *const c_char,
    dst: *const c_char,
    options: *const awqm_quantize_options,
    out_report: *mut awqm_quantize_report,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { report_out(out_report) }?;
        // SAFETY: the caller's promise.
        let (src, dst, c) =
            unsafe { (string(src, "src")?, string(dst, "dst")?, options::read(options, "options")?) };
        // SAFETY: the caller's promise.
        let (to, writer, par) = unsafe { (c.to()?, c.writer(), threads(c.device)) };
        let mut progress = |p: &Progress| c.report(p);
        let done =
            quantize::convert_checkpoint(Path::new(src), Path::new(dst), to, &writer, &mut progress, par)?;
        if let Some(out) = out {
            out.set(&report(&done));
        }
        Ok(())
    })
}

/// Panics inside, to prove that the panic stays inside: the answer is AWQM_STATUS_INTERNAL. Only in builds with the
/// feature `test-hooks`, and not in the header.
#[cfg(feature = "test-hooks")]
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn awqm_test_panic() -> awqm_status {
    guard(|| panic!("a panic on purpose"))
}
