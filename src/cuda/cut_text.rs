//! Cuts in JSON, as plans and tuning tables have them, beside a field `kernel`.
//!
//! ```json
//! {"kernel": "gemv", "cut": {"tiles": 1, "splits": 4}}
//! {"kernel": "marlin", "cut": {"tile": "m64n128", "splits": 2}}
//! ```
//!
//! `gemm` is the same as `marlin`: which of the two it is called depends on the GPU.

use serde_json::{Value, json};

use super::capability::describe;
use super::cut::{Cut, MOST_SPLITS};
use super::gemv_cut::GemvCut;
use super::marlin_cut::{self, MarlinCut};
use super::marlin_tiles::{MarlinTile, TILES};
use super::problem::{Gpu, Problem};
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::plan_text::Fields;

fn name(tile: &MarlinTile) -> String {
    format!("m{}n{}", tile.rows, tile.columns)
}

/// The field `cut`.
pub(super) fn write(cut: &Cut) -> Value {
    match cut {
        Cut::Gemv(c) => json!({"tiles": c.tiles, "splits": c.splits}),
        Cut::Marlin(c) => json!({"tile": name(c.tile), "splits": c.splits}),
    }
}

/// The cut that the field `cut` of `fields` gives a problem.
///
/// Errors: [`crate::ErrorKind::InvalidArgument`] for a tile that there is not, or not on this GPU, and for a slice that
/// would be empty.
pub(super) fn read(fields: &Fields, kernel: Kernel, gpu: &Gpu, problem: &Problem) -> Result<Cut> {
    let given = fields.object("cut")?;
    let splits = given.integer("splits", 1..=MOST_SPLITS as u64)? as usize;
    let cut = if kernel == Kernel::Gemv {
        Cut::Gemv(GemvCut::split(problem, given.integer("tiles", 1..=2)? as usize, splits))
    } else {
        Cut::Marlin(MarlinCut::split(problem, tile(&given, gpu, problem)?, splits))
    };
    if cut.splits() != splits {
        return Err(Error::invalid("K has too few tiles for so many slices: one would be empty")
            .subject(given.path_of("splits"))
            .found(splits)
            .needed(cut.splits()));
    }
    Ok(cut)
}

fn tile(given: &Fields, gpu: &Gpu, problem: &Problem) -> Result<&'static MarlinTile> {
    let wanted = given.text("tile")?;
    let all: Vec<String> = TILES.iter().map(name).collect();
    let tile = TILES.iter().find(|tile| name(tile) == wanted).ok_or_else(|| {
        let e = Error::invalid("is no tile of this version of the library").subject(given.path_of("tile"));
        e.found(wanted).needed(all.join(", "))
    })?;
    if marlin_cut::tiles(gpu, problem).all(|t| t != tile) {
        return Err(Error::invalid("the tile needs more shared memory than this GPU has")
            .subject(given.path_of("tile"))
            .found(format!(
                "{} bytes on {}",
                tile.shared_bytes(problem.bits, gpu.capability),
                describe(gpu.capability)
            ))
            .needed(format!("at most {} bytes", super::capability::shared_limit(gpu.capability))));
    }
    Ok(tile)
}
