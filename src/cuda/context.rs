//! CUDA contexts: the host's own, or a device's primary one. The caller's current context is what it was before when a
//! call returns, also when there was none.

use std::ffi::{c_uint, c_void};
use std::ptr::null_mut;

use cudarc::driver::sys;

use super::driver::{Driver, Failure};
use crate::error::{Error, ErrorKind, Result};

/// The context that a device's memory belongs to and its kernels run in.
pub(super) struct Context {
    driver: &'static Driver,
    raw: sys::CUcontext,
    device: sys::CUdevice,
    /// Retained here, so it is released when this is dropped.
    primary: bool,
}

// SAFETY: a CUcontext may be used from any thread; the driver locks.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Context {
    /// `wish` when it is not NULL; else the calling thread's current context when it is one of device `ordinal`; else
    /// the primary context of that device.
    ///
    /// # Safety
    /// `wish` is NULL or a live CUcontext that outlives the result.
    pub(super) unsafe fn open(driver: &'static Driver, wish: *mut c_void, ordinal: u32) -> Result<Self> {
        let explain = |f| driver.explain(f);
        let foreign = |raw, device| Context { driver, raw, device, primary: false };
        if !wish.is_null() {
            let raw = wish as sys::CUcontext;
            let device = device_of(driver, raw).map_err(|f| driver.explain(f).subject("options.context"))?;
            return Ok(foreign(raw, device));
        }
        let count = driver.device_count()?;
        let ordinal = match i32::try_from(ordinal) {
            Ok(n) if n < count => n,
            _ => return Err(no_device(ordinal, count)),
        };
        let (mut current, mut device) = (null_mut(), 0);
        // SAFETY: each writes one value.
        unsafe {
            driver.cuDeviceGet(&mut device, ordinal).map_err(explain)?;
            driver.cuCtxGetCurrent(&mut current).map_err(explain)?;
        }
        if !current.is_null() && device_of(driver, current).map_err(explain)? == device {
            return Ok(foreign(current, device));
        }
        let mut raw = null_mut();
        // SAFETY: `device` is one; the reference that this takes is given back in `drop`.
        unsafe { driver.cuDevicePrimaryCtxRetain(&mut raw, device) }.map_err(explain)?;
        Ok(Context { driver, raw, device, primary: true })
    }

    /// The device that it is on.
    pub(super) fn device(&self) -> sys::CUdevice {
        self.device
    }

    /// Makes it current until the result is dropped.
    pub(super) fn push(&self) -> std::result::Result<Pushed, Failure> {
        Pushed::new(self.driver, self.raw)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if self.primary {
            // SAFETY: retained in `open`. When it fails, the driver is on its way out and nobody is left to tell.
            let _ = unsafe { self.driver.cuDevicePrimaryCtxRelease_v2(self.device) };
        }
    }
}

fn no_device(ordinal: u32, count: i32) -> Error {
    let what = match count {
        1 => "the driver sees 1 device".to_string(),
        n => format!("the driver sees {n} devices"),
    };
    Error::new(ErrorKind::NoDevice, what).subject(format!("cuda:{ordinal}"))
}

/// The device of a live context.
pub(super) fn device_of(
    driver: &'static Driver,
    context: sys::CUcontext,
) -> std::result::Result<sys::CUdevice, Failure> {
    let _current = Pushed::new(driver, context)?;
    let mut device = 0;
    // SAFETY: writes one value; the context is current.
    unsafe { driver.cuCtxGetDevice(&mut device) }?;
    Ok(device)
}

/// A context that is current for a scope.
pub(super) struct Pushed(&'static Driver);

impl Pushed {
    fn new(driver: &'static Driver, context: sys::CUcontext) -> std::result::Result<Self, Failure> {
        // SAFETY: the context is live: its own, or the host's by the promise of `Context::open`.
        unsafe { driver.cuCtxPushCurrent_v2(context) }?;
        Ok(Pushed(driver))
    }
}

impl Drop for Pushed {
    fn drop(&mut self) {
        let mut popped = null_mut();
        // SAFETY: pops what `new` pushed.
        let _ = unsafe { self.0.cuCtxPopCurrent_v2(&mut popped) };
    }
}

/// For a scope, calls of this thread that allocate, load or wait neither break a stream capture of another thread nor
/// are refused because of one.
pub(super) struct Relaxed {
    driver: &'static Driver,
    before: c_uint,
}

impl Relaxed {
    pub(super) fn new(driver: &'static Driver) -> std::result::Result<Self, Failure> {
        const RELAXED: c_uint = 2;
        let mut mode = RELAXED;
        // SAFETY: swaps the thread's mode with the number.
        unsafe { driver.cuThreadExchangeStreamCaptureMode(&mut mode) }?;
        Ok(Relaxed { driver, before: mode })
    }
}

impl Drop for Relaxed {
    fn drop(&mut self) {
        // SAFETY: puts back what `new` found.
        let _ = unsafe { self.driver.cuThreadExchangeStreamCaptureMode(&mut self.before) };
    }
}
