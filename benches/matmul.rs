//! y = x · W on the CPU: bytes and operations a second, next to what this machine can do at all.
//!
//! ```text
//! cargo bench --bench matmul                                  the default table
//! cargo bench --bench matmul -- --threads 1,2 --shape 4096x4096 --m 1,16 --dtype bf16 --kernel gemv,gemm
//! cargo bench --bench matmul -- --peaks 1,2                  only what the machine can do, as lines of JSON
//! ```
//!
//! The yardsticks (reading memory once, products and sums in registers) are taken in the same run. Up to
//! M = 16 the weights are cold, as in a model: calls go round over copies that together exceed every cache. Each
//! figure is the best of several, because other programs can only make it worse.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use awq_marlin::buffer::Buffer;
use awq_marlin::cpu::{Compute, CpuDevice, CpuLinear, Isa, Kernel, XView, YMut};
use awq_marlin::layout::{LayerDesc, Layout, Packed, Padded};
use awq_marlin::parallel::{Parallel, Pool};
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};

mod machine;
use machine::Peaks;

/// More than five times the last-level cache of the machines at hand.
const COLD_BYTES: usize = 192 << 20;
const COLD_UP_TO: usize = 16;
/// How long one cell of the table is measured.
const CELL: Duration = Duration::from_millis(250);

/// What the command line selects.
struct Options {
    threads: Vec<usize>,
    shapes: Vec<(usize, usize)>,
    m: Vec<usize>,
    dtypes: Vec<Dtype>,
    kernels: Vec<Kernel>,
    compute: Compute,
    isa: Isa,
    bits: u32,
    group: i64,
    dense: bool,
    cold: bool,
    peaks_only: bool,
}

impl Options {
    fn parse() -> Options {
        let mut o = Options {
            threads: vec![1],
            shapes: vec![(4096, 4096), (576, 1536), (1536, 576), (576, 576)],
            m: vec![1, 4, 16, 64, 256],
            dtypes: vec![Dtype::F16, Dtype::BF16, Dtype::F32],
            kernels: vec![Kernel::Auto],
            compute: Compute::Exact,
            isa: Isa::detect().unwrap(),
            bits: 4,
            group: 128,
            dense: false,
            cold: true,
            peaks_only: false,
        };
        let mut args = std::env::args().skip(1).filter(|a| a != "--bench");
        while let Some(flag) = args.next() {
            let value = args.next().unwrap_or_else(|| panic!("{flag} needs a value"));
            let numbers = |v: &str| v.split(',').map(|n| n.parse().unwrap()).collect();
            match flag.as_str() {
                "--threads" => o.threads = numbers(&value),
                "--m" => o.m = numbers(&value),
                "--shape" => {
                    let pair =
                        |s: &str| s.split_once('x').map(|(k, n)| (k.parse().unwrap(), n.parse().unwrap()));
                    o.shapes = value.split(',').map(|s| pair(s).expect("KxN")).collect();
                }
                "--dtype" => {
                    let by_name =
                        |name: &str| Dtype::ALL.into_iter().find(|d| d.name() == name.to_uppercase());
                    o.dtypes = value.split(',').map(|d| by_name(d).expect("a dtype")).collect();
                }
                "--kernel" => o.kernels = value.split(',').map(|k| Kernel::from_name(k).unwrap()).collect(),
                "--compute" => {
                    o.compute = if value == "int8" { Compute::Int8 } else { Compute::Exact };
                }
                "--isa" => o.isa = Isa::from_name(&value).and_then(Isa::require).unwrap(),
                "--bits" => o.bits = value.parse().unwrap(),
                "--group" => o.group = value.parse().unwrap(),
                "--dense" => o.dense = value.parse().unwrap(),
                "--cold" => o.cold = value.parse().unwrap(),
                "--peaks" => (o.peaks_only, o.threads) = (true, numbers(&value)),
                _ => panic!("unknown option {flag}"),
            }
        }
        o
    }
}

fn main() {
    let o = Options::parse();
    for &threads in &o.threads {
        let pool: Arc<dyn Parallel> = Arc::new(Pool::new(threads).unwrap());
        let peaks = Peaks::measure(&*pool, o.isa);
        if o.peaks_only {
            println!("{}", peaks.json());
            continue;
        }
        println!(
            "{threads} threads, {}: reads {:.1} GB/s, {:.1} on small pages; 10^9 operations a second: {}",
            o.isa,
            peaks.read,
            peaks.read_small_pages,
            peaks.text()
        );
        println!(
            "{:>12} {:>5} {:>5} {:>5} {:>10} {:>8} {:>6} {:>8} {:>6}",
            "K x N", "M", "x", "kern", "us", "GB/s", "%read", "GFLOP/s", "%peak"
        );
        let device = CpuDevice::with(Some(o.isa), pool.clone()).unwrap();
        for &(k, n) in &o.shapes {
            let layers = copies(&o, k, n, &device);
            for &dtype in &o.dtypes {
                for &m in &o.m {
                    for &kernel in &o.kernels {
                        cell(&layers, m, dtype, kernel, peaks.read, peaks.f32());
                    }
                }
            }
        }
    }
}

/// Enough copies of one layer to push each other out of the caches.
fn copies(o: &Options, k: usize, n: usize, device: &CpuDevice) -> Vec<CpuLinear> {
    let first = layer(o, k, n);
    let count =
        if !o.cold { 1 } else { 1 + (COLD_BYTES / (first.qweight.len() + first.scales.len())).max(1) };
    let first = CpuLinear::from_packed(first, device).unwrap();
    let mut layers: Vec<_> =
        (1..count).map(|_| CpuLinear::new(&first.packed().view(), device).unwrap()).collect();
    layers.push(first);
    layers.into_iter().map(|layer| layer.with_compute(o.compute).unwrap()).collect()
}

fn layer(o: &Options, k: usize, n: usize) -> Packed {
    let spec = QuantSpec {
        bits: Bits::new(o.bits).unwrap(),
        group: GroupSize::new(o.group).unwrap(),
        zero_point: true,
    };
    let layout = if o.dense { Layout::Dense } else { Layout::Cpu };
    let desc = LayerDesc { k, n, spec, layout, scale_dtype: Dtype::F16 };
    let groups = spec.group.count(k);
    assert!(
        k.is_multiple_of(8) && n.is_multiple_of(16) && spec.group.effective(k).is_multiple_of(8),
        "a shape without padding"
    );
    let filled = |len: usize, byte: &dyn Fn(usize) -> u8| {
        let mut b = Buffer::zeroed(len).unwrap();
        b.iter_mut().enumerate().for_each(|(i, v)| *v = byte(i));
        b
    };
    // 0x1c00 and 0x1d00 are f16 numbers near 0.004.
    let scale = |i: usize| if i % 2 == 1 { 0x1c + (i / 2 % 2) as u8 } else { 0 };
    Packed {
        desc,
        padded: Padded { k, n, group: spec.group.effective(k), groups },
        qweight: if o.dense {
            filled(k * n * 2, &scale)
        } else {
            filled(k * n * o.bits as usize / 8, &|i| (i as u32).wrapping_mul(0x9e37_79b9).to_le_bytes()[3])
        },
        scales: filled(if o.dense { 0 } else { groups * n * 2 }, &scale),
        qzeros: filled(if o.dense { 0 } else { groups * n }, &|i| (i % 16) as u8),
        bias: None,
        bias_dtype: Dtype::F16,
    }
}

fn cell(layers: &[CpuLinear], m: usize, dtype: Dtype, kernel: Kernel, read: f64, peak: f64) {
    let (k, n) = (layers[0].desc().k, layers[0].desc().n);
    let plan = layers[0].plan(m, dtype, kernel).unwrap();
    let x: Vec<u8> = (0..m * k).flat_map(|i| encode((i * 7919 % 1000) as f32 / 500.0 - 1.0, dtype)).collect();
    let mut y = vec![0u8; m * n * dtype.bytes()];
    let mut workspace = Buffer::zeroed(plan.workspace_bytes).unwrap();
    let layers = if m <= COLD_UP_TO { layers } else { &layers[..1] };
    // Rounds of several calls, so that one clock reading is no part of a short call.
    let per_round = if m <= COLD_UP_TO { (layers.len() / 4).max(1) } else { 1 };
    let (mut best, mut at, start) = (f64::INFINITY, 0, Instant::now());
    while start.elapsed() < CELL || best.is_infinite() {
        let t = Instant::now();
        for _ in 0..per_round {
            let xv = XView::new(&x, dtype, m, k, k).unwrap();
            let yv = YMut::new(&mut y, dtype, m, n, n).unwrap();
            layers[at % layers.len()].run(&plan, xv, yv, &mut workspace).unwrap();
            at += 1;
        }
        best = best.min(t.elapsed().as_secs_f64() / per_round as f64);
    }
    black_box(&y);
    let gbps = layers[0].bytes() as f64 / best / 1e9;
    let gflops = plan.operations as f64 / best / 1e9;
    println!(
        "{:>12} {m:>5} {:>5} {:>5} {:>10.1} {gbps:>8.2} {:>6.0} {gflops:>8.1} {:>6.0}",
        format!("{k}x{n}"),
        dtype.name(),
        plan.kernel.name(),
        best * 1e6,
        gbps / read * 100.0,
        gflops / peak * 100.0
    );
}

fn encode(v: f32, dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F16 => half::f16::from_f32(v).to_le_bytes().to_vec(),
        Dtype::BF16 => half::bf16::from_f32(v).to_le_bytes().to_vec(),
        _ => v.to_le_bytes().to_vec(),
    }
}
