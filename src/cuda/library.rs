//! The kernels, loaded into the driver once for the whole process. A loaded library belongs to no context, so one copy
//! serves every device and every context of the host.

use std::ffi::{CStr, c_uint, c_void};
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use awq_marlin_kernels::IMAGES;
use cudarc::driver::sys;

use super::context::Relaxed;
use super::driver::{Driver, Failure};
use crate::error::{Error, ErrorKind, Result};

/// All images, loaded. It is unloaded when the last device is freed, so that the driver keeps no pointer into a shared
/// library that the host may unload next.
pub(super) struct Library {
    driver: &'static Driver,
    images: Vec<sys::CUlibrary>,
}

// SAFETY: a CUlibrary may be used from any thread; the driver locks.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

/// A kernel, in every context.
#[derive(Clone, Copy)]
pub(super) struct Kernel(pub sys::CUkernel);

// SAFETY: a name for code that the driver holds; it may be used from any thread.
unsafe impl Send for Kernel {}
// SAFETY: as above.
unsafe impl Sync for Kernel {}

impl Library {
    /// The library that is loaded already, or a new one.
    pub(super) fn get(driver: &'static Driver) -> Result<Arc<Self>> {
        static LOADED: Mutex<Weak<Library>> = Mutex::new(Weak::new());
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = loaded.upgrade() {
            return Ok(library);
        }
        let mut library = Library { driver, images: Vec::with_capacity(IMAGES.len()) };
        for (name, image) in IMAGES {
            let raw = load(driver, image.0.as_ptr().cast())
                .map_err(|f| driver.explain(f).subject(format!("kernels {name}")))?;
            library.images.push(raw);
        }
        let library = Arc::new(library);
        *loaded = Arc::downgrade(&library);
        Ok(library)
    }

    /// A kernel by its name.
    pub(super) fn kernel(&self, name: &CStr) -> Result<Kernel> {
        const NOT_FOUND: u32 = 500;
        for image in &self.images {
            let mut kernel = null_mut();
            // SAFETY: the library is loaded; the name ends with NUL.
            match unsafe { self.driver.cuLibraryGetKernel(&mut kernel, *image, name.as_ptr()) } {
                Ok(()) => return Ok(Kernel(kernel)),
                Err(Failure { code: NOT_FOUND, .. }) => continue,
                Err(f) => return Err(self.driver.explain(f)),
            }
        }
        Err(Error::new(ErrorKind::Internal, "no image of this build has the kernel")
            .subject(name.to_string_lossy()))
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        let _relaxed = Relaxed::new(self.driver);
        for image in &self.images {
            // SAFETY: loaded once, unloaded once, and no device is left that could launch from it.
            let _ = unsafe { self.driver.cuLibraryUnload(*image) };
        }
    }
}

fn load(driver: &Driver, image: *const c_void) -> std::result::Result<sys::CUlibrary, Failure> {
    /// The image is part of this library and stays where it is, so the driver need not copy it.
    const BINARY_IS_PRESERVED: c_uint = 1;
    let (mut library, mut option, mut value) =
        (null_mut(), BINARY_IS_PRESERVED, std::ptr::without_provenance_mut::<c_void>(1));
    // SAFETY: a fatbin on a 16-byte boundary; one option with one value, no options of the compiler.
    unsafe {
        driver.cuLibraryLoadData(&mut library, image, null_mut(), null_mut(), 0, &mut option, &mut value, 1)
    }?;
    Ok(library)
}
