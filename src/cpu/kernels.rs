//! The kernels of each instruction set: the generic ones, compiled with its features.

use std::ops::Range;

use super::Isa;
use super::job::{PackedX, Rows, Strided, Tiles};
use super::pack::{Form, Groups};
use super::{dense, gemm, gemv, integer, pack};
use crate::types::Bits;

type Y = Strided<*mut u8>;
type Gemv = unsafe fn(&Tiles, Range<usize>, &PackedX, &Y);
type Gemm = unsafe fn(&Tiles, Range<usize>, &PackedX, &Y, *mut u8);
type Dense = unsafe fn(&Rows, Range<usize>, &PackedX, &Y);
type Pack = unsafe fn(&Strided<*const u8>, &Groups, Form, &PackedX, usize);
type Quantize = unsafe fn(&Strided<*const u8>, &Groups, Bits, &PackedX, usize) -> bool;

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
    /// GEMV over bf16 pairs, of 4-bit codes.
    pub bf16: Option<Gemv>,
    pub integers: &'static Integers,
}

/// Kernels of integer activations.
pub(super) struct Integers {
    /// One plane: int8 arithmetic.
    pub int8: Planes,
    /// Three and four planes, where they are faster than f32 products.
    pub exact: Option<[Planes; 2]>,
}

/// Kernels of integers of a number of bytes.
pub(super) struct Planes {
    pub quantize: Quantize,
    pub multiply4: Gemv,
    pub multiply8: Gemv,
    /// Most rows of a block of x.
    pub rows: usize,
}

macro_rules! planes {
    ($name:ident, $lanes:ty, $planes:literal of $most:literal $(, features = $features:literal)?) => {
        const $name: Planes = {
            $(#[target_feature(enable = $features)])?
            unsafe fn multiply4(w: &Tiles, tiles: Range<usize>, x: &PackedX, y: &Y) {
                // SAFETY: the caller's promises.
                unsafe { integer::run::<$lanes, false, $planes, $most>(w, tiles, x, y) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn multiply8(w: &Tiles, tiles: Range<usize>, x: &PackedX, y: &Y) {
                // SAFETY: the caller's promises.
                unsafe { integer::run::<$lanes, true, $planes, $most>(w, tiles, x, y) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn quantize(
                x: &Strided<*const u8>,
                groups: &Groups,
                bits: Bits,
                out: &PackedX,
                i: usize,
            ) -> bool {
                // SAFETY: the caller's promises.
                unsafe { integer::block::<$lanes, $planes>(x, groups, bits, out, i) }
            }
            Planes { quantize, multiply4, multiply8, rows: $most / $planes }
        };
    };
}

planes!(PORTABLE_INT8, super::portable::Portable, 1 of 4);
#[cfg(target_arch = "x86_64")]
planes!(AVX2_INT8, super::avx2::Avx2, 1 of 4, features = "avx2,fma,f16c");
#[cfg(target_arch = "x86_64")]
planes!(VNNI_1, integer::Vnni, 1 of 16, features = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni");
#[cfg(target_arch = "x86_64")]
planes!(VNNI_3, integer::Vnni, 3 of 24, features = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni");
#[cfg(target_arch = "x86_64")]
planes!(VNNI_4, integer::Vnni, 4 of 24, features = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni");
#[cfg(target_arch = "aarch64")]
planes!(NEON_INT8, super::neon::Neon<false>, 1 of 4, features = "neon");
#[cfg(target_arch = "aarch64")]
planes!(SDOT_INT8, super::neon::Neon<true>, 1 of 4, features = "neon,dotprod");

static PORTABLE_INTEGERS: Integers = Integers { int8: PORTABLE_INT8, exact: None };
#[cfg(target_arch = "x86_64")]
static AVX2_INTEGERS: Integers = Integers { int8: AVX2_INT8, exact: None };
#[cfg(target_arch = "x86_64")]
static VNNI_INTEGERS: Integers = Integers { int8: VNNI_1, exact: Some([VNNI_3, VNNI_4]) };
#[cfg(target_arch = "aarch64")]
static NEON_INTEGERS: Integers = Integers { int8: NEON_INT8, exact: None };
#[cfg(target_arch = "aarch64")]
static SDOT_INTEGERS: Integers = Integers { int8: SDOT_INT8, exact: None };

impl Integers {
    /// Those of a number of planes, if there are any.
    pub fn of(&self, planes: usize) -> Option<&Planes> {
        match (planes, &self.exact) {
            (1, _) => Some(&self.int8),
            (3, Some(exact)) => Some(&exact[0]),
            (4, Some(exact)) => Some(&exact[1]),
            _ => None,
        }
    }
}

macro_rules! kernels {
    ($name:ident, $lanes:ty, gemv_rows = $gemv_rows:literal, gemm = $gemm_tiles:literal x $gemm_rows:literal,
     dense = $nr:literal x $mr:literal, integers = $integers:ident $(, features = $features:literal)?) => {
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
                integers: &$integers,
            }
        };
    };
}

kernels!(PORTABLE, super::portable::Portable, gemv_rows = 4, gemm = 1 x 4, dense = 2 x 2, integers = PORTABLE_INTEGERS);
#[cfg(target_arch = "x86_64")]
kernels!(AVX2, super::avx2::Avx2, gemv_rows = 4, gemm = 1 x 6, dense = 2 x 3, integers = AVX2_INTEGERS,
         features = "avx2,fma,f16c");
#[cfg(target_arch = "x86_64")]
kernels!(AVX512, super::avx512::Avx512, gemv_rows = 8, gemm = 2 x 8, dense = 4 x 6, integers = AVX2_INTEGERS,
         features = "avx512f,avx512bw,avx512dq,avx512vl");
#[cfg(target_arch = "aarch64")]
kernels!(NEON, super::neon::Neon<false>, gemv_rows = 4, gemm = 1 x 6, dense = 2 x 2, integers = NEON_INTEGERS,
         features = "neon");
/// NEON with what later processors added: dot products of bytes.
#[cfg(target_arch = "aarch64")]
static NEON_SDOT: Kernels = Kernels { integers: &SDOT_INTEGERS, ..NEON };
#[cfg(target_arch = "x86_64")]
const BF16_DOT: Gemv = {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
    unsafe fn dot(w: &Tiles, tiles: Range<usize>, x: &PackedX, y: &Y) {
        // SAFETY: the caller's promises.
        unsafe { gemv::run::<super::bf16_dot::Bf16Dot>(w, tiles, x, y) }
    }
    dot
};

/// AVX-512 with what later processors added: BF16 dot products, VNNI, both.
#[cfg(target_arch = "x86_64")]
static AVX512_BF16: Kernels = Kernels { bf16: Some(BF16_DOT), ..AVX512 };
#[cfg(target_arch = "x86_64")]
static AVX512_VNNI: Kernels = Kernels { integers: &VNNI_INTEGERS, ..AVX512 };
#[cfg(target_arch = "x86_64")]
static AVX512_BOTH: Kernels = Kernels { bf16: Some(BF16_DOT), integers: &VNNI_INTEGERS, ..AVX512 };

impl Kernels {
    /// Most rows of a block of GEMV.
    pub fn most_rows(&self, form: Form) -> usize {
        match form {
            Form::F32 => self.gemv_rows,
            #[cfg(target_arch = "x86_64")]
            Form::Bf16 => super::bf16_dot::ROWS,
            #[cfg(not(target_arch = "x86_64"))]
            Form::Bf16 => 1,
            Form::Integer { planes } => self.integers.of(planes).map_or(1, |p| p.rows),
        }
    }

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
