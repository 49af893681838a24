//! Peak rates of the instructions that kernels are made of.

use std::hint::black_box;

use awq_marlin::cpu::Isa;
use awq_marlin::parallel::Parallel;

use super::best_of;

/// So many sums at once hide every latency.
const SUMS: usize = 12;
const ROUNDS: usize = 1_000_000;
const TRIES: usize = 6;

/// Every instruction that this machine has: its name, the bits of a vector, 10^9 operations a second.
pub fn all(par: &dyn Parallel, isa: Isa) -> Vec<(&'static str, u32, f64)> {
    let mut found = Vec::new();
    let mut rate = |name, bits: u32, products_per_lane: usize, run: &(dyn Fn() + Sync)| {
        let operations = 2 * products_per_lane * (bits as usize / 32) * SUMS * ROUNDS * par.threads();
        let best = best_of(TRIES, || {
            par.run(par.threads(), &|_| run());
            operations as f64 / 1e9
        });
        found.push((name, bits, best));
    };
    #[cfg(target_arch = "x86_64")]
    if isa != Isa::Portable {
        // SAFETY: here and below, the features were just found, or belong to the instruction set that was required.
        rate("fma_f32", 256, 1, &|| unsafe { x86::fma256() });
        if isa == Isa::Avx512 {
            // SAFETY: see above.
            rate("fma_f32", 512, 1, &|| unsafe { x86::fma512() });
            if is_x86_feature_detected!("avx512bf16") {
                // SAFETY: see above.
                rate("dot_bf16", 256, 2, &|| unsafe { x86::bf16_256() });
                // SAFETY: see above.
                rate("dot_bf16", 512, 2, &|| unsafe { x86::bf16_512() });
            }
            if is_x86_feature_detected!("avx512vnni") {
                // SAFETY: see above.
                rate("dot_int8", 256, 4, &|| unsafe { x86::vnni256() });
                // SAFETY: see above.
                rate("dot_int8", 512, 4, &|| unsafe { x86::vnni512() });
                // SAFETY: see above.
                rate("dot_int16", 512, 2, &|| unsafe { x86::vnni512_words() });
            }
        }
        return found;
    }
    let _ = isa;
    rate("fma_f32", 128, 1, &plain);
    found
}

/// What a compiler makes of plain code for four lanes.
fn plain() {
    let mut sums = [[0f32; 4]; SUMS];
    let (a, b) = (black_box([0.5f32; 4]), black_box([0.25f32; 4]));
    for _ in 0..ROUNDS {
        for v in &mut sums {
            for i in 0..4 {
                v[i] = v[i] * a[i] + b[i];
            }
        }
    }
    black_box(sums);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::hint::black_box;

    use super::{ROUNDS, SUMS};

    /// A function that does nothing but `SUMS` independent chains of one instruction.
    macro_rules! peak {
        ($name:ident, $features:literal, $zero:expr, $a:expr, $op:expr) => {
            #[target_feature(enable = $features)]
            pub fn $name() {
                let (a, b) = (black_box($a), black_box($a));
                let mut sums = [$zero; SUMS];
                for _ in 0..ROUNDS {
                    for v in &mut sums {
                        *v = $op(*v, a, b);
                    }
                }
                black_box(sums);
            }
        };
    }

    peak!(fma256, "avx2,fma", _mm256_setzero_ps(), _mm256_set1_ps(0.5), |v, a, b| _mm256_fmadd_ps(v, a, b));
    peak!(fma512, "avx512f", _mm512_setzero_ps(), _mm512_set1_ps(0.5), |v, a, b| _mm512_fmadd_ps(v, a, b));
    peak!(
        bf16_256,
        "avx512bf16,avx512vl",
        _mm256_setzero_ps(),
        _mm256_cvtne2ps_pbh(_mm256_set1_ps(0.5), _mm256_set1_ps(0.5)),
        |v, a, b| _mm256_dpbf16_ps(v, a, b)
    );
    peak!(
        bf16_512,
        "avx512bf16,avx512f",
        _mm512_setzero_ps(),
        _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5), _mm512_set1_ps(0.5)),
        |v, a, b| _mm512_dpbf16_ps(v, a, b)
    );
    peak!(vnni256, "avx512vnni,avx512vl", _mm256_setzero_si256(), _mm256_set1_epi8(1), |v, a, b| {
        _mm256_dpbusd_epi32(v, a, b)
    });
    peak!(vnni512, "avx512vnni,avx512f", _mm512_setzero_si512(), _mm512_set1_epi8(1), |v, a, b| {
        _mm512_dpbusd_epi32(v, a, b)
    });
    peak!(vnni512_words, "avx512vnni,avx512f", _mm512_setzero_si512(), _mm512_set1_epi8(1), |v, a, b| {
        _mm512_dpwssd_epi32(v, a, b)
    });
}
