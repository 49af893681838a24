//! What stands in for the driver layer in a build without the feature `cuda`: no device can be opened, so there is
//! nothing that the rest could be asked to do.

use std::convert::Infallible;
use std::ffi::c_void;
use std::sync::Arc;

use super::{CudaPlan, Gpu, Tuning, Wish};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{LayerDesc, LayerView, Layout};
use crate::matrix::Matrix;
use crate::types::Dtype;

/// The answer to every question.
fn no_backend() -> Error {
    let what = format!(
        "this build of awq-marlin {} has no CUDA backend (built without the feature cuda)",
        env!("CARGO_PKG_VERSION")
    );
    Error::new(ErrorKind::BackendUnavailable, what)
}

/// How to open a device.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct CudaOptions<'a> {
    pub ordinal: u32,
    pub context: *mut c_void,
    pub check_pointers: bool,
    pub check_workspaces: bool,
    pub tuning: Option<&'a str>,
}

/// The answer in parts.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct CudaStatus {
    pub driver_version: i32,
    pub needed_version: i32,
    pub devices: u32,
    pub problem: Option<Error>,
}

/// There is no driver to look for.
pub fn status() -> CudaStatus {
    CudaStatus { driver_version: 0, needed_version: 0, devices: 0, problem: Some(no_backend()) }
}

/// Nothing.
pub fn built_for() -> &'static str {
    ""
}

/// A GPU; there is none.
#[derive(Debug)]
pub struct CudaDevice(Infallible);

#[allow(missing_docs, clippy::missing_safety_doc, clippy::missing_errors_doc)]
impl CudaDevice {
    pub unsafe fn open(_: &CudaOptions) -> Result<Self> {
        Err(no_backend())
    }
    pub fn ordinal(&self) -> i32 {
        match self.0 {}
    }
    pub fn gpu(&self) -> &Gpu {
        match self.0 {}
    }
    pub fn name(&self) -> &str {
        match self.0 {}
    }
    pub fn memory_bytes(&self) -> u64 {
        match self.0 {}
    }
    pub fn tuning(&self) -> &Tuning {
        match self.0 {}
    }
}

/// Tensors in device memory.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct DeviceTensors {
    pub qweight: (*const c_void, usize),
    pub scales: (*const c_void, usize),
    pub qzeros: (*const c_void, usize),
    pub bias: (*const c_void, usize),
}

/// Tensors in device memory that are written.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct DeviceTensorsMut {
    pub qweight: (*mut c_void, usize),
    pub scales: (*mut c_void, usize),
    pub qzeros: (*mut c_void, usize),
}

/// Activations in device memory.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct DeviceMatrix {
    pub at: *mut c_void,
    pub shape: Matrix,
}

/// What a launch needs.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Run {
    pub x: DeviceMatrix,
    pub y: DeviceMatrix,
    pub workspace: *mut c_void,
    pub workspace_bytes: usize,
    pub stream: *mut c_void,
}

/// A layer on a GPU; there is none.
#[derive(Debug)]
pub struct CudaLinear(Infallible);

#[allow(missing_docs, clippy::missing_safety_doc, clippy::missing_errors_doc)]
impl CudaLinear {
    pub fn upload(_: &LayerView, device: &Arc<CudaDevice>, _: bool) -> Result<Self> {
        match device.0 {}
    }
    pub unsafe fn wrap(_: &LayerDesc, _: &DeviceTensors, _: Dtype, device: &Arc<CudaDevice>) -> Result<Self> {
        match device.0 {}
    }
    pub fn desc(&self) -> &LayerDesc {
        match self.0 {}
    }
    pub fn device(&self) -> &Arc<CudaDevice> {
        match self.0 {}
    }
    pub fn has_bias(&self) -> bool {
        match self.0 {}
    }
    pub fn bytes(&self) -> usize {
        match self.0 {}
    }
    pub fn plan_from_json(&self, _: &str) -> Result<CudaPlan> {
        match self.0 {}
    }
    pub fn plan(&self, _: usize, _: Dtype, _: impl Into<Wish>) -> Result<CudaPlan> {
        match self.0 {}
    }
    pub fn workspace_bytes(&self, _: usize, _: Dtype) -> Result<usize> {
        match self.0 {}
    }
    pub unsafe fn run(&self, _: &CudaPlan, _: &Run) -> Result<()> {
        match self.0 {}
    }
    pub unsafe fn dequantize(
        &self,
        _: Dtype,
        _: bool,
        _: *mut c_void,
        _: usize,
        _: *mut c_void,
    ) -> Result<()> {
        match self.0 {}
    }
}

/// Repacking needs a device.
///
/// # Safety
/// None is needed: there is no device.
pub unsafe fn repack(
    device: &CudaDevice,
    _: &LayerDesc,
    _: &DeviceTensors,
    _: Layout,
    _: &DeviceTensorsMut,
    _: *mut c_void,
) -> Result<()> {
    match device.0 {}
}
