//! A launch: one call of the driver. Nothing is allocated, waited for or asked, so a capturing stream may take it.

use std::ffi::c_void;
use std::ptr::null_mut;

use cudarc::driver::sys;

use super::device::CudaDevice;
use super::driver::Failure;
use super::library::Kernel;
use crate::error::{Error, ErrorKind, Result};

/// Streams that are no handles: NULL, the legacy one, the one of each thread. They belong to the current context;
/// real ones know theirs.
const LAST_SPECIAL_STREAM: usize = 2;

/// How a kernel is cut up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    pub blocks: (u32, u32, u32),
    pub threads: u32,
    /// Dynamic shared memory of a block; above 48 KB the kernel was told when it was loaded.
    pub shared_bytes: u32,
}

impl Grid {
    /// Blocks of 256 threads for `count` threads.
    pub(super) fn of_threads(count: usize) -> Result<Self> {
        const THREADS: u32 = 256;
        let blocks = i32::try_from(count.div_ceil(THREADS as usize)).map_err(|_| {
            Error::new(ErrorKind::SizeOverflow, "the tensor is too large for one launch").found(count)
        })?;
        Ok(Grid { blocks: (blocks as u32, 1, 1), threads: THREADS, shared_bytes: 0 })
    }
}

/// Runs a kernel on a stream. Returns at once.
///
/// # Safety
/// `args` is the kernel's struct of arguments; its pointers are good for what the kernel does until it is done;
/// `stream` is a live stream of the device.
pub(super) unsafe fn launch<T>(
    device: &CudaDevice,
    kernel: Kernel,
    grid: Grid,
    stream: *mut c_void,
    args: &T,
) -> Result<()> {
    let driver = device.driver();
    device.alive()?;
    let _current = match stream as usize {
        0..=LAST_SPECIAL_STREAM => Some(device.note(device.context().push())?),
        _ => None,
    };
    let mut params = [(&raw const *args).cast_mut().cast::<c_void>()];
    let (x, y, z) = grid.blocks;
    let config = sys::CUlaunchConfig {
        gridDimX: x,
        gridDimY: y,
        gridDimZ: z,
        blockDimX: grid.threads,
        blockDimY: 1,
        blockDimZ: 1,
        sharedMemBytes: grid.shared_bytes,
        hStream: stream.cast(),
        attrs: null_mut(),
        numAttrs: 0,
    };
    // SAFETY: the caller's promise; a kernel stands for the function of its context here, as cuda.h says.
    let outcome =
        unsafe { driver.cuLaunchKernelEx(&config, kernel.0.cast(), params.as_mut_ptr(), null_mut()) };
    match outcome {
        Err(f @ Failure { code: INVALID_HANDLE | CONTEXT_IS_DESTROYED, .. }) => {
            let said = driver.explain(f).to_string();
            Err(Error::invalid(format!("is no stream that lives: {said}")).subject("stream"))
        }
        outcome => device.note(outcome),
    }
}

const INVALID_HANDLE: u32 = 400;
const CONTEXT_IS_DESTROYED: u32 = 709;
