//! Integer lanes as four 128-bit registers: products of bytes added in pairs and fours, by one instruction (SDOT) where the
//! processor has it.
//!
//! Both kinds multiply signed bytes with signed bytes. Codes of 4 bits are small enough for that; those of 8 bits go in
//! as q - 128, and 128 times the sum of the activations is added.

use std::arch::aarch64::*;
use std::arch::asm;

use super::lanes::{Int8, ORDER4};
use crate::cpu::neon::Neon;
use crate::types::Bits;

type I = [int32x4_t; 4];

/// The sixteen words of a tile.
#[inline(always)]
unsafe fn words(tile: *const u8) -> [uint8x16_t; 4] {
    // SAFETY: a tile has 64 bytes.
    unsafe { [0, 16, 32, 48].map(|at| vld1q_u8(tile.add(at))) }
}

/// Sums of four products of signed bytes, added to those of `sum`.
///
/// # Safety
/// Where DOT, the processor has dot products of bytes.
#[inline(always)]
unsafe fn fours<const DOT: bool>(sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: register arithmetic only; the caller's promise. Two products fit 16 bits: neither factor is beyond 127 but
    // -128 of a code.
    unsafe {
        if !DOT {
            let low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
            return vpadalq_s16(sum, vpaddq_s16(low, vmull_high_s8(a, b)));
        }
        let mut out = sum;
        // The assembler is told, because this may become part of a function that is for all processors: a closure.
        asm!(".arch_extension dotprod", "sdot {out:v}.4s, {a:v}.16b, {b:v}.16b",
             out = inout(vreg) out, a = in(vreg) a, b = in(vreg) b, options(pure, nomem, nostack, preserves_flags));
        out
    }
}

// SAFETY of all blocks below: the trait's promises (instruction set, readable pointers), and NEON is on every aarch64.
impl<const DOT: bool> Int8 for Neon<DOT> {
    type I = I;

    #[inline(always)]
    unsafe fn zeros() -> I {
        // SAFETY: see the impl.
        unsafe { [vdupq_n_s32(0); 4] }
    }
    #[inline(always)]
    unsafe fn four_bytes(bytes: i32) -> I {
        // SAFETY: see the impl.
        unsafe { [vdupq_n_s32(bytes); 4] }
    }
    #[inline(always)]
    unsafe fn widen_u8(p: *const u8) -> I {
        // SAFETY: see the impl.
        unsafe {
            let v = vld1q_u8(p);
            let (low, high) = (vmovl_u8(vget_low_u8(v)), vmovl_high_u8(v));
            let words = [
                vmovl_u16(vget_low_u16(low)),
                vmovl_high_u16(low),
                vmovl_u16(vget_low_u16(high)),
                vmovl_high_u16(high),
            ];
            words.map(|four| vreinterpretq_s32_u32(four))
        }
    }
    #[inline(always)]
    unsafe fn add(a: I, b: I) -> I {
        // SAFETY: see the impl.
        std::array::from_fn(|i| unsafe { vaddq_s32(a[i], b[i]) })
    }
    #[inline(always)]
    unsafe fn times(a: I, factor: i32) -> I {
        // SAFETY: see the impl.
        unsafe { a.map(|four| vmulq_n_s32(four, factor)) }
    }
    #[inline(always)]
    unsafe fn join(high: I, low: I) -> I {
        // SAFETY: see the impl.
        std::array::from_fn(|i| unsafe { vaddq_s32(vshlq_n_s32::<8>(high[i]), low[i]) })
    }
    #[inline(always)]
    unsafe fn to_f32(v: I) -> [float32x4_t; 4] {
        // SAFETY: see the impl.
        unsafe { v.map(|four| vcvtq_f32_s32(four)) }
    }

    #[inline(always)]
    unsafe fn bytes4(tile: *const u8) -> [I; 2] {
        // SAFETY: see the impl.
        unsafe {
            let v = words(tile);
            let low = v.map(|bytes| vreinterpretq_s32_u8(vandq_u8(bytes, vdupq_n_u8(15))));
            [low, v.map(|bytes| vreinterpretq_s32_u8(vshrq_n_u8::<4>(bytes)))]
        }
    }
    #[inline(always)]
    unsafe fn bytes8(tile: *const u8) -> I {
        // SAFETY: see the impl.
        unsafe { words(tile).map(|bytes| vreinterpretq_s32_u8(bytes)) }
    }

    #[inline(always)]
    unsafe fn dot<const WIDE: bool>(sum: I, codes: I, x: I) -> I {
        // SAFETY: see the impl.
        std::array::from_fn(|i| unsafe {
            let (q, x) = (vreinterpretq_s8_s32(codes[i]), vreinterpretq_s8_s32(x[i]));
            if !WIDE {
                return fours::<DOT>(sum[i], q, x);
            }
            // The same for all columns of a row: computed once.
            let of_x = fours::<DOT>(vdupq_n_s32(0), vdupq_n_s8(1), x);
            let less = fours::<DOT>(sum[i], veorq_s8(q, vdupq_n_s8(-128)), x);
            vaddq_s32(less, vshlq_n_s32::<7>(of_x))
        })
    }

    #[inline(always)]
    unsafe fn larger(a: [float32x4_t; 4], b: [float32x4_t; 4]) -> [float32x4_t; 4] {
        // SAFETY: see the impl.
        unsafe { std::array::from_fn(|i| vmaxnmq_f32(a[i], vabsq_f32(b[i]))) }
    }
    #[inline(always)]
    unsafe fn largest(v: [float32x4_t; 4]) -> f32 {
        // SAFETY: see the impl.
        unsafe { vmaxnmvq_f32(vmaxnmq_f32(vmaxnmq_f32(v[0], v[1]), vmaxnmq_f32(v[2], v[3]))) }
    }
    #[inline(always)]
    unsafe fn round(v: [float32x4_t; 4]) -> I {
        // SAFETY: see the impl.
        unsafe { v.map(|four| vcvtnq_s32_f32(four)) }
    }
    #[inline(always)]
    unsafe fn upper(v: I) -> I {
        // SAFETY: see the impl.
        unsafe { v.map(|four| vshrq_n_s32::<8>(vaddq_s32(four, vdupq_n_s32(128)))) }
    }
    #[inline(always)]
    unsafe fn low_byte(v: I) -> I {
        // SAFETY: see the impl.
        unsafe { v.map(|four| vshrq_n_s32::<24>(vshlq_n_s32::<24>(four))) }
    }
    #[inline(always)]
    unsafe fn words(v: I, bits: Bits) -> [u32; 4] {
        let mut words = [0; 4];
        // SAFETY: see the impl; the arrays are as long as the register.
        unsafe {
            let [a, b, c, d] = v.map(|four| vmovn_s32(four));
            let (low, high) = (vmovn_s16(vcombine_s16(a, b)), vmovn_s16(vcombine_s16(c, d)));
            let bytes = vreinterpretq_u8_s8(vcombine_s8(low, high));
            let ordered = match bits {
                Bits::Four => vqtbl1q_u8(bytes, vld1q_u8(ORDER4.as_ptr())),
                Bits::Eight => bytes,
            };
            vst1q_u32(words.as_mut_ptr(), vreinterpretq_u32_u8(ordered));
        }
        words
    }
    #[inline(always)]
    unsafe fn total(v: I) -> i32 {
        // SAFETY: see the impl.
        unsafe { vaddvq_s32(vaddq_s32(vaddq_s32(v[0], v[1]), vaddq_s32(v[2], v[3]))) }
    }
}
