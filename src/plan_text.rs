//! What the texts of plans have in common, whatever the backend: which layer, rows and kernel a plan is for.
//!
//! ```json
//! {"plan": 1, "backend": "cpu", "kernel": "gemv",
//!  "problem": {"m": 8, "k": 4096, "n": 4096, "bits": 4, "group_size": 128, "zero_point": true,
//!              "scale_dtype": "F16", "dtype": "BF16"}}
//! ```
//!
//! `bits` and `group_size` of a dense layer are 0, and its `scale_dtype` is that of the weight.

use serde_json::{Map, Value, json};

use crate::config::json::{brief, parse};
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::layout::{LayerDesc, Layout};
use crate::types::Dtype;

/// Version of the text.
const VERSION: u64 = 1;

/// The head of every plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The kernel version, never [`Kernel::Auto`].
    pub kernel: Kernel,
    /// Most rows.
    pub m: usize,
    /// Element type of x.
    pub dtype: Dtype,
}

/// The fields of a plan for a layer; the backend adds its own.
pub fn write(backend: &str, head: &Head, layer: &LayerDesc) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("plan".into(), json!(VERSION));
    map.insert("backend".into(), json!(backend));
    map.insert("kernel".into(), json!(head.kernel.name()));
    map.insert("problem".into(), problem(head, layer));
    map
}

fn problem(head: &Head, layer: &LayerDesc) -> Value {
    let quantized = layer.layout != Layout::Dense;
    json!({
        "m": head.m,
        "k": layer.k,
        "n": layer.n,
        "bits": if quantized { layer.spec.bits.get() } else { 0 },
        "group_size": if quantized { layer.spec.group.get() } else { 0 },
        "zero_point": quantized && layer.spec.zero_point,
        "scale_dtype": layer.scale_dtype.name(),
        "dtype": head.dtype.name(),
    })
}

/// Reads a plan of `backend` for `layer`. The backend's own fields are found in what is returned with the head.
///
/// Errors: [`crate::ErrorKind::Json`] when the text is no JSON, [`crate::ErrorKind::InvalidArgument`] when it is no plan, or one for
/// another backend or layer.
pub fn read(text: &str, backend: &str, layer: &LayerDesc) -> Result<(Head, Fields)> {
    let value = parse(text.as_bytes()).map_err(|e| e.subject("plan"))?;
    let fields = Fields::new(value, "plan")?;
    if fields.integer("plan", 0..=u64::MAX)? != VERSION {
        let e = Error::invalid("is a plan of another version of the library").subject("plan.plan");
        return Err(e.found(fields.integer("plan", 0..=u64::MAX)?).needed(VERSION));
    }
    let found = fields.text("backend")?;
    if found != backend {
        let e = Error::invalid("is a plan for another backend than the layer's").subject("plan.backend");
        return Err(e.found(found).needed(backend));
    }
    let kernel = fields.kernel()?;
    let given = fields.object("problem")?;
    let m = given.integer("m", 1..=i64::MAX as u64)? as usize;
    let dtype = given.text("dtype")?;
    let dtype = Dtype::ALL.into_iter().find(|d| d.name() == dtype).ok_or_else(|| {
        let e = Error::invalid("is no dtype").subject("plan.problem.dtype");
        e.found(dtype).needed("F16, BF16 or F32")
    })?;
    let head = Head { kernel, m, dtype };
    let needed = Fields::new(problem(&head, layer), "layer")?;
    for (key, needed) in &needed.map {
        let found = given.get(key)?;
        if found != needed {
            let what = "the plan is for another layer";
            return Err(Error::invalid(what)
                .subject(format!("plan.problem.{key}"))
                .found(brief(found))
                .needed(needed));
        }
    }
    Ok((head, fields))
}

/// An object whose fields are read by name and kind; what is wrong is named with its path.
#[derive(Debug)]
pub struct Fields {
    path: String,
    map: Map<String, Value>,
}

impl Fields {
    /// The object of a value. The path begins with what the text is: "plan", "tuning".
    ///
    /// Errors: [`crate::ErrorKind::InvalidArgument`] for any other value; so do all functions here.
    pub fn new(value: Value, path: &str) -> Result<Self> {
        match value {
            Value::Object(map) => Ok(Fields { path: path.to_string(), map }),
            other => {
                let e = Error::invalid("is no JSON object").subject(path);
                Err(e.found(brief(&other)).needed("an object"))
            }
        }
    }

    /// The path of a field, for messages.
    pub fn path_of(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    /// What the text is, in messages.
    fn whole(&self) -> &str {
        self.path.split(['.', '[']).next().unwrap_or("text")
    }

    fn get(&self, key: &str) -> Result<&Value> {
        let missing =
            || Error::invalid(format!("the {} lacks this field", self.whole())).subject(self.path_of(key));
        self.map.get(key).ok_or_else(missing)
    }

    fn wrong(&self, key: &str, found: &Value, needed: &str) -> Error {
        let e =
            Error::invalid(format!("has a value that no {} has", self.whole())).subject(self.path_of(key));
        e.found(brief(found)).needed(needed)
    }

    /// An object inside.
    pub fn object(&self, key: &str) -> Result<Fields> {
        Fields::new(self.get(key)?.clone(), &self.path_of(key))
    }

    /// A list of objects.
    pub fn objects(&self, key: &str) -> Result<Vec<Fields>> {
        let value = self.get(key)?;
        let items = value.as_array().ok_or_else(|| self.wrong(key, value, "a list"))?;
        let item =
            |(i, value): (usize, &Value)| Fields::new(value.clone(), &format!("{}[{i}]", self.path_of(key)));
        items.iter().enumerate().map(item).collect()
    }

    /// A text.
    pub fn text(&self, key: &str) -> Result<&str> {
        let value = self.get(key)?;
        value.as_str().ok_or_else(|| self.wrong(key, value, "a text"))
    }

    /// A whole number of a range.
    pub fn integer(&self, key: &str, range: std::ops::RangeInclusive<u64>) -> Result<u64> {
        let value = self.get(key)?;
        let needed = || match *range.end() {
            u64::MAX => "a whole number".to_string(),
            end => format!("a whole number from {} to {end}", range.start()),
        };
        let fits = value.as_u64().filter(|v| range.contains(v));
        fits.ok_or_else(|| self.wrong(key, value, &needed()))
    }

    /// A number above 0; `None`: the field is not there, or null.
    pub fn positive(&self, key: &str) -> Result<Option<f64>> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_f64() {
                Some(v) if v > 0.0 && v.is_finite() => Ok(Some(v)),
                _ => Err(self.wrong(key, value, "a number above 0")),
            },
        }
    }

    /// A kernel version other than auto.
    pub fn kernel(&self) -> Result<Kernel> {
        let name = self.text("kernel")?;
        Kernel::from_name(name).filter(|k| *k != Kernel::Auto).ok_or_else(|| {
            let e = Error::invalid("is no kernel version").subject(self.path_of("kernel"));
            e.found(name).needed("gemv, gemm or marlin")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::types::{Bits, GroupSize, QuantSpec};

    const HEAD: Head = Head { kernel: Kernel::Gemm, m: 9, dtype: Dtype::BF16 };

    fn layer() -> LayerDesc {
        let spec = QuantSpec { bits: Bits::Four, group: GroupSize::PerChannel, zero_point: true };
        LayerDesc { k: 100, n: 60, spec, layout: Layout::Cpu, scale_dtype: Dtype::F16 }
    }

    fn text() -> String {
        Value::Object(write("cpu", &HEAD, &layer())).to_string()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (head, _) = read(&text(), "cpu", &layer()).unwrap();
        assert_eq!(head, HEAD);
        // The layout does not matter, it is the backend's affair.
        assert!(read(&text(), "cpu", &LayerDesc { layout: Layout::AwqGemm, ..layer() }).is_ok());
    }

    #[test]
    fn plans_for_something_else_are_refused_by_name() {
        let refused = |text: &str, backend: &str, layer: &LayerDesc, words: &str| {
            let e = read(text, backend, layer).unwrap_err();
            assert!(e.to_string().contains(words), "{e}");
            e.kind()
        };
        let text = text();
        refused(&text, "cuda", &layer(), "plan.backend: is a plan for another backend");
        refused(
            &text,
            "cpu",
            &LayerDesc { k: 101, ..layer() },
            "plan.problem.k: the plan is for another layer",
        );
        refused(&text, "cpu", &LayerDesc { layout: Layout::Dense, ..layer() }, "plan.problem.bits");
        assert_eq!(refused("{", "cpu", &layer(), "not valid JSON"), ErrorKind::Json);
        assert_eq!(refused("[1]", "cpu", &layer(), "needed an object"), ErrorKind::InvalidArgument);
        for (old, new, words) in [
            ("\"plan\":1", "\"plan\":2", "another version"),
            ("\"plan\":1", "\"plan\":-1", "plan.plan: has a value that no plan has"),
            ("\"gemm\"", "\"auto\"", "is no kernel version"),
            ("\"gemm\"", "7", "plan.kernel"),
            ("\"m\":9", "\"m\":0", "plan.problem.m"),
            ("\"m\":9", "\"m\":1e30", "plan.problem.m"),
            ("\"m\":9", "\"m\":9.5", "plan.problem.m"),
            ("\"m\":9,", "", "lacks this field"),
            ("\"BF16\"", "\"BF17\"", "is no dtype"),
            ("\"zero_point\":true", "\"zero_point\":1", "plan.problem.zero_point"),
        ] {
            assert!(text.contains(old), "{old}");
            refused(&text.replacen(old, new, 1), "cpu", &layer(), words);
        }
    }
}
