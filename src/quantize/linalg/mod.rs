//! Dense products and factors, cut into tasks of a fixed size so that results do not depend on the number of threads.

mod cholesky;
mod product;

pub(super) use cholesky::cholesky;
pub(super) use product::{Mat, MatMut, product};
