//! Everything that the driver remembers. Handles are numbers that are never used again, so an old one is found out.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::{LazyLock, Mutex};

use crate::environment::Faults;
use crate::error::{INVALID_CONTEXT, INVALID_HANDLE};
use crate::graph::Graph;
use crate::library::Kernel;
use crate::memory::Allocation;
use crate::stream::Stream;

pub type Handle = usize;

pub static STATE: LazyLock<Mutex<State>> = LazyLock::new(|| {
    Mutex::new(State { faults: Faults::from_environment(), next: 0x1000, ..State::default() })
});

#[derive(Default)]
pub struct State {
    pub initialized: bool,
    pub contexts: HashMap<Handle, Context>,
    /// Primary context of each device, with the number of its users.
    pub primary: HashMap<i32, (Handle, u32)>,
    pub streams: HashMap<Handle, Stream>,
    pub libraries: HashMap<Handle, ()>,
    pub kernels: HashMap<Handle, Kernel>,
    pub graphs: HashMap<Handle, Graph>,
    pub events: HashMap<Handle, f64>,
    pub allocations: BTreeMap<usize, Allocation>,
    pub faults: Faults,
    pub log: Vec<&'static str>,
    /// What the last kernel that failed did.
    pub fault: String,
    next: Handle,
}

pub struct Context {
    pub device: i32,
    /// The code that every call gives since a kernel failed.
    pub lost: Option<u32>,
}

thread_local! {
    /// Contexts of this thread; the last is current.
    pub static STACK: RefCell<Vec<Handle>> = const { RefCell::new(Vec::new()) };
    /// 0 global, 1 thread local, 2 relaxed.
    pub static CAPTURE_MODE: Cell<u32> = const { Cell::new(0) };
}

impl State {
    pub fn new_handle(&mut self) -> Handle {
        self.next += 16;
        self.next
    }

    pub fn current() -> Option<Handle> {
        STACK.with_borrow(|stack| stack.last().copied())
    }

    /// The current context, which must be there and well.
    pub fn need_context(&self) -> Result<Handle, u32> {
        let current = State::current().ok_or(INVALID_CONTEXT)?;
        self.well(current)?;
        Ok(current)
    }

    /// A context that lives and is not lost.
    pub fn well(&self, context: Handle) -> Result<&Context, u32> {
        let found = self.contexts.get(&context).ok_or(INVALID_CONTEXT)?;
        found.lost.map_or(Ok(found), Err)
    }

    /// A real stream that lives.
    pub fn stream(&mut self, stream: Handle) -> Result<&mut Stream, u32> {
        self.streams.get_mut(&stream).ok_or(INVALID_HANDLE)
    }
}
