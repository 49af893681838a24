//! Repacking of one layer of a 7B model (K = 4096, N = 11008, group 128, 4 bits, 23 MB), into memory that is there
//! already, beside a plain copy of the same bytes.
//!
//! `cargo bench --bench repack`; the GB/s are bytes of the packed layer, read once and written once.

use awq_marlin::layout::{self, LayerDesc, LayerView, Layout, Packed, Part, TensorsMut};
use awq_marlin::parallel::{Pool, Serial};
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};
use divan::counter::BytesCount;

const K: usize = 4096;
const N: usize = 11008;
const PAIRS: [(Layout, Layout); 9] = [
    (Layout::AwqGemm, Layout::Marlin),
    (Layout::AwqGemm, Layout::Cpu),
    (Layout::Marlin, Layout::Cpu),
    (Layout::GptqV2, Layout::Marlin),
    (Layout::CompressedTensors, Layout::Marlin),
    (Layout::CompressedTensors, Layout::Cpu),
    (Layout::AwqGemv, Layout::Cpu),
    (Layout::AwqGemvFast, Layout::Cpu),
    (Layout::Marlin, Layout::AwqGemm),
];

/// A layer of mixed codes in `to`.
fn layer(to: Layout) -> Packed {
    let spec = QuantSpec { bits: Bits::Four, group: GroupSize::Of(128), zero_point: true };
    let desc = LayerDesc { k: K, n: N, spec, layout: Layout::AwqGemm, scale_dtype: Dtype::F16 };
    let sizes = layout::sizes(&desc).unwrap();
    let bytes = |len: usize| (0..len).map(|i| (i as u32).wrapping_mul(0x9e37_79b9).to_be_bytes()[0]);
    let (qweight, qzeros) =
        (bytes(sizes.qweight).collect::<Vec<u8>>(), bytes(sizes.qzeros).collect::<Vec<u8>>());
    let scales = half::f16::from_f32(0.01).to_le_bytes().repeat(sizes.scales / 2);
    let view = LayerView {
        desc,
        qweight: &qweight,
        scales: &scales,
        qzeros: &qzeros,
        bias: None,
        bias_dtype: Dtype::F16,
    };
    layout::repack(&[Part::whole(view)], to, &Serial).unwrap()
}

fn bytes(p: &Packed) -> usize {
    p.qweight.len() + p.scales.len() + p.qzeros.len()
}

#[divan::bench(args = [1, 2])]
fn memcpy(bencher: divan::Bencher, threads: usize) {
    let from = layer(Layout::AwqGemm);
    let mut to = vec![1u8; from.qweight.len()];
    let pool = Pool::new(threads).unwrap();
    bencher.counter(BytesCount::new(from.qweight.len())).bench_local(|| {
        use awq_marlin::parallel::Parallel;
        let piece = to.len().div_ceil(threads);
        let pieces: Vec<_> = to.chunks_mut(piece).map(std::sync::Mutex::new).collect();
        pool.run(pieces.len(), &|i| {
            let mut to = pieces[i].lock().unwrap();
            let len = to.len();
            to.copy_from_slice(&from.qweight[i * piece..i * piece + len]);
        });
    });
}

#[divan::bench(args = PAIRS.iter().flat_map(|p| [(p, 1), (p, 2)]).map(|((a, b), t)| format!("{a} to {b}, {t} threads")))]
fn repack(bencher: divan::Bencher, name: &str) {
    let words: Vec<&str> = name.split([' ', ',']).collect();
    let (from, to) = (Layout::from_name(words[0]).unwrap(), Layout::from_name(words[2]).unwrap());
    let pool = Pool::new(words[4].parse().unwrap()).unwrap();
    let (from, mut out) = (layer(from), layer(to));
    bencher.counter(BytesCount::new(bytes(&from))).bench_local(|| {
        let out = TensorsMut { qweight: &mut out.qweight, scales: &mut out.scales, qzeros: &mut out.qzeros };
        layout::repack_into(&[Part::whole(from.view())], to, out, &pool).unwrap()
    });
}

#[divan::bench(args = [1, 2])]
fn dequantize_gemm_to_f16(bencher: divan::Bencher, threads: usize) {
    let from = layer(Layout::AwqGemm);
    let mut out = vec![1u8; K * N * 2];
    let pool = Pool::new(threads).unwrap();
    bencher.counter(BytesCount::new(bytes(&from))).bench_local(|| {
        layout::dequantize(&from.view(), Dtype::F16, &mut out, &pool).unwrap();
    });
}

fn main() {
    divan::main();
}
