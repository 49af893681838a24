//! How fast memory is read that no cache holds.

use std::hint::black_box;

use awq_marlin::cpu::Isa;
use awq_marlin::parallel::Parallel;

use super::best_of;

const BYTES: usize = 512 << 20;
/// The hardware's own prefetch ends at pages and is late; the best distance is the machine's affair.
const DISTANCES: [usize; 3] = [0, 1024, 4096];
const TRIES: usize = 4;

/// One pass over memory, each thread its own part; the best of several, with and without prefetching.
pub fn gbps(par: &dyn Parallel, isa: Isa, huge_pages: bool) -> f64 {
    let memory = Memory::new(huge_pages);
    let part = (BYTES / par.threads()) & !4095;
    let rate = |distance| {
        best_of(TRIES, || {
            par.run(par.threads(), &|i| read(isa, &memory.bytes()[i * part..(i + 1) * part], distance));
            (part * par.threads()) as f64 / 1e9
        })
    };
    DISTANCES.into_iter().map(rate).fold(0.0, f64::max)
}

fn read(isa: Isa, bytes: &[u8], distance: usize) {
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the instruction set was required when the options were read.
        Isa::Avx512 => unsafe { x86::read512(bytes, distance) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Isa::Avx2 => unsafe { x86::read256(bytes, distance) },
        _ => plain(bytes),
    }
}

fn plain(bytes: &[u8]) {
    // SAFETY: any eight bytes are a u64.
    let (_, words, _) = unsafe { bytes.align_to::<u64>() };
    let mut sums = [0u64; 16];
    for line in words.chunks_exact(16) {
        for (sum, word) in sums.iter_mut().zip(line) {
            *sum ^= word;
        }
    }
    black_box(sums);
}

/// Memory whose pages are there, huge or not.
struct Memory {
    start: *mut u8,
    layout: std::alloc::Layout,
}

// SAFETY: it is only read once it is made.
unsafe impl Sync for Memory {}

impl Memory {
    fn new(huge_pages: bool) -> Memory {
        let layout = std::alloc::Layout::from_size_align(BYTES, 2 << 20).unwrap();
        // SAFETY: the layout is not empty.
        let start = unsafe { std::alloc::alloc(layout) };
        assert!(!start.is_null(), "no memory for {BYTES} bytes");
        #[cfg(target_os = "linux")]
        {
            let advice = if huge_pages { libc::MADV_HUGEPAGE } else { libc::MADV_NOHUGEPAGE };
            // SAFETY: the range is this allocation, and nothing has touched it; a refusal is harmless.
            unsafe { libc::madvise(start.cast(), BYTES, advice) };
        }
        let _ = huge_pages;
        // SAFETY: the allocation is that long.
        unsafe { start.write_bytes(1, BYTES) };
        Memory { start, layout }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: all of it was written.
        unsafe { std::slice::from_raw_parts(self.start, BYTES) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { std::alloc::dealloc(self.start, self.layout) };
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::hint::black_box;

    const LINES: usize = 4;

    /// Four cache lines at a time.
    macro_rules! read {
        ($name:ident, $features:literal, $load:ident, $xor:ident, $zero:ident) => {
            #[target_feature(enable = $features)]
            pub fn $name(bytes: &[u8], distance: usize) {
                let mut sums = [$zero(); LINES];
                let wide = size_of_val(&sums[0]);
                for block in bytes.chunks_exact(LINES * 64) {
                    for line in 0..LINES {
                        if distance > 0 {
                            // A prefetch of memory that is not there does nothing.
                            let ahead = block.as_ptr().wrapping_add(line * 64 + distance);
                            _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
                        }
                        for at in (0..64).step_by(wide) {
                            // SAFETY: inside the block.
                            let v = unsafe { $load(block.as_ptr().add(line * 64 + at).cast()) };
                            sums[line] = $xor(sums[line], v);
                        }
                    }
                }
                black_box(sums);
            }
        };
    }
    read!(read512, "avx512f", _mm512_loadu_si512, _mm512_xor_si512, _mm512_setzero_si512);
    read!(read256, "avx2", _mm256_loadu_si256, _mm256_xor_si256, _mm256_setzero_si256);
}
