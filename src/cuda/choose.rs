//! Which code runs a problem on a GPU, and how it is cut: what the caller wishes, what a tuning table says, or what the
//! time model finds.

use super::capability::{AMPERE, check, describe, number};
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
    if wish.batch_invariant {
        // By the layer and the GPU alone.
        let splits = MarlinCut::invariant_splits(gpu, problem);
        let cuts = MarlinCut::invariant(gpu, problem, splits).map(Cut::Marlin);
        return Choice { cut: best(gpu, &typical, cuts), origin: Origin::Invariant };
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
    let tiles = marlin_cut::tiles(gpu, problem).flat_map(|tile| MarlinCut::all(&typical, tile)).map(Cut::Marlin);
    // A class without an end may hold more blocks of outputs than there are counters.
    let tiles = tiles.filter(|cut| cut.splits() == 1 || (!rows::is_open(class) && has_counters(cut, &typical)));
    match wish.kernel {
        Kernel::Auto => Choice { cut: best(gpu, &typical, std::iter::once(gemv).chain(tiles)), origin: Origin::Model },
        Kernel::Gemv => Choice { cut: gemv, origin: Origin::Forced },
        Kernel::Gemm | Kernel::Marlin => Choice { cut: best(gpu, &typical, tiles), origin: Origin::Forced },
    }
}

fn has_counters(cut: &Cut, problem: &Problem) -> bool {
    let (columns, _, row_blocks) = cut.grid(problem);
    columns.saturating_mul(row_blocks) <= MOST_COUNTERS
}

/// The fastest by the model. There is always one: K whole on the smallest tile fits every GPU.
fn best(gpu: &Gpu, problem: &Problem, cuts: impl Iterator<Item = Cut>) -> Cut {
    let timed = cuts.map(|cut| (cut, cut.time_ns(gpu, problem)));
    let fastest = timed.reduce(|best, next| if next.1 < BETTER * best.1 { next } else { best });
    fastest.map_or_else(|| Cut::Gemv(GemvCut::split(problem, 1, 1)), |(cut, _)| cut)
}

/// Whether a kernel version runs on GPUs of a capability.
///
/// Errors: [`ErrorKind::KernelUnsupported`] says what is missing, [`ErrorKind::CapabilityTooLow`].
pub fn admit_kernel(capability: (u32, u32), wish: Kernel) -> Result<()> {
    check(capability)?;
    if wish != Kernel::Marlin || capability >= AMPERE {
        return Ok(());
    }
    let what = "the marlin kernels need asynchronous copies and m16n8k16 tensor-core instructions";
    Err(Error::new(ErrorKind::KernelUnsupported, what)
        .found(describe(capability))
        .needed("compute capability 8.0 (Ampere) or newer, or kernel gemm, which has code for this GPU"))
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
