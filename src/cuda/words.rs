//! Plans in words.

use super::capability::{AMPERE, number};
use super::choose::Origin;
use super::cut::Cut;
use super::gemv_cut::{BLOCK_ROWS, GemvCut, needed_in_flight};
use super::plan::CudaPlan;
use crate::kernel::Kernel;

/// A time for people.
fn us(microseconds: f64) -> String {
    format!("{microseconds:.1} us")
}

impl CudaPlan {
    /// One sentence: what was chosen and why.
    pub fn reason(&self) -> String {
        reason(self)
    }
}

fn reason(plan: &CudaPlan) -> String {
    let why = match plan.origin() {
        Origin::Model if plan.problem.m <= BLOCK_ROWS => {
            format!("m = {} is bound by the reading of weights", plan.problem.m)
        }
        Origin::Model => format!("the fastest of all cuts by the model for m = {}", plan.problem.m),
        Origin::Table => format!("taken from the tuning table (m = {})", plan.problem.m),
        Origin::Forced => format!("asked for by the caller (m = {})", plan.problem.m),
        Origin::Invariant => {
            format!(
                "cut by the layer and the GPU alone, so that a row's bits do not depend on m = {}",
                plan.problem.m
            )
        }
        Origin::Imported => format!("cut as the imported plan says (m = {})", plan.problem.m),
    };
    let what = match plan.cut() {
        Cut::Gemv(cut) => gemv(plan, &cut),
        Cut::Marlin(cut) => {
            let again = plan.problem.m.div_ceil(cut.tile.rows);
            let times = if again == 1 { "once".to_string() } else { format!("{again} times") };
            format!(
                "{}: tiles of {} rows and {} outputs, {}, each weight decoded {times}",
                plan.kernel,
                cut.tile.rows,
                cut.tile.columns,
                slices(plan.splits),
            )
        }
    };
    let name = match plan.kernel {
        Kernel::Gemm if plan.gpu.capability < AMPERE => " (the tensor-core code for Turing)",
        _ => "",
    };
    let dense = if plan.prefers_dense() {
        format!(
            "; dequantizing once and a dense GEMM of the host's is predicted to be faster ({} against {})",
            us(plan.dense_predicted_us),
            us(plan.predicted_us)
        )
    } else {
        String::new()
    };
    format!("{what}{name}; {why}; {} predicted{dense}", us(plan.predicted_us))
}

fn slices(splits: u32) -> String {
    match splits {
        1 => "K in one piece".to_string(),
        n => format!("K in {n} slices to fill the GPU"),
    }
}

fn gemv(plan: &CudaPlan, cut: &GemvCut) -> String {
    let (p, gpu) = (&plan.problem, &plan.gpu);
    let kilobytes = |bytes: f64| format!("{:.1} KB", bytes / 1e3);
    format!(
        "gemv: {} columns of {} outputs, {}, so that each of {} multiprocessors ({}) has up to {} in flight where its \
         memory needs {}",
        cut.columns(p),
        64 * cut.tiles,
        slices(plan.splits),
        gpu.multiprocessors,
        number(gpu.capability),
        kilobytes(cut.bytes_in_flight(p, cut.resident(gpu, p)) as f64),
        kilobytes(needed_in_flight(gpu)),
    )
}
