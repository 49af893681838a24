//! Vectors of every width give the same bytes, whatever was there before, whatever the shape, size and alignment.

use awq_marlin::layout::{self, LayerDesc, LayerView, Layout, Part, TensorsMut, Width};
use awq_marlin::parallel::Pool;
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};

const FROM: [Layout; 6] = [
    Layout::AwqGemm,
    Layout::AwqGemv,
    Layout::CompressedTensors,
    Layout::GptqV2,
    Layout::Marlin,
    Layout::Cpu,
];
const TO: [Layout; 5] =
    [Layout::Marlin, Layout::Cpu, Layout::AwqGemm, Layout::Gptq, Layout::CompressedTensors];

/// The tensors of a layer, `offset` bytes behind a cache line.
struct Tensors {
    memory: [Vec<u8>; 3],
    start: [usize; 3],
    len: [usize; 3],
}

impl Tensors {
    fn new(desc: &LayerDesc, offset: usize, mut byte: impl FnMut() -> u8) -> Tensors {
        let sizes = layout::sizes(desc).unwrap();
        let len = [sizes.qweight, sizes.scales, sizes.qzeros];
        let memory = len.map(|len| (0..len + 128).map(|_| byte()).collect::<Vec<u8>>());
        let start = [0, 1, 2].map(|i| memory[i].as_ptr().align_offset(64) + offset);
        Tensors { memory, start, len }
    }

    fn bytes(&self, i: usize) -> &[u8] {
        &self.memory[i][self.start[i]..][..self.len[i]]
    }

    fn part(&self, desc: LayerDesc) -> Part<'_> {
        Part::whole(LayerView {
            desc,
            qweight: self.bytes(0),
            scales: self.bytes(1),
            qzeros: self.bytes(2),
            bias: None,
            bias_dtype: Dtype::F16,
        })
    }

    fn out(&mut self) -> TensorsMut<'_> {
        let (start, len) = (self.start, self.len);
        let [q, s, z] = &mut self.memory;
        TensorsMut {
            qweight: &mut q[start[0]..][..len[0]],
            scales: &mut s[start[1]..][..len[1]],
            qzeros: &mut z[start[2]..][..len[2]],
        }
    }

    /// The bytes around the tensors.
    fn around(&self) -> bool {
        (0..3).all(|i| {
            let (before, rest) = self.memory[i].split_at(self.start[i]);
            before.iter().chain(&rest[self.len[i]..]).all(|&b| b == 0xa5)
        })
    }
}

fn desc(k: usize, n: usize, bits: Bits, group: i64, layout: Layout) -> LayerDesc {
    let spec = QuantSpec { bits, group: GroupSize::new(group).unwrap(), zero_point: true };
    LayerDesc { k, n, spec, layout, scale_dtype: Dtype::F16 }
}

/// A source of bytes from a seed.
fn random(seed: u32) -> impl FnMut() -> u8 {
    let mut state = seed | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 11) as u8
    }
}

/// Repacks a random layer by every width and compares with the plainest; true when the layer has both layouts.
fn same(from: LayerDesc, to: Layout, threads: usize, offset: usize, seed: u32) -> bool {
    if layout::sizes(&from).is_err() {
        return false;
    }
    let source = Tensors::new(&from, offset, random(seed));
    let part = [source.part(from)];
    let Ok(target) = layout::joined_desc(&part, to) else { return false };
    let pool = Pool::new(threads).unwrap();
    let run = |width| {
        let mut out = Tensors::new(&target, offset, || 0xa5);
        layout::repack_by(width, &part, to, out.out(), &pool).unwrap();
        assert!(out.around(), "{width:?}");
        out
    };
    let expected = run(Width::Portable);
    for width in Width::ALL.into_iter().filter(|width| width.available()) {
        let found = run(width);
        for (i, name) in ["qweight", "scales", "qzeros"].into_iter().enumerate() {
            assert!(found.bytes(i) == expected.bytes(i), "{name}, {width:?}, {from:?} to {to}, seed {seed}");
        }
    }
    true
}

#[test]
fn every_width_gives_the_same_bytes() {
    let mut compared = 0;
    let sizes = [(64, 64, 64), (128, 192, 32), (256, 320, 128), (512, 64, -1), (320, 256, 64)];
    let odd = [(288, 96, 32), (200, 72, 24), (136, 1000, 8), (1000, 136, 128), (72, 130, 48), (96, 40, -1)];
    for (i, (k, n, group)) in sizes.into_iter().chain(odd).enumerate() {
        for (f, from) in FROM.into_iter().enumerate() {
            for (t, to) in TO.into_iter().enumerate() {
                for bits in [Bits::Four, Bits::Eight] {
                    let seed = 1 + (i * 64 + f * 8 + t) as u32;
                    let offset = [0, 32, 1][(i + f + t) % 3];
                    let from = desc(k, n, bits, group, from);
                    compared += same(from, to, 1 + seed as usize % 3, offset, seed) as usize;
                }
            }
        }
    }
    // Not every layout has a form for every shape.
    assert!(compared > 300, "{compared}");
}

#[test]
fn large_layers_that_pass_the_caches() {
    for (to, offset) in [(Layout::Marlin, 0), (Layout::Marlin, 8), (Layout::Cpu, 0), (Layout::Cpu, 32)] {
        assert!(same(desc(2048, 5120, Bits::Four, 128, Layout::AwqGemm), to, 2, offset, 99));
    }
}
