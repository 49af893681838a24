//! Where an element lies in a tensor.
//!
//! However tangled a packing looks, the place of element (row, column) is always the sum of a term that depends on
//! the row alone and a term that depends on the column alone: every layout only shuffles the digits of two indices.
//! So two short tables describe a packing completely, and any packing can be turned into any other by them.

/// Marks a row that has no counterpart (padding).
pub(super) const NOWHERE: usize = usize::MAX;

/// The place of element (r, c), counted in elements: `rows[r] + cols[c]`.
pub(super) struct Address {
    pub rows: Vec<usize>,
    pub cols: Vec<usize>,
}

impl Address {
    /// Tables for `rows` x `cols` elements from the two terms.
    pub fn new(
        (rows, cols): (usize, usize),
        row: impl Fn(usize) -> usize,
        col: impl Fn(usize) -> usize,
    ) -> Self {
        Address { rows: (0..rows).map(row).collect(), cols: (0..cols).map(col).collect() }
    }

    /// C order, \[rows, cols\].
    pub fn row_major(rows: usize, cols: usize) -> Self {
        Self::new((rows, cols), |r| r * cols, |c| c)
    }

    /// C order of the transpose, \[cols, rows\].
    pub fn column_major(rows: usize, cols: usize) -> Self {
        Self::new((rows, cols), |r| r, |c| c * rows)
    }
}

/// The form of one small tensor: element width, places, and what is subtracted from a value before it is stored.
pub(super) struct Plane {
    /// 4, 8, 16 or 32 bits.
    pub width: usize,
    pub address: Address,
    /// GPTQ v1 stores z − 1.
    pub minus: u32,
}

impl Plane {
    pub fn new(width: usize, address: Address) -> Self {
        Plane { width, address, minus: 0 }
    }

    /// Values of row `r` and the columns from `c` on.
    pub fn get_run(&self, bytes: &[u8], r: usize, c: usize, values: &mut [u32]) {
        match self.width {
            4 => self.get_width::<4>(bytes, r, c, values),
            8 => self.get_width::<8>(bytes, r, c, values),
            16 => self.get_width::<16>(bytes, r, c, values),
            _ => self.get_width::<32>(bytes, r, c, values),
        }
    }

    fn get_width<const W: usize>(&self, bytes: &[u8], r: usize, c: usize, values: &mut [u32]) {
        let (row, mask) = (self.address.rows[r], u32::MAX >> (32 - W));
        for (v, col) in values.iter_mut().zip(&self.address.cols[c..]) {
            *v = get(bytes, W, row + col).wrapping_add(self.minus) & mask;
        }
    }

    /// Stores values; the inverse of [`Plane::get_run`].
    pub fn put_run(&self, bytes: &mut [u8], r: usize, c: usize, values: &[u32]) {
        match self.width {
            4 => self.put_width::<4>(bytes, r, c, values),
            8 => self.put_width::<8>(bytes, r, c, values),
            16 => self.put_width::<16>(bytes, r, c, values),
            _ => self.put_width::<32>(bytes, r, c, values),
        }
    }

    fn put_width<const W: usize>(&self, bytes: &mut [u8], r: usize, c: usize, values: &[u32]) {
        let row = self.address.rows[r];
        for (v, col) in values.iter().zip(&self.address.cols[c..]) {
            put(bytes, W, row + col, v.wrapping_sub(self.minus));
        }
    }
}

/// Element `e` of a tensor of little-endian elements of `width` bits. Nibble e is the low half of byte e/2 when e is
/// even; that is the order of the nibbles of little-endian 16-bit and 32-bit words, too.
#[inline(always)]
pub(super) fn get(bytes: &[u8], width: usize, e: usize) -> u32 {
    match width {
        4 => ((bytes[e / 2] >> (4 * (e % 2))) & 15) as u32,
        8 => bytes[e] as u32,
        16 => u16::from_le_bytes([bytes[2 * e], bytes[2 * e + 1]]) as u32,
        _ => u32::from_le_bytes([bytes[4 * e], bytes[4 * e + 1], bytes[4 * e + 2], bytes[4 * e + 3]]),
    }
}

/// Sets element `e`; the inverse of [`get`].
#[inline(always)]
pub(super) fn put(bytes: &mut [u8], width: usize, e: usize, v: u32) {
    match width {
        4 => {
            let shift = 4 * (e % 2);
            let b = &mut bytes[e / 2];
            *b = (*b & !(15 << shift)) | ((v as u8 & 15) << shift);
        }
        8 => bytes[e] = v as u8,
        16 => bytes[2 * e..2 * e + 2].copy_from_slice(&(v as u16).to_le_bytes()),
        _ => bytes[4 * e..4 * e + 4].copy_from_slice(&v.to_le_bytes()),
    }
}
