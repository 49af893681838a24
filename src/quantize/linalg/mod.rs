//! Dense products of f32 matrices, cut into tasks of a fixed size so that results do not depend on the number of threads.

mod product;

pub(super) use product::{Mat, MatMut, product};
