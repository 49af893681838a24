//! Dequantize, bit for bit.

use awq_marlin::cuda::args::{self, DequantizeArgs};
use awq_marlin::layout;
use awq_marlin::parallel::Serial;
use awq_marlin::types::Dtype;
use awq_marlin_emulation::{Options, Order};

use crate::gpu::{Device, Memory, go, name};
use crate::kinds;

#[test]
fn dequantize_is_the_host_s() {
    for (i, case) in kinds().into_iter().enumerate() {
        let device = Device::new(&case.layer(i as u64).packed.view());
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
                go(&name, grid, (256, 0), &Options { order, ..Options::default() }, &args, &memory);
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
