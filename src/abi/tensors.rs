//! Tensors as C sees them, and a safetensors file written from the host's memory.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::{c_char, c_void};
use std::path::Path;

use super::guard::guard;
use super::options::{self, Sized0};
use super::pointers::{positive, size, slice, string};
use super::status::awqm_status;
use super::types::awqm_dtype;
use crate::checkpoint::{self, TensorPlan};
use crate::error::{Error, Result};
use crate::types::{self, Dtype};

/// Bytes with a type and a shape. Whoever hands it out says how long `data` lives.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_tensor_view {
    /// sizeof(awqm_tensor_view), set by the caller.
    pub struct_size: usize,
    /// The elements, little-endian, in C order; need not be aligned.
    pub data: *const c_void,
    /// Bytes of `data`.
    pub bytes: usize,
    /// Element type.
    pub dtype: awqm_dtype,
    /// Number of dimensions, 0 to 8.
    pub rank: u32,
    /// Sizes; only the first `rank` count.
    pub shape: [i64; 8],
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_tensor_view {}

impl awqm_tensor_view {
    pub(super) fn of(data: &[u8], dtype: Dtype, shape: &[usize]) -> Result<Self> {
        let mut view = awqm_tensor_view {
            data: data.as_ptr().cast(),
            bytes: data.len(),
            dtype: dtype.into(),
            rank: shape.len() as u32,
            ..Self::zero()
        };
        if shape.len() > view.shape.len() {
            return Err(Error::unsupported("has too many dimensions").found(shape.len()).needed("at most 8"));
        }
        for (to, from) in view.shape.iter_mut().zip(shape) {
            *to = *from as i64;
        }
        Ok(view)
    }
}

/// Writes tensors to one safetensors file, under a temporary name until it is complete; an existing file is replaced.
///
/// Statuses: INVALID_ARGUMENT (a shape that does not match its bytes, a name that comes twice), UNKNOWN_ENUM, IO.
///
/// Threads: any, at once, each with a path of its own. Since 0.1.
///
/// # Safety
/// `path` is a NUL-terminated string; `names` points to `count` such strings and `views` to `count` views whose
/// `data` is readable for `bytes`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_tensors_save(
    path: *const c_char,
    names: *const *const c_char,
    views: *const awqm_tensor_view,
    count: usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (path, names) = unsafe { (Path::new(string(path, "path")?), slice(names, count, "names")?) };
        let mut tensors = Vec::with_capacity(names.len());
        // SAFETY: the caller's promise. Views are an array, so all have this library's size.
        let views = unsafe { slice(views, count, "views") }?;
        for (i, view) in views.iter().enumerate() {
            let at = format!("views[{i}]");
            // SAFETY: an element of the slice.
            let view = unsafe { options::read_required(view, &at) }?;
            // SAFETY: the caller's promise.
            let name = unsafe { string(names[i], &format!("names[{i}]")) }?;
            let dtype = view.dtype.get(&format!("{at}.dtype"))?;
            let rank = view.rank as usize;
            if rank > view.shape.len() {
                return Err(Error::invalid("is too large")
                    .subject(format!("{at}.rank"))
                    .found(rank)
                    .needed("at most 8"));
            }
            let shape = view.shape[..rank]
                .iter()
                .map(|d| size(*d, &format!("{at}.shape")))
                .collect::<Result<Vec<_>>>()?;
            let bytes = shape.iter().try_fold(dtype.bytes(), |a, d| types::mul(a, *d, &at))?;
            if bytes != view.bytes {
                let what = format!("{at}.bytes does not match shape {shape:?} of {dtype}");
                return Err(Error::invalid(what).subject(name).found(view.bytes).needed(bytes));
            }
            // SAFETY: the caller's promise.
            let data = unsafe { slice(view.data.cast::<u8>(), view.bytes, &format!("{at}.data")) }?;
            tensors.push((TensorPlan::new(name, dtype, shape), Cow::Borrowed(data)));
        }
        positive(tensors.len() as i64, "count")?;
        checkpoint::save_tensors(path, &tensors, HashMap::new())
    })
}
