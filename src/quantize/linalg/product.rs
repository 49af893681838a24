//! One dense product on the calling thread, behind checked views.

/// f32 and f64: what products are made of.
pub trait Element: Copy {
    /// c = alpha · a · b + beta · c; a is m × k, b is k × n, with row and column strides.
    ///
    /// # Safety
    /// Every element of a and b is readable and every element of c writable; rows of c do not overlap.
    #[allow(clippy::too_many_arguments)]
    unsafe fn gemm(
        sizes: (usize, usize, usize),
        alpha: Self,
        a: (*const Self, isize, isize),
        b: (*const Self, isize, isize),
        beta: Self,
        c: (*mut Self, isize, isize),
    );
}

macro_rules! element {
    ($type:ty, $gemm:path) => {
        impl Element for $type {
            unsafe fn gemm(
                (m, k, n): (usize, usize, usize),
                alpha: Self,
                a: (*const Self, isize, isize),
                b: (*const Self, isize, isize),
                beta: Self,
                c: (*mut Self, isize, isize),
            ) {
                // SAFETY: the caller's promise.
                unsafe { $gemm(m, k, n, alpha, a.0, a.1, a.2, b.0, b.1, b.2, beta, c.0, c.1, c.2) }
            }
        }
    };
}
element!(f32, matrixmultiply::sgemm);
element!(f64, matrixmultiply::dgemm);

/// A matrix in somebody else's memory: element (r, c) is `data[r · row + c · col]`.
#[derive(Clone, Copy)]
pub struct Mat<'a, T = f32> {
    data: &'a [T],
    rows: usize,
    cols: usize,
    row: usize,
    col: usize,
}

impl<'a, T> Mat<'a, T> {
    /// `rows` × `cols` elements, row starts `stride` elements apart.
    pub fn new(data: &'a [T], rows: usize, cols: usize, stride: usize) -> Self {
        check(data.len(), rows, cols, stride);
        Mat { data, rows, cols, row: stride, col: 1 }
    }

    /// The transpose of the same memory.
    pub fn transposed(self) -> Self {
        Mat { rows: self.cols, cols: self.rows, row: self.col, col: self.row, ..self }
    }
}

/// As [`Mat`], for the result.
pub struct MatMut<'a, T = f32> {
    data: &'a mut [T],
    rows: usize,
    cols: usize,
    stride: usize,
}

impl<'a, T> MatMut<'a, T> {
    /// `rows` × `cols` elements, row starts `stride` elements apart.
    pub fn new(data: &'a mut [T], rows: usize, cols: usize, stride: usize) -> Self {
        check(data.len(), rows, cols, stride);
        MatMut { data, rows, cols, stride }
    }
}

fn check(len: usize, rows: usize, cols: usize, stride: usize) {
    assert!(stride >= cols || rows <= 1, "rows overlap");
    assert!(rows == 0 || cols == 0 || (rows - 1) * stride + cols <= len, "the matrix leaves its memory");
}

/// c = alpha · a · b + beta · c.
pub fn product<T: Element>(alpha: T, a: Mat<T>, b: Mat<T>, beta: T, c: &mut MatMut<T>) {
    assert_eq!((a.rows, a.cols, b.cols), (c.rows, b.rows, c.cols), "shapes do not fit");
    if c.rows == 0 || c.cols == 0 {
        return;
    }
    let from = |m: Mat<T>| (m.data.as_ptr(), m.row as isize, m.col as isize);
    let to = (c.data.as_mut_ptr(), c.stride as isize, 1);
    // SAFETY: the constructors checked that every element of the three views lies in its slice, c is borrowed
    // exclusively, and its rows do not overlap.
    unsafe { T::gemm((a.rows, a.cols, b.cols), alpha, from(a), from(b), beta, to) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_and_transposes() {
        // [[1, 2], [3, 4]] inside rows of three.
        let a = [1.0, 2.0, 9.0, 3.0, 4.0, 9.0];
        let a = Mat::new(&a, 2, 2, 3);
        let mut c = [10.0f32; 4];
        product(1.0, a, a, 0.0, &mut MatMut::new(&mut c, 2, 2, 2));
        assert_eq!(c, [7.0, 10.0, 15.0, 22.0]);
        product(2.0, a.transposed(), a, 1.0, &mut MatMut::new(&mut c, 2, 2, 2));
        assert_eq!(c, [27.0, 38.0, 43.0, 62.0]);
    }

    #[test]
    #[should_panic(expected = "leaves its memory")]
    fn a_view_cannot_leave_its_memory() {
        Mat::new(&[0.0f32; 5], 2, 3, 3);
    }
}
