//! Memory on a 64-byte boundary (a cache line and an AVX-512 vector), on huge pages where it is large; from the
//! system, or from an allocator of the host's, or the host's own memory.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::{Arc, RwLock};

use crate::error::{Error, ErrorKind, Result};
use crate::pages::{HUGE_PAGE, Pages};

/// Boundary that every buffer lies on.
pub const ALIGN: usize = 64;

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
    /// The system, when the last of those who share them is dropped.
    Pages(#[allow(dead_code)] Arc<Pages>),
    Host(Allocator),
    /// Nobody: it was lent.
    Lent,
}

/// A byte buffer of fixed length, aligned to 64 bytes; a large one of the system's is on huge pages.
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
        let host = *ALLOCATOR.read().unwrap_or_else(|e| e.into_inner());
        if let Some(host) = host.filter(|_| len > 0) {
            let mut buffer = Self::from_host(len, host)?;
            buffer.fill(0);
            return Ok(buffer);
        }
        if let Some([buffer]) = Self::in_pages([len]) {
            return Ok(buffer);
        }
        let layout = Layout::from_size_align(len.max(1), ALIGN).map_err(|_| {
            Error::new(ErrorKind::SizeOverflow, format!("a buffer of {len} bytes does not fit"))
        })?;
        // SAFETY: the layout's size is at least 1.
        let ptr = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(|| no_room(len))?;
        Ok(Buffer { ptr, len, owner: Owner::System(layout) })
    }

    /// Buffers of these lengths that will be written everywhere before they are read: the host's memory stays as it is,
    /// with whatever it holds. Large ones share their pages with small ones, which then have huge pages, too.
    pub(crate) fn to_fill<const N: usize>(lens: [usize; N]) -> Result<[Self; N]> {
        let host = *ALLOCATOR.read().unwrap_or_else(|e| e.into_inner());
        if host.is_none()
            && let Some(buffers) = Self::in_pages(lens)
        {
            return Ok(buffers);
        }
        let one = |len| match host {
            Some(host) if len > 0 => Self::from_host(len, host),
            _ => Self::zeroed(len),
        };
        let all: Vec<Self> = lens.into_iter().map(one).collect::<Result<_>>()?;
        Ok(all.try_into().expect("as many as there are lengths"))
    }

    /// Buffers of these lengths, one after another in fresh pages, where they are worth a huge page together and there
    /// is room.
    fn in_pages<const N: usize>(lens: [usize; N]) -> Option<[Self; N]> {
        let len =
            lens.iter().try_fold(0usize, |at, &len| at.checked_add(len.checked_next_multiple_of(ALIGN)?))?;
        if len < HUGE_PAGE {
            return None;
        }
        let pages = Arc::new(Pages::zeroed(len)?);
        let mut end = 0;
        Some(lens.map(|len| {
            // SAFETY: the mapping has room for all of them.
            let ptr = unsafe { pages.at().add(end) };
            end += len.next_multiple_of(ALIGN);
            Buffer { ptr, len, owner: Owner::Pages(pages.clone()) }
        }))
    }

    /// The host's memory, with whatever it holds. Where nobody has written yet, that is as good as any bytes: the
    /// memory comes from outside of the language.
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
        Ok(buffer)
    }

    /// A copy of `bytes`.
    pub fn copy_of(bytes: &[u8]) -> Result<Self> {
        let [mut b] = Self::to_fill([bytes.len()])?;
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
            Owner::Pages(_) | Owner::Lent => {}
        }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_in_one_mapping_do_not_touch() {
        let lens = [3 * HUGE_PAGE + 5, 0, 100, 64 << 10];
        let mut buffers = Buffer::to_fill(lens).unwrap();
        for (i, buffer) in buffers.iter_mut().enumerate() {
            assert_eq!((buffer.as_ptr() as usize % ALIGN, buffer.len()), (0, lens[i]));
            assert!(buffer.iter().all(|&b| b == 0));
            buffer.fill(i as u8 + 1);
        }
        let [a, b, c, d] = buffers;
        drop((a, b));
        assert!(c.iter().all(|&b| b == 3) && d.iter().all(|&b| b == 4));
    }

    #[test]
    fn too_much_is_an_error() {
        for lens in [[usize::MAX, 1], [usize::MAX - 4096, 0], [1 << 60, 1 << 60]] {
            let kind = Buffer::to_fill(lens).unwrap_err().kind();
            assert!(matches!(kind, ErrorKind::OutOfMemory | ErrorKind::SizeOverflow), "{kind:?}");
        }
    }
}
