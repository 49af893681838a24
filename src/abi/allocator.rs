//! The host's allocator for large buffers.

use std::ffi::c_void;

use super::guard::guard;
use super::options::{self, Sized0};
use super::pointers::null;
use super::status::awqm_status;
use crate::buffer::{self, Allocator};

/// Gives `bytes` bytes on an `alignment` boundary (64), or NULL when there is no room. They need not be zeroed. Called
/// from any thread, several at once; must not unwind or call back into the library.
pub type awqm_alloc_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, bytes: usize, alignment: usize) -> *mut c_void>;

/// Takes back what awqm_alloc_fn gave, with the same numbers. Called from any thread, several at once; must not unwind
/// or call back into the library.
pub type awqm_release_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, memory: *mut c_void, bytes: usize, alignment: usize)>;

/// An allocator of the host's; see awqm_set_allocator.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_allocator {
    /// sizeof(awqm_allocator).
    pub struct_size: usize,
    /// Gives memory.
    pub alloc: awqm_alloc_fn,
    /// Takes it back.
    pub release: awqm_release_fn,
    /// Handed to both.
    pub user_data: *mut c_void,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere (NULL callbacks, NULL data).
unsafe impl Sized0 for awqm_allocator {}

/// Lets the host allocate the library's large buffers, for the whole process: the tensors of packed layers and of layers
/// on the CPU, whatever makes them. `allocator` is copied; NULL: the system's allocator, which is how it starts. Buffers
/// that are there already go back to where they came from, so it may be changed at any time. Handles, texts, tables and
/// the working memory of quantization, which is gone when the call returns, stay with the system's allocator; device
/// memory comes from the driver.
///
/// Statuses: the general ones.
///
/// Threads: any; calls wait for each other. Since 0.1.
///
/// # Safety
/// `allocator` is NULL or readable for its struct_size. `alloc` may be called until the next call of this function
/// returns, `release` until the last buffer that `alloc` gave is freed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_set_allocator(allocator: *const awqm_allocator) -> awqm_status {
    guard(|| {
        if allocator.is_null() {
            // SAFETY: the system's allocator needs no promise.
            unsafe { buffer::set_allocator(None) };
            return Ok(());
        }
        // SAFETY: the caller's promise.
        let a = unsafe { options::read_required(allocator, "allocator") }?;
        let alloc = a.alloc.ok_or_else(|| null("allocator.alloc"))?;
        let free = a.release.ok_or_else(|| null("allocator.release"))?;
        // SAFETY: the caller's promise.
        unsafe { buffer::set_allocator(Some(Allocator { alloc, free, user_data: a.user_data })) };
        Ok(())
    })
}
