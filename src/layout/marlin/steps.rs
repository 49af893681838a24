//! The steps of a Marlin conversion on their own, with the semantics of the Python functions of the same names:
//! no padding, shapes must fit.

use super::permute::{exact, permuted_grouped};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::address::{Address, get, put};
use crate::layout::gemm::{Gemm, field};
use crate::layout::gptq::Gptq;
use crate::layout::packing::Packing;
use crate::layout::source::{Source, Sources};
use crate::layout::{Padded, repack};
use crate::parallel::Parallel;
use crate::types::{Bits, Dtype, mul};

/// qweight I32 \[K, N/P\] of the AWQ gemm layout to Marlin's \[K/16, N·16/P\].
///
/// Errors: [`ErrorKind::Unsupported`] unless K is a multiple of 16 and N of 64, [`ErrorKind::InvalidArgument`] when a
/// slice has the wrong length.
pub fn awq_marlin_repack(
    qweight: &[u8],
    k: usize,
    n: usize,
    bits: Bits,
    out: &mut [u8],
    par: &dyn Parallel,
) -> Result<()> {
    marlin_repack(&Gemm, qweight, k, n, bits, out, par)
}

/// qweight I32 \[K/P, N\] of the GPTQ layout (without act-order) to Marlin's \[K/16, N·16/P\].
///
/// Errors: those of [`awq_marlin_repack`].
pub fn gptq_marlin_repack(
    qweight: &[u8],
    k: usize,
    n: usize,
    bits: Bits,
    out: &mut [u8],
    par: &dyn Parallel,
) -> Result<()> {
    marlin_repack(&Gptq { minus: 0 }, qweight, k, n, bits, out, par)
}

fn marlin_repack(
    from: &'static dyn Packing,
    qweight: &[u8],
    k: usize,
    n: usize,
    bits: Bits,
    out: &mut [u8],
    par: &dyn Parallel,
) -> Result<()> {
    for (what, size, of) in [("size_k", k, 16), ("size_n", n, 64)] {
        if size == 0 || !size.is_multiple_of(of) {
            return Err(Error::unsupported("the size does not fill Marlin's tiles")
                .subject(what)
                .found(size)
                .needed(format!("a multiple of {of}")));
        }
    }
    let bytes = mul(mul(k, n, "codes")?, bits.get(), "codes")? / 8;
    exact("qweight", qweight.len(), bytes)?;
    exact("output", out.len(), bytes)?;
    let p = Padded { k, n, group: k, groups: 1 };
    let sources = Sources::one(Source::codes(from, &p, bits, qweight), bits);
    repack::write_codes(&sources, &super::pack::Marlin::Grown, bits, &p, out, par);
    Ok(())
}

/// Codes \[rows, cols\] (U8 or I32) to words I32 \[rows, cols/P\], the first column in the lowest bits.
///
/// Errors: [`ErrorKind::InvalidArgument`] for another dtype, a `cols` that does not fill words, a slice of the wrong
/// length, or a code that does not fit its bits.
pub fn pack_columns(
    codes: &[u8],
    dtype: Dtype,
    rows: usize,
    cols: usize,
    bits: Bits,
    out: &mut [u8],
) -> Result<()> {
    pack(codes, dtype, rows, cols, bits, out, |c| c)
}

/// The inverse of [`pack_columns`].
///
/// Errors: as there.
pub fn unpack_columns(
    words: &[u8],
    rows: usize,
    cols: usize,
    bits: Bits,
    dtype: Dtype,
    out: &mut [u8],
) -> Result<()> {
    let (width, cells) = code_shape(dtype, rows, cols, bits)?;
    exact("words", words.len(), cells / bits.per_word() * 4)?;
    exact("output", out.len(), mul(cells, width / 8, "codes")?)?;
    for e in 0..cells {
        put(out, width, e, get(words, bits.get(), e));
    }
    Ok(())
}

/// Zero points \[G, N\] (U8 or I32) to Marlin's I32 \[G, N/P\].
///
/// Errors: those of [`pack_columns`], and [`ErrorKind::Unsupported`] when N is no multiple of 64.
pub fn zero_points_to_marlin(
    zeros: &[u8],
    dtype: Dtype,
    groups: usize,
    n: usize,
    bits: Bits,
    out: &mut [u8],
) -> Result<()> {
    whole_blocks(n)?;
    pack(zeros, dtype, groups, n, bits, out, |c| marlin_place(c, bits))
}

/// qzeros I32 \[G, N/P\] of the AWQ gemm layout to Marlin's of the same shape.
///
/// Errors: [`ErrorKind::Unsupported`] when N is no multiple of 64, [`ErrorKind::InvalidArgument`] when a slice has the
/// wrong length.
pub fn awq_to_marlin_zero_points(
    qzeros: &[u8],
    groups: usize,
    n: usize,
    bits: Bits,
    out: &mut [u8],
) -> Result<()> {
    whole_blocks(n)?;
    let (_, cells) = code_shape(Dtype::U8, groups, n, bits)?;
    let bytes = cells / bits.per_word() * 4;
    exact("qzeros", qzeros.len(), bytes)?;
    exact("output", out.len(), bytes)?;
    let (w, b) = (bits.per_word(), bits.get());
    let from = Address::new((groups, n), |g| g * n, |c| c / w * w + field(bits, c % w));
    for &row in &from.rows {
        for (c, &col) in from.cols.iter().enumerate() {
            put(out, b, row + marlin_place(c, bits), get(qzeros, b, row + col));
        }
    }
    Ok(())
}

/// Place of column `c` in a row of Marlin's zero points.
pub(super) fn marlin_place(c: usize, bits: Bits) -> usize {
    let (m, w) = (permuted_grouped(c), bits.per_word());
    m / w * w + field(bits, m % w)
}

fn whole_blocks(n: usize) -> Result<()> {
    match n.is_multiple_of(64) {
        true => Ok(()),
        false => Err(Error::unsupported("N is not a multiple of the block of the permutation")
            .found(n)
            .needed("a multiple of 64")),
    }
}

/// Bits of an unpacked code, and the number of codes.
fn code_shape(dtype: Dtype, rows: usize, cols: usize, bits: Bits) -> Result<(usize, usize)> {
    if !matches!(dtype, Dtype::U8 | Dtype::I32) {
        return Err(Error::invalid("codes have a dtype that cannot be packed")
            .found(dtype)
            .needed("U8 or I32"));
    }
    if !cols.is_multiple_of(bits.per_word()) {
        return Err(Error::invalid("the columns do not fill 32-bit words")
            .found(cols)
            .needed(format!("a multiple of {}", bits.per_word())));
    }
    Ok((8 * dtype.bytes(), mul(rows, cols, "codes")?))
}

fn pack(
    codes: &[u8],
    dtype: Dtype,
    rows: usize,
    cols: usize,
    bits: Bits,
    out: &mut [u8],
    place: impl Fn(usize) -> usize,
) -> Result<()> {
    let (width, cells) = code_shape(dtype, rows, cols, bits)?;
    exact("codes", codes.len(), mul(cells, width / 8, "codes")?)?;
    exact("output", out.len(), cells / bits.per_word() * 4)?;
    let places: Vec<usize> = (0..cols).map(place).collect();
    for r in 0..rows {
        for (c, place) in places.iter().enumerate() {
            let v = get(codes, width, r * cols + c);
            if v > bits.max_code() as u32 {
                return Err(Error::new(ErrorKind::InvalidArgument, "a code does not fit its bits")
                    .found(format!("{} in row {r}, column {c}", v as i32))
                    .needed(format!("0 to {}", bits.max_code())));
            }
            put(out, bits.get(), r * cols + place, v);
        }
    }
    Ok(())
}
