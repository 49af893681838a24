//! Plans as text, so that a choice tuned on one machine can be kept and used again.
//!
//! Besides what every plan says (`plan_text`):
//!
//! ```json
//! {"cut": {"tiles": 1, "splits": 4},
//!  "gpu": {"capability": "9.0", "multiprocessors": 132, "bandwidth_gbps": 3350.0}}
//! ```
//!
//! `gpu` says where the plan was made and is not read again: a cut gives right results on any GPU that has the shared
//! memory for its tile.

use serde_json::{Value, json};

use super::capability::{check_kernel, number};
use super::cut_text;
use super::plan::CudaPlan;
use super::problem::{Gpu, Problem};
use crate::error::Result;
use crate::plan_text::{self, Head};

impl CudaPlan {
    /// The plan as JSON text of one line.
    pub fn to_json(&self) -> String {
        let p = &self.problem;
        let head = Head { kernel: self.kernel, m: p.m, dtype: p.dtype };
        let mut map = plan_text::write("cuda", &head, &p.layer());
        map.insert("cut".into(), cut_text::write(&self.cut()));
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
    /// that leaves a slice empty, and for a tile that the GPU does not have.
    pub fn from_json(text: &str, gpu: &Gpu, layer: &Problem) -> Result<Self> {
        let (head, fields) = plan_text::read(text, "cuda", &layer.layer())?;
        check_kernel(gpu.capability, head.kernel)?;
        let problem = Problem { m: head.m, dtype: head.dtype, ..*layer };
        CudaPlan::imported(gpu, &problem, cut_text::read(&fields, head.kernel, gpu, &problem)?)
    }
}
