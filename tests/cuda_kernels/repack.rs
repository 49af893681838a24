//! Repack, every pair of layouts, bit for bit.

use awq_marlin::cuda::args::RepackArgs;
use awq_marlin::layout::{self, Layout, Part};
use awq_marlin::parallel::Serial;
use awq_marlin_emulation::Options;

use crate::gpu::{Memory, go};
use crate::kinds;

#[test]
fn repack_is_the_host_s() {
    const LAYOUTS: [Layout; 4] =
        [Layout::AwqGemm, Layout::AwqGemv, Layout::CompressedTensors, Layout::Marlin];
    let mut pairs = 0;
    for (i, case) in kinds().into_iter().enumerate() {
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
                        go(&name, (blocks, 1, 1), (256, 0), &Options::default(), &args, &[&src, &dst]);
                    }
                    assert!(dst.data() == &to_bytes[..], "{case:?} {name} from {from} to {to}");
                }
            }
        }
    }
    assert!(pairs > 200, "{pairs} pairs");
}
