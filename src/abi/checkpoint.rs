//! `awqm_checkpoint`: a memory-mapped checkpoint, its tensors and its linear layers.

use std::ffi::c_char;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::{awqm_config, item};
use super::device::{awqm_device, own_layout, threads};
use super::guard::{guard, silent};
use super::options::{self, InfoOut, Sized0};
use super::packed::awqm_packed;
use super::pointers::{Out, StringOut, free, reference, slice, string};
use super::status::awqm_status;
use super::tensors::awqm_tensor_view;
use super::types::{awqm_dtype, awqm_layout, awqm_tp_dim};
use crate::checkpoint::{Checkpoint, Split, TensorParallel};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;

/// An open checkpoint. Immutable; shareable between threads. Its files must not change while it is open: they are
/// mapped, not read.
pub struct awqm_checkpoint {
    inner: Checkpoint,
    config: Option<Box<awqm_config>>,
    names: Vec<String>,
}

impl awqm_checkpoint {
    fn new(inner: Checkpoint) -> Self {
        let config = inner.config().map(|c| Box::new(awqm_config { inner: c.clone() }));
        let names = inner.tensors().map(|(name, _)| name.to_string()).collect();
        awqm_checkpoint { inner, config, names }
    }
}

/// One linear layer of a checkpoint; filled by awqm_checkpoint_query_layer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_layer_info {
    /// sizeof(awqm_layer_info), set by the caller.
    pub struct_size: usize,
    /// 1: quantized; 0: a dense layer.
    pub quantized: i32,
    /// 4 or 8; 0 when dense.
    pub bits: u32,
    /// Input features.
    pub k: i64,
    /// Output features.
    pub n: i64,
    /// Group size; -1 = per channel; 0 when dense.
    pub group_size: i64,
    /// 1: zero points are stored. 0: symmetric or dense.
    pub zero_point: i32,
    /// Layout in the file.
    pub layout: awqm_layout,
    /// Element type of the scales, or of the weight when dense.
    pub scale_dtype: awqm_dtype,
    /// 1: the layer has a bias.
    pub has_bias: i32,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_layer_info {}

/// Options of awqm_checkpoint_load.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_load_options {
    /// sizeof(awqm_load_options).
    pub struct_size: usize,
    /// Layout to pack into; 0 = what layers of `device` run from: MARLIN for a GPU, else CPU. Dense layers stay dense.
    pub layout: awqm_layout,
    /// How to slice; AWQM_TP_DIM_NONE = take all.
    pub tp_dim: awqm_tp_dim,
    /// Which slice, 0 to tp_world - 1.
    pub tp_rank: u32,
    /// How many slices. The sliced dimension must be divisible by it.
    pub tp_world: u32,
    /// Whose threads repack; NULL = the calling thread alone.
    pub device: *const awqm_device,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_load_options {}

/// Opens a checkpoint: a Hugging Face directory (one safetensors file, several, or shards with an index), or one
/// safetensors file with its config beside it. Quantized or not. Maps the files and reads their headers; weights are
/// read when they are used.
///
/// Statuses: MISSING, IO, CONTAINER, JSON, CONFIG, UNSUPPORTED, TENSOR.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `path` is a NUL-terminated string; `out_checkpoint` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_checkpoint_open(
    path: *const c_char,
    out_checkpoint: *mut *mut awqm_checkpoint,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, path) =
            unsafe { (Out::new(out_checkpoint, "out_checkpoint")?, Path::new(string(path, "path")?)) };
        let opened = Checkpoint::open(path)?;
        let (layers, tensors) = (opened.layers().len(), opened.tensors().count());
        ::log::info!("opened {}: {layers} linear layers, {tensors} tensors", path.display());
        opened.warnings().iter().for_each(|warning| ::log::warn!("{}: {warning}", path.display()));
        out.give(awqm_checkpoint::new(opened));
        Ok(())
    })
}

/// Opens safetensors files by name, with a config from elsewhere. `config` is copied; NULL = take the tensors as they
/// are, unquantized.
///
/// Statuses: as awqm_checkpoint_open.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `paths` points to `count` NUL-terminated strings; `config` is NULL or a live handle; `out_checkpoint` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_checkpoint_open_files(
    paths: *const *const c_char,
    count: usize,
    config: *const awqm_config,
    out_checkpoint: *mut *mut awqm_checkpoint,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(out_checkpoint, "out_checkpoint") }?;
        // SAFETY: the caller's promise.
        let paths: Vec<PathBuf> =
            unsafe { strings(paths, count, "paths") }?.into_iter().map(PathBuf::from).collect();
        // SAFETY: the caller's promise.
        let config = unsafe { config.as_ref() }.map(|c| c.inner.clone());
        out.give(awqm_checkpoint::new(Checkpoint::open_files(&paths, config)?));
        Ok(())
    })
}

/// `count` strings, at least one.
///
/// # Safety
/// `p` points to `count` pointers to NUL-terminated strings.
unsafe fn strings<'a>(p: *const *const c_char, count: usize, name: &str) -> Result<Vec<&'a str>> {
    // SAFETY: the caller's promise.
    let pointers = unsafe { slice(p, count, name) }?;
    if pointers.is_empty() {
        return Err(Error::invalid("must not be empty").subject(name).found(0).needed("1 or more"));
    }
    // SAFETY: the caller's promise.
    pointers.iter().enumerate().map(|(i, s)| unsafe { string(*s, &format!("{name}[{i}]")) }).collect()
}

/// The checkpoint's quantization config, borrowed from it: valid until awqm_checkpoint_free, not to be freed. NULL is
/// written when the checkpoint is not quantized.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `checkpoint` is a live handle; `out_config` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_checkpoint_get_config(
    checkpoint: *const awqm_checkpoint,
    out_config: *mut *const awqm_config,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, c) = unsafe { (Out::new(out_config, "out_config")?, reference(checkpoint, "checkpoint")?) };
        out.set(c.config.as_deref().map_or(std::ptr::null(), |c| c));
        Ok(())
    })
}

/// Number of warnings: the config's, and where config and tensors disagree. 0 for NULL.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `checkpoint` is NULL or a live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_checkpoint_warning_count(checkpoint: *const awqm_checkpoint) -> usize {
    // SAFETY: the caller's promise.
    silent(0, || unsafe { checkpoint.as_ref() }.map_or(0, |c| c.inner.warnings().len()))
}

/// One warning.
///
/// Statuses: NOT_FOUND (an index past the end).
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `checkpoint` is a live handle; `buf`, `cap`, `out_len` as the file comment says.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_checkpoint_get_warning(
    checkpoint: *const awqm_checkpoint,
    index: usize,
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let c = unsafe { reference(checkpoint, "checkpoint") }?;
        let text = item(c.inner.warnings(), index)?;
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(text)
    })
}

/// Number of linear layers, quantized or not. 0 for NULL.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `checkpoint` is NULL or a live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_checkpoint_layer_count(checkpoint: *const awqm_checkpoint) -> usize {
    // SAFETY: the caller's promise.
    silent(0, || unsafe { checkpoint.as_ref() }.map_or(0, |c| c.inner.layers().len()))
}

/// The full dotted name of a linear layer.
///
/// Statuses: NOT_FOUND (an index past the end).
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// As awqm_checkpoint_get_warning.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_checkpoint_get_layer_name(
    checkpoint: *const awqm_checkpoint,
    index: usize,
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let c = unsafe { reference(checkpoint, "checkpoint") }?;
        let layers = c.inner.layers();
        let past = || {
            Error::new(ErrorKind::NotFound, "is past the last layer")
                .subject("index")
                .found(index)
                .needed(format!("less than {}", layers.len()))
        };
        let layer = layers.get(index).ok_or_else(past)?;
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(&layer.name)
    })
}

/// What a layer is, its tensors validated against each other and against the config, and in `reason` why it is
/// quantized or not.
///
/// Statuses: NOT_FOUND, TENSOR, MISSING, UNSUPPORTED.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `checkpoint` is a live handle; `name` a NUL-terminated string; `out_info` writable for the struct_size that it
/// carries; `reason`, `cap`, `out_len` as the file comment says, all NULL and 0 when the reason is not wanted.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_checkpoint_query_layer(
    checkpoint: *const awqm_checkpoint,
    name: *const c_char,
    out_info: *mut awqm_layer_info,
    reason: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, c) = unsafe { (InfoOut::new(out_info, "out_info")?, reference(checkpoint, "checkpoint")?) };
        // SAFETY: the caller's promise.
        let name = unsafe { string(name, "name") }?;
        let view = c.inner.layer(name)?;
        let quantized = view.desc.layout != Layout::Dense;
        let why = &c.inner.entry(name)?.reason;
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(reason, cap, out_len) }.write(why)?;
        out.set(&awqm_layer_info {
            struct_size: 0,
            quantized: quantized.into(),
            bits: if quantized { view.desc.spec.bits.get() as u32 } else { 0 },
            k: view.desc.k as i64,
            n: view.desc.n as i64,
            group_size: if quantized { view.desc.spec.group.get() } else { 0 },
            zero_point: (quantized && view.desc.spec.zero_point).into(),
            layout: view.desc.layout.into(),
            scale_dtype: view.desc.scale_dtype.into(),
            has_bias: view.bias.is_some().into(),
        });
        Ok(())
    })
}

/// Number of tensors. 0 for NULL.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `checkpoint` is NULL or a live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_checkpoint_tensor_count(checkpoint: *const awqm_checkpoint) -> usize {
    // SAFETY: the caller's promise.
    silent(0, || unsafe { checkpoint.as_ref() }.map_or(0, |c| c.names.len()))
}

/// The name of a tensor.
///
/// Statuses: NOT_FOUND (an index past the end).
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// As awqm_checkpoint_get_warning.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_checkpoint_get_tensor_name(
    checkpoint: *const awqm_checkpoint,
    index: usize,
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let c = unsafe { reference(checkpoint, "checkpoint") }?;
        let text = item(&c.names, index)?;
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(text)
    })
}

/// A tensor's bytes in the mapped file: borrowed, little-endian, in C order, possibly not aligned to its element
/// size; valid until awqm_checkpoint_free.
///
/// Statuses: NOT_FOUND; UNSUPPORTED for a tensor of more than 8 dimensions.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `checkpoint` is a live handle; `name` a NUL-terminated string; `out_view` writable for the struct_size that it
/// carries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_checkpoint_get_tensor(
    checkpoint: *const awqm_checkpoint,
    name: *const c_char,
    out_view: *mut awqm_tensor_view,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, c) = unsafe { (InfoOut::new(out_view, "out_view")?, reference(checkpoint, "checkpoint")?) };
        // SAFETY: the caller's promise.
        let name = unsafe { string(name, "name") }?;
        let t = c.inner.tensor(name)?;
        out.set(&awqm_tensor_view::of(t.data, t.dtype, t.shape).map_err(|e| e.subject(name))?);
        Ok(())
    })
}

/// Reads one layer, or several joined along N in the given order (q, k, v; gate, up), sliced for tensor parallelism
/// and repacked, without materializing anything in between. A fused name (…qkv_proj, …gate_up_proj) stands for its
/// members. A column slice is taken from each member. The result owns its memory.
///
/// Statuses: NOT_FOUND, TENSOR, MISSING, MIXED_FUSED, UNSUPPORTED, INVALID_ARGUMENT, OUT_OF_MEMORY.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `checkpoint` is a live handle; `names` points to `count` NUL-terminated strings; `options` is NULL or readable for
/// its struct_size; `out_packed` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_checkpoint_load(
    checkpoint: *const awqm_checkpoint,
    names: *const *const c_char,
    count: usize,
    options: *const awqm_load_options,
    out_packed: *mut *mut awqm_packed,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, c) = unsafe { (Out::new(out_packed, "out_packed")?, reference(checkpoint, "checkpoint")?) };
        // SAFETY: the caller's promise.
        let (options, names) =
            unsafe { (options::read(options, "options")?, strings(names, count, "names")?) };
        // SAFETY: the caller's promise.
        let default = unsafe { own_layout(options.device) };
        let to = options.layout.get_or(default, "options.layout")?;
        let dim = match options.tp_dim {
            awqm_tp_dim::NONE => None,
            awqm_tp_dim::COLUMN => Some(Split::Column),
            awqm_tp_dim::ROW => Some(Split::Row),
            other => return Err(other.unknown("options.tp_dim")),
        };
        let (rank, world) = (options.tp_rank as usize, options.tp_world as usize);
        let tp = dim.map(|dim| TensorParallel { rank, world, dim });
        // SAFETY: the caller's promise.
        let par = unsafe { threads(options.device) };
        let packed = c.inner.load(&names, tp, to, par)?;
        out.give(awqm_packed { inner: Arc::new(packed) });
        Ok(())
    })
}

/// Closes a checkpoint; layers loaded from it stay. NULL is fine.
///
/// Threads: any; the last call with this handle. Since 0.1.
///
/// # Safety
/// `checkpoint` is NULL or a live handle that is not used afterwards, nor anything borrowed from it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_checkpoint_free(checkpoint: *mut awqm_checkpoint) {
    // SAFETY: the caller's promise.
    unsafe { free(checkpoint) }
}
