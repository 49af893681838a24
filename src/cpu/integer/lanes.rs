//! What integer kernels need beyond the f32 lanes.

use crate::cpu::simd::Simd;
use crate::types::Bits;

/// Which lane each byte of the words of two k-steps comes from, with 4 bits; with 8 bits they are in order.
pub(super) const ORDER4: [u8; 16] = [0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15];

/// Sixteen lanes of 32-bit integers, each also seen as four bytes.
///
/// # Safety
/// As [`Simd`].
pub(in crate::cpu) trait Int8: Simd {
    /// Sixteen lanes.
    type I: Copy;

    unsafe fn zeros() -> Self::I;
    /// The same four bytes in every lane.
    unsafe fn four_bytes(bytes: i32) -> Self::I;
    /// Sixteen bytes, 0 to 255.
    unsafe fn widen_u8(p: *const u8) -> Self::I;
    unsafe fn add(a: Self::I, b: Self::I) -> Self::I;
    /// Lanes of a (0 to 255) times a factor within ±2^15.
    unsafe fn times(a: Self::I, factor: i32) -> Self::I;
    /// 256 · high + low.
    unsafe fn join(high: Self::I, low: Self::I) -> Self::I;
    unsafe fn to_f32(v: Self::I) -> Self::V;

    /// The codes of a 4-bit tile of 64 bytes: rows (0, 4, 1, 5), then rows (2, 6, 3, 7).
    unsafe fn bytes4(tile: *const u8) -> [Self::I; 2];
    /// The codes of an 8-bit tile of 64 bytes: its four rows.
    unsafe fn bytes8(tile: *const u8) -> Self::I;

    /// sum + the four products of a lane; codes are unsigned, x signed. Codes are below 16 unless WIDE.
    unsafe fn dot<const WIDE: bool>(sum: Self::I, codes: Self::I, x: Self::I) -> Self::I;

    /// Lane by lane, the larger of a and |b|.
    unsafe fn larger(a: Self::V, b: Self::V) -> Self::V;
    /// The largest lane.
    unsafe fn largest(v: Self::V) -> f32;
    /// Rounded to nearest, ties to even; all lanes lie within ±2^30.
    unsafe fn round(v: Self::V) -> Self::I;
    /// (v + 128) / 256, rounded down: what is left of v when its lowest byte, −128 to 127, is taken away.
    unsafe fn upper(v: Self::I) -> Self::I;
    /// The lowest byte of each lane, −128 to 127.
    unsafe fn low_byte(v: Self::I) -> Self::I;
    /// The lowest bytes of the lanes as words of four, in the order in which `bytes4` (4 bits) or `bytes8` has the
    /// codes of two k-steps.
    unsafe fn words(v: Self::I, bits: Bits) -> [u32; 4];
    /// The sum of the lanes.
    unsafe fn total(v: Self::I) -> i32;
}
