//! Tuning tables: cuts that were measured to be the fastest on a GPU, looked up before the model is asked.
//!
//! The library ships the tables of this folder, made by `scripts/tuning_table.py` from the measurements of
//! `make gpu-check`; a device can be opened with another one.

mod text;

use std::sync::LazyLock;

use super::capability::number;
use super::cut::Cut;
use super::gemv_cut::GemvCut;
use super::marlin_cut::MarlinCut;
use super::problem::{Gpu, Problem};
use super::rows;
use crate::types::Bits;

/// The tables of this folder.
const SHIPPED: &[&str] = &[include_str!("h100-sxm.json")];

/// The fastest cuts known for layers on one kind of GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// The kind: capability, multiprocessors.
    gpu: ((u32, u32), u32),
    /// Where the numbers come from, in words.
    basis: String,
    /// In ascending order of keys, each key once.
    entries: Vec<(Key, Entry)>,
}

/// What an entry is for. Group size and zero points change the bytes by a few percent, which moves no optimum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    k: usize,
    n: usize,
    bits: usize,
    /// Number of a class of rows.
    class: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    cut: Cut,
    /// The time that was measured, for people.
    us: Option<f64>,
}

impl Tuning {
    /// The table without entries.
    pub const fn empty(gpu: &Gpu) -> Self {
        Tuning { gpu: (gpu.capability, gpu.multiprocessors), basis: String::new(), entries: Vec::new() }
    }

    /// What the library ships for a GPU, if it has been measured on one of its kind.
    pub fn shipped(gpu: &Gpu) -> Option<&'static Self> {
        static ALL: LazyLock<Vec<Tuning>> = LazyLock::new(|| {
            // A file that does not hold is left out here, and fails a test.
            SHIPPED.iter().filter_map(|text| Tuning::any(text).ok()).collect()
        });
        ALL.iter().find(|tuning| tuning.gpu == kind(gpu))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The cut for a problem, if there is one.
    pub(super) fn cut(&self, problem: &Problem) -> Option<Cut> {
        let key =
            Key { k: problem.k, n: problem.n, bits: problem.bits.get(), class: rows::class_of(problem.m) };
        let at = self.entries.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        let wanted = self.entries[at].1.cut;
        // The cut of this very problem: a group size of another kind may store K with more rows.
        let cut = match wanted {
            Cut::Gemv(c) => Cut::Gemv(GemvCut::split(problem, c.tiles, c.splits)),
            Cut::Marlin(c) => Cut::Marlin(MarlinCut::split(problem, c.tile, c.splits)),
        };
        (cut.splits() == wanted.splits() && cut.workspace(problem).is_ok()).then_some(cut)
    }
}

fn kind(gpu: &Gpu) -> ((u32, u32), u32) {
    (gpu.capability, gpu.multiprocessors)
}

fn kind_in_words(((major, minor), multiprocessors): ((u32, u32), u32)) -> String {
    format!("capability {} with {multiprocessors} multiprocessors", number((major, minor)))
}

fn bits_of(bits: u64) -> Option<Bits> {
    u32::try_from(bits).ok().and_then(|bits| Bits::new(bits).ok())
}

#[cfg(test)]
mod tests {
    use super::super::capability::ARCHITECTURES;
    use super::*;

    #[test]
    fn every_shipped_table_holds_and_is_of_a_known_product() {
        for text in SHIPPED {
            let tuning = Tuning::any(text).unwrap();
            let known =
                ARCHITECTURES.iter().filter_map(|a| a.typical.map(|p| (a.capability, p.multiprocessors)));
            assert!(known.into_iter().any(|gpu| gpu == tuning.gpu), "{}", kind_in_words(tuning.gpu));
            assert!(!tuning.basis.is_empty());
        }
    }
}
