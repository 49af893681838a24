//! Where each element of a joint layer comes from.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use super::address::{Address, NOWHERE, Plane, get};
use super::ahead::Ahead;
use super::packing::{self, Axis, How, Packing};
use super::plain::{Plain, PlainPacking, zeroed};
use super::tile::{TILE, Tile};
use super::{LayerDesc, LayerView, Padded, Part, float};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Bits, Dtype, mul};

/// Rows of a destination tile: all in order from a row of the source, none at all, or something in between.
#[derive(Clone, Copy)]
enum Run {
    From(usize),
    Nothing,
    Mixed,
}

/// Zero points of a source.
pub(super) enum Zeros<'a> {
    /// The middle code everywhere.
    Symmetric,
    Stored {
        packing: &'static dyn Packing,
        bytes: Cow<'a, [u8]>,
        plane: OnceLock<Plane>,
    },
}

/// One part, and how rows and groups of the destination map to its own.
pub(super) struct Source<'a> {
    pub(super) packing: &'static dyn Packing,
    pub(super) padded: Padded,
    pub(super) bits: Bits,
    codes: &'a [u8],
    pub(super) scales: &'a [u8],
    pub(super) scale_dtype: Dtype,
    pub(super) zeros: Zeros<'a>,
    /// Stored row of the source for each stored row of the destination.
    rows: Vec<usize>,
    /// The same for whole tiles.
    runs: Vec<Run>,
    /// Group of the source for each stored group of the destination.
    pub(super) groups: Vec<usize>,
    /// First column taken.
    pub(super) first: usize,
    /// Columns of the destination.
    pub(super) columns: Range<usize>,
    /// Tables that only odd shapes need.
    code_places: OnceLock<Address>,
    scale_places: OnceLock<Plane>,
}

impl<'a> Source<'a> {
    fn new(part: &Part<'a>, at: usize, desc: &LayerDesc, to: &Padded) -> Result<Self> {
        let d = &part.view.desc;
        let packing = packing::of(d.layout)?;
        let padded = packing.padded(d)?;
        let mut source = Source {
            packing,
            padded,
            bits: d.spec.bits,
            codes: part.view.qweight,
            scales: part.view.scales,
            scale_dtype: d.scale_dtype,
            zeros: Zeros::Symmetric,
            rows: Vec::new(),
            runs: Vec::new(),
            groups: Vec::new(),
            first: part.n.start,
            columns: at..at + part.n.len(),
            code_places: OnceLock::new(),
            scale_places: OnceLock::new(),
        };
        if d.spec.zero_point {
            let (packing, bytes): (&'static dyn Packing, _) = if packing.scaled_zeros() {
                let plane = packing.zeros(&padded, d.spec.bits);
                (&PlainPacking, Cow::Owned(source.unscale(&part.view, &plane)?))
            } else {
                (packing, Cow::Borrowed(part.view.qzeros))
            };
            source.zeros = Zeros::Stored { packing, bytes, plane: OnceLock::new() };
        }
        source.map_rows(d, &part.k, desc, to);
        Ok(source)
    }

    /// Unpacked codes as a source; `from` are their sizes.
    pub fn plain(plain: &'a Plain, from: &Padded, desc: &LayerDesc) -> Result<Self> {
        let to = packing::padded(desc)?;
        let bits = plain.spec.bits;
        let zeros = match plain.spec.zero_point {
            true => Zeros::Stored {
                packing: &PlainPacking,
                bytes: Cow::Borrowed(&plain.z),
                plane: OnceLock::new(),
            },
            false => Zeros::Symmetric,
        };
        let mut source = Source {
            packing: &PlainPacking,
            padded: *from,
            bits,
            codes: &plain.q,
            scales: &plain.scales,
            scale_dtype: plain.scale_dtype,
            zeros,
            rows: Vec::new(),
            runs: Vec::new(),
            groups: Vec::new(),
            first: 0,
            columns: 0..plain.n,
            code_places: OnceLock::new(),
            scale_places: OnceLock::new(),
        };
        source.map_rows(&LayerDesc { layout: desc.layout, ..*desc }, &(0..plain.k), desc, &to);
        Ok(source)
    }

    /// Bare codes of the sizes `p`, which are those of the destination, too.
    pub fn codes(packing: &'static dyn Packing, p: &Padded, bits: Bits, codes: &'a [u8]) -> Self {
        let rows: Vec<usize> = (0..p.k).collect();
        Source {
            packing,
            padded: *p,
            bits,
            codes,
            scales: &[],
            scale_dtype: Dtype::F16,
            zeros: Zeros::Symmetric,
            runs: rows.chunks(TILE).map(run).collect(),
            rows,
            groups: Vec::new(),
            first: 0,
            columns: 0..p.n,
            code_places: OnceLock::new(),
            scale_places: OnceLock::new(),
        }
    }

    fn code_places(&self) -> &Address {
        self.code_places.get_or_init(|| self.packing.codes(&self.padded, self.bits))
    }

    pub(super) fn scale_places(&self) -> &Plane {
        let width = 8 * self.scale_dtype.bytes();
        self.scale_places.get_or_init(|| Plane::new(width, self.packing.scales(&self.padded)))
    }

    /// Fills the maps of rows and groups: source layer `from`, its rows `taken`, destination `desc` stored as `to`.
    fn map_rows(&mut self, from: &LayerDesc, taken: &Range<usize>, desc: &LayerDesc, to: &Padded) {
        let (g_from, g_to) = (from.spec.group.effective(from.k), desc.spec.group.effective(desc.k));
        let logical = desc.spec.group.count(desc.k);
        self.rows = vec![NOWHERE; to.k];
        for (group, rows) in self.rows.chunks_mut(to.group).enumerate().take(logical) {
            // A group of the destination lies in one of the source.
            let first = taken.start + group * g_to;
            let stored = first / g_from * self.padded.group + first % g_from;
            for (i, row) in rows.iter_mut().enumerate().take(g_to.min(desc.k - group * g_to)) {
                *row = stored + i;
            }
        }
        self.runs = self.rows.chunks(TILE).map(run).collect();
        self.groups = (0..to.groups)
            .map(|g| if g < logical { (taken.start + g * g_to) / g_from } else { NOWHERE })
            .collect();
    }

    /// Zero points of a layout that stores −z·s: the integers, \[groups, N\].
    fn unscale(&self, view: &LayerView, plane: &Plane) -> Result<Vec<u8>> {
        let (p, dtype) = (&self.padded, view.desc.scale_dtype);
        let width = 8 * dtype.bytes();
        let mut z = zeroed(mul(p.groups, p.n, "zero points")?)?;
        for (g, row) in z.chunks_exact_mut(p.n).enumerate() {
            for (n, z) in row.iter_mut().enumerate() {
                let value =
                    |bytes, a: &Address| float::to_f64(dtype, get(bytes, width, a.rows[g] + a.cols[n]));
                let s = value(view.scales, &self.scale_places().address);
                let zs = value(view.qzeros, &plane.address);
                // A scale of 0 keeps nothing of z, and any z gives the same weights.
                let exact = if s == 0.0 && zs == 0.0 { 0.0 } else { -zs / s };
                let rounded = exact.round();
                // BF16 keeps 15·s to within 0.03·s.
                if !((exact - rounded).abs() <= 0.1 && (0.0..=15.0).contains(&rounded)) {
                    return Err(Error::new(
                        ErrorKind::Tensor,
                        "a scaled zero point is no integer times its scale",
                    )
                    .subject("qzeros")
                    .found(format!("-zeros/scales = {exact} at group {g}, column {n}"))
                    .needed("an integer from 0 to 15"));
                }
                *z = rounded as u8;
            }
        }
        Ok(z)
    }
}

/// What the stored rows of one tile are.
fn run(rows: &[usize]) -> Run {
    let first = rows[0];
    if rows.iter().all(|&r| r == NOWHERE) {
        Run::Nothing
    } else if first != NOWHERE && rows.iter().enumerate().all(|(i, &r)| r == first + i) {
        Run::From(first)
    } else {
        Run::Mixed
    }
}

/// All parts of one joint layer.
pub(super) struct Sources<'a> {
    list: Vec<Source<'a>>,
    bits: Bits,
    how: How,
}

impl<'a> Sources<'a> {
    /// Parts that [`super::join::logical`] has accepted, as `desc`, for a destination of the sizes `to`.
    pub fn new(parts: &[Part<'a>], desc: &LayerDesc, to: &Padded) -> Result<Self> {
        let mut at = 0;
        let mut list = Vec::with_capacity(parts.len());
        for part in parts {
            list.push(Source::new(part, at, desc, to)?);
            at += part.n.len();
        }
        Ok(Sources { list, bits: desc.spec.bits, how: How::best() })
    }

    pub fn one(source: Source<'a>, bits: Bits) -> Self {
        Sources { list: vec![source], bits, how: How::best() }
    }

    /// The same, read in another way.
    pub fn by(self, how: How) -> Self {
        Sources { how, ..self }
    }

    /// The way in which tiles are read.
    pub fn how(&self) -> How {
        self.how
    }

    /// Reads the codes of the destination's rows k0.. and columns n0..; 0 where there are none.
    pub fn read(&self, k0: usize, n0: usize, tile: &mut Tile) {
        let mut cleared = false;
        for s in &self.list {
            let (from, to) = (n0.max(s.columns.start), (n0 + TILE).min(s.columns.end));
            if from >= to {
                continue;
            }
            let n = s.first + from - s.columns.start;
            match s.runs[k0 / TILE] {
                Run::From(k) if to - from == TILE && k0 + TILE <= s.rows.len() && s.aligned(k, n) => {
                    return s.packing.read(self.how, self.bits, s.codes, &s.padded, k, n, tile);
                }
                _ => {}
            }
            if !std::mem::replace(&mut cleared, true) {
                tile.clear();
            }
            s.read_slowly(k0, n, from - n0..to - n0, tile);
        }
        if !cleared {
            tile.clear();
        }
    }

    /// The slowest index of the codes of the first part.
    pub fn outer(&self) -> Axis {
        self.list.first().map_or(Axis::K, |s| s.packing.outer())
    }

    /// The codes that [`Sources::read`] reads for `rows` rows from k0 on and the columns `n`, to be asked for early: of
    /// the first part among them, and nothing where its rows do not lie in order.
    pub fn ahead(&self, k0: usize, rows: usize, n: Range<usize>) -> Ahead<'a> {
        let among = |s: &Source| n.start.max(s.columns.start)..n.end.min(s.columns.end);
        let of = |s: &Source<'a>| {
            let Run::From(k) = *s.runs.get(k0 / TILE)? else { return None };
            let n = among(s);
            let n = n.start - s.columns.start + s.first..n.end - s.columns.start + s.first;
            let (unit_k, unit_n) = s.packing.alignment(s.bits);
            let width = s.packing.code_width(s.bits);
            let (unit, outer, inner, size) = match s.packing.outer() {
                Axis::K => (unit_k, k..k + rows.min(s.padded.k - k), n, s.padded.n),
                Axis::N => (unit_n, n, k..k + rows.min(s.padded.k - k), s.padded.k),
            };
            let bytes = |elements: usize| elements * unit * width / 8;
            let (line, from, len) = (bytes(size), bytes(inner.start), bytes(inner.len()));
            Some(Ahead::new(s.codes, outer.start / unit * line + from, line, len, outer.len() / unit))
        };
        self.list.iter().find(|s| !among(s).is_empty()).and_then(of).unwrap_or_default()
    }

    /// The parts, in order.
    pub fn list(&self) -> &[Source<'a>] {
        &self.list
    }
}

impl Source<'_> {
    fn aligned(&self, k: usize, n: usize) -> bool {
        let (ak, an) = self.packing.alignment(self.bits);
        k.is_multiple_of(ak) && n.is_multiple_of(an)
    }

    /// Reads the codes one by one into columns `to` of the tile, from column n of the source on.
    fn read_slowly(&self, k0: usize, n: usize, to: Range<usize>, tile: &mut Tile) {
        let width = self.packing.code_width(self.bits);
        let places = self.code_places();
        let cols = &places.cols[n..][..to.len()];
        for (k, &row) in self.rows[k0..].iter().take(TILE).enumerate().filter(|(_, r)| **r != NOWHERE) {
            let row = places.rows[row];
            for (n, &col) in to.clone().zip(cols) {
                tile.set(self.bits, k, n, get(self.codes, width, row + col));
            }
        }
    }
}
