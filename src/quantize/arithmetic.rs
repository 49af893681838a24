//! Arithmetic as a quantizer does it that works in the weight's own element type: every operation is
//! done in f32 and its result rounded to that type. For +, −, · and / of F16 or BF16 operands this is the
//! correctly rounded result, and it is what PyTorch does on a CPU, so codes agree to the last bit.

use half::{bf16, f16};

/// An element type as a rounding of f32.
pub(super) trait Arithmetic: Send + Sync {
    /// The difference between 1 and the next number: torch's `finfo.eps`.
    const EPSILON: f32;

    /// The nearest number of the type, ties to even; infinity beyond its range.
    fn round(x: f32) -> f32;

    /// [`Arithmetic::round`] for numbers that are soon rounded to integers: numbers too small for the
    /// type's normal range, or beyond its largest, may come back unrounded. A few integer operations
    /// without a branch, so that loops over it become SIMD on any machine.
    fn round_fast(x: f32) -> f32;
}

/// IEEE half precision.
pub(super) struct Half;
/// The upper half of an f32.
pub(super) struct Brain;
/// f32 itself.
pub(super) struct Single;

impl Arithmetic for Half {
    const EPSILON: f32 = 1.0 / 1024.0;

    fn round(x: f32) -> f32 {
        f16::from_f32(x).to_f32()
    }

    #[inline(always)]
    fn round_fast(x: f32) -> f32 {
        drop_bits::<13>(x)
    }
}

impl Arithmetic for Brain {
    const EPSILON: f32 = 1.0 / 128.0;

    fn round(x: f32) -> f32 {
        bf16::from_f32(x).to_f32()
    }

    #[inline(always)]
    fn round_fast(x: f32) -> f32 {
        drop_bits::<16>(x)
    }
}

impl Arithmetic for Single {
    const EPSILON: f32 = f32::EPSILON;

    fn round(x: f32) -> f32 {
        x
    }

    #[inline(always)]
    fn round_fast(x: f32) -> f32 {
        x
    }
}

/// Rounds the lowest `D` bits of the mantissa away, ties to even. A carry runs into the exponent, as it must.
#[inline(always)]
fn drop_bits<const D: u32>(x: f32) -> f32 {
    let bits = x.to_bits();
    let even = (bits >> D) & 1;
    f32::from_bits(bits.wrapping_add((1 << (D - 1)) - 1 + even) & !((1 << D) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_rounding_is_the_exact_one_in_the_normal_range() {
        for i in 0..2_000_000u32 {
            let x = f32::from_bits(i.wrapping_mul(2_147_001_325));
            if (6.2e-5..65504.0).contains(&x.abs()) {
                assert_eq!(Half::round_fast(x), Half::round(x), "{x:e}");
                assert_eq!(Brain::round_fast(x), Brain::round(x), "{x:e}");
            }
        }
    }
}
