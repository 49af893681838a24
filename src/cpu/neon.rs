//! Sixteen lanes as four 128-bit registers: NEON, which every aarch64 processor has.
//!
//! Conversions between f16 and f32 are instructions that Rust has no stable name for, so they are written as such.

use std::arch::aarch64::*;
use std::arch::asm;

use super::simd::Simd;

/// Four registers of four lanes. DOT: the processor has the dot products of bytes (ARMv8.2 and later), for int8.
pub(super) struct Neon<const DOT: bool>;

type V = [float32x4_t; 4];

/// The sixteen words of a tile.
#[inline(always)]
unsafe fn words(tile: *const u8) -> [uint32x4_t; 4] {
    // SAFETY: a tile has 64 bytes.
    unsafe { [0, 16, 32, 48].map(|at| vreinterpretq_u32_u8(vld1q_u8(tile.add(at)))) }
}

/// The nibble or byte that `mask` selects, as a number minus `mid`: put into the mantissa of a power of two whose last
/// place is worth one unit of it, and the power subtracted again. Two operations, and exact.
#[inline(always)]
fn in_mantissa(words: [uint32x4_t; 4], mask: u32, power: f32, mid: f32) -> V {
    // SAFETY: register arithmetic only.
    unsafe {
        let (mask, magic) = (vdupq_n_u32(mask), vreinterpretq_u32_f32(vdupq_n_f32(power)));
        let lift = vdupq_n_f32(power + mid);
        words.map(|w| vsubq_f32(vreinterpretq_f32_u32(vbslq_u32(mask, w, magic)), lift))
    }
}

/// Four lanes from four f16.
#[inline(always)]
fn widen_f16(bits: uint16x4_t) -> float32x4_t {
    let wide: float32x4_t;
    // SAFETY: register arithmetic only.
    unsafe {
        asm!("fcvtl {wide:v}.4s, {bits:v}.4h", wide = lateout(vreg) wide, bits = in(vreg) bits,
             options(pure, nomem, nostack, preserves_flags));
    }
    wide
}

/// Four lanes as f16, rounded to nearest even.
#[inline(always)]
fn round_f16(v: float32x4_t) -> uint16x4_t {
    let bits: uint16x4_t;
    // SAFETY: register arithmetic only.
    unsafe {
        asm!("fcvtn {bits:v}.4h, {v:v}.4s", bits = lateout(vreg) bits, v = in(vreg) v,
             options(pure, nomem, nostack, preserves_flags));
    }
    bits
}

/// Four lanes as bf16, rounded to nearest even; NaN stays NaN.
#[inline(always)]
fn round_bf16(v: float32x4_t) -> uint16x4_t {
    // SAFETY: register arithmetic only.
    unsafe {
        let bits = vreinterpretq_u32_f32(v);
        let odd = vandq_u32(vshrq_n_u32::<16>(bits), vdupq_n_u32(1));
        let rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
        let quiet = vorrq_u32(bits, vdupq_n_u32(0x0040_0000));
        vshrn_n_u32::<16>(vbslq_u32(vceqq_f32(v, v), rounded, quiet))
    }
}

// SAFETY of all blocks below: the trait's promises (readable and writable pointers), and NEON is on every aarch64.
impl<const DOT: bool> Simd for Neon<DOT> {
    type V = V;

    #[inline(always)]
    unsafe fn zero() -> V {
        // SAFETY: see the impl.
        unsafe { [vdupq_n_f32(0.0); 4] }
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> V {
        // SAFETY: see the impl.
        unsafe { [vdupq_n_f32(x); 4] }
    }
    #[inline(always)]
    unsafe fn mul_add(a: V, b: V, c: V) -> V {
        // SAFETY: see the impl.
        unsafe { std::array::from_fn(|i| vfmaq_f32(c[i], a[i], b[i])) }
    }
    #[inline(always)]
    unsafe fn sub(a: V, b: V) -> V {
        // SAFETY: see the impl.
        unsafe { std::array::from_fn(|i| vsubq_f32(a[i], b[i])) }
    }
    #[inline(always)]
    unsafe fn mul(a: V, b: V) -> V {
        // SAFETY: see the impl.
        unsafe { std::array::from_fn(|i| vmulq_f32(a[i], b[i])) }
    }
    #[inline(always)]
    unsafe fn sum(v: V) -> f32 {
        // SAFETY: see the impl.
        unsafe { vaddvq_f32(vaddq_f32(vaddq_f32(v[0], v[1]), vaddq_f32(v[2], v[3]))) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> V {
        // SAFETY: see the impl. Through bytes, which may lie anywhere.
        unsafe { [0, 16, 32, 48].map(|at| vreinterpretq_f32_u8(vld1q_u8(p.cast::<u8>().add(at)))) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: V) {
        // SAFETY: see the impl.
        unsafe {
            for (i, lanes) in v.into_iter().enumerate() {
                vst1q_u8(p.cast::<u8>().add(16 * i), vreinterpretq_u8_f32(lanes));
            }
        }
    }
    #[inline(always)]
    unsafe fn load_f16(p: *const u8) -> V {
        // SAFETY: see the impl.
        unsafe { [0, 8, 16, 24].map(|at| widen_f16(vreinterpret_u16_u8(vld1_u8(p.add(at))))) }
    }
    #[inline(always)]
    unsafe fn load_bf16(p: *const u8) -> V {
        // SAFETY: see the impl.
        unsafe {
            [0, 8, 16, 24].map(|at| {
                let bits = vreinterpret_u16_u8(vld1_u8(p.add(at)));
                vreinterpretq_f32_u32(vshll_n_u16::<16>(bits))
            })
        }
    }
    #[inline(always)]
    unsafe fn load_u8(p: *const u8) -> V {
        // SAFETY: see the impl.
        unsafe {
            let bytes = vld1q_u8(p);
            let (low, high) = (vmovl_u8(vget_low_u8(bytes)), vmovl_u8(vget_high_u8(bytes)));
            [vget_low_u16(low), vget_high_u16(low), vget_low_u16(high), vget_high_u16(high)]
                .map(|four| vcvtq_f32_u32(vmovl_u16(four)))
        }
    }
    #[inline(always)]
    unsafe fn store_f16(p: *mut u8, v: V) {
        // SAFETY: see the impl.
        unsafe {
            for (i, lanes) in v.into_iter().enumerate() {
                vst1_u8(p.add(8 * i), vreinterpret_u8_u16(round_f16(lanes)));
            }
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(p: *mut u8, v: V) {
        // SAFETY: see the impl.
        unsafe {
            for (i, lanes) in v.into_iter().enumerate() {
                vst1_u8(p.add(8 * i), vreinterpret_u8_u16(round_bf16(lanes)));
            }
        }
    }

    #[inline(always)]
    unsafe fn codes4(tile: *const u8) -> [V; 8] {
        // SAFETY: see the impl.
        unsafe {
            let v = words(tile);
            // Nibbles 5, 6, 7 lie too high for a mantissa; in `high` they are where 2, 3, 4 are in `v`.
            let high = v.map(|w| vshrq_n_u32::<12>(w));
            [
                in_mantissa(v, 0xf, 8_388_608.0, 8.0),
                in_mantissa(v, 0xf_0000, 128.0, 8.0),
                in_mantissa(v, 0xf0, 524_288.0, 8.0),
                in_mantissa(high, 0xf00, 32_768.0, 8.0),
                in_mantissa(v, 0xf00, 32_768.0, 8.0),
                in_mantissa(high, 0xf000, 2048.0, 8.0),
                in_mantissa(v, 0xf000, 2048.0, 8.0),
                in_mantissa(high, 0xf_0000, 128.0, 8.0),
            ]
        }
    }
    #[inline(always)]
    unsafe fn codes8(tile: *const u8) -> [V; 4] {
        // SAFETY: see the impl.
        unsafe {
            let v = words(tile);
            let high = v.map(|w| vshrq_n_u32::<16>(w));
            [
                in_mantissa(v, 0xff, 8_388_608.0, 128.0),
                in_mantissa(v, 0xff00, 32_768.0, 128.0),
                in_mantissa(high, 0xff, 8_388_608.0, 128.0),
                in_mantissa(high, 0xff00, 32_768.0, 128.0),
            ]
        }
    }

    #[inline(always)]
    unsafe fn prefetch(p: *const u8) {
        // SAFETY: a prefetch never faults.
        unsafe { asm!("prfm pldl1keep, [{p}]", p = in(reg) p, options(readonly, nostack, preserves_flags)) }
    }
}
