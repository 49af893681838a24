//! The driver's entry points, looked up once in whatever libcuda the machine has.
//!
//! cudarc finds the library and knows the types. Its functions are not called: they panic where a symbol is missing,
//! and they return a closed Rust enum, for which a code that a newer driver made up would be undefined behaviour.
//! Here every function returns a plain number, and every call a [`Failure`] that knows which function it was.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fmt;
use std::ops::Deref;

use cudarc::driver::sys;
use once_cell::sync::OnceCell;

use crate::error::{Error, ErrorKind, Result};

/// The oldest driver that loads the kernels, as the driver counts: 1000 * major + 10 * minor of its CUDA version. Code
/// that nvcc 13 makes is refused by the drivers of CUDA 12.
pub const NEEDED_VERSION: i32 = 13000;

/// A call of the driver that did not return 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    pub call: &'static str,
    pub code: u32,
}

pub(super) type Outcome = std::result::Result<(), Failure>;

/// Declares the table of entry points and a method for each that checks what it returns.
macro_rules! entry_points {
    ($($name:ident($($arg:ident: $type:ty),* $(,)?);)*) => {
        #[allow(non_snake_case)]
        struct Entries {
            $($name: unsafe extern "system" fn($($type),*) -> u32,)*
        }

        impl Entries {
            /// All of them, or the name of the first that the library lacks.
            fn of(library: &Library) -> std::result::Result<Self, &'static str> {
                Ok(Entries {
                    $($name: {
                        // SAFETY: the type is that of the function of this name in cuda.h, with numbers for enums.
                        let symbol = unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) };
                        *symbol.map_err(|_| stringify!($name))?
                    },)*
                })
            }
        }

        #[allow(non_snake_case, clippy::too_many_arguments)]
        impl Driver {
            $(
                /// # Safety
                /// As cuda.h has it for the function of this name.
                pub(super) unsafe fn $name(&self, $($arg: $type),*) -> Outcome {
                    // SAFETY: the caller's promise.
                    match unsafe { (self.entries.$name)($($arg),*) } {
                        0 => Ok(()),
                        code => Err(Failure { call: stringify!($name), code }),
                    }
                }
            )*
        }
    };
}

// Every function that this library calls; all exist since CUDA 12.4.
entry_points! {
    cuInit(flags: c_uint);
    cuDeviceGetCount(count: *mut c_int);
    cuDeviceGet(device: *mut sys::CUdevice, ordinal: c_int);
    cuDeviceGetName(name: *mut c_char, len: c_int, device: sys::CUdevice);
    cuDeviceTotalMem_v2(bytes: *mut usize, device: sys::CUdevice);
    cuDeviceGetAttribute(value: *mut c_int, attribute: c_uint, device: sys::CUdevice);
    cuDevicePrimaryCtxRetain(context: *mut sys::CUcontext, device: sys::CUdevice);
    cuDevicePrimaryCtxRelease_v2(device: sys::CUdevice);
    cuCtxGetCurrent(context: *mut sys::CUcontext);
    cuCtxPushCurrent_v2(context: sys::CUcontext);
    cuCtxPopCurrent_v2(context: *mut sys::CUcontext);
    cuCtxGetDevice(device: *mut sys::CUdevice);
    cuThreadExchangeStreamCaptureMode(mode: *mut c_uint);
    cuLibraryLoadData(
        library: *mut sys::CUlibrary,
        code: *const c_void,
        jit_options: *mut c_uint,
        jit_values: *mut *mut c_void,
        jit_count: c_uint,
        options: *mut c_uint,
        values: *mut *mut c_void,
        count: c_uint,
    );
    cuLibraryUnload(library: sys::CUlibrary);
    cuLibraryGetKernel(kernel: *mut sys::CUkernel, library: sys::CUlibrary, name: *const c_char);
    cuKernelGetFunction(function: *mut sys::CUfunction, kernel: sys::CUkernel);
    cuKernelSetAttribute(attribute: c_uint, value: c_int, kernel: sys::CUkernel, device: sys::CUdevice);
    cuFuncLoad(function: sys::CUfunction);
    cuLaunchKernelEx(
        config: *const sys::CUlaunchConfig,
        function: sys::CUfunction,
        params: *mut *mut c_void,
        extra: *mut *mut c_void,
    );
    cuStreamCreate(stream: *mut sys::CUstream, flags: c_uint);
    cuStreamDestroy_v2(stream: sys::CUstream);
    cuStreamSynchronize(stream: sys::CUstream);
    cuStreamGetCtx(stream: sys::CUstream, context: *mut sys::CUcontext);
    cuStreamGetFlags(stream: sys::CUstream, flags: *mut c_uint);
    cuStreamIsCapturing(stream: sys::CUstream, status: *mut c_uint);
    cuEventCreate(event: *mut sys::CUevent, flags: c_uint);
    cuEventRecord(event: sys::CUevent, stream: sys::CUstream);
    cuEventQuery(event: sys::CUevent);
    cuEventDestroy_v2(event: sys::CUevent);
    cuMemAlloc_v2(pointer: *mut u64, bytes: usize);
    cuMemFree_v2(pointer: u64);
    cuMemcpyHtoDAsync_v2(to: u64, from: *const c_void, bytes: usize, stream: sys::CUstream);
    cuPointerGetAttribute(data: *mut c_void, attribute: c_uint, pointer: u64);
    cuGetErrorName(code: c_uint, text: *mut *const c_char);
    cuGetErrorString(code: c_uint, text: *mut *const c_char);
}

/// A driver that is installed, new enough and initialized.
pub(super) struct Driver {
    entries: Entries,
    /// Its CUDA version, as it counts: 13010 is 13.1.
    pub(super) version: i32,
}

/// The driver's library. It stays open for the life of the process: drivers do not like to be unloaded.
struct Library(());

impl Library {
    /// The library, when the machine has one.
    fn open() -> Option<Self> {
        // SAFETY: loading the driver runs its initializers, which is what it is for.
        unsafe { sys::is_culib_present() }.then_some(Library(()))
    }

    /// A symbol by its NUL-terminated name.
    ///
    /// # Safety
    /// `T` is the type of the symbol.
    unsafe fn get<T: 'static>(&self, name: &[u8]) -> std::result::Result<impl Deref<Target = T>, ()> {
        // SAFETY: the library is present, or there would be no `Library`; the type is the caller's promise.
        unsafe { sys::culib().get::<T>(name) }.map_err(|_| ())
    }
}

impl Driver {
    /// The driver of this machine. A success is remembered, a failure looked at again by the next caller: a driver may
    /// be installed or come up while the process runs.
    ///
    /// Errors: [`ErrorKind::BackendUnavailable`], [`ErrorKind::DriverTooOld`], [`ErrorKind::NoDevice`] and
    /// [`ErrorKind::Device`], each with a text that says what to do.
    pub(super) fn get() -> Result<&'static Driver> {
        static DRIVER: OnceCell<Driver> = OnceCell::new();
        DRIVER.get_or_try_init(Driver::load)
    }

    fn load() -> Result<Driver> {
        let none = || {
            Error::new(
                ErrorKind::BackendUnavailable,
                "this machine has no CUDA driver (libcuda was not found)",
            )
        };
        let library = Library::open().ok_or_else(none)?;
        let version = version(&library)?;
        let lacks = |name| too_old(version, &format!("it lacks {name}"));
        if version < NEEDED_VERSION {
            return Err(too_old(version, "its CUDA version is too low"));
        }
        let driver = Driver { entries: Entries::of(&library).map_err(lacks)?, version };
        // SAFETY: any time, any thread; flags must be 0.
        unsafe { driver.cuInit(0) }.map_err(|f| driver.explain(f))?;
        Ok(driver)
    }

    /// Number of GPUs.
    pub(super) fn device_count(&self) -> Result<i32> {
        let mut count = 0;
        // SAFETY: writes one number.
        unsafe { self.cuDeviceGetCount(&mut count) }.map_err(|f| self.explain(f))?;
        Ok(count)
    }

    /// The driver's own words for a code: its name and what it means.
    fn words(&self, code: u32) -> (String, String) {
        let text = |ask: &dyn Fn(*mut *const c_char) -> Outcome| {
            let mut text: *const c_char = std::ptr::null();
            // SAFETY: the driver's strings are static.
            let known = ask(&mut text).is_ok() && !text.is_null();
            // SAFETY: as above.
            known.then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
        };
        // SAFETY: both write one pointer and take any number.
        let name = text(&|p| unsafe { self.cuGetErrorName(code, p) });
        // SAFETY: as above.
        let meaning = text(&|p| unsafe { self.cuGetErrorString(code, p) });
        (name.unwrap_or_else(|| "an error without a name".into()), meaning.unwrap_or_default())
    }

    /// The driver's name for a code, such as CUDA_ERROR_ILLEGAL_ADDRESS.
    pub(super) fn name_of(&self, code: u32) -> String {
        self.words(code).0
    }

    /// A failed call as an error: what the driver calls it, and what that means for the caller.
    pub(super) fn explain(&self, failure: Failure) -> Error {
        let Failure { call, code } = failure;
        let (name, meaning) = self.words(code);
        let said = if meaning.is_empty() {
            format!("{call} gives {name} ({code})")
        } else {
            format!("{call} gives {name} ({code}: {meaning})")
        };
        let (kind, advice) = match code {
            2 => (ErrorKind::OutOfMemory, ""),
            34 => (
                ErrorKind::BackendUnavailable,
                "; this libcuda is the stub of a toolkit, not a driver: take its folder off the loader's path",
            ),
            36 | 222 | 803 | 804 => (ErrorKind::DriverTooOld, "; the driver does not fit this build"),
            100 | 101 => (ErrorKind::NoDevice, ""),
            209 | 218 => (ErrorKind::KernelUnsupported, "; no kernel of this build fits the GPU"),
            900..=908 => (ErrorKind::Device, "; not while a stream is being captured"),
            _ if failure.is_sticky() => (
                ErrorKind::Device,
                "; the context is lost, by whatever ran in it: free its handles, then make a new one",
            ),
            _ => (ErrorKind::Device, ""),
        };
        Error::new(kind, format!("{said}{advice}"))
    }
}

impl Failure {
    /// Whether the context that it happened in can do nothing more.
    pub(super) fn is_sticky(self) -> bool {
        matches!(self.code, 214 | 220 | 226 | 700 | 702 | 710 | 714..=719)
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Driver({})", self.version)
    }
}

/// The version of whatever driver there is, even one that is too old; 0: none.
pub(super) fn version_if_any() -> i32 {
    Library::open().and_then(|library| version(&library).ok()).unwrap_or(0)
}

/// Asked before anything else: it works without cuInit, in every driver, and in none is it missing.
fn version(library: &Library) -> Result<i32> {
    type Get = unsafe extern "system" fn(*mut c_int) -> u32;
    let mut version = 0;
    // SAFETY: the type is that of cuda.h.
    let get = unsafe { library.get::<Get>(b"cuDriverGetVersion\0") };
    let get = get.map_err(|_| Error::new(ErrorKind::BackendUnavailable, "libcuda is no CUDA driver"))?;
    // SAFETY: writes one number.
    match unsafe { get(&mut version) } {
        0 => Ok(version),
        34 => Err(Error::new(
            ErrorKind::BackendUnavailable,
            "libcuda is the stub of a toolkit, not a driver: take its folder off the loader's path",
        )),
        code => Err(Error::new(ErrorKind::Device, "cuDriverGetVersion fails").found(code)),
    }
}

fn too_old(version: i32, why: &str) -> Error {
    Error::new(ErrorKind::DriverTooOld, format!("the CUDA driver is too old: {why}"))
        .found(format!("CUDA {}", Version(version)))
        .needed(format!("CUDA {} (driver 580) or later", Version(NEEDED_VERSION)))
}

/// 13010 as "13.1".
pub(super) struct Version(pub i32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 1000, self.0 % 1000 / 10)
    }
}
