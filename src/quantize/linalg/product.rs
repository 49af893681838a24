//! One dense product on the calling thread, behind checked views.

/// A matrix in somebody else's memory: element (r, c) is `data[r · row + c · col]`.
#[derive(Clone, Copy)]
pub struct Mat<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row: usize,
    col: usize,
}

impl<'a> Mat<'a> {
    /// `rows` × `cols` elements, row starts `stride` elements apart.
    pub fn new(data: &'a [f32], rows: usize, cols: usize, stride: usize) -> Self {
        check(data.len(), rows, cols, stride);
        Mat { data, rows, cols, row: stride, col: 1 }
    }

    /// The transpose of the same memory.
    pub fn transposed(self) -> Self {
        Mat { rows: self.cols, cols: self.rows, row: self.col, col: self.row, ..self }
    }
}

/// As [`Mat`], for the result.
pub struct MatMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    cols: usize,
    stride: usize,
}

impl<'a> MatMut<'a> {
    /// `rows` × `cols` elements, row starts `stride` elements apart.
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize, stride: usize) -> Self {
        check(data.len(), rows, cols, stride);
        MatMut { data, rows, cols, stride }
    }
}

fn check(len: usize, rows: usize, cols: usize, stride: usize) {
    assert!(stride >= cols || rows <= 1, "rows overlap");
    assert!(rows == 0 || cols == 0 || (rows - 1) * stride + cols <= len, "the matrix leaves its memory");
}

/// c = alpha · a · b + beta · c.
pub fn product(alpha: f32, a: Mat, b: Mat, beta: f32, c: &mut MatMut) {
    assert_eq!((a.rows, a.cols, b.cols), (c.rows, b.rows, c.cols), "shapes do not fit");
    if c.rows == 0 || c.cols == 0 {
        return;
    }
    let strides = |row: usize, col: usize| (row as isize, col as isize);
    let ((ar, ac), (br, bc), (cr, cc)) = (strides(a.row, a.col), strides(b.row, b.col), strides(c.stride, 1));
    // SAFETY: the constructors checked that every element of the three views lies in its slice, c is borrowed
    // exclusively, and its rows do not overlap.
    unsafe {
        matrixmultiply::sgemm(
            a.rows,
            a.cols,
            b.cols,
            alpha,
            a.data.as_ptr(),
            ar,
            ac,
            b.data.as_ptr(),
            br,
            bc,
            beta,
            c.data.as_mut_ptr(),
            cr,
            cc,
        );
    }
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
        Mat::new(&[0.0; 5], 2, 3, 3);
    }
}
