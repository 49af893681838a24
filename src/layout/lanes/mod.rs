//! Vectors of 16-byte lanes, and the few operations that every packing of 4-bit codes is made of.
//!
//! A lane is on its own: nothing crosses from one to the next, so a kernel is written once for one lane and runs
//! on as many as a register has. What distinguishes the lanes of a vector is up to the kernel (here always: which
//! 16 rows of a tile).
//!
//! Within a lane, the index of a nibble is seven binary digits, and the operations are exchanges of digits: with the
//! digit that distinguishes the two vectors of a pair, `nibbles` exchanges the lowest digit of a lane, `bytes` the one
//! above it; `zip8`, `zip16` and `zip32` take the highest digit out and put the pair's in above the digits of an
//! element.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(super) use avx512::Avx512;
pub(super) use portable::Portable;

/// How wide the vectors are that move codes. Every width gives the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// One lane, in plain Rust.
    Portable,
    /// Two lanes: x86-64 with AVX2.
    Avx2,
    /// Four lanes: x86-64 with AVX-512 F and BW.
    Avx512,
}

impl Width {
    /// Every value, from the narrowest to the widest.
    pub const ALL: [Width; 3] = [Width::Portable, Width::Avx2, Width::Avx512];

    /// Whether this processor has it.
    pub fn available(self) -> bool {
        match self {
            Width::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Width::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && Width::Avx2.available()
            }
            #[cfg(not(target_arch = "x86_64"))]
            Width::Avx2 | Width::Avx512 => false,
        }
    }

    /// The widest that this processor has.
    pub fn widest() -> Self {
        Self::ALL.into_iter().rev().find(|width| width.available()).unwrap_or(Width::Portable)
    }
}

/// A vector of [`Lanes::COUNT`] lanes of 16 bytes.
///
/// # Safety
/// Every function needs the instructions of its implementor. Pointers need no alignment, and are readable or writable
/// for the bytes that each function names.
pub(super) trait Lanes: Copy {
    /// 1, 2 or 4.
    const COUNT: usize;

    unsafe fn zero() -> Self;
    /// All lanes, one after another in memory.
    unsafe fn load(p: *const u8) -> Self;
    unsafe fn store(self, p: *mut u8);
    /// Lane j is the 16 bytes at `p + j * stride`.
    unsafe fn gather(p: *const u8, stride: usize) -> Self;
    unsafe fn scatter(self, p: *mut u8, stride: usize);
    /// The 64 bytes at `p + j * stride` are lane j of four vectors.
    unsafe fn load4(p: *const u8, stride: usize) -> [Self; 4];
    unsafe fn store4(v: [Self; 4], p: *mut u8, stride: usize);
    /// As `store4`, past the caches: `p` and `stride` are multiples of 64, and [`fence`] follows.
    unsafe fn stream4(v: [Self; 4], p: *mut u8, stride: usize);
    /// Lane j of result h holds word h of the 8 bytes at `p + 8 * j + i * stride`, for i in 0..4.
    unsafe fn load_pairs(p: *const u8, stride: usize) -> [Self; 2];

    /// The low nibbles of both, byte by byte; the high ones. Its own inverse.
    unsafe fn nibbles(a: Self, b: Self) -> [Self; 2];
    /// The even bytes of both, pair by pair; the odd ones. Its own inverse.
    unsafe fn bytes(a: Self, b: Self) -> [Self; 2];
    /// The bytes of the low halves of the lanes in turns; those of the high halves.
    unsafe fn zip8(a: Self, b: Self) -> [Self; 2];
    /// The same with elements of 16 bits.
    unsafe fn zip16(a: Self, b: Self) -> [Self; 2];
    /// The same with elements of 32 bits.
    unsafe fn zip32(a: Self, b: Self) -> [Self; 2];
    /// [`super::tile::unzip`] of every word.
    unsafe fn unzip(self) -> Self;
    /// [`super::tile::zip`] of every word.
    unsafe fn zip(self) -> Self;
}

/// Makes what `stream4` wrote visible before anything that follows.
#[inline(always)]
pub(super) fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has SSE.
    unsafe {
        std::arch::x86_64::_mm_sfence()
    }
}

/// Defines a function over vectors `$V` that is compiled for every [`Width`] and takes the width as its first argument.
/// A width that the processor lacks runs as the portable one. The body is unsafe code: it may call [`Lanes`], and it
/// must keep its pointers inside of what its arguments promise.
macro_rules! for_lanes {
    ($(#[$meta:meta])* fn $name:ident<$V:ident>($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        unsafe fn $name(width: $crate::layout::lanes::Width, $($arg: $ty),*) {
            use $crate::layout::lanes;
            #[inline(always)]
            unsafe fn body<$V: lanes::Lanes>($($arg: $ty),*) {
                // SAFETY: the caller's promise; the caller also has the instructions of `$V`.
                unsafe { $body }
            }
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                unsafe fn avx2($($arg: $ty),*) {
                    // SAFETY: the caller's promise.
                    unsafe { body::<lanes::Avx2>($($arg),*) }
                }
                #[target_feature(enable = "avx512f,avx512bw")]
                unsafe fn avx512($($arg: $ty),*) {
                    // SAFETY: the caller's promise.
                    unsafe { body::<lanes::Avx512>($($arg),*) }
                }
                // SAFETY: the caller's promise; the processor has what the function is compiled for.
                unsafe {
                    match width {
                        lanes::Width::Avx512 if width.available() => return avx512($($arg),*),
                        lanes::Width::Avx2 if width.available() => return avx2($($arg),*),
                        _ => {}
                    }
                }
            }
            #[cfg(not(target_arch = "x86_64"))]
            let _ = width;
            // SAFETY: the caller's promise; this width needs no instructions.
            unsafe { body::<lanes::Portable>($($arg),*) }
        }
    };
}
pub(super) use for_lanes;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::tile;

    /// Bytes that are all different within a lane.
    fn mixed(len: usize, seed: u32) -> Vec<u8> {
        (0..len as u32).map(|i| ((i + seed).wrapping_mul(0x9e37_79b9) >> 23) as u8).collect()
    }

    fn nibble(bytes: &[u8], i: usize) -> u8 {
        bytes[i / 2] >> (4 * (i % 2)) & 15
    }

    for_lanes! {
        fn pairs<V>(op: usize, a: *const u8, b: *const u8, out: *mut u8) {
            let (a, b) = (V::load(a), V::load(b));
            let v = match op {
                0 => V::nibbles(a, b),
                1 => V::bytes(a, b),
                2 => V::zip8(a, b),
                3 => V::zip16(a, b),
                4 => V::zip32(a, b),
                5 => [a.unzip(), b.zip()],
                _ => [a, V::zero()],
            };
            v[0].store(out);
            v[1].store(out.add(16 * V::COUNT));
        }
    }

    for_lanes! {
        fn memory<V>(op: usize, from: *const u8, to: *mut u8, stride: usize) {
            match op {
                0 => V::gather(from, stride).store(to),
                1 => V::load(from).scatter(to, stride),
                2 => {
                    for (i, v) in V::load4(from, stride).into_iter().enumerate() {
                        v.store(to.add(16 * V::COUNT * i));
                    }
                }
                3 | 4 => {
                    let mut v = [V::zero(); 4];
                    for i in 0..4 {
                        v[i] = V::load(from.add(16 * V::COUNT * i));
                    }
                    if op == 3 { V::store4(v, to, stride) } else { V::stream4(v, to, stride) }
                }
                _ => {
                    for (i, v) in V::load_pairs(from, stride).into_iter().enumerate() {
                        v.store(to.add(16 * V::COUNT * i));
                    }
                }
            }
        }
    }

    fn widths() -> impl Iterator<Item = (Width, usize)> {
        Width::ALL.into_iter().zip([1, 2, 4]).filter(|(width, _)| width.available())
    }

    #[test]
    fn exchanges_are_what_they_say() {
        for (width, lanes) in widths() {
            let (a, b) = (mixed(16 * lanes, 1), mixed(16 * lanes, 1000));
            for op in 0..7 {
                let mut out = vec![0; 32 * lanes];
                // SAFETY: all vectors have the width's bytes.
                unsafe { pairs(width, op, a.as_ptr(), b.as_ptr(), out.as_mut_ptr()) };
                let (x, y) = out.split_at(16 * lanes);
                for lane in 0..lanes {
                    let (a, b) = (&a[16 * lane..][..16], &b[16 * lane..][..16]);
                    for (half, v) in [x, y].into_iter().enumerate() {
                        let v = &v[16 * lane..][..16];
                        for i in 0..32 {
                            let zipped = |size: usize| {
                                let (element, within) = (i / size, i % size);
                                let from = if element % 2 == 0 { a } else { b };
                                nibble(from, 16 * half + element / 2 * size + within)
                            };
                            let word = |v: &[u8]| u32::from_le_bytes(v[i / 8 * 4..][..4].try_into().unwrap());
                            let expected = match op {
                                0 => nibble(if i % 2 == 0 { a } else { b }, i / 2 * 2 + half),
                                1 => nibble(if i % 4 < 2 { a } else { b }, i / 4 * 4 + 2 * half + i % 2),
                                2 => zipped(2),
                                3 => zipped(4),
                                4 => zipped(8),
                                5 => {
                                    let w = if half == 0 { tile::unzip(word(a)) } else { tile::zip(word(b)) };
                                    (w >> (i % 8 * 4)) as u8 & 15
                                }
                                _ => [nibble(a, i), 0][half],
                            };
                            assert_eq!(nibble(v, i), expected, "{width:?}, operation {op}, nibble {i}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn lanes_come_from_and_go_to_their_places() {
        #[repr(align(64))]
        struct Aligned([u8; 512]);
        for (width, lanes) in widths() {
            for op in 0..6 {
                let stride = [48, 48, 80, 80, 128, 96][op];
                let from = mixed(512, 7);
                let mut to = Aligned([0; 512]);
                // SAFETY: strides of 128 at most, times four lanes, plus 64 bytes; 96 times three plus 32.
                unsafe { memory(width, op, from.as_ptr(), to.0.as_mut_ptr(), stride) };
                fence();
                let mut expected = [0; 512];
                for lane in 0..lanes {
                    let (at, whole) = (16 * lane, 16 * lanes);
                    match op {
                        0 => expected[at..at + 16].copy_from_slice(&from[stride * lane..][..16]),
                        1 => expected[stride * lane..][..16].copy_from_slice(&from[at..at + 16]),
                        2 => {
                            for q in 0..4 {
                                expected[whole * q + at..][..16]
                                    .copy_from_slice(&from[stride * lane + 16 * q..][..16]);
                            }
                        }
                        3 | 4 => {
                            for q in 0..4 {
                                expected[stride * lane + 16 * q..][..16]
                                    .copy_from_slice(&from[whole * q + at..][..16]);
                            }
                        }
                        _ => {
                            for (h, i) in [0, 1].into_iter().flat_map(|h| (0..4).map(move |i| (h, i))) {
                                expected[whole * h + at + 4 * i..][..4]
                                    .copy_from_slice(&from[8 * lane + stride * i + 4 * h..][..4]);
                            }
                        }
                    }
                }
                assert_eq!(to.0, expected, "{width:?}, operation {op}");
            }
        }
    }
}
