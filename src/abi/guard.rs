//! The boundary: no error and no panic gets past it.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Once, OnceLock};

use super::status::{awqm_status, set_last_error};
use crate::error::{Error, Result};

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs the body of one exported function. Errors become their status, panics [`awqm_status::Internal`];
/// both leave their text for `awqm_last_error_message`.
pub(super) fn guard(body: impl FnOnce() -> Result<()>) -> awqm_status {
    match caught(body) {
        Ok(Ok(())) => awqm_status::Ok,
        Ok(Err(e)) => {
            let message = e.to_string();
            // What to make of a failure is the caller's affair, so it is a detail in the log.
            ::log::debug!("{message}");
            set_last_error(&message);
            awqm_status::of(e.kind())
        }
        Err(e) => {
            set_last_error(&e.to_string());
            awqm_status::Internal
        }
    }
}

/// As [`guard`], for functions that cannot report a failure: a panic gives `default`.
pub(super) fn silent<T>(default: T, body: impl FnOnce() -> T) -> T {
    caught(body).unwrap_or(default)
}

fn caught<T>(body: impl FnOnce() -> T) -> std::result::Result<T, Error> {
    quiet_panics();
    let outer = INSIDE.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(body));
    INSIDE.set(outer);
    outcome.map_err(|payload| {
        let e = Error::internal(format!("a bug in awq-marlin: {}", panic_text(&*payload)));
        // A payload may panic when dropped; forgetting it would leak.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
        e
    })
}

/// The message of a panic.
pub(super) fn panic_text(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|s| s.to_string())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic without a message".into())
}

/// What is called when a thread panics.
type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send>;

/// Panics that this library catches go to the log, not to the host's stderr; other people's keep their own hook.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    // A static, so that our hook captures nothing and takes no memory, which would be lost when the library is unloaded.
    static THEIRS: OnceLock<Hook> = OnceLock::new();
    ONCE.call_once(|| {
        let _ = THEIRS.set(std::panic::take_hook());
        std::panic::set_hook(Box::new(|info| {
            let ours = INSIDE.try_with(Cell::get).unwrap_or(false)
                || std::thread::current().name().is_some_and(|n| n.starts_with("awq-marlin-"));
            match THEIRS.get() {
                Some(theirs) if !ours => theirs(info),
                _ => ::log::error!("{info}"),
            }
        }));
    });
}
