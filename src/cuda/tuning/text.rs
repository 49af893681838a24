//! Tuning tables as JSON.
//!
//! ```json
//! {"tuning": 1,
//!  "gpu": {"capability": "9.0", "multiprocessors": 132},
//!  "basis": "where the numbers come from, in words",
//!  "entries": [
//!   {"k": 4096, "n": 4096, "bits": 4, "m": 16, "kernel": "marlin", "cut": {"tile": "m16n128", "splits": 4}, "us": 3.4}
//!  ]}
//! ```
//!
//! `m` is the most rows of a class ([`rows`]); `us` is for people and may be left out.

use serde_json::{Value, json};

use super::{Entry, Key, Tuning, bits_of, kind, kind_in_words};
use crate::config::json::parse;
use crate::cuda::capability::number;
use crate::cuda::cut::Cut;
use crate::cuda::cut_text;
use crate::cuda::problem::{Gpu, Problem};
use crate::cuda::{capability, rows};
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::layout::{LayerDesc, Layout};
use crate::plan_text::Fields;
use crate::types::{Dtype, GroupSize, QuantSpec};

/// Version of the text.
const VERSION: u64 = 1;

/// More than any table has; each is a few words.
const MOST_ENTRIES: usize = 100_000;

/// The largest K and N of an entry.
const MOST_SIZE: u64 = 1 << 30;

impl Tuning {
    /// A table as text, one entry a line.
    pub fn to_json(&self) -> String {
        let entries: Vec<String> =
            self.entries.iter().map(|(key, entry)| format!("  {}", line(key, entry))).collect();
        let gpu = json!({"capability": number(self.gpu.0), "multiprocessors": self.gpu.1});
        let list = if entries.is_empty() { "[]".into() } else { format!("[\n{}\n ]", entries.join(",\n")) };
        format!(
            "{{\"tuning\": {VERSION},\n \"gpu\": {gpu},\n \"basis\": {},\n \"entries\": {list}}}\n",
            json!(self.basis)
        )
    }

    /// The table of a text, for a GPU.
    ///
    /// Errors: [`crate::ErrorKind::Json`] when the text is no JSON, [`crate::ErrorKind::InvalidArgument`] when it is no
    /// table, one of another version or another GPU, or has an entry that no plan could be cut by; the message names the
    /// entry, what was found and what is needed.
    pub fn from_json(text: &str, gpu: &Gpu) -> Result<Self> {
        let tuning = Tuning::any(text)?;
        if tuning.gpu != kind(gpu) {
            return Err(Error::invalid("the table was made for another GPU")
                .subject("tuning.gpu")
                .found(kind_in_words(tuning.gpu))
                .needed(kind_in_words(kind(gpu))));
        }
        Ok(tuning)
    }

    /// The table of a text, for whatever GPU it names.
    pub(super) fn any(text: &str) -> Result<Self> {
        let fields = Fields::new(parse(text.as_bytes()).map_err(|e| e.subject("tuning"))?, "tuning")?;
        let version = fields.integer("tuning", 0..=u64::MAX)?;
        if version != VERSION {
            let e = Error::invalid("is a table of another version of the library").subject("tuning.tuning");
            return Err(e.found(version).needed(VERSION));
        }
        let gpu = gpu(&fields.object("gpu")?)?;
        let items = fields.objects("entries")?;
        if items.len() > MOST_ENTRIES {
            let e = Error::invalid("has more entries than any table").subject("tuning.entries");
            return Err(e.found(items.len()).needed(format!("at most {MOST_ENTRIES}")));
        }
        let read = |item: &Fields| Ok((entry(item, &gpu)?, item.path_of("m")));
        let mut entries = items.iter().map(read).collect::<Result<Vec<_>>>()?;
        entries.sort_by_key(|((key, _), _)| *key);
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].0.0 == pair[1].0.0) {
            return Err(Error::invalid("there are two entries for the same layer and rows")
                .subject(&pair[1].1)
                .found(&pair[0].1)
                .needed("one entry for each"));
        }
        let basis = fields.text("basis")?.to_string();
        Ok(Tuning { gpu: kind(&gpu), basis, entries: entries.into_iter().map(|(entry, _)| entry).collect() })
    }
}

fn line(key: &Key, entry: &Entry) -> Value {
    let kernel = match entry.cut {
        Cut::Gemv(_) => Kernel::Gemv,
        Cut::Marlin(_) => Kernel::Gemm,
    };
    let mut value = json!({
        "k": key.k,
        "n": key.n,
        "bits": key.bits,
        "m": rows::most_rows(key.class),
        "kernel": kernel.name(),
        "cut": cut_text::write(&entry.cut),
    });
    if let (Some(us), Some(map)) = (entry.us, value.as_object_mut()) {
        map.insert("us".into(), json!(us));
    }
    value
}

fn gpu(fields: &Fields) -> Result<Gpu> {
    let text = fields.text("capability")?;
    let pair = text.split_once('.').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    let wrong = || {
        let e = Error::invalid("is no compute capability").subject(fields.path_of("capability"));
        e.found(text).needed("such as 9.0")
    };
    let gpu = Gpu {
        capability: pair.ok_or_else(wrong)?,
        multiprocessors: fields.integer("multiprocessors", 1..=u64::from(Gpu::MOST_MULTIPROCESSORS))? as u32,
        bandwidth_gbps: 0.0,
    };
    capability::check(gpu.capability).map_err(|e| e.subject(fields.path_of("capability")))?;
    Ok(gpu)
}

fn entry(fields: &Fields, gpu: &Gpu) -> Result<(Key, Entry)> {
    let size = |key| fields.integer(key, 1..=MOST_SIZE).map(|v| v as usize);
    let (k, n, m) = (size("k")?, size("n")?, size("m")?);
    let bits = fields.integer("bits", 4..=8)?;
    let bits = bits_of(bits).ok_or_else(|| {
        let e = Error::invalid("is no number of bits that is run").subject(fields.path_of("bits"));
        e.found(bits).needed("4 or 8")
    })?;
    let class = rows::class_of(m);
    if rows::most_rows(class) != m {
        let e = Error::invalid("is not the most rows of a class").subject(fields.path_of("m"));
        return Err(e
            .found(m)
            .needed(format!("{}, or another 2^i or 3 * 2^i from 8 to 8192", rows::most_rows(class))));
    }
    let kernel = fields.kernel()?;
    capability::check_kernel(gpu.capability, kernel).map_err(|e| e.subject(fields.path_of("kernel")))?;
    let spec = QuantSpec { bits, group: GroupSize::PerChannel, zero_point: true };
    let layer = LayerDesc { k, n, spec, layout: Layout::Marlin, scale_dtype: Dtype::F16 };
    let problem = Problem::new(&layer, m, Dtype::F16)?;
    problem.check().map_err(|e| e.subject(fields.path_of("k")))?;
    let cut = cut_text::read(fields, kernel, gpu, &problem)?;
    if rows::is_open(class) && cut.splits() > 1 {
        let what = "the last class has no end, so there may be more blocks than counters: K cannot be split";
        return Err(Error::invalid(what).subject(fields.path_of("cut.splits")).found(cut.splits()).needed(1));
    }
    cut.workspace(&problem).map_err(|e| e.subject(fields.path_of("cut.splits")))?;
    Ok((Key { k, n, bits: bits.get(), class }, Entry { cut, us: fields.positive("us")? }))
}
