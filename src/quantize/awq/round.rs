//! Weights as they will be after quantization.

use super::super::arithmetic::Arithmetic;
use super::super::rule::{self, RangeRule};
use crate::types::QuantSpec;

/// How weights are rounded while candidates are compared.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Rounding {
    pub spec: QuantSpec,
    pub rule: RangeRule,
}

impl Rounding {
    /// Replaces a group of weights by (q − z)·s. `codes` is room for its codes.
    pub fn apply<A: Arithmetic>(&self, group: &mut [f32], codes: &mut [u8]) {
        let params = rule::params::<A>(rule::range(group), self.rule, &self.spec);
        let codes = &mut codes[..group.len()];
        rule::codes::<A>(group, params, self.rule, self.spec.bits, codes);
        let (zero, scale) = (i32::from(params.zero), params.scale);
        for (w, &q) in group.iter_mut().zip(&*codes) {
            *w = A::round_fast((i32::from(q) - zero) as f32 * scale);
        }
    }
}
