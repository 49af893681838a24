//! Layers, activations and results that other projects' own code wrote.

use awq_marlin::layout::Layout;
use awq_marlin::types::Dtype;

use crate::common::{StoredLayer, cases, read_safetensors};
use crate::cpu_common::assert_close;
use crate::gpu::Device;

/// Compares what `run` makes of x (\[m, K\] of a dtype) with each stored result of one of these numbers of rows. Returns how
/// many there were.
pub fn each_fixture(rows: &[usize], run: impl Fn(&Device, &[u8], usize, Dtype) -> Vec<u8>) -> usize {
    let mut compared = 0;
    for (group, file, layout) in [
        ("linear", "awq_gemm.safetensors", Layout::AwqGemm),
        ("linear8", "awq_gemm.safetensors", Layout::AwqGemm),
        ("marlin_v1", "awq_marlin_v1.safetensors", Layout::AwqMarlin),
        ("compressed_tensors", "layer.safetensors", Layout::CompressedTensors),
    ] {
        for dir in cases(group) {
            let layer = StoredLayer::open(&dir, file, layout);
            let device = Device::new(&layer.view(false));
            let io = read_safetensors(&dir.join("io.safetensors"));
            for &m in rows {
                let Some(x) = io.get(&format!("x_m{m}")) else { continue };
                let y = run(&device, &x.bytes, m, x.element());
                let wanted = layer.expected(x, &io[&format!("y_m{m}")], false);
                assert_close(&y, Dtype::F32, &wanted, layer.rounding(), &format!("{} m {m}", dir.display()));
                compared += 1;
            }
        }
    }
    compared
}
