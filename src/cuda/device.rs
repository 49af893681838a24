//! A GPU, opened: its context, its numbers, and every kernel resolved and loaded, so that a run only launches.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use awq_marlin_kernels::{IMAGES, WHY_NONE};
use cudarc::driver::sys;

use super::capability;
use super::context::{Context, Relaxed};
use super::driver::{Driver, Failure};
use super::kernels::{Kernels, Task};
use super::library::{Kernel, Library};
use super::workspace::Workspaces;
use super::{Gpu, Tuning};
use crate::error::{Error, ErrorKind, Result};

/// How to open a device.
#[derive(Debug, Clone, Copy)]
pub struct CudaOptions<'a> {
    /// The device, as the driver counts; unused with a context.
    pub ordinal: u32,
    /// A CUcontext of the host; NULL: the calling thread's current context if it is one of the device, else the
    /// device's primary context.
    pub context: *mut c_void,
    /// Look up every device pointer before a launch: costs microseconds, finds host pointers and wrong devices.
    pub check_pointers: bool,
    /// Refuse a workspace that is in use on another stream.
    pub check_workspaces: bool,
    /// A tuning table as text, in place of the one that the library ships for the GPU.
    pub tuning: Option<&'a str>,
}

/// A GPU that layers run on. Shared between threads freely.
pub struct CudaDevice {
    driver: &'static Driver,
    kernels: Kernels,
    // Before the context: unloading comes first.
    _library: Arc<Library>,
    context: Context,
    gpu: Gpu,
    name: String,
    memory_bytes: u64,
    check_pointers: bool,
    workspaces: Option<Workspaces>,
    tuning: Tuning,
    /// The code of the failure that made the context useless; 0: none.
    lost: AtomicU32,
}

impl CudaDevice {
    /// Opens a device: loads every kernel that it can run.
    ///
    /// Errors: [`ErrorKind::BackendUnavailable`] (no kernels in this build, no driver), [`ErrorKind::DriverTooOld`],
    /// [`ErrorKind::NoDevice`], [`ErrorKind::CapabilityTooLow`], [`ErrorKind::Device`], and those of
    /// [`Tuning::from_json`].
    ///
    /// # Safety
    /// `options.context` is NULL or a live CUcontext that outlives the device and all its layers.
    pub unsafe fn open(options: &CudaOptions) -> Result<Self> {
        let driver = super::probe::ready()?;
        // SAFETY: the caller's promise.
        let context = unsafe { Context::open(driver, options.context, options.ordinal) }?;
        let explain = |f| driver.explain(f);
        let _relaxed = Relaxed::new(driver).map_err(explain)?;
        let _current = context.push().map_err(explain)?;
        let numbers = Numbers { driver, device: context.device() };
        let gpu = numbers.gpu().map_err(explain)?;
        capability::check(gpu.capability).map_err(|e| e.subject(format!("cuda:{}", context.device())))?;
        let (name, memory_bytes) = numbers.name_and_memory().map_err(explain)?;
        let tuning = match options.tuning {
            Some(text) => Tuning::from_json(text, &gpu)?,
            None => Tuning::shipped(&gpu).cloned().unwrap_or_else(|| Tuning::empty(&gpu)),
        };
        let library = Library::get(driver)?;
        let kernels = Kernels::load(driver, &library, context.device(), gpu.capability)?;
        Ok(CudaDevice {
            driver,
            kernels,
            _library: library,
            context,
            gpu,
            name,
            memory_bytes,
            check_pointers: options.check_pointers,
            workspaces: options.check_workspaces.then(Workspaces::default),
            tuning,
            lost: AtomicU32::new(0),
        })
    }

    /// Ordinal.
    pub fn ordinal(&self) -> i32 {
        self.context.device()
    }

    /// What plans depend on.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// What the driver calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its memory.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    pub(super) fn driver(&self) -> &'static Driver {
        self.driver
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    pub(super) fn checks_pointers(&self) -> bool {
        self.check_pointers
    }

    /// The device that a real stream is on.
    pub(super) fn device_of_stream(&self, stream: *mut c_void) -> std::result::Result<i32, Failure> {
        let mut context = null_mut();
        // SAFETY: writes one pointer; whether the stream lives is what is asked.
        unsafe { self.driver.cuStreamGetCtx(stream.cast(), &mut context) }?;
        super::context::device_of(self.driver, context)
    }

    /// The kernel for a task; [`ErrorKind::KernelUnsupported`] when this device has none.
    pub(super) fn kernel(&self, task: Task) -> Result<Kernel> {
        self.kernels.of(task)
    }

    /// The cuts that plans take before they ask the model.
    pub fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// Who uses which workspace; `None`: nobody asked for that check.
    pub(super) fn workspaces(&self) -> Option<&Workspaces> {
        self.workspaces.as_ref()
    }

    /// Turns a failure into an error, and remembers one that cost the context.
    pub(super) fn note<T>(&self, outcome: std::result::Result<T, Failure>) -> Result<T> {
        outcome.map_err(|f| {
            let e = self.driver.explain(f).subject(format!("cuda:{}", self.ordinal()));
            if f.is_sticky() && self.lost.swap(f.code, Ordering::Relaxed) == 0 {
                ::log::error!("{e}");
            }
            e
        })
    }

    /// [`ErrorKind::Device`] once the context is lost: nothing is tried any more.
    pub(super) fn alive(&self) -> Result<()> {
        match self.lost.load(Ordering::Relaxed) {
            0 => Ok(()),
            code => Err(Error::new(
                ErrorKind::Device,
                format!(
                    "the context was lost before, by {}; free its handles, then make a new one",
                    self.driver.name_of(code)
                ),
            )
            .subject(format!("cuda:{}", self.ordinal()))),
        }
    }
}

impl Drop for CudaDevice {
    fn drop(&mut self) {
        if let (Some(workspaces), Ok(_current)) = (&self.workspaces, self.context.push()) {
            workspaces.clear(self.driver);
        }
    }
}

impl std::fmt::Debug for CudaDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CudaDevice").field("ordinal", &self.ordinal()).field("gpu", &self.gpu).finish()
    }
}

/// What the driver knows about a device.
struct Numbers {
    driver: &'static Driver,
    device: sys::CUdevice,
}

impl Numbers {
    fn get(&self, attribute: u32) -> std::result::Result<c_int, Failure> {
        let mut value = 0;
        // SAFETY: writes one number.
        unsafe { self.driver.cuDeviceGetAttribute(&mut value, attribute, self.device) }?;
        Ok(value)
    }

    fn gpu(&self) -> std::result::Result<Gpu, Failure> {
        const MULTIPROCESSORS: u32 = 16;
        const MEMORY_CLOCK_KHZ: u32 = 36;
        const BUS_WIDTH_BITS: u32 = 37;
        const MAJOR: u32 = 75;
        const MINOR: u32 = 76;
        let positive = |v: c_int| u32::try_from(v).unwrap_or(0);
        // Two transfers for each clock. Drivers that no longer tell the clock say 0, or that they do not know it.
        let clock = f64::from(positive(self.get(MEMORY_CLOCK_KHZ).unwrap_or(0)));
        let bytes = f64::from(positive(self.get(BUS_WIDTH_BITS).unwrap_or(0))) / 8.0;
        Ok(Gpu {
            capability: (positive(self.get(MAJOR)?), positive(self.get(MINOR)?)),
            multiprocessors: positive(self.get(MULTIPROCESSORS)?),
            bandwidth_gbps: 2.0 * clock * bytes / 1e6,
        })
    }

    fn name_and_memory(&self) -> std::result::Result<(String, u64), Failure> {
        let (mut text, mut bytes) = ([0 as c_char; 256], 0);
        // SAFETY: the driver writes at most the length, NUL included, and one number.
        unsafe {
            self.driver.cuDeviceGetName(text.as_mut_ptr(), text.len() as c_int - 1, self.device)?;
            self.driver.cuDeviceTotalMem_v2(&mut bytes, self.device)?;
        }
        // SAFETY: the last byte is still NUL.
        let name = unsafe { CStr::from_ptr(text.as_ptr()) };
        Ok((name.to_string_lossy().into_owned(), bytes as u64))
    }
}

/// Why this build has no kernels.
pub(super) fn images_built() -> Result<()> {
    if !IMAGES.is_empty() {
        return Ok(());
    }
    let what = format!("this build of awq-marlin {} has no CUDA kernels", env!("CARGO_PKG_VERSION"));
    let what = if WHY_NONE.is_empty() { what } else { format!("{what}: {WHY_NONE}") };
    Err(Error::new(ErrorKind::BackendUnavailable, what))
}
