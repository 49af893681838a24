//! Floats of every dtype that scales, biases and weights have, through f64, rounded once to nearest even.

use half::{bf16, f16};

use crate::types::Dtype;

/// The value of little-endian bits that [`super::address::get`] fetched.
#[inline(always)]
pub(super) fn to_f64(dtype: Dtype, bits: u32) -> f64 {
    match dtype {
        Dtype::F16 => f16::from_bits(bits as u16).to_f64(),
        Dtype::BF16 => f64::from(f32::from_bits(bits << 16)),
        _ => f64::from(f32::from_bits(bits)),
    }
}

/// The bits of `v` in F16, BF16 or F32.
#[inline(always)]
pub(super) fn from_f64(dtype: Dtype, v: f64) -> u32 {
    match dtype {
        Dtype::F16 => f16::from_f32(to_odd(v)).to_bits() as u32,
        Dtype::BF16 => bf16::from_f32(to_odd(v)).to_bits() as u32,
        _ => (v as f32).to_bits(),
    }
}

/// `v` as f32, with the last bit set when anything was cut off: rounding that again to a shorter type gives what one
/// rounding of `v` would give.
#[inline(always)]
fn to_odd(v: f64) -> f32 {
    let r = v as f32;
    let back = f64::from(r);
    if back == v || !r.is_finite() || !v.is_finite() {
        // f64 beyond f32 is beyond F16 and BF16, too.
        return r;
    }
    let toward_zero = if back.abs() > v.abs() { f32::from_bits(r.to_bits() - 1) } else { r };
    f32::from_bits(toward_zero.to_bits() | 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rounding() {
        // Just above the midpoint of two F16 values, by less than f32 sees: one rounding goes up, two go to even.
        let mid = 1.0 + 2f64.powi(-11);
        assert_eq!(from_f64(Dtype::F16, mid), 0x3c00);
        assert_eq!(from_f64(Dtype::F16, mid + 2f64.powi(-40)), 0x3c01);
        assert_eq!(from_f64(Dtype::F16, mid - 2f64.powi(-40)), 0x3c00);
        assert_eq!(from_f64(Dtype::F16, -mid - 2f64.powi(-40)), 0xbc01);
        assert_eq!(from_f64(Dtype::BF16, 1.0 + 2f64.powi(-8) + 2f64.powi(-50)), 0x3f81);
        assert_eq!(from_f64(Dtype::F16, 1e300), 0x7c00);
        for bits in 0..=0xffffu32 {
            let v = to_f64(Dtype::F16, bits);
            assert!(v.is_nan() || from_f64(Dtype::F16, v) == bits);
        }
    }
}
