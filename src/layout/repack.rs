//! From any layout to any layout: tiles of codes are read as column words and written, group by group for the rest.

use std::sync::{Mutex, PoisonError};

use super::address::{Address, Plane, put};
use super::join::{self, Sources};
use super::packing::{self, Axis, Packing};
use super::tile::{TILE, Tile};
use super::{LayerDesc, Layout, Packed, Padded, Part, float};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::parallel::Parallel;
use crate::types::{Bits, Dtype};

/// Where a repacked layer goes: the caller's memory, in exactly the sizes of [`super::sizes`].
#[derive(Debug)]
pub struct TensorsMut<'a> {
    /// Codes, or the dense weight.
    pub qweight: &'a mut [u8],
    /// Scales.
    pub scales: &'a mut [u8],
    /// Zero points.
    pub qzeros: &'a mut [u8],
}

/// Repacks parts of layers, joined along N, into new memory. The bias is joined with them.
///
/// Errors: those of [`super::joined_desc`], [`crate::ErrorKind::OutOfMemory`], and [`crate::ErrorKind::Tensor`] for scaled zero
/// points that are no integers.
pub fn repack(parts: &[Part], to: Layout, par: &dyn Parallel) -> Result<Packed> {
    let desc = join::joined_desc(parts, to)?;
    let bias = join::bias(parts)?;
    let mut packed = empty(desc)?;
    repack_into(parts, to, tensors(&mut packed), par)?;
    if let Some((bytes, dtype)) = bias {
        packed.bias = Some(Buffer::copy_of(&bytes)?);
        packed.bias_dtype = dtype;
    }
    Ok(packed)
}

/// As [`repack`], into the caller's memory; the bias is left to the caller (see [`super::bias`]).
///
/// Errors: those of [`repack`], and [`crate::ErrorKind::BufferTooSmall`] or [`crate::ErrorKind::InvalidArgument`] when a slice is
/// smaller or larger than needed.
pub fn repack_into(parts: &[Part], to: Layout, out: TensorsMut, par: &dyn Parallel) -> Result<LayerDesc> {
    let desc = join::joined_desc(parts, to)?;
    check_outputs(&desc, [out.qweight.len(), out.scales.len(), out.qzeros.len()])?;
    if to == Layout::Dense {
        super::dense::join(parts, &desc, out.qweight);
        return Ok(desc);
    }
    let p = packing::padded(&desc)?;
    let sources = Sources::new(parts, &desc, &p)?;
    write(&sources, packing::of(to)?, &desc, &p, out, par);
    Ok(desc)
}

/// Refuses outputs (qweight, scales, qzeros) that are not exactly of the sizes of `desc`, in bytes.
pub(crate) fn check_outputs(desc: &LayerDesc, found: [usize; 3]) -> Result<()> {
    let sizes = packing::sizes(desc)?;
    let needed = [sizes.qweight, sizes.scales, sizes.qzeros];
    for ((name, found), needed) in ["qweight", "scales", "qzeros"].into_iter().zip(found).zip(needed) {
        if found < needed {
            return Err(Error::too_small("the output is too small", found, needed).subject(name));
        }
        if found > needed {
            return Err(Error::invalid("the output has the wrong size")
                .subject(name)
                .found(format!("{found} bytes"))
                .needed(format!("{needed} bytes")));
        }
    }
    Ok(())
}

/// Zeroed memory for `desc`.
fn empty(desc: LayerDesc) -> Result<Packed> {
    let sizes = packing::sizes(&desc)?;
    Ok(Packed {
        desc,
        padded: packing::padded(&desc)?,
        qweight: Buffer::zeroed(sizes.qweight)?,
        scales: Buffer::zeroed(sizes.scales)?,
        qzeros: Buffer::zeroed(sizes.qzeros)?,
        bias: None,
        bias_dtype: Dtype::F16,
    })
}

fn tensors(packed: &mut Packed) -> TensorsMut<'_> {
    TensorsMut { qweight: &mut packed.qweight, scales: &mut packed.scales, qzeros: &mut packed.qzeros }
}

/// New memory for `desc`, filled from `sources`.
pub(super) fn fill(sources: &Sources, desc: LayerDesc, par: &dyn Parallel) -> Result<Packed> {
    let mut packed = empty(desc)?;
    let padded = packed.padded;
    write(sources, packing::of(desc.layout)?, &desc, &padded, tensors(&mut packed), par);
    Ok(packed)
}

/// Writes all three tensors, which have the right sizes, in parallel.
pub(super) fn write(
    sources: &Sources,
    packing: &dyn Packing,
    desc: &LayerDesc,
    p: &Padded,
    out: TensorsMut,
    par: &dyn Parallel,
) {
    let codes = CodeWriter::new(sources, packing, desc.spec.bits, p, par);
    let mut tasks: Vec<Task> = vec![
        Box::new(|| write_scales(sources, packing, desc, p, out.scales)),
        Box::new(|| write_zeros(sources, packing, desc, p, out.qzeros)),
    ];
    tasks.extend(codes.tasks(out.qweight));
    run_all(par, tasks);
}

fn write_scales(sources: &Sources, packing: &dyn Packing, desc: &LayerDesc, p: &Padded, out: &mut [u8]) {
    let plane = Plane::new(8 * desc.scale_dtype.bytes(), packing.scales(p));
    out.fill(0);
    sources.scales(|g, n, s| plane.put_run(out, g, n, s));
}

fn write_zeros(sources: &Sources, packing: &dyn Packing, desc: &LayerDesc, p: &Padded, out: &mut [u8]) {
    out.fill(0);
    if !desc.spec.zero_point {
        return;
    }
    let plane = packing.zeros(p, desc.spec.bits);
    if !packing.scaled_zeros() {
        return sources.zeros(|g, n, z| plane.put_run(out, g, n, z));
    }
    // −z·s in the dtype of the scales, the exact product rounded once. z lies there as a float until s comes.
    let dtype = desc.scale_dtype;
    let plane = Plane { width: 8 * dtype.bytes(), ..plane };
    sources.zeros(|g, n, z| {
        for (i, &z) in z.iter().enumerate() {
            plane.put_run(out, g, n + i, &[float::from_f64(dtype, f64::from(z))]);
        }
    });
    sources.scales(|g, n, s| {
        for (i, &s) in s.iter().enumerate() {
            let mut z = [0];
            plane.get_run(out, g, n + i, &mut z);
            let product = float::to_f64(dtype, z[0]) * float::to_f64(dtype, s);
            plane.put_run(out, g, n + i, &[float::from_f64(dtype, -product)]);
        }
    });
}

/// Writes only the codes.
pub(super) fn write_codes(
    sources: &Sources,
    packing: &dyn Packing,
    bits: Bits,
    p: &Padded,
    out: &mut [u8],
    par: &dyn Parallel,
) {
    let codes = CodeWriter::new(sources, packing, bits, p, par);
    run_all(par, codes.tasks(out).collect());
}

/// Writes codes in contiguous pieces, tile by tile.
struct CodeWriter<'a> {
    sources: &'a Sources<'a>,
    packing: &'a dyn Packing,
    bits: Bits,
    padded: &'a Padded,
    places: Address,
    /// Rows (or columns, whichever varies slowest in the destination) of a piece.
    depth: usize,
}

impl<'a> CodeWriter<'a> {
    fn new(
        sources: &'a Sources<'a>,
        packing: &'a dyn Packing,
        bits: Bits,
        padded: &'a Padded,
        par: &dyn Parallel,
    ) -> Self {
        let outer = if packing.outer() == Axis::K { padded.k } else { padded.n };
        // A source whose slowest index is the other one is read in pieces of 8 tiles, which are whole cache lines.
        let most = if packing.outer() == sources.outer() { 4 } else { 8 };
        let depth = outer.div_ceil(TILE).div_ceil(par.threads().max(1)).clamp(1, most) * TILE;
        CodeWriter { sources, packing, bits, padded, places: packing.codes(padded, bits), depth }
    }

    fn tasks<'b>(&'b self, out: &'b mut [u8]) -> impl Iterator<Item = Task<'b>> {
        let inner = if self.packing.outer() == Axis::K { self.padded.n } else { self.padded.k };
        let piece = self.depth * (inner * self.packing.code_width(self.bits) / 8);
        let pieces = out.chunks_mut(piece.max(1)).enumerate();
        pieces.map(move |(i, piece)| Box::new(move || self.piece(i * self.depth, piece)) as Task)
    }

    /// Writes the piece that begins at row (or column) `start`.
    fn piece(&self, start: usize, out: &mut [u8]) {
        let p = self.padded;
        let mut tile = Tile::new();
        let mut each = |k: usize, n: usize| {
            self.sources.read(k, n, &mut tile);
            let (k_out, n_out) = match self.packing.outer() {
                Axis::K => (k - start, n),
                Axis::N => (k, n - start),
            };
            if k + TILE <= p.k && n + TILE <= p.n {
                return self.packing.write(self.bits, out, p, k_out, n_out, &tile);
            }
            let width = self.packing.code_width(self.bits);
            for r in 0..TILE.min(p.k - k) {
                for c in 0..TILE.min(p.n - n) {
                    let e = self.places.rows[k_out + r] + self.places.cols[n_out + c];
                    put(out, width, e, tile.get(self.bits, r, c));
                }
            }
        };
        let (rows, cols) = match self.packing.outer() {
            Axis::K => (start..(start + self.depth).min(p.k), 0..p.n),
            Axis::N => (0..p.k, start..(start + self.depth).min(p.n)),
        };
        // In the order in which the source lies.
        match self.sources.outer() {
            Axis::K => {
                for k in rows.step_by(TILE) {
                    cols.clone().step_by(TILE).for_each(|n| each(k, n));
                }
            }
            Axis::N => {
                for n in cols.step_by(TILE) {
                    rows.clone().step_by(TILE).for_each(|k| each(k, n));
                }
            }
        }
    }
}

/// A piece of work with the memory that it alone writes.
pub(super) type Task<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Runs tasks, in parallel.
pub(super) fn run_all(par: &dyn Parallel, tasks: Vec<Task>) {
    let tasks: Vec<_> = tasks.into_iter().map(|task| Mutex::new(Some(task))).collect();
    par.run(tasks.len(), &|i| {
        // Each task is taken once; a lock is never held while a task runs, so it cannot be poisoned.
        let task = tasks[i].lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task();
        }
    });
}
