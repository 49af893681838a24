//! How work is spread over threads: not at all, over a pool of our own, or over the host's (see `abi`).

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::fork;

/// Runs independent tasks, perhaps at the same time.
pub trait Parallel: Send + Sync {
    /// How many tasks can run at once; at least 1.
    fn threads(&self) -> usize;

    /// Calls `body(i)` once for every i in 0..tasks, in any order and on any threads, perhaps all on this one, and returns
    /// when all have returned.
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
///
/// A layer of a small model takes 10 to 50 µs, and waking a sleeping thread takes about as long. So workers that
/// have run out of work look out for more for `SPIN` before they sleep, and a call never waits for a worker that
/// has not begun: tasks are handed out one by one, and the caller takes what nobody else has taken. A call while
/// another one is running (from a second thread, or from inside a task) does all of its tasks itself.
///
/// In a child process that `fork` made there are no workers; there every call does its tasks itself.
pub struct Pool {
    shared: Arc<Shared>,
    generation: u64,
    workers: Vec<JoinHandle<()>>,
}

/// How long a worker burns its core after the last call before it sleeps.
const SPIN: Duration = Duration::from_micros(100);

/// What the caller and the workers look at.
struct Shared {
    /// Number of the call (high half), whether it is closed to newcomers, and how many workers are at it.
    state: AtomicU64,
    /// The call's work. Written by the caller while no worker is at it.
    job: UnsafeCell<Job>,
    next: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    busy: AtomicBool,
    stop: AtomicBool,
    sleepers: AtomicUsize,
    bed: Mutex<()>,
    alarm: Condvar,
}

#[derive(Clone, Copy)]
struct Job {
    body: &'static (dyn Fn(usize) + Sync),
    tasks: usize,
}

const CALL: u64 = 1 << 32;
const CLOSED: u64 = 1 << 31;
const WORKERS: u64 = CLOSED - 1;

// SAFETY: `job` is written only while `busy` is held and the last call is closed with no worker at it, and read only
// by workers that have joined an open call; joining acquires what opening released.
unsafe impl Sync for Shared {}

impl Shared {
    /// Takes tasks until there are none.
    fn work(&self, job: Job) {
        loop {
            let i = self.next.fetch_add(1, Relaxed);
            if i >= job.tasks {
                break;
            }
            (job.body)(i);
        }
    }

    /// Joins the call that `state` shows, unless it is closed. True when this worker did something.
    fn join(&self, state: u64) -> bool {
        if state & CLOSED != 0 || self.state.compare_exchange(state, state + 1, SeqCst, Relaxed).is_err() {
            return false;
        }
        // SAFETY: the call is open and counts this worker, so its job stands until the count is back.
        let job = unsafe { *self.job.get() };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.work(job))) {
            // The rest is not worth doing: the caller will unwind.
            self.next.store(job.tasks, Relaxed);
            *self.panic.lock().unwrap_or_else(|e| e.into_inner()) = Some(panic);
        }
        self.state.fetch_sub(1, SeqCst);
        true
    }

    fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        self.panic.lock().unwrap_or_else(|e| e.into_inner()).take()
    }

    /// A worker's life.
    fn serve(&self) {
        let (mut done, mut idle) = (0, Instant::now());
        while !self.stop.load(Relaxed) {
            for _ in 0..64 {
                let state = self.state.load(SeqCst);
                if state / CALL != done && self.join(state) {
                    (done, idle) = (state / CALL, Instant::now());
                }
                std::hint::spin_loop();
            }
            // On a crowded machine the caller may be waiting for this very core.
            std::thread::yield_now();
            if idle.elapsed() > SPIN {
                self.sleep(done);
                idle = Instant::now();
            }
        }
    }

    /// Sleeps until a call that is not number `done` is open, or the pool stops.
    fn sleep(&self, done: u64) {
        let mut bed = self.bed.lock().unwrap_or_else(|e| e.into_inner());
        self.sleepers.fetch_add(1, SeqCst);
        loop {
            let state = self.state.load(SeqCst);
            if self.stop.load(SeqCst) || (state & CLOSED == 0 && state / CALL != done) {
                break;
            }
            bed = self.alarm.wait(bed).unwrap_or_else(|e| e.into_inner());
        }
        self.sleepers.fetch_sub(1, SeqCst);
    }

    /// Wakes up to `count` workers.
    fn wake(&self, count: usize) {
        // Looked at after the state was written, as a worker looks at the state after it was counted: one sees the
        // other.
        let sleepers = self.sleepers.load(SeqCst);
        if sleepers > 0 {
            let _bed = self.bed.lock().unwrap_or_else(|e| e.into_inner());
            (0..count.min(sleepers)).for_each(|_| self.alarm.notify_one());
        }
    }
}

/// Ends a call: no worker may join any more, and those who did have left.
struct Close<'a>(&'a Shared);

impl Drop for Close<'_> {
    fn drop(&mut self) {
        let shared = self.0;
        // When a task of the caller panicked, the others are not worth doing.
        if std::thread::panicking() {
            shared.next.store(usize::MAX / 2, Relaxed);
        }
        shared.state.fetch_or(CLOSED, SeqCst);
        let mut looks = 0u32;
        while shared.state.load(SeqCst) & WORKERS != 0 {
            looks += 1;
            if looks < 10_000 { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }
}

/// Lets the next call in.
struct Free<'a>(&'a AtomicBool);

impl Drop for Free<'_> {
    fn drop(&mut self) {
        self.0.store(false, Release);
    }
}

impl Pool {
    /// Most threads of a pool. More than any machine has are a mistake, and starting them would take the process down.
    pub const MOST_THREADS: usize = 1024;

    /// A pool in which `threads` tasks run at once, be they more than the machine has; 0 takes the machine's number. 1
    /// starts no thread at all. [`ErrorKind::InvalidArgument`] above [`Pool::MOST_THREADS`],
    /// [`ErrorKind::OutOfMemory`] when the system refuses a thread.
    pub fn new(threads: usize) -> Result<Self> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, |n| n.get()).min(Self::MOST_THREADS),
            n => n,
        };
        if threads > Self::MOST_THREADS {
            return Err(Error::invalid("is more threads than any machine has")
                .found(threads)
                .needed(format!("at most {}", Self::MOST_THREADS)));
        }
        let shared = Arc::new(Shared {
            state: AtomicU64::new(CLOSED),
            job: UnsafeCell::new(Job { body: &|_| {}, tasks: 0 }),
            next: AtomicUsize::new(0),
            panic: Mutex::new(None),
            busy: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            sleepers: AtomicUsize::new(0),
            bed: Mutex::new(()),
            alarm: Condvar::new(),
        });
        let mut pool = Pool { shared, generation: fork::generation(), workers: Vec::new() };
        for i in 1..threads {
            let shared = pool.shared.clone();
            let worker = std::thread::Builder::new()
                .name(format!("awq-marlin-{i}"))
                .spawn(move || shared.serve())
                .map_err(|e| {
                    Error::new(ErrorKind::OutOfMemory, format!("cannot start {threads} threads: {e}"))
                })?;
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    /// Whether this process is a child of the one that started the workers.
    fn is_copy(&self) -> bool {
        self.generation != fork::generation()
    }
}

impl Parallel for Pool {
    fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    fn run(&self, tasks: usize, body: &(dyn Fn(usize) + Sync)) {
        let shared = &*self.shared;
        if tasks <= 1 || self.workers.is_empty() || self.is_copy() || shared.busy.swap(true, Acquire) {
            return Serial.run(tasks, body);
        }
        let _free = Free(&shared.busy);
        // What a worker threw in a call that the caller left by a panic of its own is nobody's any more.
        shared.take_panic();
        // SAFETY: `Close` does not let this function end, not even by a panic, before every worker that joined has
        // left; so `body` outlives all its uses.
        let body: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(body) };
        let job = Job { body, tasks };
        // SAFETY: `busy` is ours and the last call was closed and left, so nobody reads it.
        unsafe { *shared.job.get() = job };
        shared.next.store(0, Relaxed);
        let call = (shared.state.load(SeqCst) / CALL).wrapping_add(1);
        {
            let _close = Close(shared);
            shared.state.store(call.wrapping_mul(CALL), SeqCst);
            shared.wake(tasks - 1);
            shared.work(job);
        }
        if let Some(panic) = shared.take_panic() {
            resume_unwind(panic);
        }
    }
}

impl Drop for Pool {
    /// Waits until every worker has ended, so that the library may be unloaded afterwards.
    fn drop(&mut self) {
        if self.is_copy() {
            // Nobody is there to wait for, and a lock may be held by a thread that does not exist.
            self.workers.drain(..).for_each(std::mem::forget);
            return;
        }
        self.shared.stop.store(true, SeqCst);
        drop(self.shared.bed.lock().unwrap_or_else(|e| e.into_inner()));
        self.shared.alarm.notify_all();
        for worker in self.workers.drain(..) {
            // A worker catches what its tasks throw, so there is nothing to pass on.
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    fn counts(par: &dyn Parallel, tasks: usize) -> Vec<u32> {
        let counts: Vec<_> = (0..tasks).map(|_| AtomicU32::new(0)).collect();
        par.run(tasks, &|i| {
            counts[i].fetch_add(1, Relaxed);
        });
        counts.into_iter().map(|c| c.into_inner()).collect()
    }

    #[test]
    fn every_task_runs_once() {
        for threads in [1, 2, 5] {
            let pool = Pool::new(threads).unwrap();
            assert_eq!(pool.threads(), threads);
            for round in 0..300 {
                let tasks = round % 17;
                assert_eq!(counts(&pool, tasks), vec![1; tasks], "{threads} threads");
                if round % 100 == 0 {
                    // Long enough for workers to fall asleep.
                    std::thread::sleep(SPIN * 5);
                }
            }
        }
    }

    #[test]
    fn calls_from_many_threads_and_from_tasks() {
        let pool = Pool::new(3).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..200).for_each(|_| assert_eq!(counts(&pool, 9), vec![1; 9])));
            }
        });
        pool.run(4, &|_| assert_eq!(counts(&pool, 5), vec![1; 5]));
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::new(2).unwrap();
        for bad in 0..40 {
            let result = catch_unwind(AssertUnwindSafe(|| pool.run(40, &|i| assert_ne!(i, bad))));
            assert!(result.is_err(), "task {bad}");
            assert_eq!(counts(&pool, 40), vec![1; 40]);
        }
    }

    #[test]
    fn tasks_run_at_the_same_time() {
        let pool = Pool::new(2).unwrap();
        let arrived = AtomicU32::new(0);
        pool.run(2, &|_| {
            arrived.fetch_add(1, SeqCst);
            // Ends only when the other task is there too.
            while arrived.load(SeqCst) < 2 {
                std::thread::yield_now();
            }
        });
    }
}
