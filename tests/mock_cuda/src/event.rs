//! Events: the time at which they were recorded, as everything before is done by then.

use std::sync::LazyLock;
use std::time::Instant;

use crate::call::api;
use crate::error::INVALID_HANDLE;
use crate::state::Handle;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

api! {
    fn cuEventCreate(state, event: *mut Handle, _flags: u32) {
        state.need_context()?;
        let handle = state.new_handle();
        state.events.insert(handle, 0.0);
        // SAFETY: writable, as cuda.h says; so is every pointer below.
        unsafe { event.write(handle) };
        Ok(())
    }

    fn cuEventRecord(state, event: Handle, _stream: Handle) {
        *state.events.get_mut(&event).ok_or(INVALID_HANDLE)? = START.elapsed().as_secs_f64();
        Ok(())
    }

    // All work is done when its call returns; a test that wants it otherwise makes this call fail with 600.
    fn cuEventQuery(state, event: Handle) {
        state.events.get(&event).map(|_| ()).ok_or(INVALID_HANDLE)
    }

    fn cuEventSynchronize(state, event: Handle) {
        state.events.get(&event).map(|_| ()).ok_or(INVALID_HANDLE)
    }

    fn cuEventElapsedTime(state, milliseconds: *mut f32, from: Handle, to: Handle) {
        let (Some(a), Some(b)) = (state.events.get(&from), state.events.get(&to)) else { return Err(INVALID_HANDLE) };
        // SAFETY: as above.
        unsafe { milliseconds.write(((b - a) * 1e3) as f32) };
        Ok(())
    }

    fn cuEventDestroy_v2(state, event: Handle) {
        state.events.remove(&event).map(|_| ()).ok_or(INVALID_HANDLE)
    }
}
