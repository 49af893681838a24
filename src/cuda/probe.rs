//! Whether this machine can run kernels, and if not, why not.

use super::driver::{Driver, NEEDED_VERSION};
use crate::error::{Error, ErrorKind, Result};

/// The answer in parts.
#[derive(Debug, Clone)]
pub struct CudaStatus {
    /// The driver's CUDA version as it counts (13010: 13.1); 0: no driver, or none that works.
    pub driver_version: i32,
    /// The oldest that would do.
    pub needed_version: i32,
    /// Number of GPUs.
    pub devices: u32,
    /// What stands in the way; `None`: layers can run.
    pub problem: Option<Error>,
}

/// Looks for driver and devices.
pub fn status() -> CudaStatus {
    let counted = Driver::get().and_then(|driver| Ok((driver.version, driver.device_count()?)));
    let (driver_version, devices) = match &counted {
        Ok((version, devices)) => (*version, u32::try_from(*devices).unwrap_or(0)),
        Err(_) => (super::driver::version_if_any(), 0),
    };
    CudaStatus { driver_version, needed_version: NEEDED_VERSION, devices, problem: ready().err() }
}

/// The driver, when there are kernels and a device to run them on.
pub(super) fn ready() -> Result<&'static Driver> {
    super::device::images_built()?;
    let driver = Driver::get()?;
    if driver.device_count()? < 1 {
        return Err(Error::new(ErrorKind::NoDevice, "the CUDA driver sees no device"));
    }
    Ok(driver)
}

/// What the embedded kernels are compiled for, such as "75,80,86,89,90,100,120,ptx80,ptx120"; empty: nothing is embedded.
pub fn built_for() -> &'static str {
    awq_marlin_kernels::ARCHS
}
