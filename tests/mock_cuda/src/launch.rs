//! Launches: run at once, or recorded where a stream captures.

use std::ffi::c_void;

use awq_marlin_emulation::Options;

use crate::call::api;
use crate::environment;
use crate::error::{
    ILLEGAL_ADDRESS, INVALID_CONTEXT, INVALID_HANDLE, INVALID_VALUE, Outcome, STREAM_CAPTURE_UNSUPPORTED,
};
use crate::state::{Handle, State};

/// Dynamic shared memory of a block that needs no asking.
const PLAIN_SHARED_BYTES: u32 = 48 << 10;

/// `CUlaunchConfig`.
#[repr(C)]
pub struct Config {
    grid: [u32; 3],
    block: [u32; 3],
    shared_bytes: u32,
    stream: Handle,
    attributes: *mut c_void,
    attribute_count: u32,
}

/// A launch with a copy of its argument, as the driver keeps it.
#[derive(Clone)]
pub struct Work {
    kernel: Handle,
    context: Handle,
    grid: [u32; 3],
    block: [u32; 3],
    shared_bytes: u32,
    argument: Vec<u64>,
}

/// Words of the struct that a kernel takes; a real driver reads that in the image. See `kernels/common/args.h`.
fn argument_words(kernel: &str) -> usize {
    match kernel {
        k if k.contains("gemv") || k.contains("marlin") => 17,
        k if k.contains("dequantize") => 10,
        _ => 9,
    }
}

impl State {
    /// Runs a launch. A kernel that does what it must not costs the context, as on a GPU: the next call says so.
    pub fn execute(&mut self, work: &Work) -> Outcome {
        let device = self.well(work.context)?.device;
        let mut name = self.kernels.get(&work.kernel).ok_or(INVALID_HANDLE)?.name.clone();
        // An image has other code for Turing under the same name; the emulation has it under another.
        if name.contains("marlin") && environment::capability(device) < (8, 0) {
            name.push_str("_turing");
        }
        let mut argument = work.argument.clone();
        let memory = self.allocations.values().filter(|a| a.device == device).map(|a| a.range()).collect();
        let options = Options { memory, ..Options::default() };
        let args = [argument.as_mut_ptr().cast::<c_void>()];
        let outcome = self.with_memory(device, || {
            // SAFETY: the argument is the kernel's struct; what it points to is checked by the emulation.
            unsafe {
                awq_marlin_emulation::launch(
                    &name,
                    work.grid,
                    work.block,
                    work.shared_bytes as usize,
                    &options,
                    &args,
                )
            }
        });
        if let Err(what) = outcome {
            self.fault = format!("{name}: {what}");
            if let Some(context) = self.contexts.get_mut(&work.context) {
                context.lost = Some(ILLEGAL_ADDRESS);
            }
        }
        Ok(())
    }
}

api! {
    fn cuLaunchKernelEx(
        state,
        config: *const Config,
        function: Handle,
        params: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) {
        // SAFETY: readable, as cuda.h says.
        let config = unsafe { &*config };
        if params.is_null() || !extra.is_null() || config.attribute_count > 0 {
            return Err(INVALID_VALUE);
        }
        let context = match config.stream {
            0 | 1 => {
                state.refuse_legacy()?;
                state.need_context()?
            }
            2 => state.need_context()?,
            stream => state.stream(stream)?.context,
        };
        if !state.contexts.contains_key(&context) {
            return Err(INVALID_CONTEXT);
        }
        state.well(context)?;
        let kernel = state.kernels.get(&function).ok_or(INVALID_HANDLE)?;
        let loaded = kernel.loaded.contains(&context);
        let device = state.contexts[&context].device;
        if config.shared_bytes > kernel.shared_limit.get(&device).copied().unwrap_or(PLAIN_SHARED_BYTES) {
            return Err(INVALID_VALUE);
        }
        let words = argument_words(&kernel.name);
        // SAFETY: one argument, a struct of so many words.
        let argument = unsafe { std::slice::from_raw_parts((*params).cast::<u64>(), words) }.to_vec();
        let Config { grid, block, shared_bytes, stream, .. } = *config;
        let work = Work { kernel: function, context, grid, block, shared_bytes, argument };
        if let Some(capture) = state.streams.get_mut(&stream).and_then(|s| s.capture.as_mut()) {
            // Code is loaded when it is first launched, which a capture does not allow.
            if !loaded {
                return Err(STREAM_CAPTURE_UNSUPPORTED);
            }
            capture.works.push(work);
            return Ok(());
        }
        state.execute(&work)
    }
}
