//! Matrices of activations: rows with a stride, in the caller's memory.

use crate::error::{Error, ErrorKind, Result};
use crate::types::{Dtype, mul};

/// Shape of a matrix in memory: `rows` × `cols` elements of `dtype`, row starts `stride` elements apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matrix {
    /// F16, BF16 or F32.
    pub dtype: Dtype,
    /// Number of rows (M).
    pub rows: usize,
    /// Elements of a row (K or N).
    pub cols: usize,
    /// Elements from one row's start to the next; at least `cols`.
    pub stride: usize,
}

impl Matrix {
    /// Checks dtype and stride (a single row may have any stride); `name` is the argument's in messages.
    pub fn new(name: &str, dtype: Dtype, rows: usize, cols: usize, stride: usize) -> Result<Self> {
        if !dtype.is_activation() {
            return Err(Error::unsupported("activations must be floating point")
                .subject(name)
                .found(dtype)
                .needed("F16, BF16 or F32"));
        }
        if rows > 1 && stride < cols {
            return Err(Error::invalid("row stride is smaller than a row")
                .subject(format!("{name}_stride"))
                .found(stride)
                .needed(format!("at least {cols}")));
        }
        let m = Matrix { dtype, rows, cols, stride };
        m.checked_bytes(name)?;
        Ok(m)
    }

    fn checked_bytes(&self, name: &str) -> Result<usize> {
        let Some(gaps) = self.rows.checked_sub(1) else { return Ok(0) };
        let elements = mul(gaps, self.stride, name)?.checked_add(self.cols);
        let bytes = elements.and_then(|e| e.checked_mul(self.dtype.bytes()));
        bytes.filter(|&b| b <= isize::MAX as usize).ok_or_else(|| {
            Error::new(ErrorKind::SizeOverflow, "the matrix does not fit the address space").subject(name)
        })
    }

    /// Bytes from the first element to the last, gaps between rows included.
    pub fn bytes(&self) -> usize {
        match self.rows {
            0 => 0,
            rows => ((rows - 1) * self.stride + self.cols) * self.dtype.bytes(),
        }
    }

    /// Whether an element of this matrix at address `at` and one of `other` at `other_at` share a byte.
    /// Exact when both have the same stride in bytes (columns of one buffer), else by their whole ranges.
    pub fn overlaps(&self, at: usize, other: &Matrix, other_at: usize) -> bool {
        if !ranges_overlap(at, self.bytes(), other_at, other.bytes()) {
            return false;
        }
        if self.rows.min(other.rows) < 2 {
            return true; // and the stride of a single row may be too large for what follows
        }
        let stride = self.stride * self.dtype.bytes();
        if stride == 0 || stride != other.stride * other.dtype.bytes() {
            return true;
        }
        // Both repeat with the same period: compare one row of each, wherever it falls in the period.
        let shift = (other_at as isize - at as isize).rem_euclid(stride as isize) as usize;
        let (width, other_width) = (self.cols * self.dtype.bytes(), other.cols * other.dtype.bytes());
        shift < width || shift + other_width > stride
    }
}

/// Whether two byte ranges (start, length) share a byte.
pub fn ranges_overlap(a: usize, a_len: usize, b: usize, b_len: usize) -> bool {
    a_len > 0 && b_len > 0 && a < b.saturating_add(b_len) && b < a.saturating_add(a_len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f32s(rows: usize, cols: usize, stride: usize) -> Matrix {
        Matrix::new("x", Dtype::F32, rows, cols, stride).unwrap()
    }

    #[test]
    fn columns_of_one_buffer_do_not_overlap() {
        let (x, y) = (f32s(3, 4, 10), f32s(3, 6, 10));
        assert!(!x.overlaps(1000, &y, 1016));
        assert!(!y.overlaps(1016, &x, 1000));
        assert!(x.overlaps(1000, &y, 1012));
        assert!(x.overlaps(1000, &y, 1020), "the last column of y is the first of the next row of x");
        assert!(x.overlaps(1000, &f32s(3, 6, 11), 1016), "other strides are judged by their ranges");
        assert!(!x.overlaps(1000, &y, 1000 + x.bytes()));
        assert!(f32s(1, 4, usize::MAX).overlaps(1000, &f32s(1, 4, usize::MAX), 1012));
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        assert_eq!(
            Matrix::new("x", Dtype::F32, usize::MAX, 4, 8).unwrap_err().kind(),
            ErrorKind::SizeOverflow
        );
        assert_eq!(Matrix::new("x", Dtype::F32, 2, 4, 3).unwrap_err().kind(), ErrorKind::InvalidArgument);
        assert_eq!(Matrix::new("x", Dtype::I8, 2, 4, 4).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(f32s(0, 4, 4).bytes(), 0);
        assert_eq!(f32s(1, 4, 0).bytes(), 16);
    }
}
