//! Plans as text, to keep what was tuned and to look at what would run.

use std::ffi::c_char;

use super::guard::guard;
use super::linear::{Linear, awqm_linear};
use super::plan::{Plan, awqm_plan};
use super::pointers::{Out, StringOut, reference, string};
use super::status::awqm_status;

/// A plan as JSON text of one line: the layer's numbers, m, dtype and kernel, and on a GPU how the work is cut up.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `plan` is a live handle; `buf`, `cap`, `out_len` as the file comment says.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_plan_export(
    plan: *const awqm_plan,
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let plan = unsafe { reference(plan, "plan") }?;
        let text = match &plan.inner {
            Plan::Cpu(linear, plan) => linear.plan_to_json(plan),
            Plan::Cuda(_, plan) => plan.to_json(),
        };
        // SAFETY: the caller's promise.
        unsafe { StringOut::new(buf, cap, out_len) }.write(&text)
    })
}

/// The plan of a text that awqm_plan_export wrote, here or elsewhere, or that a tuner did, for this layer. Every number is
/// checked: a plan that is accepted gives right results. On a GPU it may come from another GPU; its workspace is what
/// awqm_plan_get_info says, and may be more than awqm_linear_workspace_bytes.
///
/// Statuses: JSON, INVALID_ARGUMENT (no plan, or one for another layer or backend, or numbers that no plan has),
/// KERNEL_UNSUPPORTED, UNSUPPORTED.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `linear` is a live handle; `text` is NUL-terminated; `out_plan` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_plan_import(
    linear: *const awqm_linear,
    text: *const c_char,
    out_plan: *mut *mut awqm_plan,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (out, linear) = unsafe { (Out::new(out_plan, "out_plan")?, reference(linear, "linear")?) };
        // SAFETY: the caller's promise.
        let text = unsafe { string(text, "text") }?;
        let inner = match &linear.inner {
            Linear::Cpu(l) => Plan::Cpu(l.clone(), l.plan_from_json(text)?),
            Linear::Cuda(l) => Plan::Cuda(l.clone(), l.plan_from_json(text)?),
        };
        out.give(awqm_plan { inner });
        Ok(())
    })
}
