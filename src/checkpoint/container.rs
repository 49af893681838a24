//! One safetensors file: mapped, its header parsed and checked.
//!
//! A file is an 8-byte little-endian length, a JSON header of that length, and the data. The `safetensors`
//! crate defines what a header entry is; the checks are done here because every one has to name the tensor,
//! what was found and what is needed, and because repeated names and sums that overflow must not pass.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::tensor::TensorInfo;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use crate::error::{Error, ErrorKind, Result};

/// Bytes of the length field.
const LENGTH_FIELD: usize = 8;

/// The format's own limit on the header.
const MAX_HEADER: usize = 100_000_000;

/// Where a tensor lies in its file.
#[derive(Debug, Clone)]
pub(super) struct Extent {
    /// Element type, which may be one that this library has no use for.
    pub dtype: safetensors::Dtype,
    /// Shape.
    pub shape: Box<[usize]>,
    /// Bytes of the file.
    pub bytes: Range<usize>,
}

/// A mapped file.
#[derive(Debug)]
pub(super) struct Container {
    path: PathBuf,
    map: Mmap,
}

impl Container {
    /// Maps `path` and reads its header.
    pub fn open(path: &Path) -> Result<(Self, BTreeMap<String, Extent>)> {
        let io = |e: std::io::Error| Error::io(path, &e);
        // A directory or a pipe would open, but cannot be mapped (and a pipe would block).
        if !std::fs::metadata(path).map_err(io)?.is_file() {
            return Err(Error::new(ErrorKind::Io, "is not a regular file").file(path));
        }
        let file = File::open(path).map_err(io)?;
        // SAFETY: the map is only read, through byte slices without any invariant. Another process that
        // truncates the file while it is mapped can end this one with SIGBUS, as with every mapped file.
        let map = unsafe { Mmap::map(&file) }.map_err(io)?;
        let tensors = read_header(&map).map_err(|e| e.file(path))?;
        Ok((Container { path: path.to_path_buf(), map }, tensors))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The texts that the writer put beside the tensors (`__metadata__`).
    pub fn metadata(&self) -> HashMap<String, String> {
        let header = safetensors::SafeTensors::read_metadata(&self.map);
        header.ok().and_then(|(_, m)| m.metadata().clone()).unwrap_or_default()
    }

    /// The bytes of a tensor of this file.
    pub fn bytes(&self, extent: &Extent) -> &[u8] {
        &self.map[extent.bytes.clone()]
    }
}

fn broken(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Container, what)
}

/// Parses and checks the header of `file`.
fn read_header(file: &[u8]) -> Result<BTreeMap<String, Extent>> {
    let (length, rest) = file.split_first_chunk::<LENGTH_FIELD>().ok_or_else(|| {
        broken("is too short for a safetensors file")
            .found(format!("{} bytes", file.len()))
            .needed("at least 8")
    })?;
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER as u64 {
        return Err(broken("the header is longer than the format allows").found(length).needed(MAX_HEADER));
    }
    let (json, data) = rest.split_at_checked(length as usize).ok_or_else(|| {
        broken("the header reaches beyond the end of the file")
            .found(format!("{} bytes after the length field", rest.len()))
            .needed(length)
    })?;
    let header: Header =
        serde_json::from_slice(json).map_err(|e| broken(format!("the header is not valid: {e}")))?;
    check_extents(&header.tensors, data.len())?;

    let start = file.len() - data.len();
    let extents = header.tensors.into_iter().map(|(name, info)| {
        let bytes = start + info.data_offsets.0..start + info.data_offsets.1;
        (name, Extent { dtype: info.dtype, shape: info.shape.into_boxed_slice(), bytes })
    });
    Ok(extents.collect())
}

/// The tensors must cover the data exactly: no hole, no overlap, nothing beyond.
fn check_extents(tensors: &BTreeMap<String, TensorInfo>, data: usize) -> Result<()> {
    let mut in_order: Vec<_> = tensors.iter().collect();
    in_order.sort_unstable_by_key(|(_, t)| t.data_offsets);
    let mut end = 0;
    for (name, info) in in_order {
        let broken = |what: &str| broken(what).subject(name);
        let (from, to) = info.data_offsets;
        if from != end {
            let what = if from > end { "leaves a gap before it" } else { "overlaps the tensor before it" };
            return Err(broken(what).found(format!("offset {from}")).needed(end));
        }
        if to < from || to > data {
            return Err(broken("its offsets are not inside the file's data")
                .found(format!("{from}..{to}"))
                .needed(format!("within 0..{data}")));
        }
        let bits = info
            .shape
            .iter()
            .try_fold(info.dtype.bitsize(), |bits, &n| bits.checked_mul(n))
            .ok_or_else(|| broken("its shape overflows").found(format!("{:?}", info.shape)))?;
        if bits % 8 != 0 || to - from != bits / 8 {
            return Err(broken("its offsets do not span its shape")
                .found(format!("{} bytes", to - from))
                .needed(format!("{} for {} {:?}", bits.div_ceil(8), info.dtype, info.shape)));
        }
        end = to;
    }
    if end != data {
        let what = "has bytes after the last tensor";
        return Err(broken(what).found(format!("{data} bytes of data")).needed(end));
    }
    Ok(())
}

/// The JSON object: tensors by name, and metadata that must be strings (and is not used).
struct Header {
    tensors: BTreeMap<String, TensorInfo>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Header, A::Error> {
        let mut tensors = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                map.next_value::<Option<BTreeMap<String, String>>>()?;
                continue;
            }
            // Most readers let the last of two entries win, so that two of them can see different tensors.
            match tensors.entry(name) {
                Entry::Occupied(e) => {
                    return Err(A::Error::custom(format!("tensor {} stands twice", e.key())));
                }
                Entry::Vacant(e) => {
                    let info = map
                        .next_value()
                        .map_err(|why| A::Error::custom(format!("tensor {}: {why}", e.key())))?;
                    e.insert(info);
                }
            }
        }
        Ok(Header { tensors })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }

    fn message(header: &str, data: usize) -> String {
        let e = read_header(&file(header, data)).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Container);
        e.to_string()
    }

    #[test]
    fn a_repeated_tensor_is_refused_by_name() {
        let entry = r#""a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}"#;
        assert!(message(&format!("{{{entry},{entry}}}"), 4).contains("tensor a stands twice"));
    }

    #[test]
    fn shapes_and_offsets_that_overflow_are_refused() {
        let max = usize::MAX;
        let shape = format!(r#"{{"a":{{"dtype":"F64","shape":[{max},{max}],"data_offsets":[0,8]}}}}"#);
        assert!(message(&shape, 8).contains("a: its shape overflows"));
        let offsets = format!(r#"{{"a":{{"dtype":"U8","shape":[{max}],"data_offsets":[0,{max}]}}}}"#);
        assert!(message(&offsets, 8).contains("a: its offsets are not inside"));
    }

    #[test]
    fn overlaps_and_reversed_offsets_are_refused() {
        let overlap = r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#;
        assert!(message(overlap, 6).contains("b: overlaps"));
        let reversed = r#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"c":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}"#;
        assert!(message(reversed, 1).contains("c: its offsets"));
    }

    #[test]
    fn half_a_byte_is_refused() {
        let odd = r#"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}"#;
        assert!(message(odd, 2).contains("a: its offsets do not span"));
    }

    #[test]
    fn null_metadata_and_an_empty_file_are_fine() {
        assert!(read_header(&file(r#"{"__metadata__":null}"#, 0)).unwrap().is_empty());
    }
}
