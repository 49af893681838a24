//! Device memory: pages that nobody may touch except this driver, while it copies or runs a kernel.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::ptr::null_mut;

use crate::call::api;
use crate::error::{INVALID_VALUE, OUT_OF_MEMORY, Outcome};
use crate::state::{Handle, STACK, State};

const PAGE: usize = 4096;
/// What memory holds before anything is written to it: a NaN in every float format.
const FRESH: u8 = 0xff;

pub struct Allocation {
    pub context: Handle,
    pub device: c_int,
    pub bytes: usize,
    at: *mut c_void,
    pages: usize,
}

// SAFETY: a range of addresses; every access is under the driver's lock.
unsafe impl Send for Allocation {}

impl Allocation {
    fn new(context: Handle, device: c_int, bytes: usize) -> Result<Self, u32> {
        let pages = bytes.div_ceil(PAGE) * PAGE;
        // SAFETY: new anonymous pages.
        let at = unsafe {
            libc::mmap(
                null_mut(),
                pages,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if at == libc::MAP_FAILED {
            return Err(OUT_OF_MEMORY);
        }
        let allocation = Allocation { context, device, bytes, at, pages };
        // SAFETY: the pages were just mapped.
        unsafe { at.cast::<u8>().write_bytes(FRESH, pages) };
        allocation.protect(true);
        Ok(allocation)
    }

    fn protect(&self, closed: bool) {
        let how = if closed { libc::PROT_NONE } else { libc::PROT_READ | libc::PROT_WRITE };
        // SAFETY: the pages are this allocation's.
        unsafe { libc::mprotect(self.at, self.pages, how) };
    }

    pub fn range(&self) -> Range<usize> {
        self.at as usize..self.at as usize + self.bytes
    }

    /// Whether the bytes behind the end are as they were.
    pub fn intact(&self) -> bool {
        self.protect(false);
        // SAFETY: the pages are mapped and readable now.
        let rest = unsafe {
            std::slice::from_raw_parts(self.at.cast::<u8>().add(self.bytes), self.pages - self.bytes)
        };
        let intact = rest.iter().all(|b| *b == FRESH);
        self.protect(true);
        intact
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, unmapped once.
        unsafe { libc::munmap(self.at, self.pages) };
    }
}

impl State {
    /// Runs `body` while the device memory of a device is open.
    pub fn with_memory<T>(&self, device: c_int, body: impl FnOnce() -> T) -> T {
        let open = || self.allocations.values().filter(|a| a.device == device);
        open().for_each(|a| a.protect(false));
        let result = body();
        open().for_each(|a| a.protect(true));
        result
    }

    /// The allocation that holds all of a range.
    fn holding(&self, at: usize, bytes: usize) -> Result<&Allocation, u32> {
        let (_, found) = self.allocations.range(..=at).next_back().ok_or(INVALID_VALUE)?;
        let range = found.range();
        if at + bytes <= range.end && at < range.end { Ok(found) } else { Err(INVALID_VALUE) }
    }

    fn copy(&self, device_at: usize, bytes: usize, body: impl FnOnce()) -> Outcome {
        if bytes == 0 {
            return Ok(());
        }
        let device = self.holding(device_at, bytes)?.device;
        self.with_memory(device, body);
        Ok(())
    }
}

api! {
    fn cuMemAlloc_v2(state, pointer: *mut usize, bytes: usize) {
        state.refuse_in_capture()?;
        let context = state.need_context()?;
        if bytes == 0 {
            return Err(INVALID_VALUE);
        }
        let device = state.well(context)?.device;
        let allocation = Allocation::new(context, device, bytes)?;
        let at = allocation.range().start;
        state.allocations.insert(at, allocation);
        // SAFETY: writable, as cuda.h says.
        unsafe { pointer.write(at) };
        Ok(())
    }

    fn cuMemFree_v2(state, pointer: usize) {
        state.refuse_in_capture()?;
        State::current().ok_or(crate::error::INVALID_CONTEXT)?;
        let allocation = state.allocations.remove(&pointer).ok_or(INVALID_VALUE)?;
        if !allocation.intact() {
            state.fault = "bytes behind an allocation were written".into();
        }
        // A lost context frees its memory all the same, and says that it is lost.
        state.need_context().map(|_| ())
    }

    fn cuMemcpyHtoD_v2(state, to: usize, from: *const u8, bytes: usize) {
        state.need_context()?;
        // SAFETY: the range is one allocation's and open; the host memory is readable, as cuda.h says.
        state.copy(to, bytes, || unsafe { (to as *mut u8).copy_from(from, bytes) })
    }

    fn cuMemcpyHtoDAsync_v2(state, to: usize, from: *const u8, bytes: usize, stream: Handle) {
        state.need_context()?;
        state.stream(stream)?;
        // SAFETY: as above.
        state.copy(to, bytes, || unsafe { (to as *mut u8).copy_from(from, bytes) })
    }

    fn cuMemcpyDtoH_v2(state, to: *mut u8, from: usize, bytes: usize) {
        state.refuse_in_capture()?;
        state.need_context()?;
        // SAFETY: as above, and the host memory is writable.
        state.copy(from, bytes, || unsafe { to.copy_from(from as *const u8, bytes) })
    }

    fn cuMemsetD8_v2(state, at: usize, value: u8, bytes: usize) {
        state.need_context()?;
        // SAFETY: as above.
        state.copy(at, bytes, || unsafe { (at as *mut u8).write_bytes(value, bytes) })
    }

    fn cuPointerGetAttribute(state, data: *mut c_void, attribute: u32, pointer: usize) {
        STACK.with_borrow(|stack| if stack.is_empty() { Err(crate::error::INVALID_CONTEXT) } else { Ok(()) })?;
        let found = state.holding(pointer, 0)?;
        // SAFETY: writable for the attribute's type, as cuda.h says.
        unsafe {
            match attribute {
                2 => data.cast::<u32>().write(2), // memory type: device
                8 => data.cast::<u32>().write(0), // managed
                9 => data.cast::<c_int>().write(found.device),
                11 => data.cast::<usize>().write(found.range().start),
                12 => data.cast::<usize>().write(found.bytes),
                _ => return Err(INVALID_VALUE),
            }
        }
        Ok(())
    }
}
