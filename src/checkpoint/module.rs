//! The tensors of one module, and the checks of a single tensor. Every message names file, tensor, found, needed.

use super::names;
use super::table::{Table, TensorView};
use crate::error::{Error, ErrorKind, Result};
use crate::types::Dtype;

/// The tensors whose names begin with a module's name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Module<'a> {
    table: &'a Table,
    name: &'a str,
}

/// One tensor of a module, found.
pub(super) struct Member<'a> {
    module: Module<'a>,
    suffix: &'static str,
    /// The tensor.
    pub view: TensorView<'a>,
}

impl<'a> Module<'a> {
    /// The module `name`; "" for files whose tensors have bare names.
    pub fn new(table: &'a Table, name: &'a str) -> Self {
        Module { table, name }
    }

    /// The full name of a tensor.
    pub fn tensor_name(&self, suffix: &str) -> String {
        names::full_name(self.name, suffix)
    }

    /// Whether there is such a tensor, readable or not.
    pub fn has(&self, suffix: &str) -> bool {
        self.table.file_of(&self.tensor_name(suffix)).is_some()
    }

    /// The tensor, if there is one.
    pub fn find(&self, suffix: &'static str) -> Result<Option<Member<'a>>> {
        if self.has(suffix) { self.need(suffix).map(Some) } else { Ok(None) }
    }

    /// The tensor, which must be there.
    pub fn need(&self, suffix: &'static str) -> Result<Member<'a>> {
        if !self.has(suffix) {
            return Err(self.error(suffix, ErrorKind::Missing, "the tensor is missing"));
        }
        let view = self.table.need(&self.tensor_name(suffix))?;
        Ok(Member { module: *self, suffix, view })
    }

    /// An error about a tensor, which need not be there.
    pub fn error(&self, suffix: &str, kind: ErrorKind, what: &str) -> Error {
        self.locate(suffix, Error::new(kind, what))
    }

    /// The error with the tensor and its file, or the file of a sibling if the tensor is not there.
    fn locate(&self, suffix: &str, e: Error) -> Error {
        let name = self.tensor_name(suffix);
        let file = self.table.file_of(&name).or_else(|| {
            let siblings = ["qweight", "scales", "weight_packed", "weight_scale", "weight"];
            siblings.iter().find_map(|s| self.table.file_of(&self.tensor_name(s)))
        });
        let e = e.subject(name);
        match file {
            Some(file) => e.file(file),
            None => e,
        }
    }
}

impl<'a> Member<'a> {
    /// An error about this tensor's dtype, shape or values.
    pub fn error(&self, what: &str) -> Error {
        self.module.error(self.suffix, ErrorKind::Tensor, what)
    }

    /// The error with the place of this tensor.
    pub fn locate(&self, e: Error) -> Error {
        self.module.locate(self.suffix, e)
    }

    /// The dtype, which must be one of `allowed`.
    pub fn dtype(&self, allowed: &[Dtype]) -> Result<Dtype> {
        if allowed.contains(&self.view.dtype) {
            return Ok(self.view.dtype);
        }
        let names: Vec<_> = allowed.iter().map(|d| d.name()).collect();
        Err(self.error("has the wrong dtype").found(self.view.dtype).needed(names.join(" or ")))
    }

    /// The shape of a matrix.
    pub fn matrix(&self) -> Result<[usize; 2]> {
        <[usize; 2]>::try_from(self.view.shape)
            .map_err(|_| self.error("has the wrong rank").found(self.shape()).needed("two dimensions"))
    }

    /// The shape must be `needed`.
    pub fn check_shape(&self, needed: &[usize]) -> Result<()> {
        if self.view.shape == needed {
            return Ok(());
        }
        Err(self.error("has the wrong shape").found(self.shape()).needed(format!("{needed:?}")))
    }

    /// Two sizes that a tensor I64 \[2\] holds as its values, neither of them 0.
    pub fn sizes(&self) -> Result<[usize; 2]> {
        self.dtype(&[Dtype::I64])?;
        self.check_shape(&[2])?;
        let mut sizes = [0; 2];
        for (size, bytes) in sizes.iter_mut().zip(self.view.data.as_chunks::<8>().0) {
            let value = i64::from_le_bytes(*bytes);
            *size = usize::try_from(value)
                .ok()
                .filter(|&v| v > 0)
                .ok_or_else(|| self.error("holds an impossible size").found(value).needed("at least 1"))?;
        }
        Ok(sizes)
    }

    /// The shape, as messages show it.
    pub fn shape(&self) -> String {
        format!("{:?}", self.view.shape)
    }
}
