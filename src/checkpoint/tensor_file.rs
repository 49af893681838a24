//! One safetensors file as it is, without any idea of layers.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::container::{Container, Extent};
use super::table::{TensorView, dtype};
use crate::error::{Error, ErrorKind, Result};

/// A mapped file: its tensors by name, and the texts beside them.
#[derive(Debug)]
pub struct TensorFile {
    file: Container,
    tensors: BTreeMap<String, Extent>,
}

impl TensorFile {
    /// Maps a file and checks its header.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`], [`ErrorKind::Io`], [`ErrorKind::Container`].
    pub fn open(path: &Path) -> Result<Self> {
        let (file, tensors) = Container::open(path)?;
        Ok(TensorFile { file, tensors })
    }

    /// The texts that the writer put beside the tensors.
    pub fn metadata(&self) -> HashMap<String, String> {
        self.file.metadata()
    }

    /// Names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// One tensor.
    ///
    /// # Errors
    /// [`ErrorKind::Container`] when it is not there; [`ErrorKind::Unsupported`] for a dtype without a name here.
    pub fn tensor(&self, name: &str) -> Result<TensorView<'_>> {
        let extent = self.tensors.get(name).ok_or_else(|| {
            Error::new(ErrorKind::Container, "a tensor is missing").subject(name).file(self.file.path())
        })?;
        let dtype = dtype(extent.dtype).ok_or_else(|| {
            Error::unsupported("has a dtype that this library cannot read").subject(name).found(extent.dtype)
        })?;
        Ok(TensorView { dtype, shape: &extent.shape, data: self.file.bytes(extent) })
    }
}
