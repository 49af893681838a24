//! Safetensors files that are no checkpoint: a handful of tensors, or one packed layer.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};

use super::container::{Container, Extent};
use super::staging::{Existing, Staging};
use super::{TensorPlan, names};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{LayerDesc, LayerView, Layout, Packed, Role};
use crate::types::{Bits, Dtype, GroupSize, QuantSpec};

/// Writes tensors to one safetensors file, with `metadata` beside them. A file of that name is replaced once the new one
/// is complete.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] when a name comes twice or bytes do not match their shape, [`ErrorKind::Io`].
pub fn save_tensors(
    path: &Path,
    tensors: &[(TensorPlan, Cow<[u8]>)],
    metadata: HashMap<String, String>,
) -> Result<()> {
    let mut views = Vec::with_capacity(tensors.len());
    let mut names = std::collections::HashSet::new();
    for (plan, data) in tensors {
        if !names.insert(&plan.name) {
            return Err(Error::invalid("two tensors cannot have this name").subject(&plan.name).file(path));
        }
        let view = TensorView::new(container_dtype(plan.dtype), plan.shape.clone(), data);
        let wrong =
            |e| Error::invalid(format!("bytes and shape disagree: {e}")).subject(&plan.name).file(path);
        views.push((&plan.name, view.map_err(wrong)?));
    }
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|n| n.to_str());
    let name = name.ok_or_else(|| Error::invalid("is not a file name in UTF-8").file(path))?;
    let mut staging = Staging::open(dir, Existing::ReplaceFiles)?;
    let temporary = staging.add(name)?;
    safetensors::serialize_to_file(views, Some(metadata), &temporary)
        .map_err(|e| Error::new(ErrorKind::Io, e.to_string()).file(path))?;
    staging.commit().map(drop)
}

/// The dtype of a file's header.
fn container_dtype(dtype: Dtype) -> safetensors::Dtype {
    use safetensors::Dtype as D;
    match dtype {
        Dtype::F16 => D::F16,
        Dtype::BF16 => D::BF16,
        Dtype::F32 => D::F32,
        Dtype::F64 => D::F64,
        Dtype::I8 => D::I8,
        Dtype::U8 => D::U8,
        Dtype::I16 => D::I16,
        Dtype::U16 => D::U16,
        Dtype::I32 => D::I32,
        Dtype::U32 => D::U32,
        Dtype::I64 => D::I64,
        Dtype::U64 => D::U64,
        Dtype::Bool => D::BOOL,
    }
}

/// What the tensors of a saved layer do not tell; kept as JSON in the file's metadata under the layer's name.
#[derive(Serialize, Deserialize)]
struct Label {
    layout: String,
    k: usize,
    n: usize,
    bits: u32,
    group_size: i64,
    zero_point: bool,
    scale_dtype: u32,
    bias_dtype: u32,
}

/// The metadata key of a layer.
fn label_key(prefix: &str) -> String {
    format!("awq_marlin.layer.{prefix}")
}

impl Label {
    fn of(packed: &Packed) -> Self {
        let d = &packed.desc;
        Label {
            layout: d.layout.name().into(),
            k: d.k,
            n: d.n,
            bits: d.spec.bits.get() as u32,
            group_size: d.spec.group.get(),
            zero_point: d.spec.zero_point,
            scale_dtype: d.scale_dtype.code(),
            bias_dtype: packed.bias_dtype.code(),
        }
    }

    fn desc(&self) -> Result<LayerDesc> {
        let float = |code, what| {
            let dtype = Dtype::from_code(code).filter(|d| d.is_activation());
            dtype.ok_or_else(|| {
                Error::new(ErrorKind::Container, format!("{what} is no float type")).found(code)
            })
        };
        float(self.bias_dtype, "bias_dtype")?;
        let layout = Layout::from_name(&self.layout);
        Ok(LayerDesc {
            k: self.k,
            n: self.n,
            spec: QuantSpec {
                bits: Bits::new(self.bits)?,
                group: GroupSize::new(self.group_size)?,
                zero_point: self.zero_point,
            },
            layout: layout.ok_or_else(|| {
                Error::new(ErrorKind::Container, "names an unknown layout").found(&self.layout)
            })?,
            scale_dtype: float(self.scale_dtype, "scale_dtype")?,
        })
    }
}

/// Writes one packed layer to a safetensors file of its own, its tensors named `prefix.qweight` and so on as in
/// checkpoints of its layout, with what [`load_packed`] needs in the file's metadata.
///
/// # Errors
/// As [`save_tensors`].
pub fn save_packed(packed: &Packed, path: &Path, prefix: &str) -> Result<()> {
    let format = HashMap::from([("format".to_string(), "pt".to_string())]);
    save_packed_with(&[(prefix, packed)], vec![], path, format)
}

/// As [`save_packed`], for several layers in one file, with other tensors and texts beside them.
///
/// # Errors
/// As [`save_tensors`].
pub fn save_packed_with(
    layers: &[(&str, &Packed)],
    others: Vec<(TensorPlan, Cow<[u8]>)>,
    path: &Path,
    mut metadata: HashMap<String, String>,
) -> Result<()> {
    let mut tensors = others;
    for (prefix, packed) in layers {
        let label = serde_json::to_string(&Label::of(packed)).map_err(|e| Error::internal(e.to_string()))?;
        metadata.insert(label_key(prefix), label);
        tensors.extend(names::tensors(packed, prefix)?);
    }
    save_tensors(path, &tensors, metadata)
}

/// Reads a layer that [`save_packed`] wrote.
///
/// # Errors
/// [`ErrorKind::NotFound`] when the file holds no such layer, [`ErrorKind::Tensor`] and [`ErrorKind::Missing`] when its tensors
/// are not what the metadata says, [`ErrorKind::Container`].
pub fn load_packed(path: &Path, prefix: &str) -> Result<Packed> {
    let (file, tensors) = Container::open(path)?;
    read(&file, &tensors, prefix).map_err(|e| e.subject(prefix).file(path))
}

fn read(
    file: &Container,
    tensors: &std::collections::BTreeMap<String, Extent>,
    prefix: &str,
) -> Result<Packed> {
    let metadata = file.metadata();
    let label = metadata.get(&label_key(prefix));
    let label = label
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "the file holds no packed layer of that name"))?;
    let broken = |e: serde_json::Error| Error::new(ErrorKind::Container, format!("metadata: {e}"));
    let label: Label = serde_json::from_str(label).map_err(broken)?;
    let desc = label.desc()?;

    let bytes = |suffix: &str, dtype: Dtype| -> Result<Option<&[u8]>> {
        let name = format!("{prefix}.{suffix}");
        let Some(extent) = tensors.get(&name) else { return Ok(None) };
        if extent.dtype != container_dtype(dtype) {
            let e = Error::new(ErrorKind::Tensor, "has the wrong dtype").subject(name);
            return Err(e.found(format!("{:?}", extent.dtype)).needed(dtype));
        }
        Ok(Some(file.bytes(extent)))
    };
    let bias_dtype = Dtype::from_code(label.bias_dtype).unwrap_or(Dtype::F16);
    let mut view = LayerView { desc, qweight: &[], scales: &[], qzeros: &[], bias: None, bias_dtype };
    for stored in names::stored(&desc)? {
        let Some(role) = stored.role else { continue };
        let missing = || {
            Error::new(ErrorKind::Missing, "tensor is missing").subject(format!("{prefix}.{}", stored.suffix))
        };
        let data = bytes(stored.suffix, stored.dtype)?.ok_or_else(missing)?;
        match role {
            Role::Qweight => view.qweight = data,
            Role::Scales => view.scales = data,
            Role::Qzeros => view.qzeros = data,
            Role::Bias => {}
        }
    }
    view.bias = bytes(names::suffixes(desc.layout).bias, bias_dtype)?;
    Packed::copy_of(&view)
}
