//! Contexts: the primary one of each device, others, and each thread's stack of them.

use std::ffi::c_int;

use crate::call::api;
use crate::device::known;
use crate::error::INVALID_CONTEXT;
use crate::state::{CAPTURE_MODE, Context, Handle, STACK, State};

fn new_context(state: &mut State, device: c_int) -> Handle {
    let handle = state.new_handle();
    state.contexts.insert(handle, Context { device, lost: None });
    handle
}

api! {
    fn cuDevicePrimaryCtxRetain(state, context: *mut Handle, device: c_int) {
        known(state, device)?;
        let handle = match state.primary.get_mut(&device) {
            Some((handle, users)) => {
                *users += 1;
                *handle
            }
            None => {
                let handle = new_context(state, device);
                state.primary.insert(device, (handle, 1));
                handle
            }
        };
        // SAFETY: writable, as cuda.h says; so is every pointer below.
        unsafe { context.write(handle) };
        Ok(())
    }

    fn cuDevicePrimaryCtxRelease_v2(state, device: c_int) {
        let (handle, users) = state.primary.get_mut(&device).ok_or(INVALID_CONTEXT)?;
        *users -= 1;
        if *users == 0 {
            let handle = *handle;
            state.primary.remove(&device);
            state.contexts.remove(&handle);
            state.allocations.retain(|_, a| a.context != handle);
        }
        Ok(())
    }

    fn cuCtxCreate_v2(state, context: *mut Handle, _flags: u32, device: c_int) {
        known(state, device)?;
        let handle = new_context(state, device);
        STACK.with_borrow_mut(|stack| stack.push(handle));
        // SAFETY: as above.
        unsafe { context.write(handle) };
        Ok(())
    }

    fn cuCtxDestroy_v2(state, context: Handle) {
        state.contexts.remove(&context).ok_or(INVALID_CONTEXT)?;
        state.allocations.retain(|_, a| a.context != context);
        STACK.with_borrow_mut(|stack| {
            if stack.last() == Some(&context) {
                stack.pop();
            }
        });
        Ok(())
    }

    fn cuCtxGetCurrent(_state, context: *mut Handle) {
        // SAFETY: as above.
        unsafe { context.write(State::current().unwrap_or(0)) };
        Ok(())
    }

    fn cuCtxSetCurrent(_state, context: Handle) {
        STACK.with_borrow_mut(|stack| {
            stack.pop();
            if context != 0 {
                stack.push(context);
            }
        });
        Ok(())
    }

    fn cuCtxPushCurrent_v2(state, context: Handle) {
        state.contexts.get(&context).ok_or(INVALID_CONTEXT)?;
        STACK.with_borrow_mut(|stack| stack.push(context));
        Ok(())
    }

    fn cuCtxPopCurrent_v2(_state, context: *mut Handle) {
        let popped = STACK.with_borrow_mut(|stack| stack.pop()).ok_or(INVALID_CONTEXT)?;
        if !context.is_null() {
            // SAFETY: as above.
            unsafe { context.write(popped) };
        }
        Ok(())
    }

    fn cuCtxGetDevice(state, device: *mut c_int) {
        let current = State::current().ok_or(INVALID_CONTEXT)?;
        let found = state.contexts.get(&current).ok_or(INVALID_CONTEXT)?;
        // SAFETY: as above.
        unsafe { device.write(found.device) };
        Ok(())
    }

    fn cuCtxSynchronize(state) {
        state.refuse_in_capture()?;
        state.need_context().map(|_| ())
    }

    fn cuThreadExchangeStreamCaptureMode(_state, mode: *mut u32) {
        // SAFETY: as above.
        unsafe { mode.write(CAPTURE_MODE.replace(mode.read())) };
        Ok(())
    }
}
