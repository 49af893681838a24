//! Checkpoints on disk: safetensors files, mapped into memory, and the linear layers in them.
//!
//! [`Checkpoint::open`] reads headers and configs only, so that it is quick however large the weights are. What a
//! layer's header says (dtypes, shapes, group count) is checked there and told by [`LayerEntry::error`]; what its data
//! says (finite scales) is checked by [`Checkpoint::layer`].
//!
//! | layout | tensors of a layer `p` |
//! | --- | --- |
//! | awq gemm, gemv | `p.qweight`, `p.qzeros`, `p.scales` |
//! | awq gemv_fast, llm-awq | `p.qweight`, `p.qzeros` or `p.scaled_zeros`, `p.scales` |
//! | awq marlin | `p.qweight`, `p.scales` |
//! | gptq | `p.qweight`, `p.qzeros`, `p.scales`, `p.g_idx` if it is only k / group |
//! | compressed-tensors | `p.weight_packed`, `p.weight_scale`, `p.weight_zero_point` (asymmetric), `p.weight_shape` |
//! | marlin (our own) | `p.qweight`, `p.scales`, `p.qzeros` (asymmetric), `p.shape` I64 \[2\] = \[K, N\] |
//! | dense | `p.weight` \[N, K\] |
//!
//! Each may have a `p.bias` \[N\].

mod container;
mod describe;
mod files;
mod layers;
mod looks;
mod module;
pub mod names;
mod notes;
mod pages;
mod parts;
mod shards;
mod single;
mod staging;
mod table;
mod tensor_file;
mod values;
mod writer;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::config::{self, QuantConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, LayerDesc, LayerView};
use crate::types::Dtype;

use describe::suffixes;
use files::Files;
use module::Module;
use notes::Notes;
use table::Table;

pub use layers::LayerEntry;
pub use parts::{Split, TensorParallel};
pub use shards::TensorPlan;
pub use single::{load_packed, save_packed, save_packed_with, save_tensors};
pub use staging::check_destination;
pub use table::TensorView;
pub use tensor_file::TensorFile;
pub use writer::{ShardWriter, WriterOptions, Written};

/// A checkpoint, open for reading. Immutable; may be used by many threads at once.
#[derive(Debug)]
pub struct Checkpoint {
    dir: Option<PathBuf>,
    config: Option<QuantConfig>,
    warnings: Vec<String>,
    table: Table,
    layers: Vec<LayerEntry>,
    by_name: HashMap<String, usize>,
}

impl Checkpoint {
    /// Opens a directory (an index with its shards, or every `*.safetensors` in it) or one `.safetensors` file. The
    /// quantization config is looked for in the directory, or beside the file.
    ///
    /// The files stay mapped; they must not be changed while the checkpoint is open.
    ///
    /// # Errors
    /// [`ErrorKind::Container`] for files that break the format, [`ErrorKind::Missing`] for files that are not there
    /// and for quantized tensors without any config, and whatever [`QuantConfig::find`] says. Damaged layers are no
    /// error here.
    pub fn open(path: &Path) -> Result<Self> {
        let (dir, files) = if path.is_dir() {
            (path, Files::of_dir(path)?)
        } else {
            let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            (parent, Files { paths: vec![path.to_path_buf()], index: None })
        };
        let mut notes = Notes::default();
        let table = Table::open(&files, &mut notes)?;
        // A file on its own may lie anywhere; then there is nothing to look into.
        let has_config = config::FILE_NAMES.iter().any(|name| dir.join(name).exists());
        let config = if has_config { QuantConfig::find(dir)? } else { None };
        Self::assemble(Some(dir.to_path_buf()), table, config, notes)
    }

    /// Opens the given files with the given config. No tensor may be in two of them.
    ///
    /// # Errors
    /// As for [`Checkpoint::open`].
    pub fn open_files(files: &[PathBuf], config: Option<QuantConfig>) -> Result<Self> {
        if files.is_empty() {
            return Err(Error::invalid("no file is named"));
        }
        let mut notes = Notes::default();
        let table = Table::open(&Files { paths: files.to_vec(), index: None }, &mut notes)?;
        Self::assemble(None, table, config, notes)
    }

    fn assemble(
        dir: Option<PathBuf>,
        table: Table,
        config: Option<QuantConfig>,
        mut notes: Notes,
    ) -> Result<Self> {
        if config.is_none()
            && let Some(tensor) = layers::first_packed(&table)
        {
            let e = Error::new(
                ErrorKind::Missing,
                "the tensors are quantized, but there is no quantization config",
            )
            .found(format!("tensor {tensor}"));
            return Err(match &dir {
                Some(dir) => e
                    .file(dir)
                    .needed(format!("a quantization section in one of {}", config::FILE_NAMES.join(", "))),
                None => e.needed("a config from the caller"),
            });
        }
        let layers = layers::inventory(&table, config.as_ref(), &mut notes);
        let by_name = layers.iter().enumerate().map(|(i, layer)| (layer.name.clone(), i)).collect();
        let mut warnings = config.as_ref().map_or(Vec::new(), |c| c.warnings.clone());
        warnings.extend(notes.into_sentences());
        Ok(Checkpoint { dir, config, warnings, table, layers, by_name })
    }

    /// The directory that was opened, or that of the one file.
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// The quantization config; `None` for an unquantized model.
    pub fn config(&self) -> Option<&QuantConfig> {
        self.config.as_ref()
    }

    /// What is odd but harmless, one sentence each: the config's own warnings first, then the tensors'.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// All tensors in order of name, except [`Checkpoint::unreadable`] ones.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, TensorView<'_>)> {
        self.table.iter()
    }

    /// Names of the tensors whose dtype [`Dtype`] has no value for, such as 8-bit floats.
    pub fn unreadable(&self) -> impl Iterator<Item = &str> {
        self.table.unreadable()
    }

    /// One tensor.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Unsupported`] for an [unreadable](Checkpoint::unreadable) one.
    pub fn tensor(&self, name: &str) -> Result<TensorView<'_>> {
        self.table.need(name)
    }

    /// The file that holds a tensor.
    pub fn file_of(&self, tensor: &str) -> Option<&Path> {
        self.table.file_of(tensor)
    }

    /// Every linear layer: quantized, or why not. In the order of the numbers in their names.
    ///
    /// Where config and tensors disagree, the tensors count: a module with packed codes is quantized even if the config
    /// skips it, and one with nothing but a weight is not even if the config quantizes it. Both are among the
    /// [warnings](Checkpoint::warnings), except that a config without a skip list leaves it to the tensors to say what
    /// is skipped. A two-dimensional `weight` is a linear layer unless its name is that of an embedding.
    pub fn layers(&self) -> &[LayerEntry] {
        &self.layers
    }

    /// What is known about one layer.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub fn entry(&self, name: &str) -> Result<&LayerEntry> {
        self.by_name.get(name).map(|&i| &self.layers[i]).ok_or_else(|| {
            let e = Error::new(ErrorKind::NotFound, "there is no such linear layer").subject(name);
            match &self.dir {
                Some(dir) => e.file(dir),
                None => e,
            }
        })
    }

    /// Names of all tensors that belong to a layer, also those that [`LayerView`] leaves out (`g_idx`, shapes).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub fn layer_tensors(&self, name: &str) -> Result<Vec<String>> {
        let entry = self.entry(name)?;
        let module = Module::new(&self.table, &entry.name);
        let names = suffixes(&module, entry.layout);
        let all =
            [Some(names.qweight), names.scales, names.qzeros, names.shape, Some(names.bias), Some("g_idx")];
        let there = all.into_iter().flatten().filter(|suffix| module.has(suffix));
        Ok(there.map(|suffix| module.tensor_name(suffix)).collect())
    }

    /// One layer, checked: dtypes, shapes and group count against the config, finite scales. A layer that is not
    /// quantized comes back as [`Layout::Dense`](layout::Layout::Dense).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Tensor`] for a tensor that does not fit, [`ErrorKind::Missing`] for one
    /// that is not there, [`ErrorKind::Unsupported`] for activation order and dtypes that no kernel takes.
    pub fn layer(&self, name: &str) -> Result<LayerView<'_>> {
        let entry = self.entry(name)?;
        let module = Module::new(&self.table, &entry.name);
        let desc = match (&entry.desc, entry.spec) {
            (Ok(desc), _) => desc,
            (Err(e), Some(spec)) => return Err(looks::explain(&module, spec, entry.layout, e.clone())),
            (Err(e), None) => return Err(e.clone()),
        };
        values::check(&module, desc)?;
        let view = view(&module, desc)?;
        layout::check(&view).map_err(|e| e.subject(name))?;
        Ok(view)
    }
}

/// The tensors of a layer whose headers have been checked.
fn view<'a>(module: &Module<'a>, desc: &LayerDesc) -> Result<LayerView<'a>> {
    let names = suffixes(module, desc.layout);
    let data = |suffix: Option<&'static str>| match suffix {
        Some(suffix) => module.need(suffix).map(|tensor| tensor.view.data),
        None => Ok::<&'a [u8], _>(&[]),
    };
    let bias = module.find(names.bias)?;
    Ok(LayerView {
        desc: *desc,
        qweight: data(Some(names.qweight))?,
        scales: data(names.scales)?,
        qzeros: data(names.qzeros.filter(|_| desc.spec.zero_point))?,
        bias_dtype: bias.as_ref().map_or(Dtype::F16, |b| b.view.dtype),
        bias: bias.map(|b| b.view.data),
    })
}
