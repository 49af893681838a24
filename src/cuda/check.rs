//! Device pointers that callers hand in, looked at before anything is launched.

use std::ffi::c_void;

use super::args::Address;
use super::device::CudaDevice;
use super::driver::Failure;
use crate::error::{Error, ErrorKind, Result};

/// Memory that a call uses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    /// The argument's name in messages.
    pub name: &'static str,
    pub at: Address,
    pub bytes: usize,
    /// Bytes on whose boundary it must begin.
    pub align: usize,
}

/// Words of a vector load.
pub(super) const VECTOR: usize = 16;

impl Memory {
    pub(super) fn new(name: &'static str, at: *const c_void, bytes: usize, align: usize) -> Self {
        Memory { name, at: at as Address, bytes, align }
    }

    /// NULL and alignment; and where the pointer points, when the device was opened with that wish.
    pub(super) fn check(&self, device: &CudaDevice) -> Result<()> {
        if self.at == 0 {
            return Err(Error::new(ErrorKind::NullPointer, "must not be NULL").subject(self.name));
        }
        if !self.at.is_multiple_of(self.align as u64) {
            return Err(Error::invalid("is not aligned")
                .subject(self.name)
                .found(format!("{:#x}", self.at))
                .needed(format!("a multiple of {} bytes", self.align)));
        }
        if device.checks_pointers() { self.look_up(device) } else { Ok(()) }
    }

    /// Asks the driver what the pointer is.
    fn look_up(&self, device: &CudaDevice) -> Result<()> {
        const MEMORY_TYPE: u32 = 2;
        const IS_MANAGED: u32 = 8;
        const DEVICE_ORDINAL: u32 = 9;
        const RANGE_START: u32 = 11;
        const RANGE_SIZE: u32 = 12;
        const ON_A_DEVICE: u32 = 2;
        let _current = device.note(device.context().push())?;
        let driver = device.driver();
        let wrong = |what: &str| Error::invalid(what).subject(self.name).found(format!("{:#x}", self.at));
        let (mut kind, mut managed, mut ordinal, mut start, mut size) = (0u32, 0u32, -1i32, 0u64, 0usize);
        // SAFETY: each attribute is written to a variable of its type.
        let ask =
            |attribute, to: *mut c_void| unsafe { driver.cuPointerGetAttribute(to, attribute, self.at) };
        match ask(MEMORY_TYPE, (&raw mut kind).cast()) {
            Ok(()) => {}
            // The driver does not know the address.
            Err(Failure { code: 1, .. }) => {
                let what = "is a host pointer, or none at all";
                return Err(wrong(what).needed("device memory"));
            }
            Err(f) => return device.note(Err(f)),
        }
        device.note(ask(IS_MANAGED, (&raw mut managed).cast()))?;
        if managed != 0 {
            return Ok(());
        }
        if kind != ON_A_DEVICE {
            return Err(wrong("points to host memory").needed("device memory"));
        }
        device.note(ask(DEVICE_ORDINAL, (&raw mut ordinal).cast()))?;
        if ordinal != device.ordinal() {
            return Err(Error::invalid("is memory of another device")
                .subject(self.name)
                .found(format!("cuda:{ordinal}"))
                .needed(format!("cuda:{}", device.ordinal())));
        }
        device.note(ask(RANGE_START, (&raw mut start).cast()))?;
        device.note(ask(RANGE_SIZE, (&raw mut size).cast()))?;
        let left = start.saturating_add(size as u64).saturating_sub(self.at);
        if (self.bytes as u64) > left {
            return Err(Error::invalid("reaches beyond its allocation")
                .subject(self.name)
                .found(format!("{left} bytes"))
                .needed(format!("{} bytes", self.bytes)));
        }
        Ok(())
    }
}

/// Checks everything that a call reads and writes.
pub(super) fn all(device: &CudaDevice, memory: &[Memory]) -> Result<()> {
    memory.iter().try_for_each(|m| m.check(device))
}

/// Refuses a real stream of another context's device, when the device was opened with the wish to be checked.
pub(super) fn stream(device: &CudaDevice, stream: *mut c_void) -> Result<()> {
    if !device.checks_pointers() || (stream as usize) <= 2 {
        return Ok(());
    }
    match device.device_of_stream(stream) {
        Ok(ordinal) if ordinal == device.ordinal() => Ok(()),
        Ok(ordinal) => Err(Error::invalid("is a stream of another device")
            .subject("stream")
            .found(format!("cuda:{ordinal}"))
            .needed(format!("cuda:{}", device.ordinal()))),
        Err(f) => {
            let said = device.driver().explain(f).to_string();
            Err(Error::invalid(format!("is no stream that lives: {said}")).subject("stream"))
        }
    }
}

/// [`ErrorKind::Overlap`] when two ranges share a byte.
pub(super) fn disjoint(inputs: &[Memory], outputs: &[Memory]) -> Result<()> {
    for (i, out) in outputs.iter().enumerate() {
        for other in inputs.iter().chain(&outputs[i + 1..]) {
            let (a, b) = (out.at as usize, other.at as usize);
            if crate::matrix::ranges_overlap(a, out.bytes, b, other.bytes) {
                let what = format!("{} and {} share memory", other.name, out.name);
                return Err(Error::new(ErrorKind::Overlap, what));
            }
        }
    }
    Ok(())
}
