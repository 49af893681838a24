//! The CPU as a device: an instruction set and a way to run tasks.

use std::sync::Arc;

use super::Isa;
use crate::error::Result;
use crate::parallel::{Parallel, Pool};

/// What layers run on; cheap to clone, shared between threads freely.
#[derive(Clone)]
pub struct CpuDevice {
    isa: Isa,
    par: Arc<dyn Parallel>,
}

impl CpuDevice {
    /// A device with the widest instruction set (or the one that `AWQM_ISA` names) and a pool of its own;
    /// `threads` as in [`Pool::new`].
    pub fn new(threads: usize) -> Result<Self> {
        Ok(CpuDevice { isa: Isa::detect()?, par: Arc::new(Pool::new(threads)?) })
    }

    /// A device that runs its tasks through `par`. `isa`: `None` as in [`CpuDevice::new`]; a set that the
    /// processor lacks is [`crate::ErrorKind::Unsupported`].
    pub fn with(isa: Option<Isa>, par: Arc<dyn Parallel>) -> Result<Self> {
        let isa = match isa {
            Some(isa) => isa.require()?,
            None => Isa::detect()?,
        };
        Ok(CpuDevice { isa, par })
    }

    /// The instruction set of the kernels.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// How tasks are run.
    pub fn parallel(&self) -> &dyn Parallel {
        &*self.par
    }

    /// How many tasks run at once.
    pub fn threads(&self) -> usize {
        self.par.threads().max(1)
    }
}

impl std::fmt::Debug for CpuDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuDevice").field("isa", &self.isa).field("threads", &self.threads()).finish()
    }
}
