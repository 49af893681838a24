//! `awqm_config`: a quantization config of any dialect, normalized.

use std::ffi::{CStr, c_char};
use std::path::Path;

use super::guard::{guard, silent};
use super::options::{InfoOut, Sized0};
use super::pointers::{Out, StringOut, free, reference, slice, string};
use super::status::awqm_status;
use super::types::{awqm_layout, awqm_method};
use crate::config::{ModuleDecision, QuantConfig};
use crate::error::{Error, ErrorKind, Result};

/// A parsed quantization config. Immutable; shareable between threads.
pub struct awqm_config {
    pub(super) inner: QuantConfig,
}

/// The normalized config; filled by awqm_config_get_info.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_config_info {
    /// sizeof(awqm_config_info), set by the caller.
    pub struct_size: usize,
    /// Who quantized.
    pub method: awqm_method,
    /// 4 or 8.
    pub bits: u32,
    /// Input features that share a scale; -1 = all of them (per channel).
    pub group_size: i64,
    /// 1: zero points are stored. 0: symmetric.
    pub zero_point: i32,
    /// 1: columns were quantized in order of activation (never for a config that loads).
    pub act_order: i32,
    /// Layout of the tensors.
    pub layout: awqm_layout,
    /// 1: lm_head is quantized too.
    pub lm_head: i32,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_config_info {}

/// What a config says of one module; filled by awqm_config_query_module.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_module_info {
    /// sizeof(awqm_module_info), set by the caller.
    pub struct_size: usize,
    /// 1: quantized; 0: skipped, and the fields below are 0.
    pub quantized: i32,
    /// 4 or 8.
    pub bits: u32,
    /// Group size; -1 = per channel.
    pub group_size: i64,
    /// 1: zero points are stored. 0: symmetric.
    pub zero_point: i32,
    /// Layout of the tensors.
    pub layout: awqm_layout,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_module_info {}

/// Finds and parses the quantization config of a checkpoint directory: the section of config.json wherever it hides,
/// else quantize_config.json, quant_config.json or quantization_config.json.
///
/// Statuses: NOT_FOUND when the directory's model is not quantized; MISSING, JSON, CONFIG, UNSUPPORTED.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `path` is a NUL-terminated string; `out_config` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_config_load_directory(
    path: *const c_char,
    out_config: *mut *mut awqm_config,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, path) = unsafe { (Out::new(out_config, "out_config")?, Path::new(string(path, "path")?)) };
        let found = QuantConfig::find(path)?;
        let not_quantized = || {
            Error::new(ErrorKind::NotFound, "the model is not quantized: no quantization config").file(path)
        };
        out.give(awqm_config { inner: found.ok_or_else(not_quantized)? });
        Ok(())
    })
}

/// Parses one config file: a config.json with a quantization section, or a side file.
///
/// Statuses: MISSING, IO, JSON, CONFIG, UNSUPPORTED; NOT_FOUND (no quantization section in it).
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `path` is a NUL-terminated string; `out_config` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_config_load_file(
    path: *const c_char,
    out_config: *mut *mut awqm_config,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, path) = unsafe { (Out::new(out_config, "out_config")?, Path::new(string(path, "path")?)) };
        out.give(awqm_config { inner: QuantConfig::from_file(path)? });
        Ok(())
    })
}

/// Parses a quantization section, or a whole config.json, from memory. `origin` names it in messages; NULL = "config".
///
/// Statuses: JSON, CONFIG, UNSUPPORTED; NOT_FOUND (no quantization section in it).
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `json` is readable for `json_bytes`; `origin` is NULL or a NUL-terminated string; `out_config` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_config_parse(
    json: *const c_char,
    json_bytes: usize,
    origin: *const c_char,
    out_config: *mut *mut awqm_config,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(out_config, "out_config") }?;
        // SAFETY: the caller's promise.
        let json = unsafe { slice(json.cast::<u8>(), json_bytes, "json") }?;
        // SAFETY: the caller's promise.
        let origin = if origin.is_null() { "config" } else { unsafe { string(origin, "origin") }? };
        out.give(awqm_config { inner: QuantConfig::from_json(json, origin)? });
        Ok(())
    })
}

/// The normalized config.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `config` is a live handle; `out_info` is writable for the struct_size that it carries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_config_get_info(
    config: *const awqm_config,
    out_info: *mut awqm_config_info,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, config) = unsafe { (InfoOut::new(out_info, "out_info")?, reference(config, "config")?) };
        let c = &config.inner;
        out.set(&awqm_config_info {
            struct_size: 0,
            method: c.method.into(),
            bits: c.spec.bits.get() as u32,
            group_size: c.spec.group.get(),
            zero_point: c.spec.zero_point.into(),
            act_order: c.act_order.into(),
            layout: c.layout.into(),
            lm_head: c.lm_head.into(),
        });
        Ok(())
    })
}

/// Where the config came from: file and key path.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `config` is a live handle; `buf`, `cap`, `out_len` as the file comment says.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_config_get_source(
    config: *const awqm_config,
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let config = unsafe { reference(config, "config") }?;
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(&config.inner.source)
    })
}

/// Number of warnings: unknown keys, sources that disagree. 0 for NULL.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `config` is NULL or a live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_config_warning_count(config: *const awqm_config) -> usize {
    // SAFETY: the caller's promise.
    silent(0, || unsafe { config.as_ref() }.map_or(0, |c| c.inner.warnings.len()))
}

/// One warning.
///
/// Statuses: NOT_FOUND (an index past the end).
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// As awqm_config_get_source.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_config_get_warning(
    config: *const awqm_config,
    index: usize,
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let config = unsafe { reference(config, "config") }?;
        let text = item(&config.inner.warnings, index)?;
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(text)
    })
}

/// Number of entries of the skip list (modules_to_not_convert, ignore). 0 for NULL.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `config` is NULL or a live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_config_skip_count(config: *const awqm_config) -> usize {
    // SAFETY: the caller's promise.
    silent(0, || unsafe { config.as_ref() }.map_or(0, |c| c.inner.skip.len()))
}

/// One entry of the skip list, as the config has it.
///
/// Statuses: NOT_FOUND (an index past the end).
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// As awqm_config_get_source.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_config_get_skip(
    config: *const awqm_config,
    index: usize,
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let config = unsafe { reference(config, "config") }?;
        let text = item(&config.inner.skip, index)?;
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(text)
    })
}

/// Whether and how the config quantizes the module of that full dotted name, and in `reason` why. A fused name
/// (…qkv_proj, …gate_up_proj) is answered from its members; MIXED_FUSED names them when they differ.
///
/// Statuses: MIXED_FUSED.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `config` is a live handle; `name` a NUL-terminated string; `out_info` writable for the struct_size that it carries;
/// `reason`, `cap`, `out_len` as the file comment says, all NULL and 0 when the reason is not wanted.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_config_query_module(
    config: *const awqm_config,
    name: *const c_char,
    out_info: *mut awqm_module_info,
    reason: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, config) = unsafe { (InfoOut::new(out_info, "out_info")?, reference(config, "config")?) };
        // SAFETY: the caller's promise.
        let name = unsafe { string(name, "name") }?;
        let (info, why) = match config.inner.module(name)? {
            ModuleDecision::Quantized { spec, layout, by } => {
                let info = awqm_module_info {
                    struct_size: 0,
                    quantized: 1,
                    bits: spec.bits.get() as u32,
                    group_size: spec.group.get(),
                    zero_point: spec.zero_point.into(),
                    layout: layout.into(),
                };
                (info, by)
            }
            ModuleDecision::Skipped { reason } => (awqm_module_info::zero(), reason),
        };
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(reason, cap, out_len) }.write(&why)?;
        out.set(&info);
        Ok(())
    })
}

/// The normalized config as one JSON object: quant_method, bits, group_size, zero_point, version, source, warnings …
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// As awqm_config_get_source.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_config_to_json(
    config: *const awqm_config,
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let config = unsafe { reference(config, "config") }?;
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(&config.inner.to_json().to_string())
    })
}

const FILE_NAMES: [&CStr; 5] = [
    c"config.json",
    c"quantize_config.json",
    c"quant_config.json",
    c"quantization_config.json",
    c"hf_quant_config.json",
];

/// The file names that are searched for a config, in order: index 0, 1, … until NULL. Static strings.
///
/// Threads: any, at once. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_config_file_name(index: usize) -> *const c_char {
    FILE_NAMES.get(index).map_or(std::ptr::null(), |name| name.as_ptr())
}

/// Frees a config. NULL is fine.
///
/// Threads: any; the last call with this handle. Since 0.1.
///
/// # Safety
/// `config` is NULL or a live handle that is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_config_free(config: *mut awqm_config) {
    // SAFETY: the caller's promise.
    unsafe { free(config) }
}

/// One text of a list.
pub(super) fn item(list: &[String], index: usize) -> Result<&str> {
    let past = || {
        let e = Error::new(ErrorKind::NotFound, "is past the end").subject("index");
        e.found(index).needed(format!("less than {}", list.len()))
    };
    list.get(index).map(String::as_str).ok_or_else(past)
}

#[cfg(test)]
mod tests {
    #[test]
    fn file_names_agree_with_the_core() {
        let ours: Vec<_> = super::FILE_NAMES.iter().map(|n| n.to_str().unwrap()).collect();
        assert_eq!(ours, crate::config::FILE_NAMES);
    }
}
