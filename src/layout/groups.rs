//! Scales and zero points on their way from one layout to another.

use super::address::{NOWHERE, Plane};
use super::forms::{self, COLUMNS, ScaleForm, ZeroForm};
use super::packing::Packing;
use super::source::{Source, Sources, Zeros};
use super::{LayerDesc, Padded, float};

/// Writes the scales of the whole layer; padding is 0.
pub(super) fn write_scales(
    sources: &Sources,
    packing: &dyn Packing,
    desc: &LayerDesc,
    p: &Padded,
    out: &mut [u8],
) {
    let width = 8 * desc.scale_dtype.bytes();
    clear_padding(desc, p, width, out);
    let mut plane = None;
    for s in sources.list() {
        let form = packing.scale_form(p);
        let done = form.map_or(0, |form| {
            let blocks_first = matches!(form, ScaleForm::Strips | ScaleForm::Columns);
            s.scale_blocks(blocks_first, |g, n, scales| form.write(out, p, g, n, scales))
        });
        s.scales(done, |g, n, scales| {
            plane.get_or_insert_with(|| Plane::new(width, packing.scales(p))).put_run(out, g, n, scales)
        });
    }
}

/// Writes the zero points of the whole layer; padding is 0.
pub(super) fn write_zeros(
    sources: &Sources,
    packing: &dyn Packing,
    desc: &LayerDesc,
    p: &Padded,
    out: &mut [u8],
) {
    if !desc.spec.zero_point {
        return;
    }
    if packing.scaled_zeros() {
        out.fill(0);
        return write_scaled_zeros(sources, packing, desc, p, out);
    }
    let mut plane = None;
    let form = packing.zero_form(p, desc.spec.bits);
    let width = if let Some(ZeroForm::Strips) = form { 8 } else { desc.spec.bits.get() };
    clear_padding(desc, p, width, out);
    for s in sources.list() {
        let done = form.map_or(0, |form| {
            let blocks_first = matches!(form, ZeroForm::Strips | ZeroForm::Words { group: 1, .. });
            s.zero_blocks(blocks_first, |g, n, zeros| form.write(out, p, g, n, zeros))
        });
        s.zeros(done, |g, n, zeros| {
            plane.get_or_insert_with(|| packing.zeros(p, desc.spec.bits)).put_run(out, g, n, zeros)
        });
    }
}

/// −z·s in the dtype of the scales, the exact product rounded once. z lies there as a float until s comes.
fn write_scaled_zeros(
    sources: &Sources,
    packing: &dyn Packing,
    desc: &LayerDesc,
    p: &Padded,
    out: &mut [u8],
) {
    let dtype = desc.scale_dtype;
    let plane = Plane { width: 8 * dtype.bytes(), ..packing.zeros(p, desc.spec.bits) };
    for s in sources.list() {
        s.zeros(0, |g, n, z| {
            for (i, &z) in z.iter().enumerate() {
                plane.put_run(out, g, n + i, &[float::from_f64(dtype, f64::from(z))]);
            }
        });
        s.scales(0, |g, n, s| {
            for (i, &s) in s.iter().enumerate() {
                let mut z = [0];
                plane.get_run(out, g, n + i, &mut z);
                let product = float::to_f64(dtype, z[0]) * float::to_f64(dtype, s);
                plane.put_run(out, g, n + i, &[float::from_f64(dtype, -product)]);
            }
        });
    }
}

/// Zeroes a tensor that will not be written everywhere: `width` bits for each group and column of the layer.
fn clear_padding(desc: &LayerDesc, p: &Padded, width: usize, out: &mut [u8]) {
    let (groups, n) = (desc.spec.group.count(desc.k), desc.n);
    if (p.groups, p.n) != (groups, n) || groups * n * width != out.len() * 8 {
        out.fill(0);
    }
}

/// Columns that are handed on at once.
const RUN: usize = 256;

impl Source<'_> {
    /// Calls `each(g, n, zero points)` with runs of columns of the destination, for every logical group, leaving the
    /// first `skipped` columns out.
    pub fn zeros(&self, skipped: usize, mut each: impl FnMut(usize, usize, &[u32])) {
        match &self.zeros {
            Zeros::Symmetric => {
                let values = [self.bits.mid() as u32; RUN];
                self.each_run(skipped, |g, _, _, n, len| each(g, n, &values[..len]));
            }
            Zeros::Stored { packing, bytes, plane } => {
                let plane = plane.get_or_init(|| packing.zeros(&self.padded, self.bits));
                self.each_value(skipped, bytes, plane, each);
            }
        }
    }

    /// The same with the bits of scales.
    pub fn scales(&self, skipped: usize, each: impl FnMut(usize, usize, &[u32])) {
        self.each_value(skipped, self.scales, self.scale_places(), each);
    }

    /// Calls `each(g, n, 64 zero points)` as far as whole blocks of columns go, and returns the number of columns. For
    /// each block all groups where `blocks_first`, else for each group all blocks.
    pub fn zero_blocks(
        &self,
        blocks_first: bool,
        mut each: impl FnMut(usize, usize, &forms::Zeros),
    ) -> usize {
        let Zeros::Stored { packing, bytes, .. } = &self.zeros else { return 0 };
        let Some(form) = packing.zero_form(&self.padded, self.bits) else { return 0 };
        self.each_block(blocks_first, |g, group, from, n| {
            each(g, n, &form.read(bytes, &self.padded, group, from));
        })
    }

    /// The same with scales of 16 bits.
    pub fn scale_blocks(
        &self,
        blocks_first: bool,
        mut each: impl FnMut(usize, usize, &forms::Scales),
    ) -> usize {
        let Some(form) = self.packing.scale_form(&self.padded).filter(|_| self.scale_dtype.bytes() == 2)
        else {
            return 0;
        };
        self.each_block(blocks_first, |g, group, from, n| {
            each(g, n, &form.read(self.scales, &self.padded, group, from));
        })
    }

    /// Calls `each(group of the destination, group of the source)`.
    fn each_group(&self, mut each: impl FnMut(usize, usize)) {
        for (g, &group) in self.groups.iter().enumerate().filter(|(_, g)| **g != NOWHERE) {
            each(g, group);
        }
    }

    /// Calls `each(group of the destination, of the source, column of the source, of the destination)`.
    fn each_block(&self, blocks_first: bool, mut each: impl FnMut(usize, usize, usize, usize)) -> usize {
        if !self.first.is_multiple_of(COLUMNS) || !self.columns.start.is_multiple_of(COLUMNS) {
            return 0;
        }
        let blocks = self.columns.len() / COLUMNS;
        let (first, to) = (self.first, self.columns.start);
        let mut block = |g, group, b| each(g, group, first + COLUMNS * b, to + COLUMNS * b);
        if blocks_first {
            (0..blocks).for_each(|b| self.each_group(|g, group| block(g, group, b)));
        } else {
            self.each_group(|g, group| (0..blocks).for_each(|b| block(g, group, b)));
        }
        blocks * COLUMNS
    }

    /// Calls `each(group of the destination, of the source, column of the source, of the destination, columns)`.
    fn each_run(&self, skipped: usize, mut each: impl FnMut(usize, usize, usize, usize, usize)) {
        self.each_group(|g, group| {
            for at in (skipped..self.columns.len()).step_by(RUN) {
                let len = RUN.min(self.columns.len() - at);
                each(g, group, self.first + at, self.columns.start + at, len);
            }
        });
    }

    /// Calls `each(group, first column, values)` of the destination with what `plane` finds in `bytes`.
    fn each_value(
        &self,
        skipped: usize,
        bytes: &[u8],
        plane: &Plane,
        mut each: impl FnMut(usize, usize, &[u32]),
    ) {
        let mut values = [0; RUN];
        self.each_run(skipped, |g, group, from, n, len| {
            plane.get_run(bytes, group, from, &mut values[..len]);
            each(g, n, &values[..len]);
        });
    }
}
