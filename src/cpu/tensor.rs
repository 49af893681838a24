//! Activations in and out, in the caller's memory.

use std::marker::PhantomData;

use crate::error::{Error, ErrorKind, Result};
use crate::matrix::{Matrix, ranges_overlap};
use crate::types::Dtype;

/// Activations x \[M, K\] that a layer reads.
#[derive(Debug, Clone, Copy)]
pub struct XView<'a> {
    pub(super) at: *const u8,
    pub(super) shape: Matrix,
    memory: PhantomData<&'a [u8]>,
}

impl<'a> XView<'a> {
    /// A matrix in `data`, which may be longer. [`ErrorKind::BufferTooSmall`] when it is shorter.
    pub fn new(data: &'a [u8], dtype: Dtype, rows: usize, cols: usize, stride: usize) -> Result<Self> {
        let shape = Matrix::new("x", dtype, rows, cols, stride)?;
        if data.len() < shape.bytes() {
            return Err(
                Error::too_small("is smaller than its shape says", data.len(), shape.bytes()).subject("x")
            );
        }
        Ok(XView { at: data.as_ptr(), shape, memory: PhantomData })
    }

    /// A matrix at an address, which needs no alignment.
    ///
    /// # Safety
    /// `shape.bytes()` bytes at `at` must be readable for `'a`; other memory of the same call may overlap them,
    /// which [`super::CpuLinear::run_raw`] finds out.
    pub unsafe fn from_raw(at: *const u8, shape: Matrix) -> Self {
        XView { at, shape, memory: PhantomData }
    }
}

/// Activations y \[M, N\] that a layer writes; gaps between rows stay as they are.
#[derive(Debug)]
pub struct YMut<'a> {
    pub(super) at: *mut u8,
    pub(super) shape: Matrix,
    memory: PhantomData<&'a mut [u8]>,
}

impl<'a> YMut<'a> {
    /// A matrix in `data`, which may be longer. [`ErrorKind::BufferTooSmall`] when it is shorter.
    pub fn new(data: &'a mut [u8], dtype: Dtype, rows: usize, cols: usize, stride: usize) -> Result<Self> {
        let shape = Matrix::new("y", dtype, rows, cols, stride)?;
        if data.len() < shape.bytes() {
            return Err(
                Error::too_small("is smaller than its shape says", data.len(), shape.bytes()).subject("y")
            );
        }
        Ok(YMut { at: data.as_mut_ptr(), shape, memory: PhantomData })
    }

    /// A matrix at an address, which needs no alignment.
    ///
    /// # Safety
    /// `shape.bytes()` bytes at `at` must be writable for `'a`; other memory of the same call may overlap them,
    /// which [`super::CpuLinear::run_raw`] finds out.
    pub unsafe fn from_raw(at: *mut u8, shape: Matrix) -> Self {
        YMut { at, shape, memory: PhantomData }
    }
}

/// [`ErrorKind::Overlap`] when any two of x, y and the workspace share a byte.
pub(super) fn check_overlap(x: &XView, y: &YMut, workspace: *const u8, workspace_bytes: usize) -> Result<()> {
    let (x_at, y_at, w_at) = (x.at as usize, y.at as usize, workspace as usize);
    let overlap = |a: &str, b: &str| Err(Error::new(ErrorKind::Overlap, format!("{a} and {b} share memory")));
    if x.shape.overlaps(x_at, &y.shape, y_at) {
        return overlap("x", "y");
    }
    if ranges_overlap(x_at, x.shape.bytes(), w_at, workspace_bytes) {
        return overlap("x", "workspace");
    }
    if ranges_overlap(y_at, y.shape.bytes(), w_at, workspace_bytes) {
        return overlap("y", "workspace");
    }
    Ok(())
}
