//! Which code runs a problem on a GPU, and how it is cut: what the caller wishes, what a tuning table says, or what the
//! time model finds.

use super::capability::number;
use super::cut::{Cut, MOST_COUNTERS};
use super::gemv_cut::GemvCut;
use super::marlin_cut::{self, MarlinCut};
use super::problem::{Gpu, Problem};
use super::rows;
use super::tuning::Tuning;
use crate::error::{Error, ErrorKind, Result};
use crate::kernel::Kernel;

/// Another cut must be better by this factor to be worth more slices or another code.
const BETTER: f64 = 0.99;

/// What a caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The kernel version; [`Kernel::Auto`] leaves it to the library.
    pub kernel: Kernel,
    /// The bits of a row of y must not depend on the number of rows, nor on the other rows.
    pub batch_invariant: bool,
}

impl From<Kernel> for Wish {
    fn from(kernel: Kernel) -> Self {
        Wish { kernel, batch_invariant: false }
    }
}

/// Who decided on a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The time model of this library.
    Model,
    /// A tuning table.
    Table,
    /// The caller named the kernel version.
    Forced,
    /// The caller wants results that do not depend on the number of rows.
    Invariant,
    /// The caller imported the plan.
    Imported,
}

/// A cut and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Choice {
    pub cut: Cut,
    pub origin: Origin,
}

/// What runs a problem, for every number of rows of its class ([`rows`]). All was checked already.
pub(super) fn choose(gpu: &Gpu, problem: &Problem, wish: Wish, tuning: &Tuning) -> Choice {
    let class = rows::class_of(problem.m);
    let typical = Problem { m: rows::most_rows(class), ..*problem };
    // A class without an end may hold more blocks of outputs than there are counters.
    let counted = |cut: &Cut| cut.splits() == 1 || (!rows::is_open(class) && has_counters(cut, &typical));
    if wish.batch_invariant {
        let cut = invariant(gpu, &typical, counted);
        return Choice { cut, origin: Origin::Invariant };
    }
    let tuned = tuning.cut(problem).filter(|cut| match wish.kernel {
        Kernel::Auto => true,
        Kernel::Gemv => matches!(cut, Cut::Gemv(_)),
        Kernel::Gemm | Kernel::Marlin => matches!(cut, Cut::Marlin(_)),
    });
    if let Some(cut) = tuned {
        return Choice { cut, origin: Origin::Table };
    }
    let gemv = Cut::Gemv(GemvCut::new(gpu, &typical));
    let origin = if wish.kernel == Kernel::Auto { Origin::Model } else { Origin::Forced };
    if wish.kernel == Kernel::Gemv {
        return Choice { cut: gemv, origin };
    }
    let tiles =
        marlin_cut::tiles(gpu, problem).flat_map(|tile| MarlinCut::all(&typical, tile)).map(Cut::Marlin);
    let tiles = best(gpu, &typical, tiles.filter(counted));
    let both = [(wish.kernel == Kernel::Auto).then_some(gemv), tiles];
    // There is always one: K whole on the smallest tile fits every GPU.
    let cut = best(gpu, &typical, both.into_iter().flatten()).unwrap_or(gemv);
    Choice { cut, origin }
}

/// The cut for results that do not depend on the number of rows: slices of K by the layer and the GPU alone.
fn invariant(gpu: &Gpu, typical: &Problem, counted: impl Fn(&Cut) -> bool) -> Cut {
    let splits = MarlinCut::invariant_splits(gpu, typical);
    let cuts = || MarlinCut::invariant(gpu, typical, splits).map(Cut::Marlin);
    // Where even the fewest blocks may be too many, a plan says so when it knows how many rows there are.
    let fewest = || cuts().max_by_key(Cut::rows);
    let fastest = best(gpu, typical, cuts().filter(counted)).or_else(fewest);
    fastest.unwrap_or_else(|| Cut::Gemv(GemvCut::split(typical, 1, 1)))
}

fn has_counters(cut: &Cut, problem: &Problem) -> bool {
    let (columns, _, row_blocks) = cut.grid(problem);
    columns.saturating_mul(row_blocks) <= MOST_COUNTERS
}

/// The fastest by the model; of two that are as fast, the first.
fn best(gpu: &Gpu, problem: &Problem, cuts: impl Iterator<Item = Cut>) -> Option<Cut> {
    let timed = cuts.map(|cut| (cut, cut.time_ns(gpu, problem)));
    timed.reduce(|best, next| if next.1 < BETTER * best.1 { next } else { best }).map(|(cut, _)| cut)
}

/// Whether results that do not depend on the number of rows can be had with a kernel version.
///
/// Errors: [`ErrorKind::KernelUnsupported`].
pub(super) fn admit_invariant(gpu: &Gpu, wish: Wish) -> Result<()> {
    if wish.batch_invariant && wish.kernel == Kernel::Gemv {
        let what = "batch-invariant results come from the tensor-core tiles, which take any number of rows";
        return Err(Error::new(ErrorKind::KernelUnsupported, what)
            .found(format!("kernel gemv on {}", number(gpu.capability)))
            .needed("kernel auto, gemm or marlin"));
    }
    Ok(())
}
