//! Runs the CUDA kernels of awq-marlin on the CPU, to test them where there is no GPU.
//!
//! The kernel sources compile with an ordinary C++ compiler against `host/`, where a fiber stands for each CUDA thread. A
//! scheduler decides who runs; barriers, the operations of a warp, asynchronous copies, tensor cores and atomics do what
//! the hardware's do. [`Options`] choose among schedules and times of arrival, because a missing barrier is wrong only
//! under some. What the emulation cannot see: missing fences (the host orders its memory more strongly), bank conflicts,
//! registers, speed, and the rounding inside tensor cores.

mod ffi;
mod options;

use std::ffi::{CStr, CString, c_void};

pub use options::{AsyncCopies, Options, Order, Stats};

/// Runs the kernel `name` on the whole grid, as `cuLaunchKernel` does, with one pointer to each argument of the kernel.
/// `smem` is the dynamic shared memory in bytes.
///
/// An error says what a GPU would have refused, computed wrongly or never finished: a deadlock, threads of a warp or block
/// that do different things, an address that is misaligned or outside [`Options::memory`] or shared memory, copies that
/// nobody waits for.
///
/// # Safety
///
/// `args` points to values of the kernel's parameter types, and what they point to may be read and written as the kernel
/// does for these values.
pub unsafe fn launch(
    name: &str,
    grid: [u32; 3],
    block: [u32; 3],
    smem: usize,
    options: &Options,
    args: &[*mut c_void],
) -> Result<Stats, String> {
    let name = CString::new(name).map_err(|_| String::from("a name with a zero in it"))?;
    let memory: Vec<ffi::Range> =
        options.memory.iter().map(|range| ffi::Range { begin: range.start, end: range.end }).collect();
    let options = ffi::Options::new(options, &memory);
    let mut stats = Stats::default();
    let mut error = [0; 1024];
    // SAFETY: the pointers are valid for the call; the caller answers for `args`.
    let failed = unsafe {
        ffi::awqm_emulation_launch(
            name.as_ptr(),
            grid.as_ptr(),
            block.as_ptr(),
            smem,
            &options,
            args.as_ptr(),
            &mut stats,
            error.as_mut_ptr(),
            error.len(),
        )
    };
    if failed == 0 {
        return Ok(stats);
    }
    // SAFETY: the text ends with a zero.
    Err(unsafe { CStr::from_ptr(error.as_ptr()) }.to_string_lossy().into_owned())
}

/// The names of all kernels, sorted.
pub fn kernels() -> Vec<String> {
    let name = |i| {
        // SAFETY: any number is allowed.
        let name = unsafe { ffi::awqm_emulation_kernel(i) };
        // SAFETY: a name is a string constant.
        (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
    };
    let mut names: Vec<String> = (0..).map_while(name).collect();
    names.sort();
    names
}
