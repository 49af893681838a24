//! CPU plans as text. A CPU plan is its kernel version: everything else follows from the machine that runs it.

use serde_json::Value;

use super::{CpuLinear, CpuPlan};
use crate::error::Result;
use crate::plan_text::{self, Head};

impl CpuLinear {
    /// A plan of this layer as JSON text of one line.
    pub fn plan_to_json(&self, plan: &CpuPlan) -> String {
        let head = Head { kernel: plan.kernel, m: plan.m, dtype: plan.dtype };
        Value::Object(plan_text::write("cpu", &head, self.desc())).to_string()
    }

    /// The plan of a text, for this layer.
    ///
    /// Errors: those of [`plan_text::read`] and [`CpuLinear::plan`].
    pub fn plan_from_json(&self, text: &str) -> Result<CpuPlan> {
        let (head, _) = plan_text::read(text, "cpu", self.desc())?;
        self.plan(head.m, head.dtype, head.kernel)
    }
}
