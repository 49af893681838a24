//! What the kernels see of a call: the layer's bytes, packed activations, and where results go.

use std::ops::Range;

use crate::types::{Bits, Dtype};

/// Rows of a k-step: the smallest piece of K that every group is a multiple of.
pub(super) const STEP: usize = 8;
/// Columns of an n-tile.
pub(super) const LANES: usize = 16;

/// A quantized layer in the CPU layout.
#[derive(Clone, Copy)]
pub(super) struct Tiles<'a> {
    /// Tiles \[nt\]\[kb\] of 64 bytes: one (4 bit) or two (8 bit) a k-step.
    pub codes: &'a [u8],
    /// \[nt\]\[G\]\[16\] of `scale_dtype`.
    pub scales: &'a [u8],
    pub scale_dtype: Dtype,
    /// \[nt\]\[G\]\[16\]; empty when symmetric.
    pub zeros: &'a [u8],
    /// \[nt\]\[16\], zeros where the layer has none.
    pub bias: &'a [f32],
    pub bits: Bits,
    /// Logical columns.
    pub n: usize,
    /// k-steps of the whole, of one group, and the number of groups.
    pub steps: usize,
    pub group_steps: usize,
    pub groups: usize,
}

impl Tiles<'_> {
    /// Bytes of codes in a k-step of one n-tile.
    pub fn step_bytes(&self) -> usize {
        STEP * LANES * self.bits.get() / 8
    }

    /// k-steps of group `g`; the last group may be short.
    #[inline(always)]
    pub fn group(&self, g: usize) -> Range<usize> {
        let start = g * self.group_steps;
        start..(start + self.group_steps).min(self.steps)
    }
}

/// A dense layer: weight \[N, K\].
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub weight: &'a [u8],
    pub dtype: Dtype,
    /// \[N\] rounded up to 16, zeros where the layer has none.
    pub bias: &'a [f32],
    pub k: usize,
    pub n: usize,
}

/// Activations in the workspace, in blocks of rows. In a block of R [`slots`], the values of one k (or of one pair or
/// four of k) lie side by side: \[k\]\[R\]; so do the group sums: \[G\]\[R\].
#[derive(Clone, Copy)]
pub(super) struct PackedX {
    pub values: *const u8,
    pub sums: *const f32,
    /// Bytes of the values, and number of the sums, of one row.
    pub row_bytes: usize,
    pub row_sums: usize,
    pub rows: usize,
    /// Rows of all blocks but the last, which each of them has slots for.
    pub block: usize,
}

// SAFETY: kernels only read through it, and it lives no longer than the call that filled the workspace.
unsafe impl Sync for PackedX {}

/// The rows of one block.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub first_row: usize,
    pub rows: usize,
    /// As many rows as the kernel multiplies; those behind `rows` are zero.
    pub slots: usize,
    pub values: *const u8,
    pub sums: *const f32,
}

impl PackedX {
    pub fn blocks(&self) -> usize {
        self.rows.div_ceil(self.block)
    }

    /// # Safety
    /// `i` is below [`PackedX::blocks`].
    #[inline(always)]
    pub unsafe fn at(&self, i: usize) -> Block {
        let first_row = i * self.block;
        let rows = (self.rows - first_row).min(self.block);
        Block {
            first_row,
            rows,
            slots: slots(rows),
            // SAFETY: every row before `first_row` has its bytes and sums.
            values: unsafe { self.values.add(first_row * self.row_bytes) },
            // SAFETY: as above.
            sums: unsafe { self.sums.add(first_row * self.row_sums) },
        }
    }
}

/// The caller's x or y, from the first row of this pass on.
#[derive(Clone, Copy)]
pub(super) struct Strided<P> {
    pub at: P,
    pub dtype: Dtype,
    /// Elements from row to row.
    pub stride: usize,
}

// SAFETY: tasks read x, and write disjoint columns of y.
unsafe impl<P> Sync for Strided<P> {}

impl Strided<*mut u8> {
    /// # Safety
    /// The element lies in the matrix.
    #[inline(always)]
    pub unsafe fn element(&self, row: usize, col: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.at.add((row * self.stride + col) * self.dtype.bytes()) }
    }
}

impl Strided<*const u8> {
    /// # Safety
    /// The element lies in the matrix.
    #[inline(always)]
    pub unsafe fn element(&self, row: usize, col: usize) -> *const u8 {
        // SAFETY: the caller's promise.
        unsafe { self.at.add((row * self.stride + col) * self.dtype.bytes()) }
    }
}

/// The numbers of rows that kernels are compiled for: at least `rows`, which is at most 16.
pub(super) fn slots(rows: usize) -> usize {
    if rows <= 8 { rows } else { rows.next_multiple_of(2) }
}

/// The block size for `m` rows of which a kernel takes at most `most` at a time: blocks of nearly one size, since each of
/// them decodes the weights anew.
pub(super) fn block_rows(m: usize, most: usize) -> usize {
    let m = m.max(1);
    slots(m.div_ceil(m.div_ceil(most))).min(most)
}

/// Part `i` of `parts` nearly equal parts of 0..`total`.
pub(super) fn share(total: usize, parts: usize, i: usize) -> Range<usize> {
    let (each, more) = (total / parts, total % parts);
    let start = i * each + i.min(more);
    start..start + each + usize::from(i < more)
}
