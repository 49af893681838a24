//! Which files make up a checkpoint, and what its index says about them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};

/// The index of a sharded checkpoint.
pub(super) const INDEX: &str = "model.safetensors.index.json";

/// An index larger than this is refused before it is read.
const MAX_INDEX: u64 = 100_000_000;

/// The files of a checkpoint.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Shards, each once, in order of name.
    pub paths: Vec<PathBuf>,
    /// The index, where there is one.
    pub index: Option<Index>,
}

/// Which shard holds which tensor.
#[derive(Debug)]
pub(super) struct Index {
    /// The index file.
    pub path: PathBuf,
    /// Tensor name → position in [`Files::paths`].
    pub shards: BTreeMap<String, usize>,
}

impl Files {
    /// The files of a directory: those that the index names, or else every `*.safetensors`.
    pub fn of_dir(dir: &Path) -> Result<Self> {
        let index = dir.join(INDEX);
        if index.exists() { Self::of_index(dir, &index) } else { Self::of_listing(dir) }
    }

    fn of_listing(dir: &Path) -> Result<Self> {
        let io = |e: std::io::Error| Error::io(dir, &e);
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.extension() == Some(OsStr::new("safetensors")) {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return Err(Error::new(ErrorKind::Missing, "the directory holds no checkpoint")
                .file(dir)
                .needed(format!("{INDEX} or *.safetensors")));
        }
        paths.sort();
        Ok(Files { paths, index: None })
    }

    fn of_index(dir: &Path, index: &Path) -> Result<Self> {
        let map = read_index(index).map_err(|e| e.file(index))?;
        let mut position = BTreeMap::new();
        for shard in map.values() {
            position.insert(shard_path(shard).map_err(|e| e.file(index))?, 0);
        }
        for (i, at) in position.values_mut().enumerate() {
            *at = i;
        }
        let mut shards = BTreeMap::new();
        for (tensor, shard) in map {
            let shard = shard_path(&shard)?;
            shards.insert(tensor, position[&shard]);
        }
        let mut paths = Vec::with_capacity(position.len());
        for shard in position.into_keys() {
            let path = dir.join(&shard);
            if !path.exists() {
                return Err(Error::new(ErrorKind::Missing, "the index names a shard that is not there")
                    .file(index)
                    .subject(shard.display().to_string()));
            }
            paths.push(path);
        }
        Ok(Files { paths, index: Some(Index { path: index.to_path_buf(), shards }) })
    }
}

/// The `weight_map`. `metadata.total_size` is not looked at: writers disagree on what it counts.
fn read_index(path: &Path) -> Result<BTreeMap<String, String>> {
    #[derive(Deserialize)]
    struct IndexFile {
        weight_map: BTreeMap<String, String>,
    }

    let io = |e: std::io::Error| Error::io(path, &e);
    let meta = std::fs::metadata(path).map_err(io)?;
    // Reading a pipe could last for ever.
    if !meta.is_file() {
        return Err(Error::new(ErrorKind::Io, "is not a regular file"));
    }
    if meta.len() > MAX_INDEX {
        return Err(Error::new(ErrorKind::Container, "the index is too large")
            .found(meta.len())
            .needed(format!("at most {MAX_INDEX} bytes")));
    }
    let bytes = std::fs::read(path).map_err(io)?;
    let json = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let index: IndexFile = serde_json::from_slice(json)
        .map_err(|e| Error::new(ErrorKind::Json, format!("is not a safetensors index: {e}")))?;
    if index.weight_map.is_empty() {
        return Err(Error::new(ErrorKind::Container, "names no tensor").subject("weight_map"));
    }
    Ok(index.weight_map)
}

/// A shard's path relative to the index. It must stay below the index's directory: a checkpoint is data from
/// strangers, and must not make us open files elsewhere.
fn shard_path(shard: &str) -> Result<PathBuf> {
    let mut relative = PathBuf::new();
    for component in Path::new(shard).components() {
        match component {
            Component::Normal(name) => relative.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(Error::new(ErrorKind::Container, "the index names a file outside its directory")
                    .subject("weight_map")
                    .found(format!("{shard:?}"))
                    .needed("a relative path without .."));
            }
        }
    }
    if relative.as_os_str().is_empty() {
        return Err(Error::new(ErrorKind::Container, "the index names no file")
            .subject("weight_map")
            .found(format!("{shard:?}")));
    }
    Ok(relative)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_stay_below_the_directory() {
        assert_eq!(shard_path("./a.safetensors").unwrap(), Path::new("a.safetensors"));
        assert_eq!(shard_path("sub/a.safetensors").unwrap(), Path::new("sub/a.safetensors"));
        for bad in ["/etc/passwd", "../a", "sub/../../a", "", ".", "./"] {
            assert_eq!(shard_path(bad).unwrap_err().kind(), ErrorKind::Container, "{bad}");
        }
    }
}
