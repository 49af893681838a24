//! `awqm_quantizer`: an AWQ checkpoint in the making.

use std::ffi::{c_char, c_void};
use std::path::{Path, PathBuf};

use super::calibrator::awqm_calibrator;
use super::device::{Backend, awqm_device};
use super::guard::guard;
use super::options::{self, InfoOut, Sized0};
use super::pointers::{Out, StringOut, free, null, reference, string, text_field};
use super::quantize::{awqm_progress_fn, awqm_quantize_options, awqm_quantize_report, report_out};
use super::status::awqm_status;
use super::types::{awqm_awq_mode, awqm_layout, awqm_range_rule};
use crate::cpu::CpuDevice;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel::{Parallel, Serial};
use crate::quantize::{AwqOptions, AwqQuantizer, GroupInfo, Progress};

/// A dense model becoming an AWQ checkpoint, block by block. Exclusive: calls that change it must not meet other calls on
/// it.
///
/// The order of work: create; then for each block of the model, with the hidden states of all calibration rows at hand: run
/// the block in its original weights, observe the input of every group that needs statistics (get_group tells), run the
/// block here, clear the calibrator; at last finish. Or observe the whole model first and run everything at once. Work
/// lies in `DST.awqm-unfinished` until finish, in files that no tool takes for a checkpoint; the source is never written.
pub struct awqm_quantizer {
    inner: AwqQuantizer,
    device: Option<CpuDevice>,
    host: Host,
}

/// The host's callback.
struct Host {
    progress: awqm_progress_fn,
    user_data: *mut c_void,
}

impl Host {
    fn report(&self, progress: &Progress) -> bool {
        let told = awqm_quantize_options {
            progress: self.progress,
            user_data: self.user_data,
            ..awqm_quantize_options::zero()
        };
        told.report(progress)
    }
}

impl awqm_quantizer {
    fn parts(&mut self) -> (&mut AwqQuantizer, &dyn Parallel, &Host) {
        let par: &dyn Parallel = match &self.device {
            Some(cpu) => cpu.parallel(),
            None => &Serial,
        };
        (&mut self.inner, par, &self.host)
    }
}

/// Options of awqm_quantizer_create.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_quantizer_options {
    /// sizeof(awqm_quantizer_options).
    pub struct_size: usize,
    /// How scales, clips and codes are chosen.
    pub mode: awqm_awq_mode,
    /// 4 or 8; 0 = 4.
    pub bits: u32,
    /// 0: with zero points. 1: symmetric.
    pub symmetric: i32,
    /// Layout to write; 0 = AWQM_LAYOUT_AWQ_GEMM.
    pub layout: awqm_layout,
    /// Group size; -1 = per channel; 0 = 128.
    pub group_size: i64,
    /// How ranges become scales; 0 = AutoAWQ's in faithful mode (but compressed-tensors' for its layout),
    /// compressed-tensors' in better mode, so that groups of one sign survive.
    pub range_rule: awqm_range_rule,
    /// 1: replace a checkpoint that is already in the destination. 0: refuse.
    pub overwrite: i32,
    /// Layers to leave as they are, as in awqm_quantize_options. A group with such a layer is not scaled.
    pub skip: *const *const c_char,
    /// Number of skip entries.
    pub skip_count: usize,
    /// Largest file to write; 0 = 4 GiB.
    pub max_shard_bytes: u64,
    /// 1: take up what an interrupted job left (blocks that are done are not done again), and leave it when this one is
    /// freed before finish. 0: start anew and leave nothing.
    pub resume: i32,
    /// 1: leave a layer whose weights are not finite as it is, and say so in the report; create then reads all weights.
    /// 0: that is an error.
    pub skip_not_finite: i32,
    /// Path of a JSON description of the architecture, used instead of those that the library knows; NULL = by the
    /// `model_type` of config.json. Its form is in docs/awq.md.
    pub architecture: *const c_char,
    /// Whose threads work; NULL = the calling thread alone. The quantizer keeps what it needs of it.
    pub device: *const awqm_device,
    /// Progress callback of run and finish; NULL = none.
    pub progress: awqm_progress_fn,
    /// Handed to `progress`; must stay valid until the quantizer is freed.
    pub user_data: *mut c_void,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_quantizer_options {}

/// What a quantizer is about; filled by awqm_quantizer_get_info.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_quantizer_info {
    /// sizeof(awqm_quantizer_info), set by the caller.
    pub struct_size: usize,
    /// Groups of layers that share an input.
    pub groups: u64,
    /// Groups that are done, those of an interrupted job included.
    pub groups_done: u64,
    /// Layers that are quantized.
    pub layers: u64,
    /// Linear layers that are left as they are.
    pub layers_kept: u64,
    /// The architecture's description, such as "llama"; empty when nothing is known about the model.
    pub architecture: [c_char; 64],
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_quantizer_info {}

/// Layers that share an input; filled by awqm_quantizer_get_group.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_group_info {
    /// sizeof(awqm_group_info), set by the caller.
    pub struct_size: usize,
    /// Layers in it.
    pub layers: u64,
    /// Input channels.
    pub k: i64,
    /// Output features of all its layers.
    pub n: i64,
    /// 1: run needs statistics of one of its layers. 0: its input cannot be scaled; with statistics its weights are
    /// clipped and rounded by them, without they are rounded to nearest.
    pub scaled: i32,
    /// 1: it is done.
    pub done: i32,
    /// Name of its first layer, cut to fit: a name to observe under.
    pub name: [c_char; 256],
    /// The block that it belongs to, such as "model.layers.3": a name to run. Its own name when it is in no block.
    pub block: [c_char; 256],
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_group_info {}

/// Opens a Hugging Face directory in F16, BF16 or F32 and decides what is to be done; nothing is quantized yet.
///
/// Statuses: as awqm_quantize_checkpoint; JSON and CONFIG for the description of an architecture; INVALID_ARGUMENT when an
/// interrupted job that is to be resumed had other options or another source (the message names what differs); IO when
/// another job writes to the same destination.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `src` and `dst` are NUL-terminated strings; `options` is NULL or readable for its struct_size and points to valid
/// things; `out_quantizer` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_quantizer_create(
    src: *const c_char,
    dst: *const c_char,
    options: *const awqm_quantizer_options,
    out_quantizer: *mut *mut awqm_quantizer,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(out_quantizer, "out_quantizer") }?;
        // SAFETY: the caller's promise.
        let (src, dst, c) =
            unsafe { (string(src, "src")?, string(dst, "dst")?, options::read(options, "options")?) };
        let plain = awqm_quantize_options {
            bits: c.bits,
            symmetric: c.symmetric,
            group_size: c.group_size,
            layout: c.layout,
            range_rule: c.range_rule,
            skip: c.skip,
            skip_count: c.skip_count,
            max_shard_bytes: c.max_shard_bytes,
            overwrite: c.overwrite,
            ..awqm_quantize_options::zero()
        };
        // SAFETY: the caller's promise.
        let mut awq = AwqOptions::new(unsafe { plain.checkpoint() }?);
        awq.mode = c.mode.get("options.mode")?;
        (awq.resume, awq.skip_not_finite) = (c.resume != 0, c.skip_not_finite != 0);
        if !c.architecture.is_null() {
            // SAFETY: the caller's promise.
            awq.architecture =
                Some(PathBuf::from(unsafe { string(c.architecture, "options.architecture") }?));
        }
        // SAFETY: the caller's promise.
        let device = match unsafe { c.device.as_ref() }.map(|d| &d.inner) {
            Some(Backend::Cpu(cpu)) => Some(cpu.clone()),
            Some(Backend::Cuda(_)) | None => None,
        };
        let par: &dyn Parallel = device.as_ref().map_or(&Serial, |d| d.parallel());
        let inner = AwqQuantizer::create(Path::new(src), Path::new(dst), awq, par)?;
        let host = Host { progress: c.progress, user_data: c.user_data };
        out.give(awqm_quantizer { inner, device, host });
        Ok(())
    })
}

/// What a quantizer is about.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `quantizer` is a live handle; `out_info` is writable for the struct_size that it carries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_quantizer_get_info(
    quantizer: *const awqm_quantizer,
    out_info: *mut awqm_quantizer_info,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, q) = unsafe { (InfoOut::new(out_info, "out_info")?, reference(quantizer, "quantizer")?) };
        out.set(&awqm_quantizer_info {
            struct_size: 0,
            groups: q.inner.groups().len() as u64,
            groups_done: q.inner.groups().filter(|g| g.done).count() as u64,
            layers: q.inner.layers().len() as u64,
            layers_kept: q.inner.kept().len() as u64,
            architecture: text_field(q.inner.architecture().unwrap_or_default()),
        });
        Ok(())
    })
}

/// Group number `index`, in the order of the model.
///
/// Statuses: NOT_FOUND.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `quantizer` is a live handle; `out_info` is writable for the struct_size that it carries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_quantizer_get_group(
    quantizer: *const awqm_quantizer,
    index: usize,
    out_info: *mut awqm_group_info,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, q) = unsafe { (InfoOut::new(out_info, "out_info")?, reference(quantizer, "quantizer")?) };
        let group = group(q, index)?;
        out.set(&awqm_group_info {
            struct_size: 0,
            layers: group.layers.len() as u64,
            k: group.k as i64,
            n: group.n as i64,
            scaled: group.scaled.into(),
            done: group.done.into(),
            name: text_field(group.name),
            block: text_field(group.block),
        });
        Ok(())
    })
}

/// The name of layer number `layer` of a group.
///
/// `index`: number of the group.
///
/// Statuses: NOT_FOUND, BUFFER_TOO_SMALL.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `quantizer` is a live handle; buf, cap, out_len as at the top of this header.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_quantizer_get_group_layer(
    quantizer: *const awqm_quantizer,
    index: usize,
    layer: usize,
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let group = group(unsafe { reference(quantizer, "quantizer") }?, index)?;
        let name = group.layers.get(layer).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "the group has no layer of this number")
                .subject("layer")
                .found(layer)
        })?;
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(name)
    })
}

/// Searches scales, folds them, clips and rounds all groups of a block (get_group tells the names), or of every block that
/// is not done when `block` is NULL, and writes them to the folder of the job. A block that is done stays as it is. The
/// statistics may be dropped afterwards; `calibrator` may be NULL when no group of the block is scaled. The result does
/// not depend on the number of threads.
///
/// Statuses; blocks that were done before stay done: NOT_FOUND (no such block; no statistics of a group that needs them,
/// as with an empty calibration), INVALID_ARGUMENT (statistics of another K: another model), TENSOR (a weight that is not
/// finite; the message names layer, row and column), CANCELLED, IO (also a full disk), OUT_OF_MEMORY.
///
/// Threads: any, but nothing else may use the handle during the call. Since 0.1.
///
/// # Safety
/// `quantizer` is a live handle that nothing else uses; `calibrator` is NULL or a live handle; `block` is NULL or a
/// NUL-terminated string.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_quantizer_run(
    quantizer: *mut awqm_quantizer,
    calibrator: *const awqm_calibrator,
    block: *const c_char,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let q = unsafe { exclusive(quantizer) }?;
        // SAFETY: the caller's promise.
        let block = if block.is_null() { None } else { Some(unsafe { string(block, "block") }?) };
        let empty = Default::default();
        // SAFETY: the caller's promise.
        let calibrator = unsafe { calibrator.as_ref() }.map_or(&empty, |c| &c.inner);
        let (inner, par, host) = q.parts();
        inner.run(calibrator, block, &mut |p| host.report(p), par)
    })
}

/// Puts the checkpoint together from the blocks that are done and the rest of the model, with config and index. The
/// destination appears only when it is complete. Groups that are not scaled and were not run are rounded to nearest.
///
/// Statuses: INVALID_ARGUMENT (a group was not run; the message names it), CANCELLED, IO. Nothing is lost by a failure:
/// finish can be called again.
///
/// Threads: any, but nothing else may use the handle during the call. Since 0.1.
///
/// # Safety
/// `quantizer` is a live handle that nothing else uses; `out_report` is NULL or writable for the struct_size that it
/// carries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_quantizer_finish(
    quantizer: *mut awqm_quantizer,
    out_report: *mut awqm_quantize_report,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, q) = unsafe { (report_out(out_report)?, exclusive(quantizer)?) };
        let (inner, par, host) = q.parts();
        let done = inner.finish(&mut |p| host.report(p), par)?;
        if let Some(out) = out {
            out.set(&super::quantize::report(&done));
        }
        Ok(())
    })
}

/// What was chosen so far, as one JSON object: mode, architecture, bits, group_size, zero_point, layout, kept, warnings and
/// `groups`, each with name, block, k, rows, alpha, duo, scales \[min, max\], unscaled (why), never_active and `layers`,
/// each with name, n, clip \[share of groups, mean bound\], output, error_rtn, error (mean squares of the output) and
/// worst_channels. What is not known is null.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `quantizer` is a live handle; buf, cap, out_len as at the top of this header.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_quantizer_report_json(
    quantizer: *const awqm_quantizer,
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let q = unsafe { reference(quantizer, "quantizer") }?;
        let text = serde_json::to_string(&q.inner.report()).map_err(|e| Error::internal(e.to_string()))?;
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(&text)
    })
}

/// What was chosen so far, as a table for people: one line for each layer.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// As awqm_quantizer_report_json.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_quantizer_report_text(
    quantizer: *const awqm_quantizer,
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let text = unsafe { reference(quantizer, "quantizer") }?.inner.report().to_text();
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(&text)
    })
}

/// Frees a quantizer. Before finish, its work goes too, unless options.resume was set. NULL is fine.
///
/// Threads: any; the last call with this handle. Since 0.1.
///
/// # Safety
/// `quantizer` is NULL or a live handle that is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_quantizer_free(quantizer: *mut awqm_quantizer) {
    // SAFETY: the caller's promise.
    unsafe { free(quantizer) }
}

fn group(q: &awqm_quantizer, index: usize) -> Result<GroupInfo<'_>> {
    q.inner.groups().nth(index).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "no group has this number").subject("index").found(index)
    })
}

/// The handle, to be changed.
///
/// # Safety
/// `p` is NULL or a live handle that nothing else uses for `'a`.
unsafe fn exclusive<'a>(p: *mut awqm_quantizer) -> Result<&'a mut awqm_quantizer> {
    // SAFETY: the caller's promise.
    unsafe { p.as_mut() }.ok_or_else(|| null("quantizer"))
}
