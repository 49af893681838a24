//! Calibrations as files, so that gathering and quantizing can be programs of their own.
//!
//! A safetensors file. A layer `p` has `p.sum_abs` F64 \[K\] and either `p.gram` F64 \[tiles, 192, 192\] (the lower triangle,
//! tile by tile) with `p.staged` F32 \[rows, K\] (rows not yet multiplied), or `p.sample` F32 \[rows, K\]. The counts are JSON
//! in the file's metadata.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::calibrator::{Calibrator, CalibratorOptions, NotFinite, Seen};
use super::gram::{Gram, TILE, tile_count};
use super::sample::Sample;
use super::statistics::{Kept, Statistics};
use crate::checkpoint::{TensorFile, TensorPlan, save_tensors};
use crate::error::{Error, ErrorKind, Result};
use crate::types::Dtype;

/// The key of the metadata that makes a file a calibration.
const KEY: &str = "awq_marlin.calibration";

/// What the tensors do not say.
#[derive(Serialize, Deserialize)]
struct Label {
    version: u32,
    /// Rows that samples have room for; 0: Gram matrices.
    rows: usize,
    layers: BTreeMap<String, LayerLabel>,
}

#[derive(Serialize, Deserialize)]
struct LayerLabel {
    k: usize,
    /// Rows seen.
    rows: u64,
    /// Of samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stride: Option<u64>,
    /// Row, channel and bits of the value of a layer that is marked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_finite: Option<(u64, usize, u32)>,
}

fn bytes_of<T: Copy, const N: usize>(values: &[T], to: impl Fn(T) -> [u8; N]) -> Cow<'static, [u8]> {
    values.iter().flat_map(|&v| to(v)).collect::<Vec<u8>>().into()
}

impl Calibrator {
    /// Writes everything to one file, which is replaced once the new one is complete.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut tensors = vec![];
        let mut label = Label { version: 1, rows: self.options.rows, layers: BTreeMap::new() };
        for (name, seen) in &self.layers {
            let mut add = |suffix: &str, dtype, shape: &[usize], data| {
                tensors.push((TensorPlan::new(format!("{name}.{suffix}"), dtype, shape), data));
            };
            let of = |k, rows| LayerLabel { k, rows, stride: None, not_finite: None };
            let layer = match seen {
                Seen::Bad { k, at } => {
                    LayerLabel { not_finite: Some((at.row, at.channel, at.value.to_bits())), ..of(*k, 0) }
                }
                Seen::Good(s) => {
                    let (k, f32s) = (s.k(), |v: &[f32]| bytes_of(v, f32::to_le_bytes));
                    add("sum_abs", Dtype::F64, &[k], bytes_of(&s.sum_abs, f64::to_le_bytes));
                    match &s.kept {
                        Kept::Gram(gram) => {
                            let tiles = bytes_of(&gram.tiles, f64::to_le_bytes);
                            add("gram", Dtype::F64, &[tile_count(k), TILE, TILE], tiles);
                            add("staged", Dtype::F32, &[gram.staged.len() / k, k], f32s(&gram.staged));
                            of(k, s.rows)
                        }
                        Kept::Sample(sample) => {
                            add("sample", Dtype::F32, &[sample.len(), k], f32s(&sample.rows));
                            LayerLabel { stride: Some(sample.stride), ..of(k, s.rows) }
                        }
                    }
                }
            };
            label.layers.insert(name.clone(), layer);
        }
        let label = serde_json::to_string(&label).map_err(|e| Error::internal(e.to_string()))?;
        save_tensors(path, &tensors, HashMap::from([(KEY.to_owned(), label)]))
    }

    /// Reads what [`Calibrator::save`] wrote; what is kept (rows or Gram matrices) is as it was there. Of `options`, the
    /// limit and `skip_not_finite` count.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`], [`ErrorKind::Io`], [`ErrorKind::Container`] for a file that is no calibration or is
    /// damaged, [`ErrorKind::OutOfMemory`] for one that passes the limit.
    pub fn load(path: &Path, options: &CalibratorOptions) -> Result<Self> {
        let file = TensorFile::open(path)?;
        read(&file, options).map_err(|e| e.file(path))
    }
}

fn broken(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Container, what)
}

fn read(file: &TensorFile, options: &CalibratorOptions) -> Result<Calibrator> {
    let metadata = file.metadata();
    let text = metadata.get(KEY).ok_or_else(|| broken("the file is no calibration"))?;
    let label: Label =
        serde_json::from_str(text).map_err(|e| broken(format!("the metadata {KEY} is damaged: {e}")))?;
    if label.version != 1 {
        return Err(Error::unsupported("the calibration is of another version")
            .found(label.version)
            .needed(1));
    }
    let mut calibrator = Calibrator::new(CalibratorOptions { rows: label.rows, ..*options });
    for (name, layer) in &label.layers {
        if layer.not_finite.is_none() {
            calibrator.check_room(name, Statistics::bytes(layer.k, label.rows)?)?;
        }
        let seen = read_layer(file, name, layer, label.rows).map_err(|e| e.subject(name))?;
        calibrator.layers.insert(name.clone(), seen);
    }
    Ok(calibrator)
}

fn read_layer(file: &TensorFile, name: &str, label: &LayerLabel, room: usize) -> Result<Seen> {
    let LayerLabel { k, rows, .. } = *label;
    if let Some((row, channel, bits)) = label.not_finite {
        return Ok(Seen::Bad { k, at: NotFinite { row, channel, value: f32::from_bits(bits) } });
    }
    let tensor = |suffix: &str, dtype: Dtype, shape: &[Option<usize>]| -> Result<&[u8]> {
        let full = format!("{name}.{suffix}");
        let view = file.tensor(&full)?;
        let fits = view.shape.len() == shape.len()
            && view.shape.iter().zip(shape).all(|(d, s)| s.is_none_or(|s| s == *d));
        if view.dtype != dtype || !fits {
            let found = format!("{} {:?}", view.dtype, view.shape);
            return Err(broken("the tensor has another type or shape").subject(full).found(found));
        }
        Ok(view.data)
    };
    let f64s = |b: &[u8]| b.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect::<Vec<_>>();
    let f32s = |b: &[u8]| b.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect::<Vec<_>>();
    if k == 0 {
        return Err(broken("a layer has no input channels"));
    }
    let sum_abs = f64s(tensor("sum_abs", Dtype::F64, &[Some(k)])?);
    let side = Some(TILE);
    let kept = if room == 0 {
        let tiles = f64s(tensor("gram", Dtype::F64, &[Some(tile_count(k)), side, side])?);
        let staged = f32s(tensor("staged", Dtype::F32, &[None, Some(k)])?);
        Kept::Gram(Gram { k, staged, tiles })
    } else {
        let kept = f32s(tensor("sample", Dtype::F32, &[None, Some(k)])?);
        let stride = label.stride.filter(|s| s.is_power_of_two());
        let stride = stride.ok_or_else(|| broken("the stride of the sample is no power of two"))?;
        Kept::Sample(Sample { k, room, stride, rows: kept })
    };
    let finite = match &kept {
        Kept::Gram(g) => g.tiles.iter().all(|v| v.is_finite()) && g.staged.iter().all(|v| v.is_finite()),
        Kept::Sample(s) => s.rows.iter().all(|v| v.is_finite()) && s.len() <= room,
    };
    if !finite || sum_abs.iter().any(|v| !(v.is_finite() && *v >= 0.0)) {
        return Err(broken("the statistics hold numbers that no activations give"));
    }
    Ok(Seen::Good(Statistics { rows, sum_abs, kept }))
}
