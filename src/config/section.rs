//! Typed reading of one JSON object of a config, with errors that name file, field, value found and value needed.

use std::path::Path;

use serde_json::{Map, Value};

use super::json::brief;
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Bits, GroupSize};

/// What a synonymous field held, and under which of its names.
pub(super) struct Field<T> {
    pub key: &'static str,
    pub value: T,
}

/// One object of a config file.
#[derive(Clone)]
pub(super) struct Section<'a> {
    /// The file, as errors name it.
    pub file: &'a str,
    /// Key path from the file's root, such as `quantization_config`; empty at the root.
    pub path: String,
    /// The fields, in the order of the file.
    pub map: &'a Map<String, Value>,
}

impl<'a> Section<'a> {
    /// File and key path, as [`super::QuantConfig::source`] gives them.
    pub fn source(&self) -> String {
        let name = Path::new(self.file).file_name().map_or(self.file.into(), |n| n.to_string_lossy());
        if self.path.is_empty() { name.into_owned() } else { format!("{name}: {}", self.path) }
    }

    /// Key path of a field.
    pub fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a field; `null` counts as absent, as it does for every writer that spells all of its fields out.
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|v| !v.is_null())
    }

    /// An error about a field.
    pub fn error(&self, kind: ErrorKind, key: &str, what: &str) -> Error {
        Error::new(kind, what).file(Path::new(self.file)).subject(self.key(key))
    }

    /// [`ErrorKind::Config`]: a field whose value is of no use.
    pub fn wrong(&self, key: &str, needed: &str) -> Error {
        let found = self.map.get(key).map_or("nothing".into(), brief);
        self.error(ErrorKind::Config, key, "has a wrong type or value").found(found).needed(needed)
    }

    /// [`ErrorKind::Config`]: a field that must be there is not.
    pub fn missing(&self, key: &str, needed: &str) -> Error {
        self.error(ErrorKind::Config, key, "is missing").needed(needed)
    }

    /// [`ErrorKind::Unsupported`]: a field that says something real that this library does not run.
    pub fn unsupported(&self, key: &str, what: &str, needed: &str) -> Error {
        let found = self.map.get(key).map_or("nothing".into(), brief);
        self.error(ErrorKind::Unsupported, key, what).found(found).needed(needed)
    }

    /// [`ErrorKind::Unsupported`] when the field is there and is neither null, `{}`, `[]` nor false.
    pub fn refuse(&self, key: &str, what: &str) -> Result<()> {
        match self.get(key) {
            None | Some(Value::Bool(false)) => Ok(()),
            Some(Value::Object(o)) if o.is_empty() => Ok(()),
            Some(Value::Array(a)) if a.is_empty() => Ok(()),
            Some(_) => Err(self.unsupported(key, what, "null")),
        }
    }

    /// A nested object.
    pub fn object(&self, key: &str) -> Result<Option<Section<'a>>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Section { file: self.file, path: self.key(key), map })),
            Some(_) => Err(self.wrong(key, "an object")),
        }
    }

    /// The value that the present ones of several names agree on; `read` gives `None` for a wrong type.
    fn agreed<T: PartialEq>(
        &self,
        keys: &[&'static str],
        needed: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<Field<T>>> {
        let mut first: Option<Field<T>> = None;
        for &key in keys {
            let Some(value) = self.get(key) else { continue };
            let value = read(value).ok_or_else(|| self.wrong(key, needed))?;
            match &first {
                None => first = Some(Field { key, value }),
                Some(f) if f.value == value => {}
                Some(f) => return Err(self.contradiction(f.key, key)),
            }
        }
        Ok(first)
    }

    /// [`ErrorKind::Config`]: two fields that mean the same thing say different things.
    pub fn contradiction(&self, a: &str, b: &str) -> Error {
        let show = |key| self.map.get(key).map_or("nothing".into(), brief);
        self.error(ErrorKind::Config, a, &format!("contradicts {b}, which means the same thing"))
            .found(format!("{a} {}, {b} {}", show(a), show(b)))
            .needed("values that agree")
    }

    /// An integer. Written as 128, 128.0 or 1.28e2; never as a string.
    pub fn integer(&self, keys: &[&'static str], needed: &str) -> Result<Option<Field<i64>>> {
        self.agreed(keys, needed, integer)
    }

    /// true or false; never 0, 1 or a string.
    pub fn boolean(&self, keys: &[&'static str]) -> Result<Option<Field<bool>>> {
        self.agreed(keys, "true or false", Value::as_bool)
    }

    /// A name, in lower case.
    pub fn name(&self, keys: &[&'static str]) -> Result<Option<Field<String>>> {
        self.agreed(keys, "a string", |v| v.as_str().map(|s| s.trim().to_ascii_lowercase()))
    }

    /// `zero_point`, and its opposite `sym`: true when zero points are stored.
    pub fn zero_point(&self) -> Result<Option<bool>> {
        let zero_point = self.boolean(&["zero_point"])?.map(|f| f.value);
        let sym = self.boolean(&["sym"])?.map(|f| f.value);
        match (zero_point, sym) {
            (Some(z), Some(s)) if z == s => Err(self
                .error(ErrorKind::Config, "zero_point", "contradicts sym, which means the opposite")
                .found(format!("zero_point {z}, sym {s}"))
                .needed("opposite values")),
            (z, s) => Ok(z.or(s.map(|s| !s))),
        }
    }

    /// Bits of a code, under any of `keys`; null is as wrong as a string.
    pub fn bits(&self, keys: &[&'static str]) -> Result<Option<Bits>> {
        self.not_null(keys, "4 or 8")?;
        let Some(Field { key, value }) = self.integer(keys, "4 or 8")? else { return Ok(None) };
        match value {
            4 => Ok(Some(Bits::Four)),
            8 => Ok(Some(Bits::Eight)),
            _ => Err(self.unsupported(key, "has no packed layout", "4 or 8")),
        }
    }

    /// Group size along K, under any of `keys`; null is as wrong as a string.
    pub fn group_size(&self, keys: &[&'static str]) -> Result<Option<GroupSize>> {
        const NEEDED: &str = "-1 (one group for each output channel) or 1 to 16777216";
        self.not_null(keys, NEEDED)?;
        let Some(Field { key, value }) = self.integer(keys, NEEDED)? else { return Ok(None) };
        GroupSize::new(value).map(Some).map_err(|_| self.wrong(key, NEEDED))
    }

    fn not_null(&self, keys: &[&str], needed: &str) -> Result<()> {
        match keys.iter().find(|k| self.map.get(**k).is_some_and(Value::is_null)) {
            Some(key) => Err(self.wrong(key, needed)),
            None => Ok(()),
        }
    }

    /// A list of non-empty strings; absent and null are empty. A bare string is refused: readers that iterate it
    /// take its characters, and an empty entry is contained in every name.
    pub fn names(&self, key: &str) -> Result<Vec<&'a str>> {
        const NEEDED: &str = "a list of non-empty strings";
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(|| self.wrong(key, NEEDED))?;
        items
            .iter()
            .map(|v| v.as_str().filter(|s| !s.is_empty()).ok_or_else(|| self.wrong(key, NEEDED)))
            .collect()
    }

    /// A warning for each field that is in none of the lists.
    pub fn unknown(&self, known: &[&[&str]]) -> Vec<String> {
        self.map
            .iter()
            .filter(|(key, _)| !known.iter().any(|list| list.contains(&key.as_str())))
            .map(|(key, value)| {
                let source =
                    Path::new(self.file).file_name().map_or(self.file.into(), |n| n.to_string_lossy());
                format!(
                    "{source}: {}: is not a known field and was ignored (found {})",
                    self.key(key),
                    brief(value)
                )
            })
            .collect()
    }
}

/// The integer that a JSON number is, however it is written.
fn integer(value: &Value) -> Option<i64> {
    /// Doubles beyond this do not tell neighbouring integers apart.
    const EXACT: f64 = 9007199254740992.0;
    value.as_i64().or_else(|| {
        let f = value.as_f64().filter(|_| value.is_f64())?;
        (f.fract() == 0.0 && f.abs() < EXACT).then_some(f as i64)
    })
}
