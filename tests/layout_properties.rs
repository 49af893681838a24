//! Any layer, any pair of layouts, any slice: codes, zero points and scales arrive where they belong.
//!
//! The expectation is written down here from the layer's definition, [K, N] codes and groups, not from the library.

use awq_marlin::ErrorKind;
use awq_marlin::layout::{self, LayerDesc, LayerView, Layout, Packed, Part, Plain};
use awq_marlin::parallel::{Pool, Serial};
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};
use proptest::prelude::*;

const QUANTIZED: [Layout; 9] = [
    Layout::AwqGemm,
    Layout::AwqGemv,
    Layout::AwqGemvFast,
    Layout::AwqMarlin,
    Layout::CompressedTensors,
    Layout::Gptq,
    Layout::GptqV2,
    Layout::Marlin,
    Layout::Cpu,
];

/// A layer with mixed codes; scales are all different as long as there are fewer than 30000.
fn plain(k: usize, n: usize, spec: QuantSpec, seed: u32) -> Plain {
    let mut state = seed | 1;
    let mut code = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 11) as u8 & spec.bits.max_code()
    };
    let cells = spec.group.count(k) * n;
    Plain {
        k,
        n,
        spec,
        scale_dtype: Dtype::F16,
        q: (0..k * n).map(|_| code()).collect(),
        z: (0..if spec.zero_point { cells } else { 0 }).map(|_| code()).collect(),
        // From 0x1000, a normal number, so that gemv_fast's −z·s is exact enough and does not overflow.
        scales: (0..cells).flat_map(|i| (0x1000 + (i % 0x6000) as u16).to_le_bytes()).collect(),
        bias: Some((0..n).flat_map(|i| (i as u16).to_le_bytes()).collect()),
        bias_dtype: Dtype::F16,
    }
}

/// (code, zero point, bits of the scale, group) of row k and column n.
fn at(p: &Plain, k: usize, n: usize) -> (u8, u8, [u8; 2]) {
    let cell = k / p.spec.group.effective(p.k) * p.n + n;
    let z = if p.spec.zero_point { p.z[cell] } else { p.spec.bits.mid() };
    (p.q[k * p.n + n], z, [p.scales[2 * cell], p.scales[2 * cell + 1]])
}

/// The layer packed in `layout`, or nothing if it says that it has no form for it.
fn pack(p: &Plain, layout: Layout) -> Option<Packed> {
    match p.pack(layout, &Serial) {
        Ok(packed) => Some(packed),
        Err(e) => {
            assert_eq!(e.kind(), ErrorKind::Unsupported, "{layout}: {e}");
            assert!(e.to_string().contains(layout.name()), "{e}");
            None
        }
    }
}

fn whole(packed: &Packed) -> Part<'_> {
    Part::whole(packed.view())
}

/// Compares with expected (code, zero point, scale) of every row and column.
fn assert_is(found: &Plain, what: &str, expected: impl Fn(usize, usize) -> (u8, u8, [u8; 2])) {
    for k in 0..found.k {
        for n in 0..found.n {
            assert_eq!(at(found, k, n), expected(k, n), "{what}: row {k}, column {n}");
        }
    }
}

fn spec() -> impl Strategy<Value = QuantSpec> {
    let group = prop_oneof![
        2 => Just(-1i64),
        6 => prop::sample::select(vec![32i64, 64, 128]),
        2 => 1i64..80,
    ];
    let bits = prop_oneof![3 => Just(Bits::Four), 1 => Just(Bits::Eight)];
    (bits, group, prop::bool::weighted(0.7)).prop_map(|(bits, g, zero_point)| QuantSpec {
        bits,
        group: GroupSize::new(g).unwrap(),
        zero_point,
    })
}

/// Sizes that often fill tiles and often do not.
fn size(max: usize) -> impl Strategy<Value = usize> {
    prop_oneof![1..=max, (1..=max / 8).prop_map(|n| 8 * n), (1..=max / 64).prop_map(|n| 64 * n)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_pair_of_layouts((k, n) in (size(256), size(192)), spec in spec(), seed: u32, threads in 1usize..4) {
        let original = plain(k, n, spec, seed);
        let pool = Pool::new(threads).unwrap();
        for from in QUANTIZED {
            let Some(a) = pack(&original, from) else { continue };
            prop_assert_eq!(a.view().desc.k, k);
            for to in QUANTIZED {
                let b = match layout::repack(&[whole(&a)], to, &pool) {
                    Ok(b) => b,
                    Err(e) => {
                        prop_assert_eq!(e.kind(), ErrorKind::Unsupported);
                        continue;
                    }
                };
                layout::check(&b.view()).unwrap();
                let back = Plain::from_parts(&[whole(&b)]).unwrap();
                assert_is(&back, &format!("{from} to {to}"), |k, n| at(&original, k, n));
                prop_assert_eq!(&back.bias, &original.bias);
                if to == from {
                    prop_assert!(*a.qweight == *b.qweight && *a.scales == *b.scales && *a.qzeros == *b.qzeros);
                }
            }
        }
    }

    #[test]
    fn slices_and_joins(
        (k, n) in (size(200), size(128)),
        spec in spec(),
        seed: u32,
        cut in (0.0f64..1.0, 0.0f64..1.0),
        columns in prop::collection::vec((0.0f64..1.0, 0.0f64..1.0), 1..4),
    ) {
        let range = |a: f64, b: f64, len: usize| {
            let (a, b) = ((a * len as f64) as usize, (b * len as f64) as usize);
            a.min(b)..a.max(b) + 1
        };
        let rows = range(cut.0, cut.1, k);
        let columns: Vec<_> = columns.iter().map(|c| range(c.0, c.1, n)).collect();
        let layers: Vec<Plain> = (0..columns.len()).map(|i| plain(k, n, spec, seed ^ i as u32)).collect();
        for from in QUANTIZED {
            let packed: Vec<Packed> = layers.iter().filter_map(|l| pack(l, from)).collect();
            if packed.is_empty() {
                continue;
            }
            let parts: Vec<Part> = packed
                .iter()
                .zip(&columns)
                .map(|(p, n)| Part { view: p.view(), k: rows.clone(), n: n.clone(), with_bias: true })
                .collect();
            let joint: Vec<(usize, usize)> =
                columns.iter().enumerate().flat_map(|(i, c)| c.clone().map(move |n| (i, n))).collect();
            for to in [Layout::Marlin, Layout::Cpu, Layout::CompressedTensors] {
                let out = layout::repack(&parts, to, &Serial).unwrap();
                prop_assert_eq!(out.desc, layout::joined_desc(&parts, to).unwrap());
                let found = Plain::from_parts(&[whole(&out)]).unwrap();
                prop_assert_eq!((found.k, found.n), (rows.len(), joint.len()));
                assert_is(&found, &format!("{from} to {to}, rows {rows:?}"), |k, n| {
                    let (part, column) = joint[n];
                    at(&layers[part], rows.start + k, column)
                });
                let bias: Vec<u8> =
                    joint.iter().flat_map(|&(_, column)| (column as u16).to_le_bytes()).collect();
                prop_assert_eq!(found.bias, Some(bias));
            }
        }
    }

    #[test]
    fn dequantized_is_the_product_rounded_once(
        (k, n) in (size(150), size(100)),
        spec in spec(),
        seed: u32,
        scale_dtype in prop::sample::select(vec![Dtype::F16, Dtype::BF16, Dtype::F32]),
    ) {
        let mut p = plain(k, n, spec, seed);
        p.scale_dtype = scale_dtype;
        if scale_dtype == Dtype::F32 {
            let cells = p.scales.len() / 2;
            p.scales = (0..cells).flat_map(|i| (0.001f32 + i as f32 * 1.7e-7).to_le_bytes()).collect();
        }
        let packed = p.pack(Layout::Cpu, &Serial).unwrap();
        let scale = |cell: usize| match scale_dtype {
            Dtype::F16 => half::f16::from_le_bytes([p.scales[2 * cell], p.scales[2 * cell + 1]]).to_f64(),
            Dtype::BF16 => half::bf16::from_le_bytes([p.scales[2 * cell], p.scales[2 * cell + 1]]).to_f64(),
            _ => f32::from_le_bytes(p.scales[4 * cell..4 * cell + 4].try_into().unwrap()) as f64,
        };
        for dtype in [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::BF16] {
            let mut out = vec![0xaa; k * n * dtype.bytes()];
            layout::dequantize(&packed.view(), dtype, &mut out, &Pool::new(2).unwrap()).unwrap();
            for (i, w) in out.chunks_exact(dtype.bytes()).enumerate() {
                let (row, col) = (i / n, i % n);
                let cell = row / spec.group.effective(k) * n + col;
                let z = if spec.zero_point { p.z[cell] } else { spec.bits.mid() };
                let exact = (f64::from(p.q[i]) - f64::from(z)) * scale(cell);
                match dtype {
                    Dtype::F64 => prop_assert_eq!(f64::from_le_bytes(w.try_into().unwrap()), exact),
                    Dtype::F32 => {
                        prop_assert_eq!(f32::from_le_bytes(w.try_into().unwrap()), exact as f32);
                    }
                    _ => {
                        // No neighbour is nearer to the exact value.
                        let value = |b: u16| match dtype {
                            Dtype::F16 => half::f16::from_bits(b).to_f64(),
                            _ => half::bf16::from_bits(b).to_f64(),
                        };
                        let bits = u16::from_le_bytes(w.try_into().unwrap());
                        let error = |b: u16| (value(b) - exact).abs();
                        for near in [bits.wrapping_sub(1), bits.wrapping_add(1)] {
                            let nearer = error(near) < error(bits);
                            prop_assert!(!nearer, "{exact}: {bits:#x}, {near:#x}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn hostile_sizes_are_errors(
        k in prop_oneof![Just(0usize), 1usize..300, Just(usize::MAX), Just(usize::MAX / 2), any::<usize>()],
        n in prop_oneof![Just(0usize), 1usize..300, Just(usize::MAX), Just(1 << 62), any::<usize>()],
        spec in spec(),
        lengths in (0usize..600, 0usize..200, 0usize..100),
    ) {
        for layout in Layout::ALL {
            let desc = LayerDesc { k, n, spec, layout, scale_dtype: Dtype::F16 };
            let (qweight, scales, qzeros) = (vec![0; lengths.0], vec![0; lengths.1], vec![0; lengths.2]);
            let view = LayerView {
                desc,
                qweight: &qweight,
                scales: &scales,
                qzeros: &qzeros,
                bias: None,
                bias_dtype: Dtype::F16,
            };
            let fits = layout::sizes(&desc)
                .is_ok_and(|s| (s.qweight, s.scales, s.qzeros) == (lengths.0, lengths.1, lengths.2));
            prop_assert_eq!(layout::check(&view).is_ok(), fits);
            prop_assert!(fits || layout::repack(&[Part::whole(view)], Layout::Marlin, &Serial).is_err());
            prop_assert!(fits || layout::dequantize(&view, Dtype::F32, &mut [], &Serial).is_err());
        }
    }
}
