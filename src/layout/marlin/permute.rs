//! Marlin's orders of columns, for scales and biases.

use crate::error::{Error, ErrorKind, Result};
use crate::types::{Dtype, GroupSize, mul};

/// Place of column `n` in a row of scales of a layer with several groups: 8 x 8 blocks, transposed.
pub(in crate::layout) fn permuted_grouped(n: usize) -> usize {
    n / 64 * 64 + n % 8 * 8 + n % 64 / 8
}

/// Place of column `n` in a row of scales of a layer with one group, and in a bias: the order of the accumulators.
pub(in crate::layout) fn permuted_single(n: usize) -> usize {
    n / 32 * 32 + n % 8 / 2 * 8 + n % 2 + n % 32 / 8 * 2
}

/// Which of Marlin's two orders a row of scales has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleOrder {
    /// Several groups along K: blocks of 64 columns in the order [`GROUPED`].
    Grouped,
    /// One group, and every bias: blocks of 32 columns in the order [`SINGLE`].
    Single,
}

/// `permuted[64·b + i] = plain[64·b + GROUPED[i]]`.
pub const GROUPED: [usize; 64] = order(8, [0, 8, 16, 24, 32, 40, 48, 56], 1);

/// `permuted[32·b + i] = plain[32·b + SINGLE[i]]`.
pub const SINGLE: [usize; 32] = order(4, [0, 1, 8, 9, 16, 17, 24, 25], 2);

const fn order<const L: usize>(rows: usize, columns: [usize; 8], step: usize) -> [usize; L] {
    let mut table = [0; L];
    let mut i = 0;
    while i < 8 * rows {
        table[i] = step * (i / 8) + columns[i % 8];
        i += 1;
    }
    table
}

impl ScaleOrder {
    /// The order for a layer of `k` input features. A group size of K or more counts as one group, so a layer of 128
    /// input features in groups of 128 has [`ScaleOrder::Single`].
    pub fn of(k: usize, group: GroupSize) -> Self {
        if group.count(k) == 1 { ScaleOrder::Single } else { ScaleOrder::Grouped }
    }

    /// The order as a table over one block.
    pub fn table(self) -> &'static [usize] {
        match self {
            ScaleOrder::Grouped => &GROUPED,
            ScaleOrder::Single => &SINGLE,
        }
    }
}

/// Scales \[groups, n\] in Marlin's order.
///
/// Errors: [`ErrorKind::Unsupported`] when `n` is no multiple of the block (64 or 32), [`ErrorKind::InvalidArgument`]
/// when a slice has the wrong length.
pub fn permute_scales(
    scales: &[u8],
    dtype: Dtype,
    groups: usize,
    n: usize,
    order: ScaleOrder,
    out: &mut [u8],
) -> Result<()> {
    shuffle(scales, dtype, groups, n, order, out, |to, from| (to, from))
}

/// The inverse of [`permute_scales`].
///
/// Errors: as there.
pub fn unpermute_scales(
    scales: &[u8],
    dtype: Dtype,
    groups: usize,
    n: usize,
    order: ScaleOrder,
    out: &mut [u8],
) -> Result<()> {
    shuffle(scales, dtype, groups, n, order, out, |to, from| (from, to))
}

/// A bias \[n\] in the order in which Marlin kernels that add it themselves read it.
///
/// Errors: those of [`permute_scales`].
pub fn permute_bias(bias: &[u8], dtype: Dtype, n: usize, out: &mut [u8]) -> Result<()> {
    permute_scales(bias, dtype, 1, n, ScaleOrder::Single, out)
}

/// The inverse of [`permute_bias`].
///
/// Errors: as there.
pub fn unpermute_bias(bias: &[u8], dtype: Dtype, n: usize, out: &mut [u8]) -> Result<()> {
    unpermute_scales(bias, dtype, 1, n, ScaleOrder::Single, out)
}

/// Copies element `ends(i, table[i]).1` of each block to `ends(i, table[i]).0`.
fn shuffle(
    from: &[u8],
    dtype: Dtype,
    groups: usize,
    n: usize,
    order: ScaleOrder,
    to: &mut [u8],
    ends: impl Fn(usize, usize) -> (usize, usize),
) -> Result<()> {
    let (table, size) = (order.table(), dtype.bytes());
    if !n.is_multiple_of(table.len()) {
        return Err(Error::unsupported("N is not a multiple of the block of the permutation")
            .found(n)
            .needed(format!("a multiple of {}", table.len())));
    }
    let bytes = mul(mul(groups, n, "scales")?, size, "scales")?;
    exact("input", from.len(), bytes)?;
    exact("output", to.len(), bytes)?;
    let block = table.len() * size;
    for (from, to) in from.chunks_exact(block).zip(to.chunks_exact_mut(block)) {
        for (i, &t) in table.iter().enumerate() {
            let (a, b) = ends(i, t);
            to[a * size..(a + 1) * size].copy_from_slice(&from[b * size..(b + 1) * size]);
        }
    }
    Ok(())
}

/// Refuses a slice that is not of `needed` bytes.
pub(super) fn exact(what: &str, found: usize, needed: usize) -> Result<()> {
    if found == needed {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidArgument, "has the wrong length")
        .subject(what)
        .found(format!("{found} bytes"))
        .needed(format!("{needed} bytes")))
}
