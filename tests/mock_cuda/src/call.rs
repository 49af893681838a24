//! What every call of the driver begins with: the lock, the log, and the failures that a test asked for.

use crate::error::Outcome;
use crate::state::{STATE, State};

/// Runs the body of a driver function.
pub fn enter(name: &'static str, body: impl FnOnce(&mut State) -> Outcome) -> u32 {
    let mut state = STATE.lock().unwrap_or_else(|e| e.into_inner());
    state.log.push(name);
    if let Some(code) = state.faults.of(name) {
        return code;
    }
    body(&mut state).err().unwrap_or(0)
}

/// Declares driver functions: the first name is that of the state in the body, the rest is as in cuda.h.
macro_rules! api {
    ($(fn $name:ident($state:ident $(, $arg:ident: $type:ty)* $(,)?) $body:block)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) -> u32 {
                crate::call::enter(stringify!($name), |$state: &mut crate::state::State| -> crate::error::Outcome { $body })
            }
        )*
    };
}
pub(crate) use api;
