//! From any layout to any layout: tiles of codes are read as column words and written, group by group for the rest.

use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::address::{Address, put};
use super::ahead::Ahead;
use super::lanes::{self, Width};
use super::packing::{self, Axis, How, Packing};
use super::source::Sources;
use super::tile::{TILE, Tile};
use super::{LayerDesc, Layout, Packed, Padded, Part, groups, join};
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
    repack_by(Width::widest(), parts, to, out, par)
}

/// As [`repack_into`], by vectors of a certain width, which changes nothing but the time.
///
/// Errors: those of [`repack_into`].
pub fn repack_by(
    width: Width,
    parts: &[Part],
    to: Layout,
    out: TensorsMut,
    par: &dyn Parallel,
) -> Result<LayerDesc> {
    let desc = join::joined_desc(parts, to)?;
    check_outputs(&desc, [out.qweight.len(), out.scales.len(), out.qzeros.len()])?;
    if to == Layout::Dense {
        super::dense::join(parts, &desc, out.qweight);
        return Ok(desc);
    }
    let p = packing::padded(&desc)?;
    let how = How { width, stream: true };
    let sources = Sources::new(parts, &desc, &p)?.by(how);
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

/// Memory for `desc`, every byte of which is going to be written.
fn empty(desc: LayerDesc) -> Result<Packed> {
    let sizes = packing::sizes(&desc)?;
    let padded = packing::padded(&desc)?;
    let [qweight, scales, qzeros] = Buffer::to_fill([sizes.qweight, sizes.scales, sizes.qzeros])?;
    Ok(Packed { desc, padded, qweight, scales, qzeros, bias: None, bias_dtype: Dtype::F16 })
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
        Box::new(|| groups::write_scales(sources, packing, desc, p, out.scales)),
        Box::new(|| groups::write_zeros(sources, packing, desc, p, out.qzeros)),
    ];
    tasks.extend(codes.tasks(out.qweight));
    run_all(par, tasks);
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

/// Codes of at least so many bytes are written past the caches: they would not stay there.
const STREAM: usize = 1 << 20;

/// Writes codes in contiguous pieces, tile by tile.
struct CodeWriter<'a> {
    sources: &'a Sources<'a>,
    packing: &'a dyn Packing,
    bits: Bits,
    padded: &'a Padded,
    how: How,
    /// A table that only tiles at the edge need.
    places: OnceLock<Address>,
    /// Rows (or columns, whichever varies slowest in the destination) of a piece.
    depth: usize,
    /// How much further the next piece of the same thread begins, about.
    stride: usize,
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
        let tiles = outer.div_ceil(TILE);
        // A hook may say any number.
        let threads = par.threads().clamp(1, tiles.max(1));
        // Of a source whose slowest index is the other one, a piece has a little of every row: the more the better, as
        // long as there are pieces enough for threads to end at about the same time.
        let most = match packing.outer() == sources.outer() {
            true => 2,
            false if tiles >= 16 * 4 * threads => 16,
            false => 8,
        };
        let depth = tiles.div_ceil(threads).clamp(1, most) * TILE;
        let bytes = padded.k * padded.n * packing.code_width(bits) / 8;
        let how = How { stream: sources.how().stream && bytes >= STREAM, ..sources.how() };
        let stride = depth * threads;
        CodeWriter { sources, packing, bits, padded, how, places: OnceLock::new(), depth, stride }
    }

    fn tasks<'b>(&'b self, out: &'b mut [u8]) -> impl Iterator<Item = Task<'b>> {
        let inner = if self.packing.outer() == Axis::K { self.padded.n } else { self.padded.k };
        let piece = self.depth * (inner * self.packing.code_width(self.bits) / 8);
        let pieces = out.chunks_mut(piece.max(1)).enumerate();
        pieces.map(move |(i, piece)| Box::new(move || self.piece(i * self.depth, piece)) as Task)
    }

    /// The rows and columns of the piece that begins at row (or column) `start`.
    fn ranges(&self, start: usize) -> (Range<usize>, Range<usize>) {
        let p = self.padded;
        match self.packing.outer() {
            Axis::K => (start..(start + self.depth).min(p.k), 0..p.n),
            Axis::N => (0..p.k, start..(start + self.depth).min(p.n)),
        }
    }

    /// Writes the piece that begins at row (or column) `start`, in the order in which the source lies: a row of tiles
    /// after the other, where a row of tiles is what lies together in the source.
    fn piece(&self, start: usize, out: &mut [u8]) {
        let (rows, cols) = self.ranges(start);
        let along_n = self.sources.outer() == Axis::K;
        let (slow, fast) = if along_n { (rows, cols) } else { (cols, rows) };
        let mut tile = Tile::new();
        for at in slow.clone().step_by(TILE) {
            // While this row of tiles is repacked, the next is asked for.
            let next = if at + TILE < slow.end { Some((at + TILE, fast.clone())) } else { self.after(start) };
            let mut ahead = match next {
                Some((k, n)) if along_n => self.sources.ahead(k, TILE, n),
                Some((n, k)) => self.sources.ahead(k.start, k.len(), n..(n + TILE).min(self.padded.n)),
                None => Ahead::default(),
            };
            let share = ahead.lines().div_ceil(fast.len().div_ceil(TILE));
            for beside in fast.clone().step_by(TILE) {
                ahead.ask(share);
                let (k, n) = if along_n { (at, beside) } else { (beside, at) };
                self.tile(start, k, n, &mut tile, out);
            }
        }
        if self.how.stream {
            lanes::fence();
        }
    }

    /// Where the source is read first for the piece that this thread takes after the one at `start`, probably.
    fn after(&self, start: usize) -> Option<(usize, Range<usize>)> {
        let (rows, cols) = self.ranges(start + self.stride);
        if rows.is_empty() || cols.is_empty() {
            return None;
        }
        Some(if self.sources.outer() == Axis::K { (rows.start, cols) } else { (cols.start, rows) })
    }

    /// Writes the tile at (k, n) into the piece that begins at `start`.
    fn tile(&self, start: usize, k: usize, n: usize, tile: &mut Tile, out: &mut [u8]) {
        let p = self.padded;
        self.sources.read(k, n, tile);
        let (k_out, n_out) = match self.packing.outer() {
            Axis::K => (k - start, n),
            Axis::N => (k, n - start),
        };
        if k + TILE <= p.k && n + TILE <= p.n {
            return self.packing.write(self.how, self.bits, out, p, k_out, n_out, tile);
        }
        let places = self.places.get_or_init(|| self.packing.codes(p, self.bits));
        let width = self.packing.code_width(self.bits);
        for r in 0..TILE.min(p.k - k) {
            for c in 0..TILE.min(p.n - n) {
                put(out, width, places.rows[k_out + r] + places.cols[n_out + c], tile.get(self.bits, r, c));
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
