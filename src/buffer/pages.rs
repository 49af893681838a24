//! Large buffers as pages of the kernel's, which zeroes each when it is first touched.
//!
//! An allocator that is asked for zeros on a boundary writes all of them at once, in small pages, long before anybody
//! needs them; a page that the kernel has just zeroed is still in the cache when it is filled.

use std::ptr::NonNull;
use std::sync::Arc;

use super::{ALIGN, Buffer, HUGE_PAGE, Owner, no_room};
use crate::error::Result;

/// Whole pages on every machine.
const UNIT: usize = 64 << 10;

/// A mapping of our own.
pub(super) struct Pages {
    at: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the address of memory that the buffers which share it divide among them.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: what `map` made of its mapping; the last buffer in it is gone.
        unsafe { libc::munmap(self.at.as_ptr().cast(), self.bytes) };
    }
}

/// At least `len` bytes from a boundary of huge pages on, which are asked for.
fn map(len: usize) -> Option<Pages> {
    let bytes = len.checked_next_multiple_of(UNIT)?;
    let room = bytes.checked_add(HUGE_PAGE)?;
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that is there.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), room, protection, flags, -1, 0) };
    if at == libc::MAP_FAILED {
        return None;
    }
    let before = at.cast::<u8>().align_offset(HUGE_PAGE);
    // SAFETY: what goes back are the two ends of the mapping, of whole pages, which nobody knows yet; the advice changes
    // no contents, and a refusal of it is harmless.
    unsafe {
        let start = at.cast::<u8>().add(before);
        if before > 0 {
            libc::munmap(at, before);
        }
        if before < HUGE_PAGE {
            libc::munmap(start.add(bytes).cast(), HUGE_PAGE - before);
        }
        libc::madvise(start.cast(), bytes, libc::MADV_HUGEPAGE);
        Some(Pages { at: NonNull::new(start)?, bytes })
    }
}

/// Buffers of these lengths, one after another in one mapping.
pub(super) fn several<const N: usize>(lens: [usize; N]) -> Result<[Buffer; N]> {
    let places =
        lens.iter().try_fold(0usize, |at, &len| at.checked_add(len.checked_next_multiple_of(ALIGN)?));
    let pages =
        places.and_then(map).ok_or_else(|| no_room(lens.iter().fold(0, |a, &len| len.saturating_add(a))))?;
    let pages = Arc::new(pages);
    let mut end = 0;
    Ok(lens.map(|len| {
        // SAFETY: `places` is where the last one ends, and the mapping is at least as long.
        let ptr = unsafe { pages.at.add(end) };
        end += len.next_multiple_of(ALIGN);
        Buffer { ptr, len, owner: Owner::Pages(pages.clone()) }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_in_one_mapping_do_not_touch() {
        let lens = [3 * HUGE_PAGE + 5, 0, 100, UNIT];
        let mut buffers = several(lens).unwrap();
        assert_eq!(buffers[0].as_ptr() as usize % HUGE_PAGE, 0);
        for (i, buffer) in buffers.iter_mut().enumerate() {
            assert_eq!((buffer.as_ptr() as usize % ALIGN, buffer.len()), (0, lens[i]));
            assert!(buffer.iter().all(|&b| b == 0));
            buffer.fill(i as u8 + 1);
        }
        let [a, b, c, d] = buffers;
        drop(a);
        drop(b);
        assert!(c.iter().all(|&b| b == 3) && d.iter().all(|&b| b == 4));
    }

    #[test]
    fn too_much_is_an_error() {
        for lens in [[usize::MAX, 1], [usize::MAX - 4096, 0], [1 << 60, 1 << 60]] {
            assert_eq!(several(lens).unwrap_err().kind(), crate::ErrorKind::OutOfMemory);
        }
    }
}
