//! The CUDA kernels on the emulation: every GEMV variant against f64, dequantize and repack bit for bit against the host.

mod cpu_common;

use std::ffi::c_void;

use awq_marlin::cuda::args::{self, DequantizeArgs, GemvArgs, RepackArgs};
use awq_marlin::cuda::{COUNTER_BYTES, CudaPlan, Gpu, Problem};
use awq_marlin::kernel::Kernel;
use awq_marlin::layout::{self, Layout, Packed, Part};
use awq_marlin::parallel::Serial;
use awq_marlin::types::Dtype;
use awq_marlin_emulation::{Options, Order, launch};
use cpu_common::*;

/// Memory of a GPU: 256-byte aligned, poisoned, with a guard band on both sides that must survive.
struct Memory {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
}

const GUARD: usize = 256;

impl Memory {
    fn new(len: usize) -> Self {
        let bytes = vec![0xa5; len + 3 * GUARD];
        let start = GUARD + bytes.as_ptr().wrapping_add(GUARD).align_offset(256);
        Memory { bytes, start, len }
    }

    fn of(data: &[u8]) -> Self {
        let mut memory = Memory::new(data.len());
        memory.bytes[memory.start..][..data.len()].copy_from_slice(data);
        memory
    }

    fn zeros(len: usize) -> Self {
        Self::of(&vec![0; len])
    }

    fn at(&self) -> u64 {
        if self.len == 0 { 0 } else { self.bytes[self.start..].as_ptr() as u64 }
    }

    fn data(&self) -> &[u8] {
        let (before, rest) = self.bytes.split_at(self.start);
        let (data, after) = rest.split_at(self.len);
        assert!(before.iter().chain(after).all(|b| *b == 0xa5), "written out of bounds");
        data
    }
}

fn range(memory: &Memory) -> std::ops::Range<usize> {
    memory.at() as usize..memory.at() as usize + memory.len
}

/// Runs a kernel that may touch `memory` and nothing else.
fn go<T>(
    name: &str,
    grid: (u32, u32, u32),
    block: u32,
    options: &Options,
    args: &T,
    memory: &[&Memory],
) -> awq_marlin_emulation::Stats {
    let options = Options { memory: memory.iter().map(|m| range(m)).collect(), ..options.clone() };
    let mut params = [(&raw const *args).cast_mut().cast::<c_void>()];
    // SAFETY: the struct is the kernel's; the emulation checks every access against `memory`.
    let done =
        unsafe { launch(name, [grid.0, grid.1, grid.2], [block, 1, 1], 0, &options, &mut params) };
    done.unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn marlin(packed: &Packed) -> Packed {
    layout::repack(&[Part::whole(packed.view())], Layout::Marlin, &Serial).unwrap()
}

const SMALL_GPU: Gpu = Gpu { capability: (8, 0), multiprocessors: 4, bandwidth_gbps: 100.0 };
const LARGE_GPU: Gpu = Gpu { capability: (9, 0), multiprocessors: 132, bandwidth_gbps: 3350.0 };

/// A layer on the "GPU".
struct Device {
    layer: Packed,
    qweight: Memory,
    scales: Memory,
    qzeros: Memory,
    bias: Memory,
}

impl Device {
    fn new(packed: &Packed) -> Self {
        let layer = marlin(packed);
        Device {
            qweight: Memory::of(&layer.qweight),
            scales: Memory::of(&layer.scales),
            qzeros: Memory::of(&layer.qzeros),
            bias: Memory::of(layer.bias.as_deref().unwrap_or(&[])),
            layer,
        }
    }

    fn plan(&self, gpu: &Gpu, m: usize, dtype: Dtype) -> CudaPlan {
        CudaPlan::new(gpu, &Problem::new(&self.layer.desc, m, dtype).unwrap(), Kernel::Auto).unwrap()
    }

    /// y \[m, N\], rows `gap` elements further apart than they must be.
    fn gemv(
        &self,
        plan: &CudaPlan,
        m: usize,
        x: &[u8],
        y_dtype: Dtype,
        (x_gap, y_gap): (usize, usize),
        options: &Options,
    ) -> Vec<u8> {
        let (d, p, dtype) = (&self.layer.desc, &self.layer.padded, plan.problem.dtype);
        let (x_row, y_row) = ((d.k + x_gap) * dtype.bytes(), (d.n + y_gap) * y_dtype.bytes());
        let mut rows = vec![0xff; m * x_row];
        for (to, from) in rows.chunks_mut(x_row).zip(x.chunks(d.k * dtype.bytes())) {
            to[..from.len()].copy_from_slice(from);
        }
        let (x, y) = (Memory::of(&rows), Memory::new(m * y_row));
        let counters = Memory::zeros(if plan.splits > 1 { COUNTER_BYTES } else { 0 });
        let partials = Memory::new(plan.workspace_bytes - plan.counter_bytes);
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
            splits: plan.splits as i32,
            slice_tiles: plan.slice_tiles as i32,
        };
        let name = format!("awqm_gemv_{}_w{}_n{}", name(dtype), d.spec.bits.get(), plan.tiles);
        let memory =
            [&x, &y, &self.qweight, &self.scales, &self.qzeros, &self.bias, &partials, &counters];
        go(&name, plan.grid_for(m), plan.block, options, &args, &memory);
        assert!(counters.data().iter().all(|b| *b == 0), "{name}: counters are left zero");
        partials.data();
        let mut out = Vec::new();
        for row in y.data().chunks(y_row) {
            let (row, gap) = row.split_at(d.n * y_dtype.bytes());
            assert!(gap.iter().all(|b| *b == 0xa5), "{name}: written between rows");
            out.extend_from_slice(row);
        }
        out
    }
}

fn name(dtype: Dtype) -> &'static str {
    if dtype == Dtype::F16 { "f16" } else { "bf16" }
}

const CASE: Case =
    Case { k: 512, n: 128, group: 128, bits: 4, zero_point: true, scale_dtype: Dtype::F16, bias: true };

/// Shapes that fill tiles and shapes that do not, every group size's kind, both widths, with and without zero points.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (k, n, group) in [
        (512, 128, 128),
        (512, 192, 32),
        (256, 64, 64),
        (256, 64, 16),
        (384, 64, -1),
        (128, 64, 128),
        (100, 60, -1),
        (72, 44, 24),
        (250, 70, 50),
        (97, 33, 32),
    ] {
        for bits in [4, 8] {
            for zero_point in [true, false] {
                cases.push(Case { k, n, group, bits, zero_point, ..CASE });
            }
        }
    }
    cases.push(Case { scale_dtype: Dtype::BF16, ..CASE });
    cases.push(Case { scale_dtype: Dtype::F32, bias: false, ..CASE });
    cases.push(Case { scale_dtype: Dtype::F32, group: -1, ..CASE });
    cases
}

#[test]
fn gemv_is_right_for_every_kind_of_layer() {
    for (i, case) in cases().into_iter().enumerate() {
        let layer = case.layer(i as u64);
        let device = Device::new(&layer.packed);
        for dtype in [Dtype::F16, Dtype::BF16] {
            for (m, gpu) in [(1, &SMALL_GPU), (3, &LARGE_GPU), (8, &SMALL_GPU), (19, &LARGE_GPU)] {
                let x = activations(m, case.k, dtype, 7);
                let wanted = expected(&layer, m, &decode(&x, dtype));
                let plan = device.plan(gpu, m, dtype);
                let y = device.gemv(&plan, m, &x, Dtype::F32, (i % 3, i % 2), &Options::default());
                let what = format!("{case:?} m {m} {dtype} splits {} tiles {}", plan.splits, plan.tiles);
                assert_close(&y, Dtype::F32, &wanted, 1e-6, &what);
            }
        }
    }
}

#[test]
fn gemv_writes_every_dtype() {
    let layer = CASE.layer(3);
    let device = Device::new(&layer.packed);
    let x = activations(2, CASE.k, Dtype::F16, 5);
    let wanted = expected(&layer, 2, &decode(&x, Dtype::F16));
    let plan = device.plan(&SMALL_GPU, 2, Dtype::F16);
    for y_dtype in [Dtype::F16, Dtype::BF16, Dtype::F32] {
        let y = device.gemv(&plan, 2, &x, y_dtype, (0, 0), &Options::default());
        assert_close(&y, y_dtype, &wanted, 1e-6, y_dtype.name());
    }
}

/// Both sizes of a block and many splits, under every schedule: right, and the same bits each time.
#[test]
fn gemv_is_the_same_under_every_schedule() {
    for (case, tiles, splits) in [
        (CASE, 1, 1),
        (Case { k: 1024, n: 192, ..CASE }, 1, 4),
        (Case { k: 1024, n: 192, group: 32, ..CASE }, 2, 3),
        (Case { k: 768, n: 64, bits: 8, ..CASE }, 1, 3),
        (Case { k: 768, n: 128, bits: 8, group: -1, ..CASE }, 2, 2),
    ] {
        let layer = case.layer(11);
        let device = Device::new(&layer.packed);
        let m = 3;
        let x = activations(m, case.k, Dtype::BF16, 1);
        let wanted = expected(&layer, m, &decode(&x, Dtype::BF16));
        let plan = cut(&device.plan(&LARGE_GPU, m, Dtype::BF16), tiles, splits);
        let mut first = None;
        for options in Options::all(3) {
            let y = device.gemv(&plan, m, &x, Dtype::F32, (0, 0), &options);
            assert_close(&y, Dtype::F32, &wanted, 1e-6, &format!("{case:?} {options:?}"));
            let first = first.get_or_insert_with(|| y.clone());
            assert_eq!(*first, y, "{case:?} {options:?}");
        }
    }
}

/// The same plan cut otherwise, through its text.
fn cut(plan: &CudaPlan, tiles: u32, splits: u32) -> CudaPlan {
    let mut plan = *plan;
    let p = plan.problem;
    let columns = (p.stored_n as u32 / 64).div_ceil(tiles);
    plan.tiles = tiles;
    plan.splits = splits;
    plan.slice_tiles = (p.stored_k as u32 / 16).div_ceil(splits * 4);
    plan.grid = (columns, splits, p.m.div_ceil(8) as u32);
    plan.counter_bytes = if splits > 1 { COUNTER_BYTES } else { 0 };
    plan.workspace_bytes = plan.counter_bytes + (columns * plan.grid.2 * splits * 8 * 64 * tiles * 4) as usize;
    plan
}

/// A row of NaN makes NaN of its own row and of no other.
#[test]
fn nan_stays_in_its_row() {
    let layer = CASE.layer(9);
    let device = Device::new(&layer.packed);
    let m = 5;
    let mut x = activations(m, CASE.k, Dtype::F16, 2);
    let wanted = expected(&layer, m, &decode(&x, Dtype::F16));
    let at = (2 * CASE.k + 77) * 2;
    x[at..at + 2].copy_from_slice(&half::f16::NAN.to_le_bytes());
    let plan = device.plan(&LARGE_GPU, m, Dtype::F16);
    let y = decode(&device.gemv(&plan, m, &x, Dtype::F32, (0, 0), &Options::default()), Dtype::F32);
    for (i, y) in y.iter().enumerate() {
        let (row, near) = (i / CASE.n, (y - wanted.0[i]).abs() <= 1e-6 * wanted.1[i]);
        assert!(if row == 2 { y.is_nan() } else { near }, "row {row}: {y}");
    }
}

#[test]
fn dequantize_is_the_host_s() {
    for (i, case) in cases().into_iter().enumerate() {
        let device = Device::new(&case.layer(i as u64).packed);
        let (d, p) = (&device.layer.desc, &device.layer.padded);
        for dtype in [Dtype::F16, Dtype::BF16] {
            let mut wanted = vec![0; d.k * d.n * 2];
            layout::dequantize(&device.layer.view(), dtype, &mut wanted, &Serial).unwrap();
            for transposed in [false, true] {
                let (rows, cols) = if transposed { (d.n, d.k) } else { (d.k, d.n) };
                let stride = cols + [0, 1, 8][i % 3];
                let w = Memory::new(rows * stride * 2);
                let args = DequantizeArgs {
                    qweight: device.qweight.at(),
                    scales: device.scales.at(),
                    qzeros: device.qzeros.at(),
                    w: w.at(),
                    w_stride: stride as i64,
                    n: d.n as i32,
                    k: d.k as i32,
                    n_tiles: (p.n / 64) as i32,
                    k_tiles: (p.k / 16) as i32,
                    group: d.spec.group.effective(d.k) as i32,
                    group_rows: p.group as i32,
                    groups: p.groups as i32,
                    scale_dtype: args::dtype(d.scale_dtype),
                    transposed: transposed.into(),
                };
                let name = format!("awqm_dequantize_{}_w{}", name(dtype), d.spec.bits.get());
                let grid = ((p.n / 64) as u32, (p.k as u32 / 16).div_ceil(8), 1);
                let memory = [&w, &device.qweight, &device.scales, &device.qzeros];
                let order = [Order::Forward, Order::Random(1)][i % 2];
                go(&name, grid, 256, &Options { order, ..Options::default() }, &args, &memory);
                for (r, line) in w.data().chunks(stride * 2).enumerate() {
                    assert!(line[cols * 2..].iter().all(|b| *b == 0xa5), "{name}: written between rows");
                    for (c, found) in line[..cols * 2].chunks(2).enumerate() {
                        let (k, n) = if transposed { (c, r) } else { (r, c) };
                        let at = (k * d.n + n) * 2;
                        assert_eq!(found, &wanted[at..at + 2], "{case:?} {name} {transposed} w[{k}][{n}]");
                    }
                }
            }
        }
    }
}

#[test]
fn repack_is_the_host_s() {
    const LAYOUTS: [Layout; 4] =
        [Layout::AwqGemm, Layout::AwqGemv, Layout::CompressedTensors, Layout::Marlin];
    let mut pairs = 0;
    for (i, case) in cases().into_iter().enumerate() {
        let layer = case.layer(i as u64);
        let packed = |to| layout::repack(&[Part::whole(layer.packed.view())], to, &Serial);
        for from in LAYOUTS {
            let Ok(source) = packed(from) else { continue };
            for to in LAYOUTS {
                let Ok(target) = packed(to) else { continue };
                if source.desc.spec != target.desc.spec {
                    continue;
                }
                pairs += 1;
                let (d, a, b) = (&source.desc, &source.padded, &target.padded);
                let args = RepackArgs {
                    src: 0,
                    dst: 0,
                    from: from.code() as i32,
                    to: to.code() as i32,
                    k: d.k as i32,
                    n: d.n as i32,
                    group: d.spec.group.effective(d.k) as i32,
                    from_k: a.k as i32,
                    from_n: a.n as i32,
                    from_group_rows: a.group as i32,
                    from_groups: a.groups as i32,
                    to_k: b.k as i32,
                    to_n: b.n as i32,
                    to_group_rows: b.group as i32,
                    to_groups: b.groups as i32,
                    element_bytes: d.scale_dtype.bytes() as i32,
                };
                let bits = d.spec.bits.get();
                for (name, from_bytes, to_bytes, unit) in [
                    (format!("awqm_repack_codes_w{bits}"), &source.qweight, &target.qweight, 4),
                    (format!("awqm_repack_zeros_w{bits}"), &source.qzeros, &target.qzeros, 4),
                    ("awqm_repack_scales".into(), &source.scales, &target.scales, d.scale_dtype.bytes()),
                ] {
                    let (src, dst) = (Memory::of(from_bytes), Memory::new(to_bytes.len()));
                    let args = RepackArgs { src: src.at(), dst: dst.at(), ..args };
                    let blocks = (to_bytes.len() / unit).div_ceil(256) as u32;
                    if blocks > 0 {
                        go(&name, (blocks, 1, 1), 256, &Options::default(), &args, &[&src, &dst]);
                    }
                    assert!(dst.data() == &to_bytes[..], "{case:?} {name} from {from} to {to}");
                }
            }
        }
    }
    assert!(pairs > 200, "{pairs} pairs");
}
