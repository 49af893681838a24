//! The pages of mapped files, told to come and to go. All of this is advice: nothing depends on it but time and memory.

use crate::parallel::Parallel;

/// Bytes that one task brings.
#[cfg(target_os = "linux")]
const PIECE: usize = 2 << 20;

/// Has the pages of mapped `tensors` there before they are read, which is quicker than one fault for every few of them,
/// and reads a file that is not cached from front to back.
pub(super) fn bring(tensors: &[&[u8]], par: &dyn Parallel) {
    #[cfg(target_os = "linux")]
    {
        let pieces: Vec<&[u8]> = tensors.iter().flat_map(|tensor| tensor.chunks(PIECE)).collect();
        par.run(pieces.len(), &|i| {
            let range = pieces[i].as_ptr_range();
            let (start, end) = (range.start as usize, range.end as usize);
            advise(start / page() * page(), end, libc::MADV_POPULATE_READ);
        });
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (tensors, par);
}

/// Lets go of the pages of a mapped tensor that hold nothing else. They stay in the system's cache of files as long as
/// there is room, and whoever reads the tensor again gets them back.
pub(super) fn let_go(tensor: &[u8]) {
    #[cfg(target_os = "linux")]
    {
        let range = tensor.as_ptr_range();
        let (start, end) = (range.start as usize, range.end as usize);
        advise(start.next_multiple_of(page()), end / page() * page(), libc::MADV_DONTNEED);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = tensor;
}

#[cfg(target_os = "linux")]
fn page() -> usize {
    // SAFETY: asks for a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096).max(1)
}

#[cfg(target_os = "linux")]
fn advise(start: usize, end: usize, advice: libc::c_int) {
    if start < end {
        // SAFETY: callers pass parts of a file that is mapped for reading only, so no page holds anything that the file
        // does not; a kernel that does not know the advice refuses it.
        unsafe { libc::madvise(start as *mut libc::c_void, end - start, advice) };
    }
}
