//! Asking for memory before it is read.

/// The cache lines of a rectangle in a tensor, handed out in the order in which they lie in memory.
///
/// A tile touches many rows that are far apart, which hardware does not follow. So while one row of tiles is being
/// repacked, the next one is asked for, row by row: that is how memory likes to be read.
#[derive(Default)]
pub(super) struct Ahead<'a> {
    bytes: &'a [u8],
    /// Bytes from one row of the rectangle to the next, and of each.
    stride: usize,
    len: usize,
    rows: usize,
    /// Where the current row begins, and what has been asked for of it.
    start: usize,
    done: usize,
}

/// Bytes of a cache line.
const LINE: usize = 64;

impl<'a> Ahead<'a> {
    /// `rows` times `len` bytes of `bytes`, `stride` apart, from byte `start` on.
    pub fn new(bytes: &'a [u8], start: usize, stride: usize, len: usize, rows: usize) -> Self {
        Ahead { bytes, stride, len, rows, start, done: 0 }
    }

    /// Cache lines of the rectangle, about.
    pub fn lines(&self) -> usize {
        self.len.div_ceil(LINE) * self.rows
    }

    /// Asks for the next `lines`.
    #[inline]
    pub fn ask(&mut self, lines: usize) {
        for _ in 0..lines {
            if self.rows == 0 {
                return;
            }
            prefetch(self.bytes, self.start + self.done);
            self.done += LINE;
            if self.done >= self.len {
                (self.done, self.start, self.rows) = (0, self.start + self.stride, self.rows - 1);
            }
        }
    }
}

/// Asks for the cache line at byte `at` of `bytes`, which may lie beyond its end, to be brought near, but not into the
/// nearest cache: a row of tiles would not fit there.
#[inline(always)]
fn prefetch(bytes: &[u8], at: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch is a hint; it faults at no address and changes no memory.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(bytes.as_ptr().wrapping_add(at).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, at);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_once() {
        let mut ahead = Ahead::new(&[], 1000, 500, 130, 3);
        assert_eq!(ahead.lines(), 9);
        let mut seen = Vec::new();
        while ahead.rows > 0 {
            seen.push(ahead.start + ahead.done);
            ahead.ask(1);
        }
        assert_eq!(seen, [1000, 1064, 1128, 1500, 1564, 1628, 2000, 2064, 2128]);
        ahead.ask(1);
        assert_eq!(ahead.rows, 0);
    }
}
