//! Plans as text, so that a choice tuned on one machine can be kept and used again.
//!
//! Besides what every plan says (`plan_text`):
//!
//! ```json
//! {"cut": {"tiles": 1, "splits": 4},
//!  "gpu": {"capability": "9.0", "multiprocessors": 132, "bandwidth_gbps": 3350.0}}
//! ```
//!
//! `gpu` says where the plan was made and is not read again: a cut gives right results on any GPU.

use serde_json::{Value, json};

use super::capability::number;
use super::cut::{Cut, MOST_SPLITS};
use super::plan::{CudaPlan, admit_kernel};
use super::problem::{Gpu, Problem};
use crate::error::{Error, Result};
use crate::plan_text::{self, Head};

impl CudaPlan {
    /// The plan as JSON text of one line.
    pub fn to_json(&self) -> String {
        let p = &self.problem;
        let head = Head { kernel: self.kernel, m: p.m, dtype: p.dtype };
        let mut map = plan_text::write("cuda", &head, &p.layer());
        map.insert("cut".into(), json!({"tiles": self.tiles, "splits": self.splits}));
        let gpu = json!({
            "capability": number(self.gpu.capability),
            "multiprocessors": self.gpu.multiprocessors,
            "bandwidth_gbps": self.gpu.bandwidth_gbps,
        });
        map.insert("gpu".into(), gpu);
        Value::Object(map).to_string()
    }

    /// The plan of a text for a layer on a GPU. Of `layer`, m and dtype do not count: the text says them.
    ///
    /// Errors: those of [`plan_text::read`] and [`CudaPlan::new`], and [`crate::ErrorKind::InvalidArgument`] for a cut
    /// that leaves a slice empty.
    pub fn from_json(text: &str, gpu: &Gpu, layer: &Problem) -> Result<Self> {
        let (head, fields) = plan_text::read(text, "cuda", &layer.layer())?;
        admit_kernel(gpu.capability, head.kernel)?;
        let problem = Problem { m: head.m, dtype: head.dtype, ..*layer };
        let cut = fields.object("cut")?;
        let tiles = cut.integer("tiles", 1..=2)? as usize;
        let splits = cut.integer("splits", 1..=MOST_SPLITS as u64)? as usize;
        let cut = Cut::split(&problem, tiles, splits);
        if cut.splits != splits {
            return Err(Error::invalid("K has too few tiles for so many slices: one would be empty")
                .subject("plan.cut.splits")
                .found(splits)
                .needed(cut.splits));
        }
        CudaPlan::imported(gpu, &problem, cut)
    }
}
