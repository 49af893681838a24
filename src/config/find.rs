//! Where a config is found, and which one counts when there are several (see the module's documentation).

use std::path::Path;

use serde_json::{Map, Value};

use super::section::Section;
use super::{QuantConfig, json, parse};
use crate::error::{Error, ErrorKind, Result};

/// Every file that may hold a quantization config, in the order of precedence.
pub const FILE_NAMES: [&str; 5] =
    [MODEL_CONFIG, "quantize_config.json", "quant_config.json", "quantization_config.json", MODELOPT];

const MODEL_CONFIG: &str = "config.json";
const MODELOPT: &str = "hf_quant_config.json";

/// Where the section may stand in a config.json, in the order of precedence.
const PLACES: [&[&str]; 4] = [
    &["quantization_config"],
    &["compression_config"],
    &["text_config", "quantization_config"],
    &["llm_config", "quantization_config"],
];

/// Fields of which at least one stands at the root of a file that is a section as a whole. (ModelOpt's file has
/// `quantization.quant_algo` instead.)
const MARKS: [&str; 9] = [
    "quant_method",
    "quant_algo",
    "config_groups",
    "bits",
    "w_bit",
    "wbits",
    "group_size",
    "q_group_size",
    "zero_point",
];

impl QuantConfig {
    /// The config of a checkpoint directory; `None` when its config.json holds no quantization section and no side
    /// file is there: the model is not quantized.
    ///
    /// Errors: [`ErrorKind::Missing`] when there is no config file at all; [`ErrorKind::Config`] for wrong fields and
    /// for side files that disagree; [`ErrorKind::Unsupported`]; [`ErrorKind::Json`]; [`ErrorKind::Io`].
    pub fn find(dir: &Path) -> Result<Option<QuantConfig>> {
        let model = exists(&dir.join(MODEL_CONFIG))?;
        let mut taken = match &model {
            Some(path) => in_model_config(path)?,
            None => None,
        };
        let in_model = taken.is_some();
        for name in &FILE_NAMES[1..4] {
            let Some(path) = exists(&dir.join(name))? else { continue };
            match (&mut taken, Self::from_file(&path)) {
                (None, other) => taken = Some(other?),
                (Some(first), Ok(other)) if in_model => warn(first, &other),
                (Some(first), Err(e)) if in_model => warn_unusable(first, &e),
                (Some(first), other) => agree(dir, first, &other?)?,
            }
        }
        if let Some(path) = exists(&dir.join(MODELOPT))? {
            match (&mut taken, Self::from_file(&path)) {
                // ModelOpt writes the file without a quant_algo when it leaves the weights as they are.
                (_, Err(e)) if e.kind() == ErrorKind::NotFound => {}
                (None, other) => taken = Some(other?),
                (Some(first), Ok(other)) => warn(first, &other),
                (Some(first), Err(e)) => warn_unusable(first, &e),
            }
        }
        if taken.is_none() {
            refuse_torch_dumps(dir)?;
            if model.is_none() {
                return Err(Error::new(ErrorKind::Missing, "no such file").file(&dir.join(MODEL_CONFIG)));
            }
        }
        Ok(taken)
    }

    /// The config in one file: a config.json with a section, or a side file that is one.
    ///
    /// Errors: as [`QuantConfig::from_json`], and [`ErrorKind::Missing`] and [`ErrorKind::Io`] from the file system.
    pub fn from_file(path: &Path) -> Result<QuantConfig> {
        if path.extension().is_some_and(|e| e == "pt") {
            return Err(torch_dump(path));
        }
        document(&path.to_string_lossy(), &json::read(path)?)
    }

    /// The config in JSON text, which is a config.json with a section, or a section. `origin` is what errors,
    /// warnings and [`QuantConfig::source`] call it.
    ///
    /// Errors: [`ErrorKind::Json`]; [`ErrorKind::NotFound`] when there is no section in it; [`ErrorKind::Config`] for
    /// fields that are missing, wrong or contradictory; [`ErrorKind::Unsupported`] for other methods and layouts.
    pub fn from_json(bytes: &[u8], origin: &str) -> Result<QuantConfig> {
        document(origin, &json::parse(bytes).map_err(|e| e.file(Path::new(origin)))?)
    }
}

/// Puts `section` into a config.json as its `quantization_config` and takes sections out of every other place.
/// `None` only takes them out. A value that is no object is left as it is.
pub fn replace_section(model_config: &mut Value, section: Option<Value>) {
    for place in PLACES {
        let (last, holders) = place.split_last().expect("places are not empty");
        let holder = holders.iter().try_fold(&mut *model_config, |value, key| value.get_mut(*key));
        if let Some(object) = holder.and_then(Value::as_object_mut) {
            object.shift_remove(*last);
        }
    }
    if let (Some(object), Some(section)) = (model_config.as_object_mut(), section) {
        object.insert(PLACES[0][0].to_owned(), section);
    }
}

/// The path when there is something, whatever it is; reading it tells the rest.
fn exists(path: &Path) -> Result<Option<std::path::PathBuf>> {
    match path.try_exists() {
        Ok(true) => Ok(Some(path.to_owned())),
        Ok(false) => Ok(None),
        Err(e) => Err(Error::io(path, &e)),
    }
}

fn in_model_config(path: &Path) -> Result<Option<QuantConfig>> {
    let file = path.to_string_lossy();
    let root = json::read(path)?;
    from_places(&file, object(&file, &root)?)
}

fn document(file: &str, root: &Value) -> Result<QuantConfig> {
    let map = object(file, root)?;
    if let Some(config) = from_places(file, map)? {
        return Ok(config);
    }
    let modelopt = root["quantization"].get("quant_algo").is_some_and(|v| !v.is_null());
    if modelopt || MARKS.iter().any(|key| map.contains_key(*key)) {
        return parse::section(&Section { file, path: String::new(), map }, false);
    }
    let places: Vec<String> = PLACES.iter().map(|p| p.join(".")).collect();
    Err(Error::new(ErrorKind::NotFound, "holds no quantization config")
        .file(Path::new(file))
        .needed(places.join(", ")))
}

fn object<'a>(file: &str, root: &'a Value) -> Result<&'a Map<String, Value>> {
    root.as_object().ok_or_else(|| {
        Error::new(ErrorKind::Json, "is not a config")
            .file(Path::new(file))
            .found(json::brief(root))
            .needed("an object")
    })
}

/// The first section of a config.json, with warnings about others that disagree.
fn from_places(file: &str, root: &Map<String, Value>) -> Result<Option<QuantConfig>> {
    let mut taken: Option<QuantConfig> = None;
    for place in PLACES {
        let (last, holders) = place.split_last().expect("places are not empty");
        let map = holders.iter().try_fold(root, |map, key| map.get(*key)?.as_object());
        let Some(map) = map else { continue };
        let Some(section) = (Section { file, path: holders.join("."), map }).object(last)? else { continue };
        match (&mut taken, parse::section(&section, true)) {
            (None, config) => taken = Some(config?),
            (Some(first), Ok(other)) => warn(first, &other),
            (Some(first), Err(e)) => warn_unusable(first, &e),
        }
    }
    if taken.is_none() {
        refuse_hidden(file, root)?;
    }
    Ok(taken)
}

/// A section in a place where no reader looks would otherwise pass for an unquantized model.
fn refuse_hidden(file: &str, root: &Map<String, Value>) -> Result<()> {
    for (key, child) in root {
        for (name, section) in child.as_object().into_iter().flatten() {
            if section.is_object() && (name == PLACES[0][0] || name == PLACES[1][0]) {
                let places: Vec<String> = PLACES.iter().map(|p| p.join(".")).collect();
                return Err(Error::new(
                    ErrorKind::Config,
                    "a quantization config stands where no reader looks for it",
                )
                .file(Path::new(file))
                .subject(format!("{key}.{name}"))
                .needed(places.join(", ")));
            }
        }
    }
    Ok(())
}

/// Field by field, what two configs say differently: name, first value, second value.
fn differences(a: &QuantConfig, b: &QuantConfig) -> Vec<(&'static str, String, String)> {
    let list = |skip: &[String]| json::brief(&skip.into());
    [
        ("quant_method", a.method.to_string(), b.method.to_string()),
        ("bits", a.spec.bits.get().to_string(), b.spec.bits.get().to_string()),
        ("group_size", a.spec.group.to_string(), b.spec.group.to_string()),
        ("zero_point", a.spec.zero_point.to_string(), b.spec.zero_point.to_string()),
        ("version", a.layout.to_string(), b.layout.to_string()),
        ("lm_head", a.lm_head.to_string(), b.lm_head.to_string()),
        ("skip list", list(&a.skip), list(&b.skip)),
    ]
    .into_iter()
    .filter(|(_, a, b)| a != b)
    .collect()
}

fn warn(first: &mut QuantConfig, other: &QuantConfig) {
    for (field, a, b) in differences(first, other) {
        first.warnings.push(format!("{}: {field} {a} is used; {} says {b}", first.source, other.source));
    }
}

fn warn_unusable(first: &mut QuantConfig, other: &Error) {
    first.warnings.push(format!("{}: it is used; another config is unusable: {other}", first.source));
}

fn agree(dir: &Path, first: &QuantConfig, other: &QuantConfig) -> Result<()> {
    match differences(first, other).into_iter().next() {
        None => Ok(()),
        Some((field, a, b)) => Err(Error::new(
            ErrorKind::Config,
            "two config files disagree, and config.json has no section to decide",
        )
        .file(dir)
        .subject(field)
        .found(format!("{a} in {}, {b} in {}", first.source, other.source))
        .needed("one of them")),
    }
}

/// llm-awq writes no config: bits and group size were arguments of its command line.
fn refuse_torch_dumps(dir: &Path) -> Result<()> {
    for folder in [dir.to_owned(), dir.join("quant_cache"), dir.join("awq_cache")] {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".pt") && ["awq", "-w4-g", "-w3-g"].iter().any(|mark| name.contains(mark)) {
                return Err(torch_dump(&path));
            }
        }
    }
    Ok(())
}

fn torch_dump(path: &Path) -> Error {
    Error::unsupported("is a torch file as llm-awq writes it, without a quantization config")
        .file(path)
        .found(".pt")
        .needed("safetensors and a config.json; llm-awq's convert_to_hf.py makes them")
}
