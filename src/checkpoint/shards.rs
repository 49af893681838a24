//! Where each tensor of a checkpoint will lie: the shards, their file names, headers and offsets, known
//! before a byte of data is.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::types::{Dtype, mul};

/// The largest header that readers of the format accept.
const MAX_HEADER: usize = 100_000_000;

/// A tensor that is going to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorPlan {
    /// Full name, such as `model.layers.0.mlp.up_proj.qweight`.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Dimensions; empty for a scalar.
    pub shape: Vec<usize>,
}

impl TensorPlan {
    /// A tensor of that name, type and shape.
    pub fn new(name: impl Into<String>, dtype: Dtype, shape: impl Into<Vec<usize>>) -> Self {
        TensorPlan { name: name.into(), dtype, shape: shape.into() }
    }

    /// Size of the data.
    pub fn bytes(&self) -> Result<usize> {
        self.shape.iter().try_fold(self.dtype.bytes(), |n, &d| mul(n, d, &self.name))
    }
}

/// One file: its name and everything in it but the data.
#[derive(Debug)]
pub(super) struct Shard {
    pub name: String,
    /// The length, the JSON text, and the spaces that align the data to 8 bytes.
    pub header: Vec<u8>,
    /// Size of the data behind the header.
    pub data_bytes: u64,
}

/// Where one tensor goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub shard: usize,
    /// From the start of the file.
    pub offset: u64,
    pub bytes: usize,
}

/// All files of a checkpoint.
#[derive(Debug)]
pub(super) struct Shards {
    pub shards: Vec<Shard>,
    pub places: BTreeMap<String, Place>,
    pub total_bytes: u64,
}

impl Shards {
    /// Tensors go to shards in the order given; a shard ends before it would grow beyond `max_bytes` of
    /// data, so that one larger than that has a shard of its own.
    pub fn plan(tensors: &[TensorPlan], max_bytes: u64) -> Result<Self> {
        let mut names = HashSet::new();
        let mut members: Vec<Vec<(&TensorPlan, usize)>> = vec![vec![]];
        let (mut size, mut total) = (0u64, 0u64);
        for t in tensors {
            if !names.insert(&t.name) || t.name == "__metadata__" {
                return Err(Error::invalid("two tensors cannot have this name").subject(&t.name));
            }
            let bytes = t.bytes()?;
            let (grown, sum) = (size.checked_add(bytes as u64), total.checked_add(bytes as u64));
            let (Some(grown), Some(sum)) = (grown, sum) else {
                return Err(Error::new(ErrorKind::SizeOverflow, "the tensors are too large together"));
            };
            total = sum;
            if grown > max_bytes && size > 0 {
                members.push(vec![]);
                size = bytes as u64;
            } else {
                size = grown;
            }
            members.last_mut().expect("never empty").push((t, bytes));
        }
        let count = members.len();
        let mut places = BTreeMap::new();
        let mut shards = Vec::with_capacity(count);
        for (i, mut tensors) in members.into_iter().enumerate() {
            let name = match count {
                1 => "model.safetensors".to_owned(),
                _ => format!("model-{:05}-of-{count:05}.safetensors", i + 1),
            };
            // Large element types first, then by name: every tensor is aligned to its type.
            tensors.sort_by(|(a, _), (b, _)| (b.dtype.bytes(), &a.name).cmp(&(a.dtype.bytes(), &b.name)));
            shards.push(Shard::plan(name, i, &tensors, &mut places)?);
        }
        Ok(Shards { shards, places, total_bytes: total })
    }

    /// The text of `model.safetensors.index.json`; None when there is one shard.
    pub fn index(&self) -> Option<Vec<u8>> {
        if self.shards.len() < 2 {
            return None;
        }
        let map: Map<String, Value> =
            self.places.iter().map(|(t, p)| (t.clone(), self.shards[p.shard].name.clone().into())).collect();
        let index = json!({"metadata": {"total_size": self.total_bytes}, "weight_map": map});
        let mut text = serde_json::to_vec_pretty(&index).expect("strings and numbers always become JSON");
        text.push(b'\n');
        Some(text)
    }
}

impl Shard {
    fn plan(
        name: String,
        index: usize,
        tensors: &[(&TensorPlan, usize)],
        places: &mut BTreeMap<String, Place>,
    ) -> Result<Self> {
        let mut entries = Map::new();
        // transformers refuses files that do not say so.
        entries.insert("__metadata__".into(), json!({"format": "pt"}));
        let mut at = 0u64;
        for (t, bytes) in tensors {
            let end = at + *bytes as u64;
            entries.insert(
                t.name.clone(),
                json!({"dtype": t.dtype.name(), "shape": t.shape, "data_offsets": [at, end]}),
            );
            places.insert(t.name.clone(), Place { shard: index, offset: at, bytes: *bytes });
            at = end;
        }
        let mut text = serde_json::to_vec(&entries).expect("strings and numbers always become JSON");
        text.resize(text.len().next_multiple_of(8), b' ');
        if text.len() > MAX_HEADER {
            return Err(Error::new(
                ErrorKind::Container,
                "the names of the tensors fill more than a header can hold",
            )
            .subject(&name)
            .found(format!("{} bytes", text.len()))
            .needed(format!("at most {MAX_HEADER} bytes; smaller shards help")));
        }
        let mut header = (text.len() as u64).to_le_bytes().to_vec();
        header.extend(text);
        for (t, _) in tensors {
            places.get_mut(&t.name).expect("inserted above").offset += header.len() as u64;
        }
        Ok(Shard { name, header, data_bytes: at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(sizes: &[usize]) -> Vec<TensorPlan> {
        sizes.iter().enumerate().map(|(i, &n)| TensorPlan::new(format!("t{i}"), Dtype::U8, [n])).collect()
    }

    fn sizes(shards: &Shards) -> Vec<u64> {
        shards.shards.iter().map(|s| s.data_bytes).collect()
    }

    #[test]
    fn shards_end_before_they_grow_too_large() {
        assert_eq!(sizes(&Shards::plan(&plans(&[4, 4, 4, 20, 1, 8]), 8).unwrap()), [8, 4, 20, 1, 8]);
        assert_eq!(sizes(&Shards::plan(&plans(&[]), 8).unwrap()), [0]);
        assert_eq!(sizes(&Shards::plan(&plans(&[0, 8, 0]), 8).unwrap()), [8]);
    }

    #[test]
    fn names_must_differ_and_sizes_must_fit() {
        let twice = [TensorPlan::new("a", Dtype::U8, [1]), TensorPlan::new("a", Dtype::F16, [1])];
        assert_eq!(Shards::plan(&twice, 8).unwrap_err().kind(), ErrorKind::InvalidArgument);
        let huge = [TensorPlan::new("a", Dtype::F16, [usize::MAX, 2])];
        assert_eq!(Shards::plan(&huge, 8).unwrap_err().kind(), ErrorKind::SizeOverflow);
    }
}
