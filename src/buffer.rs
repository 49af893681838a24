//! Zeroed memory on a 64-byte boundary (a cache line and an AVX-512 vector), on huge pages where it is large; from the
//! system, or from an allocator of the host's, or the host's own memory.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::RwLock;

use crate::error::{Error, ErrorKind, Result};

/// Boundary that every buffer lies on.
pub const ALIGN: usize = 64;

/// Buffers of at least this size ask the kernel for huge pages: sequential reads are up to 1.4 times faster.
const HUGE_PAGE: usize = 2 << 20;

/// Where buffers come from instead of the system's allocator.
#[derive(Clone, Copy)]
pub struct Allocator {
    /// `alloc(user_data, bytes, alignment)`: NULL when there is no room.
    pub alloc: unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void,
    /// `free(user_data, memory, bytes, alignment)`, with the numbers that it was allocated with.
    pub free: unsafe extern "C" fn(*mut c_void, *mut c_void, usize, usize),
    /// Handed to both.
    pub user_data: *mut c_void,
}

// SAFETY: whoever sets an allocator promises that it may be called from any thread.
unsafe impl Send for Allocator {}
// SAFETY: as above.
unsafe impl Sync for Allocator {}

static ALLOCATOR: RwLock<Option<Allocator>> = RwLock::new(None);

/// Lets all buffers to come be allocated by the host, or by the system again. Those that are there stay where they are
/// and go back to where they came from.
///
/// # Safety
/// The functions may be called from any thread, `alloc` until the next call of this function returns, `free` until
/// the last buffer that `alloc` gave is dropped. `alloc` gives NULL or memory that is writable for the bytes.
pub unsafe fn set_allocator(allocator: Option<Allocator>) {
    *ALLOCATOR.write().unwrap_or_else(|e| e.into_inner()) = allocator;
}

/// Who gets the memory back.
enum Owner {
    System(Layout),
    Host(Allocator),
    /// Nobody: it was lent.
    Lent,
}

/// A byte buffer of fixed length, aligned to 64 bytes (2 MiB when it is that large and the system's), zeroed.
pub struct Buffer {
    ptr: NonNull<u8>,
    len: usize,
    owner: Owner,
}

// SAFETY: a Buffer owns its bytes like a Box<[u8]>, or reads what nobody writes; nothing in it is tied to a thread.
unsafe impl Send for Buffer {}
// SAFETY: shared access only reads.
unsafe impl Sync for Buffer {}

fn no_room(len: usize) -> Error {
    Error::new(ErrorKind::OutOfMemory, format!("no memory for a buffer of {len} bytes"))
}

impl Buffer {
    /// `len` zero bytes; [`ErrorKind::OutOfMemory`] when there is no room.
    pub fn zeroed(len: usize) -> Result<Self> {
        let align = if len >= HUGE_PAGE { HUGE_PAGE } else { ALIGN };
        let layout = Layout::from_size_align(len.max(1), align).map_err(|_| {
            Error::new(ErrorKind::SizeOverflow, format!("a buffer of {len} bytes does not fit"))
        })?;
        let host = *ALLOCATOR.read().unwrap_or_else(|e| e.into_inner());
        if let Some(host) = host.filter(|_| len > 0) {
            return Self::from_host(len, host);
        }
        if len < HUGE_PAGE {
            // SAFETY: the layout's size is at least 1.
            let ptr = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(|| no_room(len))?;
            return Ok(Buffer { ptr, len, owner: Owner::System(layout) });
        }
        // SAFETY: as above.
        let ptr = NonNull::new(unsafe { alloc(layout) }).ok_or_else(|| no_room(len))?;
        // Before the first write: a page that is there already stays a small one.
        #[cfg(target_os = "linux")]
        // SAFETY: the range was just allocated; the advice changes no contents, and a refusal is harmless.
        unsafe {
            libc::madvise(ptr.as_ptr().cast(), len, libc::MADV_HUGEPAGE);
        }
        // SAFETY: the allocation is that long.
        unsafe { ptr.as_ptr().write_bytes(0, len) };
        Ok(Buffer { ptr, len, owner: Owner::System(layout) })
    }

    fn from_host(len: usize, host: Allocator) -> Result<Self> {
        // SAFETY: the promise at `set_allocator`.
        let at = unsafe { (host.alloc)(host.user_data, len, ALIGN) };
        let ptr = NonNull::new(at.cast::<u8>()).ok_or_else(|| no_room(len))?;
        // From here on dropping gives it back.
        let buffer = Buffer { ptr, len, owner: Owner::Host(host) };
        if !(ptr.as_ptr() as usize).is_multiple_of(ALIGN) {
            return Err(Error::invalid("the host's allocator gave memory that is not aligned")
                .subject("allocator.alloc")
                .found(format!("{at:p}"))
                .needed(format!("a multiple of {ALIGN}")));
        }
        // SAFETY: writable for len bytes by the promise at `set_allocator`.
        unsafe { ptr.as_ptr().write_bytes(0, len) };
        Ok(buffer)
    }

    /// A copy of `bytes`.
    pub fn copy_of(bytes: &[u8]) -> Result<Self> {
        let mut b = Self::zeroed(bytes.len())?;
        b.copy_from_slice(bytes);
        Ok(b)
    }

    /// The host's own memory, as it is. Writing to such a buffer panics.
    ///
    /// # Safety
    /// `bytes` stay readable, and nobody writes them, until the buffer is dropped.
    pub unsafe fn lent(bytes: &[u8]) -> Self {
        Buffer { ptr: NonNull::from(bytes).cast(), len: bytes.len(), owner: Owner::Lent }
    }
}

impl std::ops::Deref for Buffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: ptr is valid for len initialized bytes for as long as self lives.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.len) }
    }
}

impl std::ops::DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        assert!(!matches!(self.owner, Owner::Lent), "lent memory is not written");
        // SAFETY: ptr is valid for len bytes, and &mut self makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        match &self.owner {
            // SAFETY: allocated in `zeroed` with this very layout.
            Owner::System(layout) => unsafe { dealloc(self.ptr.as_ptr(), *layout) },
            // SAFETY: the promise at `set_allocator`; the numbers are those of the allocation.
            Owner::Host(host) => unsafe {
                (host.free)(host.user_data, self.ptr.as_ptr().cast(), self.len, ALIGN)
            },
            Owner::Lent => {}
        }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} bytes)", self.len)
    }
}
