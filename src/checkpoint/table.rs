//! All tensors of all files under their names.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use super::container::{Container, Extent};
use super::files::{Files, Index};
use super::notes::Notes;
use crate::error::{Error, ErrorKind, Result};
use crate::types::Dtype;

/// A tensor in a mapped file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TensorView<'a> {
    /// Element type.
    pub dtype: Dtype,
    /// Shape; empty for a scalar.
    pub shape: &'a [usize],
    /// Little-endian elements in C order. Not aligned: copy elements out, never cast the pointer.
    pub data: &'a [u8],
}

/// The files and what is in them.
#[derive(Debug)]
pub(super) struct Table {
    files: Vec<Container>,
    tensors: BTreeMap<String, Located>,
}

#[derive(Debug)]
struct Located {
    file: usize,
    extent: Extent,
}

impl Table {
    /// Maps the files and merges their headers; odd but harmless things go to `notes`.
    pub fn open(files: &Files, notes: &mut Notes) -> Result<Self> {
        let mut table = Table { files: Vec::with_capacity(files.paths.len()), tensors: BTreeMap::new() };
        for path in &files.paths {
            table.add(path, files.index.as_ref(), notes)?;
        }
        if let Some(index) = &files.index {
            table.check_index(index)?;
        }
        for name in table.unreadable() {
            notes.add("tensors of a dtype that this library cannot read", name);
        }
        Ok(table)
    }

    fn add(&mut self, path: &Path, index: Option<&Index>, notes: &mut Notes) -> Result<()> {
        let (container, tensors) = Container::open(path)?;
        let file = self.files.len();
        self.files.push(container);
        for (name, extent) in tensors {
            let owner = index.and_then(|index| index.shards.get(&name));
            if index.is_some() && owner.is_none() {
                notes.add("tensors that the index does not list", &name);
            }
            match self.tensors.entry(name) {
                Entry::Vacant(e) => {
                    e.insert(Located { file, extent });
                }
                Entry::Occupied(mut e) => match owner {
                    Some(&owner) => {
                        notes.add("tensors in more than one shard (the index decides)", e.key());
                        if owner == file {
                            e.insert(Located { file, extent });
                        }
                    }
                    None => {
                        return Err(Error::new(
                            ErrorKind::Container,
                            "stands in two files, and no index says which counts",
                        )
                        .file(path)
                        .subject(e.key())
                        .found(format!("also in {}", self.files[e.get().file].path().display())));
                    }
                },
            }
        }
        Ok(())
    }

    /// Every tensor of the index must be in the shard that the index names.
    fn check_index(&self, index: &Index) -> Result<()> {
        for (name, &shard) in &index.shards {
            let shard = self.files[shard].path();
            let missing = |found: &str| {
                Error::new(ErrorKind::Missing, "the index lists a tensor that its shard does not hold")
                    .file(&index.path)
                    .subject(name)
                    .found(found)
                    .needed(shard.display())
            };
            match self.tensors.get(name) {
                None => return Err(missing("no shard with it")),
                Some(at) if self.files[at.file].path() != shard => {
                    return Err(missing(&self.files[at.file].path().display().to_string()));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Names of all tensors whose dtype this library knows, sorted, with their views.
    pub fn iter(&self) -> impl Iterator<Item = (&str, TensorView<'_>)> {
        self.tensors.iter().filter_map(|(name, at)| Some((name.as_str(), self.view(at)?)))
    }

    /// Names of the tensors that [`Table::iter`] leaves out.
    pub fn unreadable(&self) -> impl Iterator<Item = &str> {
        self.tensors.iter().filter(|(_, at)| dtype(at.extent.dtype).is_none()).map(|(name, _)| name.as_str())
    }

    /// The tensor, or what is wrong.
    pub fn need(&self, name: &str) -> Result<TensorView<'_>> {
        let at = self
            .tensors
            .get(name)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no such tensor").subject(name))?;
        self.view(at).ok_or_else(|| {
            Error::unsupported("has a dtype that this library cannot read")
                .file(self.files[at.file].path())
                .subject(name)
                .found(at.extent.dtype)
        })
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// All names and numbers of dimensions.
    pub fn ranks(&self) -> impl Iterator<Item = (&str, usize)> {
        self.tensors.iter().map(|(name, at)| (name.as_str(), at.extent.shape.len()))
    }

    /// The file that holds a tensor.
    pub fn file_of(&self, name: &str) -> Option<&Path> {
        self.tensors.get(name).map(|at| self.files[at.file].path())
    }

    fn view<'a>(&'a self, at: &'a Located) -> Option<TensorView<'a>> {
        Some(TensorView {
            dtype: dtype(at.extent.dtype)?,
            shape: &at.extent.shape,
            data: self.files[at.file].bytes(&at.extent),
        })
    }
}

/// Our name for the container's dtype; 8-bit floats and the like have none.
pub(super) fn dtype(d: safetensors::Dtype) -> Option<Dtype> {
    use safetensors::Dtype as S;
    Some(match d {
        S::F16 => Dtype::F16,
        S::BF16 => Dtype::BF16,
        S::F32 => Dtype::F32,
        S::F64 => Dtype::F64,
        S::I8 => Dtype::I8,
        S::U8 => Dtype::U8,
        S::I16 => Dtype::I16,
        S::U16 => Dtype::U16,
        S::I32 => Dtype::I32,
        S::U32 => Dtype::U32,
        S::I64 => Dtype::I64,
        S::U64 => Dtype::U64,
        S::BOOL => Dtype::Bool,
        _ => return None,
    })
}
