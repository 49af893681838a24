//! `awqm_packed`: one layer's tensors in host memory, in any layout.

use std::ffi::{c_char, c_void};
use std::path::Path;
use std::sync::Arc;

use super::device::{awqm_device, threads};
use super::guard::guard;
use super::options::{self, InfoOut, Sized0};
use super::pointers::{Out, free, positive, reference, slice, slice_mut, string};
use super::status::awqm_status;
use super::tensors::awqm_tensor_view;
use super::types::{awqm_dtype, awqm_layout, awqm_role};
use crate::checkpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, LayerDesc, LayerView, Layout, Packed, Part, Role};
use crate::types::{Bits, Dtype, GroupSize, QuantSpec};

/// One layer, packed, in memory of its own. Immutable; shareable between threads.
pub struct awqm_packed {
    pub(super) inner: Arc<Packed>,
}

/// A layer in the caller's words.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_layer_desc {
    /// sizeof(awqm_layer_desc).
    pub struct_size: usize,
    /// Input features.
    pub k: i64,
    /// Output features.
    pub n: i64,
    /// 4 or 8; ignored when dense.
    pub bits: u32,
    /// 1: zero points are stored. 0: symmetric; ignored when dense.
    pub zero_point: i32,
    /// Input features that share a scale; -1 = all of them; ignored when dense.
    pub group_size: i64,
    /// Where things lie.
    pub layout: awqm_layout,
    /// F16, BF16 or F32: of the scales, or of the weight when dense. 0 = F16.
    pub scale_dtype: awqm_dtype,
    /// F16, BF16 or F32. 0 = F16. Ignored without a bias.
    pub bias_dtype: awqm_dtype,
    /// Not used yet; must be 0.
    pub reserved: u32,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_layer_desc {
    fn reserved(&self) -> u32 {
        self.reserved
    }
}

/// The tensors of a layer in the caller's memory, little-endian, unaligned if need be. awqm_repack_query tells the sizes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_layer_tensors {
    /// sizeof(awqm_layer_tensors).
    pub struct_size: usize,
    /// Codes, or the dense weight.
    pub qweight: *const c_void,
    /// Bytes of qweight.
    pub qweight_bytes: usize,
    /// Scales; NULL when dense.
    pub scales: *const c_void,
    /// Bytes of scales.
    pub scales_bytes: usize,
    /// Zero points; NULL when symmetric or dense.
    pub qzeros: *const c_void,
    /// Bytes of qzeros.
    pub qzeros_bytes: usize,
    /// Bias (N) in bias_dtype; NULL for none.
    pub bias: *const c_void,
    /// Bytes of bias.
    pub bias_bytes: usize,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_layer_tensors {}

/// What a packed layer is; filled by awqm_packed_get_info.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_packed_info {
    /// sizeof(awqm_packed_info), set by the caller.
    pub struct_size: usize,
    /// Input features.
    pub k: i64,
    /// Output features.
    pub n: i64,
    /// Input features as stored, with padding.
    pub padded_k: i64,
    /// Output features as stored, with padding.
    pub padded_n: i64,
    /// 4 or 8; 0 when dense.
    pub bits: u32,
    /// 1: zero points are stored. 0: symmetric or dense.
    pub zero_point: i32,
    /// Group size; -1 = per channel; 0 when dense.
    pub group_size: i64,
    /// Rows that a group takes as stored: input feature k lies at row (k / g) * padded_group + k % g.
    pub padded_group: i64,
    /// Groups as stored.
    pub groups: i64,
    /// Where things lie.
    pub layout: awqm_layout,
    /// Element type of the scales, or of the weight when dense.
    pub scale_dtype: awqm_dtype,
    /// Element type of the bias.
    pub bias_dtype: awqm_dtype,
    /// 1: there is a bias.
    pub has_bias: i32,
    /// Bytes of all tensors together.
    pub bytes: usize,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_packed_info {}

fn float(code: awqm_dtype, argument: &str) -> Result<Dtype> {
    if code.0 == 0 {
        return Ok(Dtype::F16);
    }
    let dtype = code.get(argument)?;
    if !dtype.is_activation() {
        return Err(Error::unsupported("is no float type of a layer")
            .subject(argument)
            .found(dtype)
            .needed("F16, BF16 or F32"));
    }
    Ok(dtype)
}

impl awqm_layer_desc {
    /// The description and the bias dtype, checked.
    pub(super) fn get(&self) -> Result<(LayerDesc, Dtype)> {
        let layout = self.layout.get("desc.layout")?;
        let spec = if layout == Layout::Dense {
            QuantSpec { bits: Bits::Eight, group: GroupSize::PerChannel, zero_point: false }
        } else {
            QuantSpec {
                bits: Bits::new(self.bits).map_err(|e| e.subject("desc.bits"))?,
                group: GroupSize::new(self.group_size).map_err(|e| e.subject("desc.group_size"))?,
                zero_point: self.zero_point != 0,
            }
        };
        let desc = LayerDesc {
            k: positive(self.k, "desc.k")?,
            n: positive(self.n, "desc.n")?,
            spec,
            layout,
            scale_dtype: float(self.scale_dtype, "desc.scale_dtype")?,
        };
        Ok((desc, float(self.bias_dtype, "desc.bias_dtype")?))
    }
}

impl awqm_layer_tensors {
    /// # Safety
    /// Each pointer is readable for its bytes for `'a`.
    pub(super) unsafe fn view<'a>(&self, desc: LayerDesc, bias_dtype: Dtype) -> Result<LayerView<'a>> {
        // SAFETY: the caller's promise.
        let (qweight, scales, qzeros, bias) = unsafe {
            (
                slice(self.qweight.cast(), self.qweight_bytes, "tensors.qweight")?,
                slice(self.scales.cast(), self.scales_bytes, "tensors.scales")?,
                slice(self.qzeros.cast(), self.qzeros_bytes, "tensors.qzeros")?,
                slice(self.bias.cast(), self.bias_bytes, "tensors.bias")?,
            )
        };
        let bias = (!self.bias.is_null()).then_some(bias);
        let view = LayerView { desc, qweight, scales, qzeros, bias, bias_dtype };
        layout::check(&view)?;
        Ok(view)
    }
}

/// The layer that two structs of the caller's describe.
///
/// # Safety
/// Both are NULL or readable for their struct_size, the tensors for their bytes for `'a`.
unsafe fn layer<'a>(
    desc: *const awqm_layer_desc,
    tensors: *const awqm_layer_tensors,
) -> Result<LayerView<'a>> {
    // SAFETY: the caller's promise.
    let (desc, tensors) =
        unsafe { (options::read_required(desc, "desc")?, options::read_required(tensors, "tensors")?) };
    let (desc, bias_dtype) = desc.get()?;
    // SAFETY: the caller's promise.
    unsafe { tensors.view(desc, bias_dtype) }
}

/// Copies a layer from the caller's memory, in the layout that it is in, after checking the sizes of its tensors.
///
/// Statuses: TENSOR (a size that does not match; the message names tensor, found and needed), INVALID_ARGUMENT,
/// UNKNOWN_ENUM, UNSUPPORTED, SIZE_OVERFLOW, OUT_OF_MEMORY.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `desc` and `tensors` are readable for their struct_size, the tensors for their bytes; `out_packed` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_packed_create(
    desc: *const awqm_layer_desc,
    tensors: *const awqm_layer_tensors,
    out_packed: *mut *mut awqm_packed,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(out_packed, "out_packed") }?;
        // SAFETY: the caller's promise.
        let view = unsafe { layer(desc, tensors) }?;
        out.give(awqm_packed { inner: Arc::new(Packed::copy_of(&view)?) });
        Ok(())
    })
}

/// As awqm_packed_create, without a copy: the host lends its memory, which must stay as it is until the packed layer and
/// every awqm_linear made from it are freed. Layers on the CPU run from memory that is in layout CPU or DENSE, so its
/// tensors must lie on 64-byte boundaries; those of other layouts may lie anywhere.
///
/// Statuses: as awqm_packed_create; INVALID_ARGUMENT also for a tensor on no such boundary.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `desc` and `tensors` are readable for their struct_size; the tensors stay readable for their bytes, and nobody writes
/// them; `out_packed` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_packed_create_borrowed(
    desc: *const awqm_layer_desc,
    tensors: *const awqm_layer_tensors,
    out_packed: *mut *mut awqm_packed,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(out_packed, "out_packed") }?;
        // SAFETY: the caller's promise.
        let packed = unsafe { Packed::lent(&layer(desc, tensors)?) }?;
        out.give(awqm_packed { inner: Arc::new(packed) });
        Ok(())
    })
}

/// The same layer in another layout. Codes, zero points and scales stay what they are.
///
/// `to`: the layout that is wanted.
///
/// Statuses: UNSUPPORTED (the layout cannot hold this layer; the message says why), UNKNOWN_ENUM, OUT_OF_MEMORY.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `packed` is a live handle; `device` (whose threads work) is NULL or a live handle; `out_packed` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_packed_convert(
    packed: *const awqm_packed,
    to: awqm_layout,
    device: *const awqm_device,
    out_packed: *mut *mut awqm_packed,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, packed) = unsafe { (Out::new(out_packed, "out_packed")?, reference(packed, "packed")?) };
        // SAFETY: the caller's promise.
        let par = unsafe { threads(device) };
        let converted = layout::repack(&[Part::whole(packed.inner.view())], to.get("to")?, par)?;
        out.give(awqm_packed { inner: Arc::new(converted) });
        Ok(())
    })
}

/// What a packed layer is.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `packed` is a live handle; `out_info` is writable for the struct_size that it carries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_packed_get_info(
    packed: *const awqm_packed,
    out_info: *mut awqm_packed_info,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, packed) = unsafe { (InfoOut::new(out_info, "out_info")?, reference(packed, "packed")?) };
        let (p, desc) = (&packed.inner, &packed.inner.desc);
        let quantized = desc.layout != Layout::Dense;
        out.set(&awqm_packed_info {
            struct_size: 0,
            k: desc.k as i64,
            n: desc.n as i64,
            padded_k: p.padded.k as i64,
            padded_n: p.padded.n as i64,
            bits: if quantized { desc.spec.bits.get() as u32 } else { 0 },
            zero_point: (quantized && desc.spec.zero_point).into(),
            group_size: if quantized { desc.spec.group.get() } else { 0 },
            padded_group: p.padded.group as i64,
            groups: p.padded.groups as i64,
            layout: desc.layout.into(),
            scale_dtype: desc.scale_dtype.into(),
            bias_dtype: p.bias_dtype.into(),
            has_bias: p.bias.is_some().into(),
            bytes: p.bytes(),
        });
        Ok(())
    })
}

/// One tensor, borrowed: valid until awqm_packed_free. Its shape is the one that the layout's files have, padding
/// included.
///
/// `role`: which tensor.
///
/// Statuses: NOT_FOUND when the layer has no such tensor; UNKNOWN_ENUM.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `packed` is a live handle; `out_view` is writable for the struct_size that it carries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_packed_get_tensor(
    packed: *const awqm_packed,
    role: awqm_role,
    out_view: *mut awqm_tensor_view,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, packed) = unsafe { (InfoOut::new(out_view, "out_view")?, reference(packed, "packed")?) };
        let role = role.get("role")?;
        let p = &packed.inner;
        let (tensor, data) = match role {
            Role::Qweight => ("qweight", Some(&*p.qweight)),
            Role::Scales => ("scales", Some(&*p.scales)),
            Role::Qzeros => ("qzeros", Some(&*p.qzeros)),
            Role::Bias => ("bias", p.bias.as_deref()),
        };
        let (dtype, shape) = match role {
            Role::Bias => (p.bias_dtype, vec![p.desc.n]),
            _ => stored_shape(&p.desc, role)?.unwrap_or((p.desc.scale_dtype, vec![])),
        };
        let none = || {
            let what = format!("the layer has no such tensor in layout {}", p.desc.layout);
            Error::new(ErrorKind::NotFound, what).subject(tensor)
        };
        let data = data.filter(|d| !d.is_empty()).ok_or_else(none)?;
        out.set(&awqm_tensor_view::of(data, dtype, &shape)?);
        Ok(())
    })
}

/// Element type and shape of a tensor as the layout's files have them; `None` when the layout has no such tensor.
fn stored_shape(desc: &LayerDesc, role: Role) -> Result<Option<(Dtype, Vec<usize>)>> {
    let stored = checkpoint::names::stored(desc)?;
    Ok(stored.into_iter().find(|t| t.role == Some(role)).map(|t| (t.dtype, t.shape)))
}

/// The weights as floats: row-major (K, N), `w[k][n] = (q - z) * s`, rounded once to F16 or BF16, exact in F32 and F64
/// (for F16 and BF16 scales). Dense layers come transposed to (K, N) as well. `out_bytes` must be exactly K * N elements.
///
/// Statuses: TENSOR or BUFFER_TOO_SMALL (size), UNSUPPORTED (dtype), UNKNOWN_ENUM.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `packed` is a live handle; `out` is writable for `out_bytes`; `device` is NULL or a live handle.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_packed_dequantize(
    packed: *const awqm_packed,
    dtype: awqm_dtype,
    out: *mut c_void,
    out_bytes: usize,
    device: *const awqm_device,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let packed = unsafe { reference(packed, "packed") }?;
        let dtype = dtype.get("dtype")?;
        // SAFETY: the caller's promise.
        let (out, par) = unsafe { (slice_mut(out.cast::<u8>(), out_bytes, "out")?, threads(device)) };
        layout::dequantize(&packed.inner.view(), dtype, out, par)
    })
}

/// Writes a packed layer to a safetensors file as `prefix`.qweight, .scales, .qzeros, .bias (the names that the
/// layout's checkpoints use), with layout and shape in the file's metadata; under a temporary name until complete.
///
/// Statuses: IO.
///
/// Threads: any, at once, each with a path of its own. Since 0.1.
///
/// # Safety
/// `packed` is a live handle; `path` and `prefix` are NUL-terminated strings.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_packed_save(
    packed: *const awqm_packed,
    path: *const c_char,
    prefix: *const c_char,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (packed, path, prefix) =
            unsafe { (reference(packed, "packed")?, string(path, "path")?, string(prefix, "prefix")?) };
        checkpoint::save_packed(&packed.inner, Path::new(path), prefix)
    })
}

/// Reads back what awqm_packed_save wrote.
///
/// Statuses: MISSING, IO, CONTAINER, TENSOR, NOT_FOUND, UNSUPPORTED.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `path` and `prefix` are NUL-terminated strings; `out_packed` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_packed_load(
    path: *const c_char,
    prefix: *const c_char,
    out_packed: *mut *mut awqm_packed,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, path, prefix) = unsafe {
            (Out::new(out_packed, "out_packed")?, string(path, "path")?, string(prefix, "prefix")?)
        };
        let packed = checkpoint::load_packed(Path::new(path), prefix)?;
        out.give(awqm_packed { inner: Arc::new(packed) });
        Ok(())
    })
}

/// Frees a packed layer. NULL is fine.
///
/// Threads: any; the last call with this handle. Since 0.1.
///
/// # Safety
/// `packed` is NULL or a live handle that is not used afterwards, nor anything borrowed from it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_packed_free(packed: *mut awqm_packed) {
    // SAFETY: the caller's promise.
    unsafe { free(packed) }
}
