//! The log: silent until the host gives a callback.

use std::ffi::{CString, c_char, c_void};
use std::sync::{Once, RwLock};

use super::guard::guard;
use super::types::awqm_log_level;
use crate::error::{Error, ErrorKind};

/// Takes one line of log. `message` is UTF-8 and dies when the function returns. It may be called from any thread
/// that is inside the library and must not unwind or call back into the library.
pub type awqm_log_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, level: awqm_log_level, message: *const c_char)>;

struct Sink {
    callback: unsafe extern "C" fn(*mut c_void, awqm_log_level, *const c_char),
    user_data: *mut c_void,
}

// SAFETY: the host promises that callback and user_data may be used from any thread.
unsafe impl Send for Sink {}
// SAFETY: as above.
unsafe impl Sync for Sink {}

static SINK: RwLock<Option<Sink>> = RwLock::new(None);

struct ToSink;

impl ::log::Log for ToSink {
    fn enabled(&self, _: &::log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &::log::Record) {
        // The read lock is held during the call: that is what lets `awqm_set_log_callback` promise that no
        // callback runs after it has returned.
        let Ok(sink) = SINK.read() else { return };
        let Some(sink) = sink.as_ref() else { return };
        let Ok(text) = CString::new(record.args().to_string().replace('\0', "\u{fffd}")) else { return };
        let level = match record.level() {
            ::log::Level::Error => awqm_log_level::ERROR,
            ::log::Level::Warn => awqm_log_level::WARN,
            ::log::Level::Info => awqm_log_level::INFO,
            _ => awqm_log_level::DEBUG,
        };
        // SAFETY: the host's promise at awqm_set_log_callback.
        unsafe { (sink.callback)(sink.user_data, level, text.as_ptr()) };
    }

    fn flush(&self) {}
}

/// Sends the library's log to `callback`, for the whole process; NULL turns it off, which is how it starts.
/// When this returns, the callback that was set before is not running and will not run again.
///
/// `level`: the least urgent lines that are wanted; OFF is silence with a callback set.
///
/// Statuses: the general ones.
///
/// Threads: any; calls wait for each other. Since 0.1.
///
/// # Safety
/// `callback` and `user_data` may be used from any thread until the next call of this function returns.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_set_log_callback(
    callback: awqm_log_fn,
    user_data: *mut c_void,
    level: awqm_log_level,
) -> super::status::awqm_status {
    guard(|| {
        let filter = match level {
            awqm_log_level::OFF => ::log::LevelFilter::Off,
            awqm_log_level::ERROR => ::log::LevelFilter::Error,
            awqm_log_level::WARN => ::log::LevelFilter::Warn,
            awqm_log_level::INFO => ::log::LevelFilter::Info,
            awqm_log_level::DEBUG => ::log::LevelFilter::Debug,
            other => {
                return Err(Error::new(ErrorKind::UnknownEnum, "is no awqm_log_level")
                    .subject("level")
                    .found(other.0));
            }
        };
        static ONCE: Once = Once::new();
        // A Rust host may have a logger of its own; then that one stays.
        ONCE.call_once(|| drop(::log::set_logger(&ToSink)));
        let mut sink = SINK.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        *sink = callback.map(|callback| Sink { callback, user_data });
        ::log::set_max_level(if sink.is_some() { filter } else { ::log::LevelFilter::Off });
        Ok(())
    })
}
