//! The kernels of each instruction set: the generic ones, compiled with its features.

use std::ops::Range;

use super::Isa;
use super::job::{PackedX, Rows, Strided, Tiles};
use super::pack::{Form, Groups};
use super::{dense, gemm, gemv, int8, pack};
use crate::types::Bits;

type Y = Strided<*mut u8>;
type Gemv = unsafe fn(&Tiles, Range<usize>, &PackedX, &Y);
type Gemm = unsafe fn(&Tiles, Range<usize>, &PackedX, &Y, *mut u8);
type Dense = unsafe fn(&Rows, Range<usize>, &PackedX, &Y);
type Pack = unsafe fn(&Strided<*const u8>, &Groups, Form, &PackedX, usize);
type Quantize = unsafe fn(&Strided<*const u8>, &Groups, Bits, &PackedX, usize);

/// Entry points; what each needs is said where the generic kernel is.
pub(super) struct Kernels {
    pub gemv4: Gemv,
    pub gemv8: Gemv,
    pub gemm: Gemm,
    pub dense: Dense,
    pub pack: Pack,
    /// Rows of a block of x, for GEMV and for GEMM.
    pub gemv_rows: usize,
    pub gemm_rows: usize,
    /// n-tiles that GEMM takes at a time.
    pub gemm_tiles: usize,
    /// GEMV over bf16 pairs, for activations of one and of two bf16 numbers.
    pub bf16: Option<[Gemv; 2]>,
    pub int8: &'static Int8Kernels,
}

/// Kernels of int8 arithmetic.
pub(super) struct Int8Kernels {
    pub quantize: Quantize,
    pub multiply4: Gemv,
    pub multiply8: Gemv,
    /// Most rows of a block of x, and n-tiles at a time.
    pub rows: usize,
    pub tiles: usize,
}

macro_rules! int8_kernels {
    ($name:ident, $lanes:ty, $tiles:literal x $rows:literal $(, features = $features:literal)?) => {
        static $name: Int8Kernels = {
            $(#[target_feature(enable = $features)])?
            unsafe fn multiply4(w: &Tiles, tiles: Range<usize>, x: &PackedX, y: &Y) {
                // SAFETY: the caller's promises.
                unsafe { int8::run::<$lanes, false, $tiles, $rows>(w, tiles, x, y) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn multiply8(w: &Tiles, tiles: Range<usize>, x: &PackedX, y: &Y) {
                // SAFETY: the caller's promises.
                unsafe { int8::run::<$lanes, true, $tiles, $rows>(w, tiles, x, y) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn quantize(x: &Strided<*const u8>, groups: &Groups, bits: Bits, out: &PackedX, i: usize) {
                // SAFETY: the caller's promises.
                unsafe { int8::block::<$lanes>(x, groups, bits, out, i) }
            }
            Int8Kernels { quantize, multiply4, multiply8, rows: $rows, tiles: $tiles }
        };
    };
}

int8_kernels!(PORTABLE_INT8, super::portable::Portable, 1 x 4);
#[cfg(target_arch = "x86_64")]
int8_kernels!(AVX2_INT8, super::avx2::Avx2, 1 x 4, features = "avx2,fma,f16c");
#[cfg(target_arch = "x86_64")]
int8_kernels!(VNNI_INT8, int8::Vnni, 2 x 12, features = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni");
#[cfg(target_arch = "aarch64")]
int8_kernels!(NEON_INT8, super::neon::Neon<false>, 1 x 4, features = "neon");
#[cfg(target_arch = "aarch64")]
int8_kernels!(SDOT_INT8, super::neon::Neon<true>, 1 x 4, features = "neon,dotprod");

macro_rules! kernels {
    ($name:ident, $lanes:ty, gemv_rows = $gemv_rows:literal, gemm = $gemm_tiles:literal x $gemm_rows:literal,
     dense = $nr:literal x $mr:literal, int8 = $int8:ident $(, features = $features:literal)?) => {
        static $name: Kernels = {
            $(#[target_feature(enable = $features)])?
            unsafe fn gemv4(w: &Tiles, tiles: Range<usize>, x: &PackedX, y: &Y) {
                // SAFETY: the caller's promises.
                unsafe { gemv::run::<gemv::Fma4<$lanes, $gemv_rows>>(w, tiles, x, y) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn gemv8(w: &Tiles, tiles: Range<usize>, x: &PackedX, y: &Y) {
                // SAFETY: the caller's promises.
                unsafe { gemv::run::<gemv::Fma8<$lanes, $gemv_rows>>(w, tiles, x, y) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn gemm(w: &Tiles, tiles: Range<usize>, x: &PackedX, y: &Y, scratch: *mut u8) {
                // SAFETY: the caller's promises.
                unsafe { gemm::run::<$lanes, $gemm_tiles, $gemm_rows>(w, tiles, x, y, scratch) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn dense(w: &Rows, tiles: Range<usize>, x: &PackedX, y: &Y) {
                // SAFETY: the caller's promises.
                unsafe { dense::run::<$lanes, $nr, $mr>(w, tiles, x, y) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn pack(x: &Strided<*const u8>, groups: &Groups, form: Form, out: &PackedX, i: usize) {
                // SAFETY: the caller's promises.
                unsafe { pack::block::<$lanes>(x, groups, form, out, i) }
            }
            Kernels {
                gemv4,
                gemv8,
                gemm,
                dense,
                pack,
                gemv_rows: $gemv_rows,
                gemm_rows: $gemm_rows,
                gemm_tiles: $gemm_tiles,
                bf16: None,
                int8: &$int8,
            }
        };
    };
}

kernels!(PORTABLE, super::portable::Portable, gemv_rows = 4, gemm = 1 x 4, dense = 2 x 2, int8 = PORTABLE_INT8);
#[cfg(target_arch = "x86_64")]
kernels!(AVX2, super::avx2::Avx2, gemv_rows = 4, gemm = 1 x 6, dense = 2 x 3, int8 = AVX2_INT8,
         features = "avx2,fma,f16c");
#[cfg(target_arch = "x86_64")]
kernels!(AVX512, super::avx512::Avx512, gemv_rows = 8, gemm = 2 x 8, dense = 4 x 6, int8 = AVX2_INT8,
         features = "avx512f,avx512bw,avx512dq,avx512vl");
#[cfg(target_arch = "aarch64")]
kernels!(NEON, super::neon::Neon<false>, gemv_rows = 4, gemm = 1 x 6, dense = 2 x 2, int8 = NEON_INT8, features = "neon");
/// NEON with what later processors added: dot products of bytes.
#[cfg(target_arch = "aarch64")]
static NEON_SDOT: Kernels = Kernels { int8: &SDOT_INT8, ..NEON };
#[cfg(target_arch = "x86_64")]
const BF16_DOTS: [Gemv; 2] = {
    use super::bf16_dot::Bf16Dot;

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
    unsafe fn one(w: &Tiles, tiles: Range<usize>, x: &PackedX, y: &Y) {
        // SAFETY: the caller's promises.
        unsafe { gemv::run::<Bf16Dot<1>>(w, tiles, x, y) }
    }
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
    unsafe fn two(w: &Tiles, tiles: Range<usize>, x: &PackedX, y: &Y) {
        // SAFETY: the caller's promises.
        unsafe { gemv::run::<Bf16Dot<2>>(w, tiles, x, y) }
    }
    [one, two]
};

/// AVX-512 with what later processors added: BF16 dot products, VNNI, both.
#[cfg(target_arch = "x86_64")]
static AVX512_BF16: Kernels = Kernels { bf16: Some(BF16_DOTS), ..AVX512 };
#[cfg(target_arch = "x86_64")]
static AVX512_VNNI: Kernels = Kernels { int8: &VNNI_INT8, ..AVX512 };
#[cfg(target_arch = "x86_64")]
static AVX512_BOTH: Kernels = Kernels { bf16: Some(BF16_DOTS), int8: &VNNI_INT8, ..AVX512 };

impl Kernels {
    /// Those of an instruction set that the processor has.
    pub fn of(isa: Isa) -> &'static Kernels {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => match (isa.has_bf16_dot(), isa.has_vnni()) {
                (true, true) => &AVX512_BOTH,
                (true, false) => &AVX512_BF16,
                (false, true) => &AVX512_VNNI,
                (false, false) => &AVX512,
            },
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => &AVX2,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon if isa.has_sdot() => &NEON_SDOT,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => &NEON,
            _ => &PORTABLE,
        }
    }
}
