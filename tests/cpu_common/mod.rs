//! Random layers, activations and the comparison with the f64 reference, for the CPU tests.
#![allow(dead_code)]

use awq_marlin::buffer::Buffer;
use awq_marlin::cpu::{CpuDevice, CpuLinear, Isa, Kernel, XView, YMut, reference};
use awq_marlin::layout::{LayerDesc, Layout, Packed, Padded};
use awq_marlin::parallel::{Parallel, Serial};
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};
use half::{bf16, f16};
use std::sync::Arc;

/// A small generator, the same on every machine (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn bits(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }

    /// Uniform in −1..1.
    pub fn unit(&mut self) -> f32 {
        self.bits() as f32 / 2f32.powi(31) - 1.0
    }
}

/// Values as bytes of F16, BF16 or F32, rounded to nearest.
pub fn encode(values: &[f32], dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F16 => values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
        Dtype::BF16 => values.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect(),
        Dtype::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        other => panic!("{other} is no activation dtype"),
    }
}

/// Bytes of F16, BF16, F32 or F64 as values.
pub fn decode(bytes: &[u8], dtype: Dtype) -> Vec<f64> {
    match dtype {
        Dtype::F16 => {
            bytes.chunks_exact(2).map(|b| f16::from_le_bytes(b.try_into().unwrap()).to_f64()).collect()
        }
        Dtype::BF16 => {
            bytes.chunks_exact(2).map(|b| bf16::from_le_bytes(b.try_into().unwrap()).to_f64()).collect()
        }
        Dtype::F32 => {
            bytes.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect()
        }
        Dtype::F64 => bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
        other => panic!("{other} is no activation dtype"),
    }
}

/// A layer as a test describes it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub k: usize,
    pub n: usize,
    pub group: i64,
    pub bits: u32,
    pub zero_point: bool,
    pub scale_dtype: Dtype,
    pub bias: bool,
}

/// A packed layer and its weights in f64, \[K, N\].
pub struct Layer {
    pub packed: Packed,
    pub weight: Vec<f64>,
    pub bias: Vec<f64>,
}

fn copy(bytes: &[u8]) -> Buffer {
    Buffer::copy_of(bytes).unwrap()
}

impl Case {
    pub fn desc(&self) -> LayerDesc {
        LayerDesc {
            k: self.k,
            n: self.n,
            spec: QuantSpec {
                bits: Bits::new(self.bits).unwrap(),
                group: GroupSize::new(self.group).unwrap(),
                zero_point: self.zero_point,
            },
            layout: Layout::Cpu,
            scale_dtype: self.scale_dtype,
        }
    }

    /// Random codes, zero points and scales, written to the CPU layout by its formula.
    pub fn layer(&self, seed: u64) -> Layer {
        let (desc, mut random) = (self.desc(), Random::new(seed));
        let spec = desc.spec;
        let (group, groups) = (spec.group.effective(self.k), spec.group.count(self.k));
        let padded_group = group.next_multiple_of(8);
        let last = (self.k - (groups - 1) * group).next_multiple_of(8);
        let padded = Padded {
            k: (groups - 1) * padded_group + last,
            n: self.n.next_multiple_of(16),
            group: padded_group,
            groups,
        };
        let max = u32::from(spec.bits.max_code());
        let mut qweight = vec![0u8; padded.k * padded.n * self.bits as usize / 8];
        let mut zeros = vec![0u8; if self.zero_point { groups * padded.n } else { 0 }];
        let mut scales = vec![0f32; groups * padded.n];
        for g in 0..groups {
            for n in 0..self.n {
                let at = (n / 16 * groups + g) * 16 + n % 16;
                scales[at] = 0.01 + 0.01 * random.unit().abs();
                if self.zero_point {
                    zeros[at] = (random.bits() % (max + 1)) as u8;
                }
            }
        }
        let scale_bytes = encode(&scales, self.scale_dtype);
        let exact = decode(&scale_bytes, self.scale_dtype);
        let mut weight = vec![0f64; self.k * self.n];
        for k in 0..self.k {
            let row = k / group * padded_group + k % group;
            for n in 0..self.n {
                let q = random.bits() % (max + 1);
                let (nt, lane) = (n / 16, n % 16);
                match spec.bits {
                    Bits::Four => {
                        let nibble = row % 8 / 2 + 4 * (row % 2);
                        let tile = nt * (padded.k / 8) + row / 8;
                        qweight[64 * tile + 4 * lane + nibble / 2] |= (q << (4 * (nibble % 2))) as u8;
                    }
                    Bits::Eight => {
                        let tile = nt * (padded.k / 4) + row / 4;
                        qweight[64 * tile + 4 * lane + row % 4] = q as u8;
                    }
                }
                let at = (nt * groups + k / group) * 16 + lane;
                let z = if self.zero_point { zeros[at] } else { spec.bits.mid() };
                weight[k * self.n + n] = (f64::from(q) - f64::from(z)) * exact[at];
            }
        }
        let bias: Vec<f32> = (0..if self.bias { self.n } else { 0 }).map(|_| random.unit()).collect();
        let bias_bytes = encode(&bias, Dtype::F16);
        Layer {
            packed: Packed {
                desc,
                padded,
                qweight: copy(&qweight),
                scales: copy(&scale_bytes),
                qzeros: copy(&zeros),
                bias: self.bias.then(|| copy(&bias_bytes)),
                bias_dtype: Dtype::F16,
            },
            weight,
            bias: decode(&bias_bytes, Dtype::F16),
        }
    }

    /// Random dense weights \[N, K\] in `scale_dtype`.
    pub fn dense(&self, seed: u64) -> Layer {
        let mut random = Random::new(seed);
        let values: Vec<f32> = (0..self.k * self.n).map(|_| random.unit()).collect();
        let bytes = encode(&values, self.scale_dtype);
        let exact = decode(&bytes, self.scale_dtype);
        let weight = (0..self.k * self.n).map(|i| exact[i % self.n * self.k + i / self.n]).collect();
        let bias: Vec<f32> = (0..if self.bias { self.n } else { 0 }).map(|_| random.unit()).collect();
        let bias_bytes = encode(&bias, Dtype::F32);
        Layer {
            packed: Packed {
                desc: LayerDesc { layout: Layout::Dense, ..self.desc() },
                padded: Padded { k: self.k, n: self.n, group: self.k, groups: 1 },
                qweight: copy(&bytes),
                scales: copy(&[]),
                qzeros: copy(&[]),
                bias: self.bias.then(|| copy(&bias_bytes)),
                bias_dtype: Dtype::F32,
            },
            weight,
            bias: decode(&bias_bytes, Dtype::F32),
        }
    }
}

/// Every instruction set that this machine has.
pub fn isas() -> Vec<Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.available()).collect()
}

pub fn serial(isa: Isa) -> CpuDevice {
    device(isa, Arc::new(Serial))
}

pub fn device(isa: Isa, par: Arc<dyn Parallel>) -> CpuDevice {
    CpuDevice::with(Some(isa), par).unwrap()
}

/// Random activations \[m, k\] in `dtype`.
pub fn activations(m: usize, k: usize, dtype: Dtype, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    encode(&(0..m * k).map(|_| random.unit()).collect::<Vec<_>>(), dtype)
}

/// y \[m, N\] in `y_dtype` for x \[m, K\] in `dtype`.
pub fn run(linear: &CpuLinear, m: usize, x: &[u8], dtype: Dtype, y_dtype: Dtype, kernel: Kernel) -> Vec<u8> {
    let (k, n) = (linear.desc().k, linear.desc().n);
    let plan = linear.plan(m, dtype, kernel).unwrap();
    let mut workspace = vec![0xa5; plan.workspace_bytes];
    let mut y = vec![0xff; m * n * y_dtype.bytes()];
    let x = XView::new(x, dtype, m, k, k).unwrap();
    let view = YMut::new(&mut y, y_dtype, m, n, n).unwrap();
    linear.run(&plan, x, view, &mut workspace).unwrap();
    y
}

/// The reference's y, and the sums of |x|·|w| that bound the rounding of any order of additions.
pub fn expected(layer: &Layer, m: usize, x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (k, n) = (layer.packed.desc.k, layer.packed.desc.n);
    let y = reference::matmul(x, &layer.weight, &layer.bias, m, k, n);
    let size = reference::matmul(&abs(x), &abs(&layer.weight), &abs(&layer.bias), m, k, n);
    (y, size)
}

fn abs(values: &[f64]) -> Vec<f64> {
    values.iter().map(|v| v.abs()).collect()
}

/// Fails unless every element is within `relative` of its size, plus the rounding of `dtype`.
pub fn assert_close(y: &[u8], dtype: Dtype, wanted: &(Vec<f64>, Vec<f64>), relative: f64, what: &str) {
    let rounding = match dtype {
        Dtype::F16 => 2f64.powi(-11),
        Dtype::BF16 => 2f64.powi(-8),
        _ => 0.0,
    };
    let y = decode(y, dtype);
    assert_eq!(y.len(), wanted.0.len(), "{what}: number of elements");
    for (i, y) in y.iter().enumerate() {
        let (want, size) = (wanted.0[i], wanted.1[i]);
        let allowed = relative * size + rounding * want.abs() * 1.01 + 1e-30;
        assert!((y - want).abs() <= allowed, "{what}: element {i} is {y}, not {want} ± {allowed:e}");
    }
}
