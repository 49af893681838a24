//! Notices that the process is a copy: `fork` takes over memory, but of the threads only the one that calls it.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How often this process was copied, from the first one that looked.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// A number that is another one in a child process. Threads of another generation do not exist.
pub fn generation() -> u64 {
    #[cfg(unix)]
    {
        extern "C" fn in_the_child() {
            GENERATION.fetch_add(1, Relaxed);
        }
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // SAFETY: the handler does nothing but count, which is allowed there; where the registration is refused,
            // for lack of memory, children do not notice. It goes away with the library.
            unsafe { libc::pthread_atfork(None, None, Some(in_the_child)) };
        });
    }
    GENERATION.load(Relaxed)
}
