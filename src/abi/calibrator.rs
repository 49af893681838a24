//! `awqm_calibrator`: statistics of activations, by layer.

use std::ffi::{c_char, c_void};
use std::path::Path;

use super::device::{awqm_device, threads};
use super::guard::guard;
use super::linear::activation;
use super::options::{self, InfoOut, Sized0};
use super::pointers::{Out, StringOut, free, null, positive, reference, size, slice, string};
use super::status::awqm_status;
use super::types::awqm_dtype;
use crate::error::{Error, ErrorKind, Result};
use crate::matrix::Matrix;
use crate::quantize::{Calibrator, CalibratorOptions};

/// What the inputs of linear layers look like: mean |x| of every channel, and the Gram matrix X^T X or a sample of rows.
/// Exclusive: calls that change it must not meet other calls on it. Threads that observe in parallel have one each, and
/// merge them.
pub struct awqm_calibrator {
    pub(super) inner: Calibrator,
}

/// Options of awqm_calibrator_create, awqm_calibrator_load and awqm_calibrator_layer_bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_calibrator_options {
    /// sizeof(awqm_calibrator_options).
    pub struct_size: usize,
    /// Most bytes that all statistics may take; a layer that would pass it is refused. 0 = no limit.
    pub max_bytes: u64,
    /// 0: keep the Gram matrix of each layer, K * K / 2 doubles. Else keep this many rows of each layer instead, spread
    /// evenly over the stream. With rows, the faithful search computes the loss of gate and up on the output of the whole
    /// MLP, as AutoAWQ does. Not for load: the file says.
    pub rows: u64,
    /// 0: activations that are not finite are an error. 1: their layer is marked, its statistics go, later rows of it are
    /// ignored, and a quantizer rounds it without looking at activations and says so in its report.
    pub skip_not_finite: i32,
    /// Not used yet; must be 0.
    pub reserved: u32,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_calibrator_options {
    fn reserved(&self) -> u32 {
        self.reserved
    }
}

impl awqm_calibrator_options {
    fn get(&self) -> Result<CalibratorOptions> {
        let rows = usize::try_from(self.rows).map_err(|_| {
            Error::new(ErrorKind::SizeOverflow, "does not fit").subject("options.rows").found(self.rows)
        })?;
        Ok(CalibratorOptions { max_bytes: self.max_bytes, rows, skip_not_finite: self.skip_not_finite != 0 })
    }
}

/// What a calibrator holds; filled by awqm_calibrator_get_info.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_calibrator_info {
    /// sizeof(awqm_calibrator_info), set by the caller.
    pub struct_size: usize,
    /// Layers that were observed.
    pub layers: u64,
    /// Memory of their statistics, as awqm_calibrator_layer_bytes counts it.
    pub bytes: u64,
    /// The limit; 0 = none.
    pub max_bytes: u64,
    /// Rows that a layer keeps; 0: Gram matrices.
    pub rows: u64,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_calibrator_info {}

/// What is known about one layer; filled by awqm_calibrator_get_layer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_calibrator_layer_info {
    /// sizeof(awqm_calibrator_layer_info), set by the caller.
    pub struct_size: usize,
    /// Input channels.
    pub k: i64,
    /// Rows observed; 0 when `not_finite`.
    pub rows: u64,
    /// Rows kept; 0 with a Gram matrix.
    pub rows_kept: u64,
    /// 1: the layer is marked because an activation was not finite.
    pub not_finite: i32,
    /// Not used yet; 0.
    pub reserved: u32,
    /// Of a marked layer: the row, counted from its first.
    pub bad_row: u64,
    /// Of a marked layer: the input channel.
    pub bad_channel: i64,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_calibrator_layer_info {}

/// Memory that one layer with k input channels will take: at least half of 8 * k * k bytes with a Gram matrix, 4 * rows * k
/// with rows. Ask before the first observe.
///
/// Statuses: INVALID_ARGUMENT, SIZE_OVERFLOW.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `options` is NULL or readable for its struct_size; `out_bytes` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_calibrator_layer_bytes(
    options: *const awqm_calibrator_options,
    k: i64,
    out_bytes: *mut u64,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, options) =
            unsafe { (Out::new(out_bytes, "out_bytes")?, options::read(options, "options")?) };
        out.set(Calibrator::layer_bytes(&options.get()?, positive(k, "k")?)? as u64);
        Ok(())
    })
}

/// Makes an empty calibrator.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `options` is NULL or readable for its struct_size; `out_calibrator` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_calibrator_create(
    options: *const awqm_calibrator_options,
    out_calibrator: *mut *mut awqm_calibrator,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, options) =
            unsafe { (Out::new(out_calibrator, "out_calibrator")?, options::read(options, "options")?) };
        out.give(awqm_calibrator { inner: Calibrator::new(options.get()?) });
        Ok(())
    })
}

/// Records m rows of inputs of the linear layer `layer`, a module name such as "model.layers.0.self_attn.q_proj". Call it
/// as often as rows flow by; no row is kept after the call (but in a sample). Of layers that share an input (q, k and v;
/// gate and up) name one, always the same. The result depends on the rows and their order alone: not on how they are cut
/// into calls, nor on threads.
///
/// `x_row_stride`: elements from one row to the next, at least k; 0 = k. `device`: whose threads work; NULL = the
/// calling thread alone. m = 0 is fine and records nothing.
///
/// Statuses; each leaves the statistics as they were: TENSOR (an activation that is NaN, infinite or beyond 1e16; the
/// message names layer, row and channel), INVALID_ARGUMENT (another k than before), OUT_OF_MEMORY (a new layer would pass
/// max_bytes; the message says by how much), UNSUPPORTED (dtype), UNKNOWN_ENUM.
///
/// `x_dtype`: element type of `x`.
///
/// Threads: any, but nothing else may use the handle during the call. Since 0.1.
///
/// # Safety
/// `calibrator` is a live handle that nothing else uses; `layer` is a NUL-terminated string; `x` is readable for its rows;
/// `device` is NULL or a live handle.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_calibrator_observe(
    calibrator: *mut awqm_calibrator,
    layer: *const c_char,
    x: *const c_void,
    x_dtype: awqm_dtype,
    m: i64,
    k: i64,
    x_row_stride: i64,
    device: *const awqm_device,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (calibrator, layer) = unsafe { (exclusive(calibrator)?, string(layer, "layer")?) };
        let (dtype, m, k) = (activation(x_dtype, "x_dtype")?, size(m, "m")?, positive(k, "k")?);
        let stride = match size(x_row_stride, "x_row_stride")? {
            0 => k,
            stride => stride,
        };
        let shape = Matrix::new("x", dtype, m, k, stride)?;
        // SAFETY: the caller's promise.
        let (data, par) = unsafe { (slice(x.cast::<u8>(), shape.bytes(), "x")?, threads(device)) };
        calibrator.inner.observe(layer, data, &shape, par)
    })
}

/// Adds what `from` has seen to `into`, as if `into` had observed those rows too; `from` stays as it is.
///
/// Statuses; each leaves `into` as it was: INVALID_ARGUMENT (a layer with another k, or one keeps rows and the other Gram
/// matrices), OUT_OF_MEMORY (the limit of `into`), OVERLAP (both are the same).
///
/// Threads: any, but nothing else may use `into` or change `from` during the call. Since 0.1.
///
/// # Safety
/// Both are live handles; nothing else uses `into`; `device` is NULL or a live handle.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_calibrator_merge(
    into: *mut awqm_calibrator,
    from: *const awqm_calibrator,
    device: *const awqm_device,
) -> awqm_status {
    guard(|| {
        if into.is_null() {
            return Err(null("into"));
        }
        if std::ptr::eq(into, from) {
            return Err(Error::new(ErrorKind::Overlap, "a calibrator cannot be merged into itself"));
        }
        // SAFETY: the caller's promise; they are two.
        let (into, from, par) = unsafe { (exclusive(into)?, reference(from, "from")?, threads(device)) };
        into.inner.merge(&from.inner, par)
    })
}

/// Forgets all layers and frees their memory, so that the next block of a model can be observed.
///
/// Statuses: the general ones.
///
/// Threads: any, but nothing else may use the handle during the call. Since 0.1.
///
/// # Safety
/// `calibrator` is a live handle that nothing else uses.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_calibrator_clear(calibrator: *mut awqm_calibrator) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        unsafe { exclusive(calibrator) }?.inner.clear();
        Ok(())
    })
}

/// Writes everything to one file, which is replaced once the new one is complete.
///
/// Statuses: IO.
///
/// Threads: any, at once, each with a path of its own. Since 0.1.
///
/// # Safety
/// `calibrator` is a live handle; `path` is a NUL-terminated string.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_calibrator_save(
    calibrator: *const awqm_calibrator,
    path: *const c_char,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (calibrator, path) = unsafe { (reference(calibrator, "calibrator")?, string(path, "path")?) };
        calibrator.inner.save(Path::new(path))
    })
}

/// Reads what awqm_calibrator_save wrote. More can be observed and merged into it.
///
/// Statuses: MISSING, IO, CONTAINER (damaged, or no calibration), OUT_OF_MEMORY (it passes max_bytes).
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `path` is a NUL-terminated string; `options` is NULL or readable for its struct_size; `out_calibrator` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_calibrator_load(
    path: *const c_char,
    options: *const awqm_calibrator_options,
    out_calibrator: *mut *mut awqm_calibrator,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(out_calibrator, "out_calibrator") }?;
        // SAFETY: the caller's promise.
        let (path, options) = unsafe { (string(path, "path")?, options::read(options, "options")?) };
        out.give(awqm_calibrator { inner: Calibrator::load(Path::new(path), &options.get()?)? });
        Ok(())
    })
}

/// What a calibrator holds.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `calibrator` is a live handle; `out_info` is writable for the struct_size that it carries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_calibrator_get_info(
    calibrator: *const awqm_calibrator,
    out_info: *mut awqm_calibrator_info,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, calibrator) =
            unsafe { (InfoOut::new(out_info, "out_info")?, reference(calibrator, "calibrator")?) };
        let inner = &calibrator.inner;
        out.set(&awqm_calibrator_info {
            struct_size: 0,
            layers: inner.names().count() as u64,
            bytes: inner.bytes(),
            max_bytes: inner.options().max_bytes,
            rows: inner.options().rows as u64,
        });
        Ok(())
    })
}

/// What is known about layer number `index`, in the order of the names; its name goes to buf.
///
/// Statuses: NOT_FOUND, BUFFER_TOO_SMALL.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `calibrator` is a live handle; `out_info` is NULL or writable for the struct_size that it carries; buf, cap, out_len as
/// at the top of this header.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_calibrator_get_layer(
    calibrator: *const awqm_calibrator,
    index: usize,
    out_info: *mut awqm_calibrator_layer_info,
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let inner = &unsafe { reference(calibrator, "calibrator") }?.inner;
        let out = match out_info.is_null() {
            true => None,
            // SAFETY: the caller's promise.
            false => Some(unsafe { InfoOut::new(out_info, "out_info") }?),
        };
        let name = inner.names().nth(index).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "no layer has this number").subject("index").found(index)
        })?;
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(name)?;
        let (Some(out), Some((k, bad))) = (out, inner.describe(name)) else { return Ok(()) };
        let good = inner.layer(name).ok().flatten();
        out.set(&awqm_calibrator_layer_info {
            struct_size: 0,
            k: k as i64,
            rows: good.map_or(0, |s| s.rows()),
            rows_kept: good.map_or(0, |s| s.rows_kept() as u64),
            not_finite: bad.is_some().into(),
            reserved: 0,
            bad_row: bad.map_or(0, |at| at.row),
            bad_channel: bad.map_or(0, |at| at.channel as i64),
        });
        Ok(())
    })
}

/// Frees a calibrator. NULL is fine.
///
/// Threads: any; the last call with this handle. Since 0.1.
///
/// # Safety
/// `calibrator` is NULL or a live handle that is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_calibrator_free(calibrator: *mut awqm_calibrator) {
    // SAFETY: the caller's promise.
    unsafe { free(calibrator) }
}

/// The handle, to be changed.
///
/// # Safety
/// `p` is NULL or a live handle that nothing else uses for `'a`.
unsafe fn exclusive<'a>(p: *mut awqm_calibrator) -> Result<&'a mut awqm_calibrator> {
    // SAFETY: the caller's promise.
    unsafe { p.as_mut() }.ok_or_else(|| null("calibrator"))
}
