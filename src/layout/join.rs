//! Several parts of layers seen as one layer: what the joint layer is, and where each of its elements comes from.

use std::borrow::Cow;
use std::ops::Range;

use super::address::{Address, NOWHERE, Plane, get};
use super::packing::{self, Axis, Packing, ZeroTensor, add};
use super::plain::{Plain, PlainPacking, zeroed};
use super::tile::{TILE, Tile};
use super::{LayerDesc, LayerView, Layout, Padded, Part, float};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Bits, Dtype, GroupSize, mul};

/// The group size of rows `k` of a layer. A cut inside a group makes groups of the greatest common divisor, so that
/// every new group lies in one old group.
fn regroup(group: GroupSize, k: usize, rows: &Range<usize>) -> GroupSize {
    let g = group.effective(k);
    let cut = rows.start % g;
    if cut == 0 || group.count(k) == 1 {
        return group;
    }
    if rows.start / g == (rows.end - 1) / g {
        return GroupSize::PerChannel;
    }
    let (mut a, mut b) = (g, cut);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    // A divisor of a group size that fitted u32.
    GroupSize::Of(a as u32)
}

/// The joint layer of `parts` in the layout of the first, before any target is chosen.
pub(super) fn logical(parts: &[Part]) -> Result<LayerDesc> {
    let first = parts.first().ok_or_else(|| Error::invalid("there is no part to repack"))?;
    let mut joint = LayerDesc { n: 0, ..first.view.desc };
    for (i, part) in parts.iter().enumerate() {
        let d = &part.view.desc;
        super::check(&part.view)?;
        for (axis, range, size) in [("K", &part.k, d.k), ("N", &part.n, d.n)] {
            if range.start >= range.end || range.end > size {
                return Err(Error::invalid(format!("the range along {axis} is empty or leaves the layer"))
                    .found(format!("{}..{}", range.start, range.end))
                    .needed(format!("a range within 0..{size}")));
            }
        }
        let (k, group) = (part.k.len(), regroup(d.spec.group, d.k, &part.k));
        if i == 0 {
            (joint.k, joint.spec.group) = (k, group);
        }
        let dense = |l: Layout| l == Layout::Dense;
        let quantized = !dense(d.layout);
        let same = [
            ("K", joint.k.to_string(), k.to_string()),
            ("quantized", (!dense(joint.layout)).to_string(), quantized.to_string()),
            ("dtype of scales", joint.scale_dtype.to_string(), d.scale_dtype.to_string()),
        ];
        let quant = [
            ("bits", joint.spec.bits.get().to_string(), d.spec.bits.get().to_string()),
            ("group size", joint.spec.group.effective(k).to_string(), group.effective(k).to_string()),
            ("zero_point", joint.spec.zero_point.to_string(), d.spec.zero_point.to_string()),
        ];
        for (what, a, b) in same.into_iter().chain(quant.into_iter().filter(|_| quantized)) {
            if a != b {
                return Err(Error::new(ErrorKind::MixedFused, format!("parts differ in {what}"))
                    .found(format!("{a} in part 0, {b} in part {i}"))
                    .needed("the same in every part"));
            }
        }
        joint.n = add(joint.n, part.n.len(), "joint N")?;
    }
    Ok(joint)
}

/// `joint` as the layout `to` holds it.
pub(crate) fn target(joint: LayerDesc, to: Layout) -> Result<LayerDesc> {
    if (joint.layout == Layout::Dense) != (to == Layout::Dense) {
        return Err(Error::unsupported("repacking neither quantizes nor dequantizes")
            .found(format!("{} to {to}", joint.layout)));
    }
    let mut desc = LayerDesc { layout: to, ..joint };
    if to != Layout::Dense && packing::of(to)?.zero_tensor() == ZeroTensor::Always {
        desc.spec.zero_point = true;
    }
    packing::sizes(&desc)?;
    Ok(desc)
}

/// What [`super::repack`] of these parts would give; with [`super::sizes`] it answers how much memory that takes.
///
/// Errors: [`ErrorKind::InvalidArgument`] for no part or a range outside its layer, [`ErrorKind::MixedFused`] when the
/// parts differ, [`ErrorKind::Unsupported`] when `to` has no form for the layer, and those of [`super::check`].
pub fn joined_desc(parts: &[Part], to: Layout) -> Result<LayerDesc> {
    target(logical(parts)?, to)
}

/// The joint bias \[N\] and its dtype; parts without one get zeros, and without any there is none.
///
/// Errors: [`ErrorKind::MixedFused`] when the dtypes differ, [`ErrorKind::Tensor`] when one has the wrong length.
pub fn bias(parts: &[Part]) -> Result<Option<(Vec<u8>, Dtype)>> {
    let with = |part: &Part| part.view.bias.filter(|_| part.with_bias).is_some();
    let Some(dtype) = parts.iter().find(|p| with(p)).map(|p| p.view.bias_dtype) else {
        return Ok(None);
    };
    let mut out = Vec::new();
    for part in parts {
        super::check(&part.view)?;
        let size = dtype.bytes();
        match part.view.bias.filter(|_| part.with_bias) {
            Some(_) if part.view.bias_dtype != dtype => {
                return Err(Error::new(ErrorKind::MixedFused, "parts differ in the dtype of the bias")
                    .found(format!("{dtype} and {}", part.view.bias_dtype)));
            }
            Some(b) => {
                out.extend_from_slice(b.get(part.n.start * size..part.n.end * size).ok_or_else(|| {
                    Error::invalid("the range along N leaves the layer")
                        .needed(format!("0..{}", part.view.desc.n))
                })?)
            }
            None => {
                let zeros = zeroed(mul(part.n.len(), size, "bias")?)?;
                out.extend_from_slice(&zeros);
            }
        }
    }
    Ok(Some((out, dtype)))
}

/// Rows of a destination tile: all in order from a row of the source, none at all, or something in between.
#[derive(Clone, Copy)]
enum Run {
    From(usize),
    Nothing,
    Mixed,
}

/// Zero points of a source.
enum Zeros<'a> {
    /// The middle code everywhere.
    Symmetric,
    Stored {
        bytes: Cow<'a, [u8]>,
        plane: Plane,
    },
}

/// One part, and how rows and groups of the destination map to its own.
pub(super) struct Source<'a> {
    packing: &'static dyn Packing,
    padded: Padded,
    bits: Bits,
    codes: &'a [u8],
    code_places: Address,
    scales: &'a [u8],
    scale_places: Plane,
    zeros: Zeros<'a>,
    /// Stored row of the source for each stored row of the destination.
    rows: Vec<usize>,
    /// The same for whole tiles.
    runs: Vec<Run>,
    /// Group of the source for each stored group of the destination.
    groups: Vec<usize>,
    /// First column taken.
    first: usize,
    /// Columns of the destination.
    columns: Range<usize>,
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
            code_places: packing.codes(&padded, d.spec.bits),
            scales: part.view.scales,
            scale_places: Plane::new(8 * d.scale_dtype.bytes(), packing.scales(&padded)),
            zeros: Zeros::Symmetric,
            rows: Vec::new(),
            runs: Vec::new(),
            groups: Vec::new(),
            first: part.n.start,
            columns: at..at + part.n.len(),
        };
        if d.spec.zero_point {
            let plane = packing.zeros(&padded, d.spec.bits);
            source.zeros = if packing.scaled_zeros() {
                let bytes = Cow::Owned(source.unscale(&part.view, &plane)?);
                Zeros::Stored { bytes, plane: PlainPacking.zeros(&padded, d.spec.bits) }
            } else {
                Zeros::Stored { bytes: Cow::Borrowed(part.view.qzeros), plane }
            };
        }
        source.map_rows(d, &part.k, desc, to);
        Ok(source)
    }

    /// Unpacked codes as a source; `from` are their sizes.
    pub fn plain(plain: &'a Plain, from: &Padded, desc: &LayerDesc) -> Result<Self> {
        let to = packing::padded(desc)?;
        let bits = plain.spec.bits;
        let zeros = match plain.spec.zero_point {
            true => Zeros::Stored { bytes: Cow::Borrowed(&plain.z), plane: PlainPacking.zeros(from, bits) },
            false => Zeros::Symmetric,
        };
        let mut source = Source {
            packing: &PlainPacking,
            padded: *from,
            bits,
            codes: &plain.q,
            code_places: PlainPacking.codes(from, bits),
            scales: &plain.scales,
            scale_places: Plane::new(8 * plain.scale_dtype.bytes(), PlainPacking.scales(from)),
            zeros,
            rows: Vec::new(),
            runs: Vec::new(),
            groups: Vec::new(),
            first: 0,
            columns: 0..plain.n,
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
            code_places: packing.codes(p, bits),
            scales: &[],
            scale_places: Plane::new(16, Address::row_major(0, 0)),
            zeros: Zeros::Symmetric,
            runs: rows.chunks(TILE).map(run).collect(),
            rows,
            groups: Vec::new(),
            first: 0,
            columns: 0..p.n,
        }
    }

    /// Fills the maps of rows and groups: source layer `from`, its rows `taken`, destination `desc` stored as `to`.
    fn map_rows(&mut self, from: &LayerDesc, taken: &Range<usize>, desc: &LayerDesc, to: &Padded) {
        let (g_from, g_to) = (from.spec.group.effective(from.k), desc.spec.group.effective(desc.k));
        let logical = desc.spec.group.count(desc.k);
        self.rows = (0..to.k)
            .map(|stored| {
                let (group, i) = (stored / to.group, stored % to.group);
                let k = group * g_to + i;
                if i >= g_to || k >= desc.k {
                    return NOWHERE;
                }
                let k = k + taken.start;
                k / g_from * self.padded.group + k % g_from
            })
            .collect();
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
                let s = value(view.scales, &self.scale_places.address);
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
}

impl<'a> Sources<'a> {
    /// Parts that [`logical`] has accepted, as `desc`, for a destination of the sizes `to`.
    pub fn new(parts: &[Part<'a>], desc: &LayerDesc, to: &Padded) -> Result<Self> {
        let mut at = 0;
        let mut list = Vec::with_capacity(parts.len());
        for part in parts {
            list.push(Source::new(part, at, desc, to)?);
            at += part.n.len();
        }
        Ok(Sources { list, bits: desc.spec.bits })
    }

    pub fn one(source: Source<'a>, bits: Bits) -> Self {
        Sources { list: vec![source], bits }
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
                    return s.packing.read(self.bits, s.codes, &s.padded, k, n, tile);
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

    /// Calls `each(g, n, zero points)` with runs of columns from n on, for every logical group of the destination.
    pub fn zeros(&self, mut each: impl FnMut(usize, usize, &[u32])) {
        for s in &self.list {
            match &s.zeros {
                Zeros::Symmetric => s.each_group(|g, _| {
                    s.each_run(|_, n, len| each(g, n, &[s.bits.mid() as u32; RUN][..len]));
                }),
                Zeros::Stored { bytes, plane } => s.each_value(bytes, plane, &mut each),
            }
        }
    }

    /// Calls `each(g, n, bits of scales)` with runs of columns from n on, for every logical group of the destination.
    pub fn scales(&self, mut each: impl FnMut(usize, usize, &[u32])) {
        for s in &self.list {
            s.each_value(s.scales, &s.scale_places, &mut each);
        }
    }
}

/// Columns that are handed on at once.
const RUN: usize = 256;

impl Source<'_> {
    /// Calls `each(group of the destination, group of the source)`.
    fn each_group(&self, mut each: impl FnMut(usize, usize)) {
        for (g, &group) in self.groups.iter().enumerate().filter(|(_, g)| **g != NOWHERE) {
            each(g, group);
        }
    }

    /// Calls `each(column of the source, column of the destination, number of columns)`.
    fn each_run(&self, mut each: impl FnMut(usize, usize, usize)) {
        for at in (0..self.columns.len()).step_by(RUN) {
            each(self.first + at, self.columns.start + at, RUN.min(self.columns.len() - at));
        }
    }

    /// Calls `each(group, first column, values)` of the destination with what `plane` finds in `bytes`.
    fn each_value(&self, bytes: &[u8], plane: &Plane, each: &mut impl FnMut(usize, usize, &[u32])) {
        let mut values = [0; RUN];
        self.each_group(|g, group| {
            self.each_run(|from, n, len| {
                plane.get_run(bytes, group, from, &mut values[..len]);
                each(g, n, &values[..len]);
            });
        });
    }

    fn aligned(&self, k: usize, n: usize) -> bool {
        let (ak, an) = self.packing.alignment(self.bits);
        k.is_multiple_of(ak) && n.is_multiple_of(an)
    }

    /// Reads the codes one by one into columns `to` of the tile, from column n of the source on.
    fn read_slowly(&self, k0: usize, n: usize, to: Range<usize>, tile: &mut Tile) {
        let width = self.packing.code_width(self.bits);
        let cols = &self.code_places.cols[n..][..to.len()];
        for (k, &row) in self.rows[k0..].iter().take(TILE).enumerate().filter(|(_, r)| **r != NOWHERE) {
            let row = self.code_places.rows[row];
            for (n, &col) in to.clone().zip(cols) {
                tile.set(self.bits, k, n, get(self.codes, width, row + col));
            }
        }
    }
}
