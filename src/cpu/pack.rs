//! Activations on their way into the workspace: converted, in padded group order, summed by group.

use super::integer;
use super::job::{LANES, PackedX, STEP, Strided};
use super::simd::Simd;

/// How the kernels want x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// f32, \[k\]\[R\].
    F32,
    /// bf16, for activations that are: pairs of k, \[k/2\]\[R\].
    Bf16,
    /// Integers of this many bytes, with scales: see `integer/quantize.rs`.
    Integer { planes: usize },
}

impl Form {
    /// Bytes of one row's k-step.
    pub fn step_bytes(self) -> usize {
        match self {
            Form::F32 => 4 * STEP,
            Form::Bf16 => 2 * STEP,
            Form::Integer { planes } => integer::STEP_BYTES * planes,
        }
    }

    /// What takes its place when activations turn out to need more: see `integer`.
    pub fn wider(self) -> Form {
        match self {
            Form::Integer { planes: integer::EXACT } => Form::Integer { planes: integer::WIDER },
            form => form,
        }
    }
}

/// The groups along K that x is cut into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Groups {
    /// Logical input features, of the layer and of one group.
    pub k: usize,
    pub group: usize,
    /// k-steps of the padded layer and of one padded group.
    pub steps: usize,
    pub group_steps: usize,
    /// Groups.
    pub count: usize,
}

/// Packs the rows of block `i` in a form of floats.
///
/// # Safety
/// The instruction set of `S`; x has the rows and `k` columns, and `out` is writable and sized for `form`.
#[inline(always)]
pub(super) unsafe fn block<S: Simd>(
    x: &Strided<*const u8>,
    groups: &Groups,
    form: Form,
    out: &PackedX,
    i: usize,
) {
    // SAFETY: the caller's promises; offsets stay below `steps` k-steps and `row_sums` sums of a row.
    unsafe {
        let to = out.at(i);
        for r in 0..to.slots {
            for (g, start) in (0..groups.k).step_by(groups.group.max(1)).enumerate() {
                let len = groups.group.min(groups.k - start);
                let padded_start = g * groups.group_steps * STEP;
                let padded_len = groups.group_steps.min(groups.steps - g * groups.group_steps) * STEP;
                let mut sum = S::zero();
                for at in (0..padded_len).step_by(LANES) {
                    let v = match len.saturating_sub(at) {
                        _ if r >= to.rows => S::zero(),
                        LANES.. => S::load_as(x.element(to.first_row + r, start + at), x.dtype),
                        0 => S::zero(),
                        some => S::load_some(x.element(to.first_row + r, start + at), x.dtype, some),
                    };
                    sum = S::mul_add(v, S::splat(1.0), sum);
                    let count = LANES.min(padded_len - at);
                    write::<S>(to.values.cast_mut(), to.slots, r, padded_start + at, v, count, form);
                }
                if out.row_sums > 0 {
                    *to.sums.cast_mut().add(g * to.slots + r) = S::sum(sum);
                }
            }
        }
    }
}

/// Puts `count` values (8 or 16) of row `r` from `k` on where `form` wants them.
#[inline(always)]
unsafe fn write<S: Simd>(out: *mut u8, rows: usize, r: usize, k: usize, v: S::V, count: usize, form: Form) {
    // SAFETY: the caller made room for `count` values of each of `rows` rows from `k` on.
    unsafe {
        match form {
            Form::F32 if rows == 1 && count == LANES => S::store(out.cast::<f32>().add(k), v),
            Form::F32 => {
                let mut lanes = [0u32; LANES];
                S::store(lanes.as_mut_ptr().cast(), v);
                scatter(&lanes[..count], out.cast::<u32>().add(k * rows + r), rows);
            }
            Form::Bf16 => {
                let mut pairs = [0u32; LANES / 2];
                S::store_bf16(pairs.as_mut_ptr().cast(), v);
                scatter(&pairs[..count / 2], out.cast::<u32>().add(k / 2 * rows + r), rows);
            }
            Form::Integer { .. } => debug_assert!(false, "integers are packed elsewhere"),
        }
    }
}

/// Writes words `stride` words apart.
#[inline(always)]
unsafe fn scatter(words: &[u32], out: *mut u32, stride: usize) {
    for (i, word) in words.iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { *out.add(i * stride) = *word };
    }
}
