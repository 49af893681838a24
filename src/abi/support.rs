//! What can be run, answered before any tensor is touched.

use std::ffi::c_char;

use super::guard::{guard, silent};
use super::pointers::{Out, StringOut, positive, slice_mut};
use super::status::awqm_status;
use super::types::{awqm_dtype, awqm_kernel, awqm_layout, awqm_support};

use crate::error::{Error, ErrorKind, Result};
use crate::kernel::Kernel;
use crate::layout::support::{self, KernelFamily, Support};
use crate::layout::{LayerDesc, Layout};
use crate::types::{Bits, Dtype, GroupSize, QuantSpec};

impl Support {
    fn answer(&self) -> (awqm_support, String) {
        match self {
            Support::Yes => (awqm_support::YES, String::new()),
            Support::Padded(p) => {
                (awqm_support::PADDED, format!("stored as K {}, N {}, groups of {}", p.k, p.n, p.group))
            }
            Support::No(why) => (awqm_support::NO, why.clone()),
        }
    }
}

fn family(kernel: awqm_kernel) -> Result<Option<KernelFamily>> {
    Ok(match kernel.get("kernel")? {
        Kernel::Auto => None,
        Kernel::Gemv => Some(KernelFamily::Gemv),
        Kernel::Gemm => Some(KernelFamily::Gemm),
        Kernel::Marlin => Some(KernelFamily::Marlin),
    })
}

/// Compute capability 86 as (8, 6).
fn capability(code: u32) -> (u32, u32) {
    (code / 10, code % 10)
}

/// Whether weights of these bits, group size and kind of zero point can be held in a layout, whatever their shape.
/// The numbers may be those of any config, right or wrong; a NO says why in `reason`.
///
/// `group_size` -1: per channel. `zero_point` not 0: zero points are stored.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `out_support` is writable; `reason`, `cap`, `out_len` as the file comment says, all NULL and 0 when not wanted.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_query_quantization_support(
    bits: u32,
    group_size: i64,
    zero_point: i32,
    layout: awqm_layout,
    out_support: *mut awqm_support,
    reason: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, text) =
            unsafe { (Out::new(out_support, "out_support")?, StringOut::new(reason, cap, out_len)) };
        let answer = support::quantization(bits, group_size, zero_point != 0, layout.get("layout")?);
        let (support, why) = answer.answer();
        text.write(&why)?;
        out.set(support);
        Ok(())
    })
}

/// Whether a layer of that shape can be held in a layout: as it is, padded (`reason` says to what), or not and why.
///
/// `k`, `n`: input and output features; `bits`, `group_size`, `zero_point` and `layout` as there.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// As awqm_query_quantization_support.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_query_shape_support(
    k: i64,
    n: i64,
    bits: u32,
    group_size: i64,
    zero_point: i32,
    layout: awqm_layout,
    out_support: *mut awqm_support,
    reason: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, text) =
            unsafe { (Out::new(out_support, "out_support")?, StringOut::new(reason, cap, out_len)) };
        let layout = layout.get("layout")?;
        let spec = QuantSpec {
            bits: Bits::new(bits).map_err(|e| e.subject("bits"))?,
            group: GroupSize::new(group_size).map_err(|e| e.subject("group_size"))?,
            zero_point: zero_point != 0 && layout != Layout::AwqMarlin,
        };
        let (k, n) = (positive(k, "k")?, positive(n, "n")?);
        let (support, why) =
            support::shape(&LayerDesc { k, n, spec, layout, scale_dtype: Dtype::F16 }).answer();
        text.write(&why)?;
        out.set(support);
        Ok(())
    })
}

/// The least compute capability, times ten, of an NVIDIA GPU that could run a kernel version: 75 for GEMV and GEMM, 80
/// for MARLIN. AUTO is INVALID_ARGUMENT.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `out_capability` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_kernel_min_capability(
    kernel: awqm_kernel,
    out_capability: *mut u32,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(out_capability, "out_capability") }?;
        let auto = || {
            Error::invalid("names no kernel version")
                .subject("kernel")
                .found("auto")
                .needed("gemv, gemm or marlin")
        };
        let (major, minor) = support::min_capability(family(kernel)?.ok_or_else(auto)?);
        out.set(10 * major + minor);
        Ok(())
    })
}

/// 1 when a kernel version takes activations of a dtype on a GPU of that compute capability (times ten; 0 = the CPU,
/// which takes F16, BF16 and F32 and has no MARLIN), else 0, for unknown values too. AUTO: any version.
///
/// Threads: any, at once. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_kernel_supports_dtype(kernel: awqm_kernel, capability: u32, dtype: awqm_dtype) -> i32 {
    silent(0, || {
        let (Ok(family), Ok(dtype)) = (family(kernel), dtype.get("dtype")) else { return 0 };
        let families = match family {
            Some(family) => vec![family],
            None => vec![KernelFamily::Gemv, KernelFamily::Gemm, KernelFamily::Marlin],
        };
        let takes = |f: &KernelFamily| match capability {
            0 => *f != KernelFamily::Marlin && dtype.is_activation(),
            c => support::activation_dtypes(*f, self::capability(c)).contains(&dtype),
        };
        families.iter().any(takes).into()
    })
}

/// Group sizes that Marlin kernels everywhere take as they are (-1 = per channel): min(cap, count) of them into
/// `out_sizes`, and how many there are into `out_count`. This library takes any; others are stored padded.
///
/// Statuses: BUFFER_TOO_SMALL (with out_count written) unless `out_sizes` is NULL and `cap` 0.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `out_sizes` is writable for `cap` numbers; `out_count` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_marlin_group_sizes(
    out_sizes: *mut i64,
    cap: usize,
    out_count: *mut usize,
) -> awqm_status {
    // SAFETY: the caller's promise.
    guard(|| unsafe { fill(&support::MARLIN_GROUP_SIZES, out_sizes, cap, out_count, "out_sizes") })
}

/// Copies a list out, by the rule of strings: a query with NULL and 0, the count always.
///
/// # Safety
/// `out` is writable for `cap` elements, `out_count` for one.
pub(super) unsafe fn fill<T: Copy>(
    list: &[T],
    out: *mut T,
    cap: usize,
    out_count: *mut usize,
    name: &str,
) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { Out::new(out_count, "out_count") }?.set(list.len());
    if out.is_null() && cap == 0 {
        return Ok(());
    }
    if cap < list.len() {
        let e = Error::new(ErrorKind::BufferTooSmall, "has no room for the list").subject(name);
        return Err(e.found(cap).needed(list.len()));
    }
    // SAFETY: the caller's promise.
    unsafe { slice_mut(out, cap, name) }?[..list.len()].copy_from_slice(list);
    Ok(())
}
