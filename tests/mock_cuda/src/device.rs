//! Devices: an A100 of sorts, of whatever capability the environment asks for.

use std::ffi::{c_char, c_int};

use crate::call::api;
use crate::environment;
use crate::error::INVALID_DEVICE;
use crate::state::State;

const NOT_INITIALIZED: u32 = 3;

/// The number of a device that there is.
pub fn known(state: &State, device: c_int) -> Result<c_int, u32> {
    if !state.initialized {
        return Err(NOT_INITIALIZED);
    }
    if (0..environment::device_count()).contains(&device) { Ok(device) } else { Err(INVALID_DEVICE) }
}

/// Most shared memory of a block in bytes, as the programming guide has it.
pub fn shared_limit(device: c_int) -> u32 {
    let kb = match environment::capability(device) {
        (..=7, _) => 64,
        (8, 0 | 7) => 163,
        (8, _) | (12.., _) => 99,
        _ => 227,
    };
    kb << 10
}

fn attribute(device: c_int, attribute: u32) -> c_int {
    match attribute {
        16 => 108,       // multiprocessors
        36 => 1_593_000, // memory clock in kHz
        37 => 5120,      // bus width in bits
        75 => environment::capability(device).0,
        76 => environment::capability(device).1,
        97 => shared_limit(device) as c_int,
        _ => 0,
    }
}

api! {
    fn cuInit(state, flags: u32) {
        if flags != 0 {
            return Err(crate::error::INVALID_VALUE);
        }
        state.initialized = true;
        Ok(())
    }

    fn cuDriverGetVersion(_state, version: *mut c_int) {
        // SAFETY: writable, as cuda.h says; so is every pointer below.
        unsafe { version.write(environment::version()) };
        Ok(())
    }

    fn cuDeviceGetCount(state, count: *mut c_int) {
        if !state.initialized {
            return Err(NOT_INITIALIZED);
        }
        // SAFETY: as above.
        unsafe { count.write(environment::device_count()) };
        Ok(())
    }

    fn cuDeviceGet(state, device: *mut c_int, ordinal: c_int) {
        // SAFETY: as above.
        unsafe { device.write(known(state, ordinal)?) };
        Ok(())
    }

    fn cuDeviceGetName(state, name: *mut c_char, len: c_int, device: c_int) {
        let text = format!("Mock GPU {}\0", known(state, device)?);
        let fits = text.len().min(len as usize);
        // SAFETY: as above.
        unsafe { name.copy_from_nonoverlapping(text.as_ptr().cast(), fits) };
        Ok(())
    }

    fn cuDeviceTotalMem_v2(state, bytes: *mut usize, device: c_int) {
        known(state, device)?;
        // SAFETY: as above.
        unsafe { bytes.write(80 << 30) };
        Ok(())
    }

    fn cuDeviceGetAttribute(state, value: *mut c_int, which: u32, device: c_int) {
        let known = known(state, device)?;
        // SAFETY: as above.
        unsafe { value.write(attribute(known, which)) };
        Ok(())
    }
}
