//! How work is spread over threads: not at all, over a pool of our own, or over the host's (see `abi`).

use crate::error::{Error, ErrorKind, Result};

/// Runs independent tasks, perhaps at the same time.
pub trait Parallel: Send + Sync {
    /// How many tasks can run at once; at least 1.
    fn threads(&self) -> usize;

    /// Calls `body(i)` once for every i in 0..tasks and returns when all have returned.
    fn run(&self, tasks: usize, body: &(dyn Fn(usize) + Sync));
}

/// Everything on the calling thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Serial;

impl Parallel for Serial {
    fn threads(&self) -> usize {
        1
    }

    fn run(&self, tasks: usize, body: &(dyn Fn(usize) + Sync)) {
        (0..tasks).for_each(body);
    }
}

/// A pool of `threads − 1` workers; the calling thread is the last one.
pub struct Pool {
    workers: Option<rayon::ThreadPool>,
}

impl Pool {
    /// A pool in which `threads` tasks run at once; 0 takes the machine's number. 1 starts no thread at all.
    pub fn new(threads: usize) -> Result<Self> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
            n => n,
        };
        if threads == 1 {
            return Ok(Pool { workers: None });
        }
        let workers = rayon::ThreadPoolBuilder::new()
            .num_threads(threads - 1)
            .thread_name(|i| format!("awq-marlin-{i}"))
            .build()
            .map_err(|e| {
                Error::new(ErrorKind::OutOfMemory, format!("cannot start {threads} threads: {e}"))
            })?;
        Ok(Pool { workers: Some(workers) })
    }
}

impl Parallel for Pool {
    fn threads(&self) -> usize {
        self.workers.as_ref().map_or(1, |p| p.current_num_threads() + 1)
    }

    fn run(&self, tasks: usize, body: &(dyn Fn(usize) + Sync)) {
        let Some(pool) = self.workers.as_ref().filter(|_| tasks > 1) else {
            return Serial.run(tasks, body);
        };
        // Tasks are handed out one by one, so that a slow one does not hold up the rest.
        let next = std::sync::atomic::AtomicUsize::new(0);
        let work = || {
            loop {
                let i = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if i >= tasks {
                    break;
                }
                body(i);
            }
        };
        pool.in_place_scope(|scope| {
            for _ in 0..pool.current_num_threads().min(tasks - 1) {
                scope.spawn(|_| work());
            }
            work();
        });
    }
}
