//! What int8 kernels need beyond the f32 lanes.

use crate::cpu::simd::Simd;

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
    /// Rounded to nearest, ties to even; all lanes lie within ±127.5.
    unsafe fn round(v: Self::V) -> [i8; 16];
}
