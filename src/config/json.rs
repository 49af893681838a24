//! Strict reading of JSON files that come from elsewhere.
//!
//! `serde_json` already refuses NaN, numbers beyond a double, lone surrogates, trailing bytes and nesting deeper
//! than 128. Added here: a key that stands twice in one object is refused (which of the two counts differs
//! between readers), a UTF-8 byte-order mark is skipped, other encodings are named, and size is bounded.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::{Error, ErrorKind, Result};

/// Files larger than this are no configuration.
pub const MAX_BYTES: u64 = 64 << 20;

/// More values than this in one file are no configuration; it bounds the memory that a small file can ask for.
pub const MAX_VALUES: usize = 4 << 20;

/// Reads and parses a JSON file of at most [`MAX_BYTES`].
///
/// Errors: [`ErrorKind::Missing`] when there is no such file, [`ErrorKind::Io`], [`ErrorKind::Json`]; all name the file.
pub fn read(path: &Path) -> Result<Value> {
    parse(&bytes(path)?).map_err(|e| e.file(path))
}

/// The bytes of a regular file of at most [`MAX_BYTES`]; errors as in [`read`].
pub fn bytes(path: &Path) -> Result<Vec<u8>> {
    let metadata = std::fs::metadata(path).map_err(|e| Error::io(path, &e))?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::Io, "is not a regular file").file(path));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| Error::io(path, &e))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| Error::io(path, &e))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::new(ErrorKind::Json, "is too large for a configuration")
            .file(path)
            .found(format!("{} bytes", metadata.len()))
            .needed(format!("at most {MAX_BYTES}")));
    }
    Ok(bytes)
}

/// Parses JSON text. Objects keep the order of the text.
///
/// Errors: [`ErrorKind::Json`]; a duplicate key is named with its path and both values.
pub fn parse(bytes: &[u8]) -> Result<Value> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::new(ErrorKind::Json, "is too large for a configuration")
            .found(format!("{} bytes", bytes.len()))
            .needed(format!("at most {MAX_BYTES}")));
    }
    let text = text(bytes)?;
    let mut state = State::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Strict(&mut state).deserialize(&mut json).and_then(|v| json.end().map(|()| v));
    match (value, state.duplicate) {
        (Ok(value), _) => Ok(value),
        (Err(e), Some((path, first, second))) => Err(Error::new(ErrorKind::Json, format!("{e}"))
            .subject(path)
            .found(format!("{first} and {second}"))),
        (Err(e), None) => Err(Error::new(ErrorKind::Json, format!("is not valid JSON: {e}"))),
    }
}

/// The JSON text of a value, cut to a length that fits a message.
pub fn brief(value: &Value) -> String {
    const LENGTH: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(LENGTH) {
        Some((cut, _)) => format!("{}...", &text[..cut]),
        None => text,
    }
}

fn text(bytes: &[u8]) -> Result<&str> {
    let encoding = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        _ => None,
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|e| {
        let found = match encoding {
            Some(name) => name.to_owned(),
            None => format!("a byte that is no UTF-8 at offset {}", e.valid_up_to()),
        };
        Error::new(ErrorKind::Json, "is not UTF-8 text").found(found).needed("UTF-8")
    })
}

/// What the visitors share: where they are, how many values they made, and the duplicate that stopped them.
#[derive(Default)]
struct State {
    path: Vec<String>,
    values: usize,
    duplicate: Option<(String, String, String)>,
}

struct Strict<'a>(&'a mut State);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> std::result::Result<Value, D::Error> {
        self.0.values += 1;
        if self.0.values > MAX_VALUES {
            return Err(D::Error::custom(format_args!("more than {MAX_VALUES} values")));
        }
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> std::result::Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> std::result::Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> std::result::Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> std::result::Result<Value, E> {
        Number::from_f64(v).map(Value::Number).ok_or_else(|| E::custom("number is not finite"))
    }

    fn visit_str<E>(self, v: &str) -> std::result::Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> std::result::Result<Value, E> {
        Ok(Value::String(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            self.0.path.push(format!("[{}]", items.len()));
            let item = seq.next_element_seed(Strict(&mut *self.0))?;
            self.0.path.pop();
            match item {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            self.0.path.push(key.clone());
            let value = map.next_value_seed(Strict(&mut *self.0))?;
            if let Some(first) = object.get(&key) {
                let path = self.0.path.join(".").replace(".[", "[");
                self.0.duplicate = Some((path, brief(first), brief(&value)));
                return Err(A::Error::custom("the key stands twice in one object"));
            }
            self.0.path.pop();
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}
