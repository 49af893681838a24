//! Libraries of kernels. The image is only looked at; the kernels are those of the emulation, by name.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, c_char, c_int, c_void};

use crate::call::api;
use crate::device::shared_limit;
use crate::error::{INVALID_HANDLE, INVALID_IMAGE, INVALID_VALUE, NOT_FOUND};
use crate::state::Handle;

/// How a fatbin begins.
const MAGIC: u32 = 0xba55_ed50;

pub struct Kernel {
    pub owner: Handle,
    pub name: String,
    /// Contexts that its code was loaded into.
    pub loaded: HashSet<Handle>,
    /// Most dynamic shared memory of a block, by device, where it was asked for.
    pub shared_limit: HashMap<c_int, u32>,
}

api! {
    fn cuLibraryLoadData(
        state,
        library: *mut Handle,
        code: *const c_void,
        _jit_options: *mut u32,
        _jit_values: *mut *mut c_void,
        _jit_count: u32,
        _options: *mut u32,
        _values: *mut *mut c_void,
        _count: u32,
    ) {
        state.refuse_in_capture()?;
        // SAFETY: an image has at least 16 bytes.
        if !(code as usize).is_multiple_of(8) || unsafe { code.cast::<u32>().read() } != MAGIC {
            return Err(INVALID_IMAGE);
        }
        let handle = state.new_handle();
        state.libraries.insert(handle, ());
        // SAFETY: writable, as cuda.h says; so is every pointer below.
        unsafe { library.write(handle) };
        Ok(())
    }

    fn cuLibraryUnload(state, library: Handle) {
        state.refuse_in_capture()?;
        state.libraries.remove(&library).ok_or(INVALID_HANDLE)?;
        state.kernels.retain(|_, kernel| kernel.owner != library);
        Ok(())
    }

    fn cuLibraryGetKernel(state, kernel: *mut Handle, library: Handle, name: *const c_char) {
        state.libraries.get(&library).ok_or(INVALID_HANDLE)?;
        // SAFETY: a C string, as cuda.h says.
        let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
        if !awq_marlin_emulation::kernels().contains(&name) {
            return Err(NOT_FOUND);
        }
        let handle = state.new_handle();
        state.kernels.insert(handle, Kernel { owner: library, name, loaded: HashSet::new(), shared_limit: HashMap::new() });
        // SAFETY: as above.
        unsafe { kernel.write(handle) };
        Ok(())
    }

    fn cuKernelGetFunction(state, function: *mut Handle, kernel: Handle) {
        state.refuse_in_capture()?;
        state.need_context()?;
        state.kernels.get(&kernel).ok_or(INVALID_HANDLE)?;
        // SAFETY: as above. The function of the current context goes by the kernel's number.
        unsafe { function.write(kernel) };
        Ok(())
    }

    fn cuKernelSetAttribute(state, attribute: u32, value: c_int, kernel: Handle, device: c_int) {
        const MAX_DYNAMIC_SHARED_BYTES: u32 = 8;
        const SHARED_CARVEOUT_PERCENT: u32 = 9;
        state.refuse_in_capture()?;
        let kernel = state.kernels.get_mut(&kernel).ok_or(INVALID_HANDLE)?;
        match (attribute, u32::try_from(value)) {
            (MAX_DYNAMIC_SHARED_BYTES, Ok(bytes)) if bytes <= shared_limit(device) => {
                kernel.shared_limit.insert(device, bytes);
                Ok(())
            }
            (SHARED_CARVEOUT_PERCENT, Ok(..=100)) => Ok(()),
            _ => Err(INVALID_VALUE),
        }
    }

    fn cuFuncLoad(state, function: Handle) {
        state.refuse_in_capture()?;
        let context = state.need_context()?;
        state.kernels.get_mut(&function).ok_or(INVALID_HANDLE)?.loaded.insert(context);
        Ok(())
    }
}
