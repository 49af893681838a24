//! Finds out, for debugging, when a workspace is used on two streams at once: its counters and sums would mix.
//!
//! Behind each launch an event is recorded; a launch on another stream with memory of the same workspace is refused while
//! that event has not come. What cannot be seen: launches in a capture and replays of graphs. What is refused although it
//! may be right: a stream that waits for the other by an event of the host's.

use std::ffi::{c_uint, c_void};
use std::ptr::null_mut;
use std::sync::{Mutex, PoisonError};

use cudarc::driver::sys;

use super::check::Memory;
use super::device::CudaDevice;
use super::driver::{Driver, Failure};
use crate::error::{Error, Result};

/// The legacy stream, which every blocking stream waits for and which waits for them.
const LEGACY: [usize; 2] = [0, 1];
/// The last number that stands for a stream without being one.
const LAST_SPECIAL: usize = 2;

/// The last launches with each workspace.
#[derive(Default)]
pub(super) struct Workspaces(Mutex<Vec<Use>>);

/// A workspace, and the stream that it was last used on.
struct Use {
    start: u64,
    end: u64,
    stream: usize,
    done: sys::CUevent,
}

// SAFETY: an event may be used from any thread; the driver locks.
unsafe impl Send for Use {}

impl Workspaces {
    /// Runs a launch unless the workspace is in use on another stream.
    ///
    /// Errors: [`crate::ErrorKind::InvalidArgument`] when it is, and those of the launch.
    pub(super) fn guard(
        &self,
        device: &CudaDevice,
        workspace: &Memory,
        stream: *mut c_void,
        launch: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let driver = device.driver();
        let _current = device.note(device.context().push())?;
        if device.note(is_capturing(driver, stream))? {
            return launch();
        }
        // Held over the launch, so that two threads do not both find the workspace free.
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, end) = (workspace.at, workspace.at + workspace.bytes as u64);
        let mut spare = Vec::new();
        let mut i = 0;
        while i < uses.len() {
            let other = &uses[i];
            if other.end <= start || end <= other.start {
                i += 1;
                continue;
            }
            let ordered = other.stream == stream as usize
                || device.note(waits(driver, other.stream, stream as usize))?;
            if !ordered && !device.note(has_come(driver, other.done))? {
                return Err(Error::invalid("is in use by a launch on another stream that is not done")
                    .subject("workspace")
                    .found(format!("{:#x}, used on stream {:#x}", workspace.at, other.stream))
                    .needed("a workspace for each stream, or a stream that has waited for the other"));
            }
            spare.push(uses.swap_remove(i).done);
        }
        launch()?;
        let done = match spare.pop() {
            Some(event) => event,
            None => device.note(new_event(driver))?,
        };
        spare.into_iter().for_each(|event| destroy(driver, event));
        // SAFETY: the event and the stream live; the context is current.
        device.note(unsafe { driver.cuEventRecord(done, stream.cast()) })?;
        uses.push(Use { start, end, stream: stream as usize, done });
        Ok(())
    }

    /// Gives the events back.
    pub(super) fn clear(&self, driver: &Driver) {
        for last in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            destroy(driver, last.done);
        }
    }
}

type Answer<T> = std::result::Result<T, Failure>;

fn is_capturing(driver: &Driver, stream: *mut c_void) -> Answer<bool> {
    let mut status: c_uint = 0;
    // SAFETY: writes one number; the stream lives by the caller's promise.
    unsafe { driver.cuStreamIsCapturing(stream.cast(), &mut status) }?;
    Ok(status != 0)
}

/// Whether the driver orders work on two streams by itself.
fn waits(driver: &Driver, a: usize, b: usize) -> Answer<bool> {
    const NON_BLOCKING: c_uint = 1;
    let (legacy, other) = if LEGACY.contains(&a) { (a, b) } else { (b, a) };
    if !LEGACY.contains(&legacy) {
        return Ok(false);
    }
    if other <= LAST_SPECIAL {
        return Ok(true);
    }
    let mut flags: c_uint = 0;
    // SAFETY: writes one number. A stream that is gone is an error that the driver gives.
    match unsafe { driver.cuStreamGetFlags(other as sys::CUstream, &mut flags) } {
        Ok(()) => Ok(flags & NON_BLOCKING == 0),
        // It was destroyed meanwhile; the event tells whether its work is done.
        Err(_) => Ok(false),
    }
}

fn has_come(driver: &Driver, event: sys::CUevent) -> Answer<bool> {
    const NOT_READY: u32 = 600;
    // SAFETY: the event lives.
    match unsafe { driver.cuEventQuery(event) } {
        Ok(()) => Ok(true),
        Err(Failure { code: NOT_READY, .. }) => Ok(false),
        Err(f) => Err(f),
    }
}

fn new_event(driver: &Driver) -> Answer<sys::CUevent> {
    const DISABLE_TIMING: c_uint = 2;
    let mut event = null_mut();
    // SAFETY: writes one handle; the context is current.
    unsafe { driver.cuEventCreate(&mut event, DISABLE_TIMING) }?;
    Ok(event)
}

fn destroy(driver: &Driver, event: sys::CUevent) {
    // SAFETY: made here, destroyed once. In a lost context it fails, and the event is gone anyway.
    let _ = unsafe { driver.cuEventDestroy_v2(event) };
}
