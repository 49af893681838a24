//! Repacking between the host's own buffers: query the sizes, allocate, repack.

use std::ffi::c_void;

use super::device::{awqm_device, threads};
use super::guard::guard;
use super::options::{self, InfoOut, Sized0};
use super::packed::{awqm_layer_desc, awqm_layer_tensors};
use super::pointers::{disjoint, slice_mut};
use super::status::awqm_status;
use super::types::awqm_layout;
use crate::layout::{self, Part, TensorsMut};

/// Sizes of a layer in a layout; filled by awqm_repack_query.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_repack_sizes {
    /// sizeof(awqm_repack_sizes), set by the caller.
    pub struct_size: usize,
    /// Input features as stored.
    pub padded_k: i64,
    /// Output features as stored.
    pub padded_n: i64,
    /// Rows that a group takes as stored.
    pub padded_group: i64,
    /// Groups as stored.
    pub groups: i64,
    /// Bytes of the codes.
    pub qweight_bytes: usize,
    /// Bytes of the scales.
    pub scales_bytes: usize,
    /// Bytes of the zero points; 0 when symmetric.
    pub qzeros_bytes: usize,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_repack_sizes {}

/// How large a layer's tensors are in layout `to` (which may be `from->layout` itself). No tensor is looked at.
///
/// Statuses: UNSUPPORTED (the layout cannot hold this layer; the message says why), INVALID_ARGUMENT, SIZE_OVERFLOW.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `from` is readable for its struct_size; `out_sizes` is writable for the struct_size that it carries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_repack_query(
    from: *const awqm_layer_desc,
    to: awqm_layout,
    out_sizes: *mut awqm_repack_sizes,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, from) =
            unsafe { (InfoOut::new(out_sizes, "out_sizes")?, options::read_required(from, "from")?) };
        let desc = layout::target(from.get()?.0, to.get("to")?)?;
        let (padded, sizes) = (layout::padded(&desc)?, layout::sizes(&desc)?);
        out.set(&awqm_repack_sizes {
            struct_size: 0,
            padded_k: padded.k as i64,
            padded_n: padded.n as i64,
            padded_group: padded.group as i64,
            groups: padded.groups as i64,
            qweight_bytes: sizes.qweight,
            scales_bytes: sizes.scales,
            qzeros_bytes: sizes.qzeros,
        });
        Ok(())
    })
}

/// Repacks a layer from the host's buffers into the host's buffers, whose sizes must be those of awqm_repack_query.
/// The bias is not touched. Inputs and outputs must not overlap. Nothing is kept.
///
/// `to`: the layout of the outputs `qweight`, `scales` and `qzeros`, of `qweight_bytes`, `scales_bytes` and
/// `qzeros_bytes`; NULL and 0 for what the layer does not have.
///
/// Statuses: TENSOR (a size that does not match), OVERLAP, BUFFER_TOO_SMALL, UNSUPPORTED, NULL_POINTER, UNKNOWN_ENUM.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `from` and `tensors` are readable for their struct_size, the input tensors for their bytes; the outputs are
/// writable for their bytes; `device` (whose threads work) is NULL or a live handle.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_repack(
    from: *const awqm_layer_desc,
    tensors: *const awqm_layer_tensors,
    to: awqm_layout,
    qweight: *mut c_void,
    qweight_bytes: usize,
    scales: *mut c_void,
    scales_bytes: usize,
    qzeros: *mut c_void,
    qzeros_bytes: usize,
    device: *const awqm_device,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (from, t) =
            unsafe { (options::read_required(from, "from")?, options::read_required(tensors, "tensors")?) };
        let (desc, bias_dtype) = from.get()?;
        let to = to.get("to")?;
        disjoint(
            &[
                (t.qweight.cast(), t.qweight_bytes, "tensors.qweight"),
                (t.scales.cast(), t.scales_bytes, "tensors.scales"),
                (t.qzeros.cast(), t.qzeros_bytes, "tensors.qzeros"),
                (t.bias.cast(), t.bias_bytes, "tensors.bias"),
            ],
            &[
                (qweight.cast(), qweight_bytes, "qweight"),
                (scales.cast(), scales_bytes, "scales"),
                (qzeros.cast(), qzeros_bytes, "qzeros"),
            ],
        )?;
        // SAFETY: the caller's promise.
        let view = unsafe { t.view(desc, bias_dtype) }?;
        // SAFETY: the caller's promise; nothing overlaps.
        let out = unsafe {
            TensorsMut {
                qweight: slice_mut(qweight.cast(), qweight_bytes, "qweight")?,
                scales: slice_mut(scales.cast(), scales_bytes, "scales")?,
                qzeros: slice_mut(qzeros.cast(), qzeros_bytes, "qzeros")?,
            }
        };
        // SAFETY: the caller's promise.
        let par = unsafe { threads(device) };
        layout::repack_into(&[Part::whole(view)], to, out, par)?;
        Ok(())
    })
}
