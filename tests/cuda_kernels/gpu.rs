//! A GPU to test kernels on: memory with guard bands, launches that may touch nothing else, a layer in it.

use std::ffi::c_void;

use awq_marlin::cuda::args::{self, GemvArgs};
use awq_marlin::cuda::{COUNTER_BYTES, CudaPlan, Gpu, Problem};
use awq_marlin::kernel::Kernel;
use awq_marlin::layout::{self, LayerView, Layout, Packed, Part};
use awq_marlin::parallel::Serial;
use awq_marlin::types::Dtype;
use awq_marlin_emulation::{Options, Stats, launch};

/// Memory of a GPU: 256-byte aligned, poisoned, with a guard band on both sides that must survive.
pub struct Memory {
    pub bytes: Vec<u8>,
    pub start: usize,
    pub len: usize,
}

pub const GUARD: usize = 256;

impl Memory {
    pub fn new(len: usize) -> Self {
        let bytes = vec![0xa5; len + 3 * GUARD];
        let start = GUARD + bytes.as_ptr().wrapping_add(GUARD).align_offset(256);
        Memory { bytes, start, len }
    }

    pub fn of(data: &[u8]) -> Self {
        let mut memory = Memory::new(data.len());
        memory.bytes[memory.start..][..data.len()].copy_from_slice(data);
        memory
    }

    pub fn zeros(len: usize) -> Self {
        Self::of(&vec![0; len])
    }

    pub fn at(&self) -> u64 {
        if self.len == 0 { 0 } else { self.bytes[self.start..].as_ptr() as u64 }
    }

    pub fn data(&self) -> &[u8] {
        let (before, rest) = self.bytes.split_at(self.start);
        let (data, after) = rest.split_at(self.len);
        assert!(before.iter().chain(after).all(|b| *b == 0xa5), "written out of bounds");
        data
    }
}

pub fn range(memory: &Memory) -> std::ops::Range<usize> {
    memory.at() as usize..memory.at() as usize + memory.len
}

/// Runs a kernel that may touch `memory` and nothing else.
pub fn go<T>(
    name: &str,
    grid: (u32, u32, u32),
    block: (u32, usize),
    options: &Options,
    args: &T,
    memory: &[&Memory],
) -> Stats {
    try_go(name, grid, block, options, args, memory).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn try_go<T>(
    name: &str,
    grid: (u32, u32, u32),
    (threads, shared_bytes): (u32, usize),
    options: &Options,
    args: &T,
    memory: &[&Memory],
) -> Result<Stats, String> {
    let options = Options { memory: memory.iter().map(|m| range(m)).collect(), ..options.clone() };
    let params = [(&raw const *args).cast_mut().cast::<c_void>()];
    // SAFETY: the struct is the kernel's; the emulation checks every access against `memory`.
    unsafe { launch(name, [grid.0, grid.1, grid.2], [threads, 1, 1], shared_bytes, &options, &params) }
}

pub const SMALL_GPU: Gpu = Gpu { capability: (8, 0), multiprocessors: 4, bandwidth_gbps: 100.0 };
pub const LARGE_GPU: Gpu = Gpu { capability: (9, 0), multiprocessors: 132, bandwidth_gbps: 3350.0 };

/// A launch of a kernel that multiplies.
pub struct Cut {
    pub kernel: String,
    pub splits: u32,
    pub slice_tiles: u32,
    pub grid: (u32, u32, u32),
    pub threads: u32,
    pub shared_bytes: usize,
    /// Bytes of the partial sums.
    pub partials: usize,
}

/// A layer on the "GPU".
pub struct Device {
    pub layer: Packed,
    pub qweight: Memory,
    pub scales: Memory,
    pub qzeros: Memory,
    pub bias: Memory,
}

impl Device {
    pub fn new(view: &LayerView) -> Self {
        let layer = layout::repack(&[Part::whole(*view)], Layout::Marlin, &Serial).unwrap();
        Device {
            qweight: Memory::of(&layer.qweight),
            scales: Memory::of(&layer.scales),
            qzeros: Memory::of(&layer.qzeros),
            bias: Memory::of(layer.bias.as_deref().unwrap_or(&[])),
            layer,
        }
    }

    pub fn plan(&self, gpu: &Gpu, m: usize, dtype: Dtype) -> CudaPlan {
        CudaPlan::new(gpu, &Problem::new(&self.layer.desc, m, dtype).unwrap(), Kernel::Gemv).unwrap()
    }

    /// y \[m, N\], rows `gap` elements further apart than they must be.
    pub fn gemv(
        &self,
        plan: &CudaPlan,
        m: usize,
        x: &[u8],
        y_dtype: Dtype,
        gaps: (usize, usize),
        options: &Options,
    ) -> Vec<u8> {
        let (bits, dtype) = (self.layer.desc.spec.bits.get(), plan.problem.dtype);
        let cut = Cut {
            kernel: format!("awqm_gemv_{}_w{bits}_n{}", name(dtype), plan.tiles),
            splits: plan.splits,
            slice_tiles: plan.slice_tiles,
            grid: plan.grid_for(m),
            threads: plan.block,
            shared_bytes: 0,
            partials: plan.workspace_bytes - plan.counter_bytes,
        };
        self.linear(&cut, (x, m, dtype), y_dtype, gaps, options).0
    }

    /// The same for any kernel that takes the arguments of GEMV, with what it did.
    pub fn linear(
        &self,
        cut: &Cut,
        x: (&[u8], usize, Dtype),
        y_dtype: Dtype,
        gaps: (usize, usize),
        options: &Options,
    ) -> (Vec<u8>, Stats) {
        self.try_linear(cut, x, y_dtype, gaps, options).unwrap_or_else(|e| panic!("{}: {e}", cut.kernel))
    }

    /// The same for a kernel that may be wrong.
    pub fn try_linear(
        &self,
        cut: &Cut,
        (x, m, dtype): (&[u8], usize, Dtype),
        y_dtype: Dtype,
        (x_gap, y_gap): (usize, usize),
        options: &Options,
    ) -> Result<(Vec<u8>, Stats), String> {
        let (d, p) = (&self.layer.desc, &self.layer.padded);
        let (x_row, y_row) = ((d.k + x_gap) * dtype.bytes(), (d.n + y_gap) * y_dtype.bytes());
        let mut rows = vec![0xff; m * x_row];
        for (to, from) in rows.chunks_mut(x_row).zip(x.chunks(d.k * dtype.bytes())) {
            to[..from.len()].copy_from_slice(from);
        }
        let (x, y) = (Memory::of(&rows), Memory::new(m * y_row));
        let counters = Memory::zeros(if cut.splits > 1 { COUNTER_BYTES } else { 0 });
        let partials = Memory::new(cut.partials);
        let args = GemvArgs {
            x: x.at(),
            y: y.at(),
            qweight: self.qweight.at(),
            scales: self.scales.at(),
            qzeros: self.qzeros.at(),
            bias: self.bias.at(),
            partials: partials.at(),
            counters: counters.at(),
            x_stride: (d.k + x_gap) as i64,
            y_stride: (d.n + y_gap) as i64,
            m: m as i32,
            n: d.n as i32,
            k: d.k as i32,
            n_tiles: (p.n / 64) as i32,
            k_tiles: (p.k / 16) as i32,
            group: d.spec.group.effective(d.k) as i32,
            group_rows: p.group as i32,
            groups: p.groups as i32,
            scale_dtype: args::dtype(d.scale_dtype),
            bias_dtype: args::dtype(self.layer.bias_dtype),
            y_dtype: args::dtype(y_dtype),
            splits: cut.splits as i32,
            slice_tiles: cut.slice_tiles as i32,
        };
        let name = &cut.kernel;
        let memory = [&x, &y, &self.qweight, &self.scales, &self.qzeros, &self.bias, &partials, &counters];
        let stats = try_go(name, cut.grid, (cut.threads, cut.shared_bytes), options, &args, &memory)?;
        assert!(counters.data().iter().all(|b| *b == 0), "{name}: counters are left zero");
        partials.data();
        let mut out = Vec::new();
        for row in y.data().chunks(y_row) {
            let (row, gap) = row.split_at(d.n * y_dtype.bytes());
            assert!(gap.iter().all(|b| *b == 0xa5), "{name}: written between rows");
            out.extend_from_slice(row);
        }
        Ok((out, stats))
    }
}

pub fn name(dtype: Dtype) -> &'static str {
    if dtype == Dtype::F16 { "f16" } else { "bf16" }
}
