//! What tests ask, and what they ask for. Declared in `mock_cuda.h`.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};

use crate::state::{STACK, STATE, State};

fn with<T>(body: impl FnOnce(&mut State) -> T) -> T {
    body(&mut STATE.lock().unwrap_or_else(|e| e.into_inner()))
}

/// A text that lives until the thread asks for the next one.
fn text(value: String) -> *const c_char {
    thread_local!(static TEXT: RefCell<CString> = RefCell::default());
    TEXT.with_borrow_mut(|text| {
        *text = CString::new(value).unwrap_or_default();
        text.as_ptr()
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mock_log() -> *const c_char {
    text(with(|state| state.log.join(" ")))
}

#[unsafe(no_mangle)]
pub extern "C" fn mock_log_clear() {
    with(|state| state.log.clear());
}

#[unsafe(no_mangle)]
pub extern "C" fn mock_context_depth() -> c_int {
    STACK.with_borrow(|stack| stack.len() as c_int)
}

#[unsafe(no_mangle)]
pub extern "C" fn mock_primary_users(device: c_int) -> c_int {
    with(|state| state.primary.get(&device).map_or(0, |(_, users)| *users as c_int))
}

#[unsafe(no_mangle)]
pub extern "C" fn mock_allocations() -> c_int {
    with(|state| state.allocations.len() as c_int)
}

#[unsafe(no_mangle)]
pub extern "C" fn mock_libraries() -> c_int {
    with(|state| state.libraries.len() as c_int)
}

#[unsafe(no_mangle)]
pub extern "C" fn mock_streams() -> c_int {
    with(|state| state.streams.len() as c_int)
}

#[unsafe(no_mangle)]
pub extern "C" fn mock_events() -> c_int {
    with(|state| state.events.len() as c_int)
}

#[unsafe(no_mangle)]
pub extern "C" fn mock_fault() -> *const c_char {
    text(with(|state| {
        let overrun = state.allocations.values().any(|a| !a.intact());
        if overrun { "bytes behind an allocation were written".into() } else { state.fault.clone() }
    }))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mock_fail(call: *const c_char, code: u32, at: u32) {
    // SAFETY: a C string, as the header says.
    let call = unsafe { CStr::from_ptr(call) }.to_string_lossy();
    with(|state| state.faults.add(&call, code, at));
}

#[unsafe(no_mangle)]
pub extern "C" fn mock_fail_clear() {
    with(|state| state.faults.clear());
}

/// As a kernel of somebody else in the current context would, that reads where nothing is.
#[unsafe(no_mangle)]
pub extern "C" fn mock_lose_context(code: u32) {
    with(|state| {
        if let Some(context) = State::current().and_then(|c| state.contexts.get_mut(&c)) {
            context.lost = Some(code);
        }
    });
}
