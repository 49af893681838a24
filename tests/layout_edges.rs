//! Padding, refusals and their messages, joins that do not fit, and the building blocks of Python code.

mod common;

use awq_marlin::ErrorKind;
use awq_marlin::layout::marlin::{self, ScaleOrder};
use awq_marlin::layout::support::{self, KernelFamily, Support};
use awq_marlin::layout::{self, LayerDesc, LayerView, Layout, Packed, Padded, Part, Plain};
use awq_marlin::parallel::Serial;
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};
use common::{Tensors, fixture, read_safetensors};

fn desc(k: usize, n: usize, bits: Bits, group: i64, layout: Layout) -> LayerDesc {
    let spec = QuantSpec { bits, group: GroupSize::new(group).unwrap(), zero_point: true };
    LayerDesc { k, n, spec, layout, scale_dtype: Dtype::F16 }
}

fn view(desc: LayerDesc, t: &Tensors) -> LayerView<'_> {
    LayerView {
        desc,
        qweight: &t["qweight"].bytes,
        scales: &t["scales"].bytes,
        qzeros: &t["qzeros"].bytes,
        bias: t.get("bias").map(|b| &b.bytes[..]),
        bias_dtype: Dtype::F16,
    }
}

fn odd() -> (LayerDesc, Tensors) {
    let t = read_safetensors(&fixture("linear/k288_n96_g32_odd/awq_gemm.safetensors"));
    (desc(288, 96, Bits::Four, 32, Layout::AwqGemm), t)
}

/// Stored sizes.
fn grown(k: usize, n: usize, group: i64, layout: Layout) -> (usize, usize, usize, usize) {
    let p = layout::padded(&desc(k, n, Bits::Four, group, layout)).unwrap();
    (p.k, p.n, p.group, p.groups)
}

#[test]
fn padded_sizes() {
    assert_eq!(grown(4096, 4096, 128, Layout::Marlin), (4096, 4096, 128, 32));
    assert_eq!(grown(576, 576, 64, Layout::Marlin), (640, 576, 64, 10));
    assert_eq!(grown(288, 96, 32, Layout::Marlin), (384, 128, 32, 12));
    assert_eq!(grown(100, 60, -1, Layout::Marlin), (128, 64, 128, 1));
    // Groups of 24 rows take 32 each: 3 x 32 = 96, then to 128.
    assert_eq!(grown(72, 44, 24, Layout::Marlin), (128, 64, 32, 4));
    // A last group of 64 rows: 128 + 64, then to 256, which needs no more than two groups.
    assert_eq!(grown(192, 64, 128, Layout::Marlin), (256, 64, 128, 2));
    assert_eq!(grown(128, 64, 128, Layout::Marlin), (128, 64, 128, 1));
    assert_eq!(grown(4096, 4096, 128, Layout::Cpu), (4096, 4096, 128, 32));
    assert_eq!(grown(100, 60, -1, Layout::Cpu), (104, 64, 104, 1));
    assert_eq!(grown(50, 33, 12, Layout::Cpu), (4 * 16 + 8, 48, 16, 5));
    assert_eq!(grown(100, 60, -1, Layout::CompressedTensors), (104, 60, 104, 1));
    assert_eq!(grown(288, 96, 32, Layout::AwqGemv), (288, 96, 32, 32));
    assert_eq!(grown(256, 64, 64, Layout::AwqGemvFast), (256, 64, 64, 16));
    assert_eq!(grown(1024, 128, -1, Layout::AwqGemv), (1024, 128, 1024, 8));
}

#[test]
fn padding_adds_nothing() {
    let (d, t) = odd();
    let marlin = layout::repack(&[Part::whole(view(d, &t))], Layout::Marlin, &Serial).unwrap();
    assert_eq!(marlin.padded, Padded { k: 384, n: 128, group: 32, groups: 12 });
    // Seen as a layer of the stored size, everything beyond 288 x 96 is 0.
    let stored = LayerDesc { k: 384, n: 128, ..marlin.desc };
    let all =
        Plain::from_parts(&[Part::whole(LayerView { desc: stored, bias: None, ..marlin.view() })]).unwrap();
    for k in 0..384 {
        for n in 0..128 {
            let cell = k / 32 * 128 + n;
            if k >= 288 || n >= 96 {
                assert_eq!((all.q[k * 128 + n], all.z[cell]), (0, 0), "row {k}, column {n}");
                assert_eq!(all.scales[2 * cell..2 * cell + 2], [0, 0]);
            }
        }
    }
    let back = layout::repack(&[Part::whole(marlin.view())], Layout::AwqGemm, &Serial).unwrap();
    assert!(*back.qweight == t["qweight"].bytes && *back.scales == t["scales"].bytes);
    assert!(*back.qzeros == t["qzeros"].bytes && **back.bias.as_ref().unwrap() == t["bias"].bytes);
}

#[test]
fn a_cut_inside_a_group_regroups() {
    let (d, t) = odd();
    let group = |k: std::ops::Range<usize>| {
        let part = Part { k, ..Part::whole(view(d, &t)) };
        layout::joined_desc(&[part], Layout::Marlin).unwrap().spec.group
    };
    assert_eq!(group(0..144), GroupSize::Of(32));
    assert_eq!(group(144..288), GroupSize::Of(16));
    assert_eq!(group(96..288), GroupSize::Of(32));
    assert_eq!(group(100..288), GroupSize::Of(4));
    assert_eq!(group(33..64), GroupSize::PerChannel);
}

fn refused(d: LayerDesc, words: &[&str]) {
    let e = layout::sizes(&d).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
    for word in words {
        assert!(e.to_string().contains(word), "{e}: no {word}");
    }
}

#[test]
fn layouts_say_what_they_cannot_hold() {
    for layout in [Layout::AwqGemv, Layout::AwqGemvFast] {
        refused(desc(128, 64, Bits::Eight, 64, layout), &[layout.name(), "8 bits", "4 bits"]);
        refused(desc(192, 64, Bits::Four, 48, layout), &[layout.name(), "48", "32, 64"]);
    }
    let symmetric = |mut d: LayerDesc| {
        d.spec.zero_point = false;
        d
    };
    refused(symmetric(desc(128, 64, Bits::Eight, 64, Layout::AwqMarlin)), &["awq_marlin", "8 bits"]);
    refused(desc(128, 64, Bits::Four, 64, Layout::AwqMarlin), &["awq_marlin", "symmetric"]);
    refused(symmetric(desc(128, 96, Bits::Four, 64, Layout::AwqMarlin)), &["N", "96", "64"]);
    refused(desc(128, 60, Bits::Four, 64, Layout::AwqGemm), &["gemm", "N", "60", "8"]);
    refused(desc(100, 64, Bits::Four, -1, Layout::Gptq), &["gptq", "K", "100", "8"]);
    refused(desc(128, 62, Bits::Eight, 64, Layout::GptqV2), &["gptq_v2", "N", "62", "4"]);
    refused(desc(96, 64, Bits::Four, 32, Layout::AwqGemvFast), &["gemv_fast", "K", "96", "64"]);
    assert_eq!(
        layout::sizes(&desc(0, 64, Bits::Four, 64, Layout::Marlin)).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    let huge = desc(1 << 62, 1 << 62, Bits::Four, 128, Layout::Marlin);
    assert_eq!(layout::sizes(&huge).unwrap_err().kind(), ErrorKind::SizeOverflow);
}

#[test]
fn wrong_lengths_name_the_tensor() {
    let (d, t) = odd();
    for name in ["qweight", "scales", "qzeros", "bias"] {
        let mut t = t.clone();
        t.get_mut(name).unwrap().bytes.pop();
        let e = layout::check(&view(d, &t)).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Tensor);
        assert!(e.to_string().starts_with(name), "{e}");
        let len = t[name].bytes.len();
        assert!(e.to_string().contains(&format!("found {len} bytes, needed {} bytes", len + 1)), "{e}");
    }
}

#[test]
fn parts_must_agree() {
    let (d, t) = odd();
    let part = |d: LayerDesc| Part::whole(view(d, &t));
    let fails = |parts: &[Part], kind: ErrorKind, word: &str| {
        let e = layout::repack(parts, Layout::Marlin, &Serial).unwrap_err();
        assert_eq!(e.kind(), kind, "{e}");
        assert!(e.to_string().contains(word), "{e}: no {word}");
    };
    fails(&[], ErrorKind::InvalidArgument, "no part");
    let a = part(d);
    fails(&[Part { k: 5..5, ..a.clone() }], ErrorKind::InvalidArgument, "along K");
    fails(&[Part { n: 0..97, ..a.clone() }], ErrorKind::InvalidArgument, "0..97");
    fails(&[a.clone(), Part { k: 0..256, ..a.clone() }], ErrorKind::MixedFused, "differ in K");
    let bf16 = part(LayerDesc { scale_dtype: Dtype::BF16, ..d });
    fails(&[a.clone(), bf16], ErrorKind::MixedFused, "dtype of scales");
    let slice = Part { k: 0..32, ..a.clone() };
    fails(&[slice, Part { k: 16..48, ..a.clone() }], ErrorKind::MixedFused, "group size");
    let symmetric = layout::repack(&[Part::whole(marlin_v1().view())], Layout::Marlin, &Serial).unwrap();
    let rows = Part { k: 0..256, ..a.clone() };
    fails(&[rows, Part::whole(symmetric.view())], ErrorKind::MixedFused, "differ in");
}

fn marlin_v1() -> Packed {
    let spec = QuantSpec { bits: Bits::Four, group: GroupSize::Of(32), zero_point: false };
    let plain = Plain {
        k: 256,
        n: 64,
        spec,
        scale_dtype: Dtype::F16,
        q: vec![3; 256 * 64],
        z: vec![],
        scales: vec![0x11; 8 * 64 * 2],
        bias: None,
        bias_dtype: Dtype::F16,
    };
    plain.pack(Layout::AwqMarlin, &Serial).unwrap()
}

#[test]
fn a_bias_in_some_parts() {
    let (d, t) = odd();
    let with = Part { n: 0..4, ..Part::whole(view(d, &t)) };
    let without = Part { with_bias: false, ..with.clone() };
    let bias = |parts: &[Part]| layout::bias(parts).unwrap();
    assert!(bias(&[without.clone(), without.clone()]).is_none());
    let (joint, dtype) = bias(&[without, with.clone()]).unwrap();
    assert_eq!(dtype, Dtype::F16);
    assert_eq!(joint, [&[0; 8], &t["bias"].bytes[..8]].concat());
    let floats = [0; 4 * 96];
    let mut other = with.clone();
    (other.view.bias, other.view.bias_dtype) = (Some(&floats[..]), Dtype::F32);
    assert_eq!(layout::bias(&[with, other]).unwrap_err().kind(), ErrorKind::MixedFused);
}

#[test]
fn dense_layers_join() {
    let weight: Vec<u8> = (0..6 * 4 * 2).collect();
    let d = LayerDesc { scale_dtype: Dtype::BF16, ..desc(4, 6, Bits::Four, -1, Layout::Dense) };
    let view =
        LayerView { desc: d, qweight: &weight, scales: &[], qzeros: &[], bias: None, bias_dtype: Dtype::F16 };
    let a = Part { k: 1..3, n: 4..6, with_bias: true, view };
    let b = Part { k: 2..4, n: 0..1, with_bias: true, view };
    let joint = layout::repack(&[a.clone(), b], Layout::Dense, &Serial).unwrap();
    assert_eq!((joint.desc.k, joint.desc.n), (2, 3));
    assert_eq!(*joint.qweight, [34, 35, 36, 37, 42, 43, 44, 45, 4, 5, 6, 7]);
    let e = layout::repack(&[a], Layout::Marlin, &Serial).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported);
    // Transposed, and each value kept.
    let mut out = vec![0; 24 * 2];
    layout::dequantize(&view, Dtype::BF16, &mut out, &Serial).unwrap();
    assert_eq!(out[..12], [0, 1, 8, 9, 16, 17, 24, 25, 32, 33, 40, 41]);
}

#[test]
fn scaled_zeros_must_be_integers() {
    let t = read_safetensors(&fixture("linear/k128_n64_g128/awq_gemv_fast.safetensors"));
    let d = desc(128, 64, Bits::Four, 128, Layout::AwqGemvFast);
    assert!(Plain::from_parts(&[Part::whole(view(d, &t))]).is_ok());
    let scale = |i: usize| half::f16::from_le_bytes([t["scales"].bytes[2 * i], t["scales"].bytes[2 * i + 1]]);
    for wrong in [3.5f32, 16.0, -1.0, f32::NAN, f32::INFINITY] {
        let mut t = t.clone();
        let zs = half::f16::from_f32(-wrong * scale(7).to_f32());
        t.get_mut("qzeros").unwrap().bytes[14..16].copy_from_slice(&zs.to_le_bytes());
        let e = Plain::from_parts(&[Part::whole(view(d, &t))]).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Tensor);
        assert!(e.to_string().contains("group 0, column 7"), "{e}");
    }
}

#[test]
fn outputs_must_have_the_right_size() {
    let (d, t) = odd();
    let parts = [Part::whole(view(d, &t))];
    let sizes = layout::sizes(&layout::joined_desc(&parts, Layout::Cpu).unwrap()).unwrap();
    let run = |qweight: usize| {
        // Whatever was there before is overwritten.
        let (mut q, mut s, mut z) = (vec![0xff; qweight], vec![0xff; sizes.scales], vec![0xff; sizes.qzeros]);
        let out = layout::TensorsMut { qweight: &mut q, scales: &mut s, qzeros: &mut z };
        layout::repack_into(&parts, Layout::Cpu, out, &Serial).map(|_| (q, s, z))
    };
    let e = run(sizes.qweight - 1).unwrap_err();
    assert_eq!((e.kind(), e.needed_bytes()), (ErrorKind::BufferTooSmall, Some(sizes.qweight)));
    assert_eq!(run(sizes.qweight + 1).unwrap_err().kind(), ErrorKind::InvalidArgument);
    let packed = layout::repack(&parts, Layout::Cpu, &Serial).unwrap();
    assert_eq!(
        run(sizes.qweight).unwrap(),
        (packed.qweight.to_vec(), packed.scales.to_vec(), packed.qzeros.to_vec())
    );
}

#[test]
fn marlin_steps_equal_the_whole() {
    for (case, k, n, group, bits) in [
        ("linear/k512_n192_g64", 512, 192, 64i64, Bits::Four),
        ("linear/k1024_n128_channel", 1024, 128, -1, Bits::Four),
        ("linear8/w8_k256_n128_g64", 256, 128, 64, Bits::Eight),
        ("linear8/w8_k128_n64_g128", 128, 64, 128, Bits::Eight),
    ] {
        let awq = read_safetensors(&fixture(&format!("{case}/awq_gemm.safetensors")));
        let expected = read_safetensors(&fixture(&format!("{case}/marlin.safetensors")));
        let (group, groups) = (GroupSize::new(group).unwrap(), GroupSize::new(group).unwrap().count(k));
        let plain =
            Plain::from_parts(&[Part::whole(view(desc(k, n, bits, group.get(), Layout::AwqGemm), &awq))])
                .unwrap();

        let mut q = vec![0; awq["qweight"].bytes.len()];
        marlin::awq_marlin_repack(&awq["qweight"].bytes, k, n, bits, &mut q, &Serial).unwrap();
        assert!(q == expected["qweight"].bytes, "{case}");
        let gptq = plain.pack(Layout::GptqV2, &Serial).unwrap();
        marlin::gptq_marlin_repack(&gptq.qweight, k, n, bits, &mut q, &Serial).unwrap();
        assert!(q == expected["qweight"].bytes, "{case}");

        let mut z = vec![0; awq["qzeros"].bytes.len()];
        marlin::awq_to_marlin_zero_points(&awq["qzeros"].bytes, groups, n, bits, &mut z).unwrap();
        assert!(z == expected["qzeros"].bytes, "{case}");
        z.fill(0xff);
        marlin::zero_points_to_marlin(&plain.z, Dtype::U8, groups, n, bits, &mut z).unwrap();
        assert!(z == expected["qzeros"].bytes, "{case}");

        let order = ScaleOrder::of(k, group);
        assert_eq!(order == ScaleOrder::Single, groups == 1);
        let mut s = vec![0; awq["scales"].bytes.len()];
        marlin::permute_scales(&awq["scales"].bytes, Dtype::F16, groups, n, order, &mut s).unwrap();
        assert!(s == expected["scales"].bytes, "{case}");
        let mut back = vec![0; s.len()];
        marlin::unpermute_scales(&s, Dtype::F16, groups, n, order, &mut back).unwrap();
        assert!(back == awq["scales"].bytes, "{case}");
        let mut bias = vec![0; 2 * n];
        marlin::unpermute_bias(&expected["bias_permuted"].bytes, Dtype::F16, n, &mut bias).unwrap();
        assert!(bias == awq["bias"].bytes, "{case}");
    }
}

#[test]
fn columns_pack_in_order() {
    let codes: Vec<u8> = (0..16).collect();
    let mut words = vec![0; 8];
    marlin::pack_columns(&codes, Dtype::U8, 1, 16, Bits::Four, &mut words).unwrap();
    assert_eq!(words, [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]);
    let wide: Vec<u8> = codes.iter().flat_map(|&c| i32::from(c).to_le_bytes()).collect();
    let mut same = vec![0; 8];
    marlin::pack_columns(&wide, Dtype::I32, 2, 8, Bits::Four, &mut same).unwrap();
    assert_eq!(words, same);
    let mut back = vec![0; 64];
    marlin::unpack_columns(&words, 2, 8, Bits::Four, Dtype::I32, &mut back).unwrap();
    assert_eq!(back, wide);
    for bad in [vec![16u8; 16], vec![0; 15]] {
        let e = marlin::pack_columns(&bad, Dtype::U8, 1, 16, Bits::Four, &mut words).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::InvalidArgument);
    }
    assert!(marlin::pack_columns(&codes, Dtype::F16, 1, 8, Bits::Four, &mut words).is_err());
    assert!(marlin::pack_columns(&codes, Dtype::U8, usize::MAX, 16, Bits::Four, &mut words).is_err());
}

#[test]
fn marlin_steps_refuse_other_shapes() {
    let mut out = vec![0; 4];
    for (k, n) in [(24, 64), (16, 96), (0, 64), (16, 0)] {
        let e = marlin::awq_marlin_repack(&[], k, n, Bits::Four, &mut out, &Serial).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
    }
    let e = marlin::awq_marlin_repack(&[0; 3], 16, 64, Bits::Four, &mut out, &Serial).unwrap_err();
    assert!(e.to_string().contains("found 3 bytes, needed 512 bytes"), "{e}");
    assert!(marlin::permute_scales(&[0; 64], Dtype::F16, 1, 32, ScaleOrder::Grouped, &mut out).is_err());
    assert!(marlin::zero_points_to_marlin(&[0; 32], Dtype::U8, 1, 32, Bits::Four, &mut out).is_err());
}

#[test]
fn support() {
    let yes = |bits, group, zero, layout| support::quantization(bits, group, zero, layout) == Support::Yes;
    for group in support::MARLIN_GROUP_SIZES {
        for bits in [4, 8] {
            assert!(yes(bits, group, true, Layout::Marlin) && yes(bits, group, false, Layout::Marlin));
        }
    }
    assert!(matches!(support::quantization(4, 48, true, Layout::Marlin), Support::Yes));
    assert!(matches!(support::quantization(4, 24, true, Layout::Marlin), Support::Padded(_)));
    let no = |bits, group, zero, layout| match support::quantization(bits, group, zero, layout) {
        Support::No(why) => why,
        other => panic!("{other:?}"),
    };
    assert!(no(3, 128, true, Layout::Marlin).contains('3'));
    assert!(no(4, 0, true, Layout::Marlin).contains("group size"));
    assert!(no(8, 64, true, Layout::AwqGemv).contains("4 bits only"));
    assert!(no(4, 64, true, Layout::AwqMarlin).contains("symmetric"));
    assert!(no(4, 64, true, Layout::Dense).contains("dense"));

    let shape = |k, n| support::shape(&desc(k, n, Bits::Four, 64, Layout::Marlin));
    assert_eq!(shape(4096, 11008), Support::Yes);
    assert_eq!(shape(576, 100), Support::Padded(Padded { k: 640, n: 128, group: 64, groups: 10 }));
    assert!(matches!(shape(0, 64), Support::No(_)));

    assert_eq!(support::min_capability(KernelFamily::Gemv), (7, 5));
    assert_eq!(support::min_capability(KernelFamily::Gemm), (7, 5));
    assert_eq!(support::min_capability(KernelFamily::Marlin), (8, 0));
    assert_eq!(support::activation_dtypes(KernelFamily::Gemm, (7, 5)), [Dtype::F16]);
    assert_eq!(support::activation_dtypes(KernelFamily::Marlin, (8, 6)), [Dtype::F16, Dtype::BF16]);
    assert!(support::activation_dtypes(KernelFamily::Marlin, (7, 5)).is_empty());

    use marlin::KernelLineage::*;
    let words = |lineage, n| marlin::workspace_bytes(lineage, n, 108).unwrap() / 4;
    assert_eq!(words(PerProcessor, 4096), 108);
    assert_eq!(words(GptqMarlin, 4096), 1024);
    assert_eq!(words(Marlin, 4096), 512);
    assert_eq!(words(AwqMarlin, 4096), 256);
}
