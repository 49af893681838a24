//! The Marlin GEMM with one bug at a time: the emulation finds each.

use awq_marlin::cuda::marlin_tiles::TILES;
use awq_marlin::types::Dtype;
use awq_marlin_emulation::Options;

use crate::CASE;
use crate::cpu_common::*;
use crate::gpu::Device;
use crate::marlin::{Machine, cut};

/// Under how many of all schedules the kernel gives an error or another result than the whole one, and how many there are.
fn caught(bug: &str) -> (usize, usize) {
    // Six stages in a ring of five, so that the last lies where the sums go; the last piece of a row has two elements.
    let case = Case { k: 378, n: 128, group: 64, ..CASE };
    let layer = case.layer(2);
    let device = Device::new(&layer.packed.view());
    assert_eq!(device.layer.padded.k, 6 * 64);
    let (m, dtype) = (9, Dtype::F16);
    let x = activations(m, case.k, dtype, 4);
    // Rows start at multiples of 16 bytes, with NaN between them.
    let gap = case.k.next_multiple_of(8) - case.k;
    let wanted = expected(&layer, m, &decode(&x, dtype));
    let mut cut = cut(&device, &TILES[1], Machine::Ampere, m, dtype, 1);
    cut.kernel = format!("planted_marlin_{bug}");
    let all = Options::all(6);
    let wrong = all.iter().filter(|options| {
        match device.try_linear(&cut, (&x, m, dtype), Dtype::F32, (gap, 0), options) {
            Err(_) => true,
            Ok((y, _)) => {
                let y = decode(&y, Dtype::F32);
                let near = |((y, wanted), size): ((&f64, &f64), &f64)| (y - wanted).abs() <= 1e-6 * size;
                !y.iter().zip(&wanted.0).zip(&wanted.1).all(near)
            }
        }
    });
    (wrong.count(), all.len())
}

#[test]
fn the_whole_kernel_passes() {
    assert_eq!(caught("none").0, 0);
}

/// Some bugs show under every schedule, others only when threads or copies come late.
#[test]
fn every_bug_is_caught() {
    for (bug, always) in [
        ("waits_for_too_few", false),
        ("no_barrier", false),
        ("no_barrier_at_the_end", false),
        ("whole_pieces", true),
        ("never_commits", false),
        ("half_a_product", true),
    ] {
        let (wrong, all) = caught(bug);
        assert!(wrong > 0 && (!always || wrong == all), "{bug}: {wrong} of {all}");
    }
}
