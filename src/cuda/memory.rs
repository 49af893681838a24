//! Device memory that the library owns.

use std::ffi::c_uint;
use std::ptr::null_mut;
use std::sync::Arc;

use cudarc::driver::sys;

use super::args::Address;
use super::context::Relaxed;
use super::device::CudaDevice;
use super::driver::Outcome;
use crate::error::Result;

/// An allocation, freed when dropped.
pub(super) struct DeviceMemory {
    device: Arc<CudaDevice>,
    at: Address,
}

impl DeviceMemory {
    /// `bytes` of device memory, not initialized. They begin on a boundary of 256 bytes.
    ///
    /// Errors: [`crate::ErrorKind::OutOfMemory`], [`crate::ErrorKind::Device`].
    pub(super) fn new(device: &Arc<CudaDevice>, bytes: usize) -> Result<Self> {
        device.alive()?;
        let driver = device.driver();
        let _relaxed = device.note(Relaxed::new(driver))?;
        let _current = device.note(device.context().push())?;
        let mut at = 0;
        // SAFETY: writes one address.
        device.note(unsafe { driver.cuMemAlloc_v2(&mut at, bytes.max(1)) })?;
        Ok(DeviceMemory { device: device.clone(), at })
    }

    pub(super) fn at(&self) -> Address {
        self.at
    }

    /// Copies host memory to several places of this allocation and waits. On a stream of its own, because the legacy
    /// stream would wait for the host's streams, and would break a capture on one of them.
    ///
    /// # Safety
    /// Each piece (offset, bytes) lies within the allocation.
    pub(super) unsafe fn upload(&self, pieces: &[(usize, &[u8])]) -> Result<()> {
        let (device, driver) = (&self.device, self.device.driver());
        let _relaxed = device.note(Relaxed::new(driver))?;
        let _current = device.note(device.context().push())?;
        let stream = Stream::new(device)?;
        let copied = pieces.iter().try_for_each(|(offset, bytes)| {
            let to = self.at + *offset as u64;
            // SAFETY: within the allocation by the caller's promise; the host memory is alive until the wait below.
            unsafe { driver.cuMemcpyHtoDAsync_v2(to, bytes.as_ptr().cast(), bytes.len(), stream.raw) }
        });
        // Waits in any case: a copy that was begun reads the host's memory.
        let done = stream.wait();
        device.note(copied.and(done))
    }
}

impl Drop for DeviceMemory {
    fn drop(&mut self) {
        let driver = self.device.driver();
        let _relaxed = Relaxed::new(driver);
        let Ok(_current) = self.device.context().push() else { return };
        // SAFETY: allocated in `new`, freed once. In a lost context it fails, and the memory is gone anyway.
        let _ = unsafe { driver.cuMemFree_v2(self.at) };
    }
}

/// A stream that waits for no other.
struct Stream<'a> {
    device: &'a CudaDevice,
    raw: sys::CUstream,
}

impl<'a> Stream<'a> {
    fn new(device: &'a CudaDevice) -> Result<Self> {
        const NON_BLOCKING: c_uint = 1;
        let mut raw = null_mut();
        // SAFETY: writes one handle; the context is current.
        device.note(unsafe { device.driver().cuStreamCreate(&mut raw, NON_BLOCKING) })?;
        Ok(Stream { device, raw })
    }

    fn wait(&self) -> Outcome {
        // SAFETY: the stream lives.
        unsafe { self.device.driver().cuStreamSynchronize(self.raw) }
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        // SAFETY: made in `new`, destroyed once.
        let _ = unsafe { self.device.driver().cuStreamDestroy_v2(self.raw) };
    }
}
