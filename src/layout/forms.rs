//! Scales and zero points, 64 columns of one group at a time, in the forms that layouts have them in.
//!
//! The addresses of a layout are the definition; this is the same thing at speed, and tests compare the two.

use super::Padded;
use super::lanes::{Lanes, Portable};
use super::tile::{unzip, zip};

/// Columns that are read and written at once.
pub(super) const COLUMNS: usize = 64;

/// Scales of 16 bits.
#[derive(Clone, Copy)]
pub(super) enum ScaleForm {
    /// \[G, N\].
    Rows,
    /// \[N, G\].
    Columns,
    /// \[G, N\], each 64 columns as 8 x 8, transposed.
    Turned,
    /// \[N/16\]\[G\]\[16\].
    Strips,
}

/// The 64 scales of a group, in the order of columns, little-endian.
pub(super) type Scales = [[u8; 2]; COLUMNS];

impl ScaleForm {
    /// The scales of group g and the columns from n on, a multiple of 64.
    #[inline]
    pub fn read(self, src: &[u8], p: &Padded, g: usize, n: usize) -> Scales {
        let mut out = [[0; 2]; COLUMNS];
        let src = src.as_chunks::<2>().0;
        match self {
            ScaleForm::Rows => out.copy_from_slice(&src[g * p.n + n..][..COLUMNS]),
            ScaleForm::Columns => {
                for (s, column) in out.iter_mut().zip(src[n * p.groups + g..].iter().step_by(p.groups)) {
                    *s = *column;
                }
            }
            ScaleForm::Turned => {
                out.copy_from_slice(&src[g * p.n + n..][..COLUMNS]);
                turn(&mut out);
            }
            ScaleForm::Strips => {
                for (t, s) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                    s.copy_from_slice(&src[((n / 16 + t) * p.groups + g) * 16..][..16]);
                }
            }
        }
        out
    }

    /// The inverse of [`ScaleForm::read`].
    #[inline]
    pub fn write(self, dst: &mut [u8], p: &Padded, g: usize, n: usize, scales: &Scales) {
        let dst = dst.as_chunks_mut::<2>().0;
        match self {
            ScaleForm::Rows => dst[g * p.n + n..][..COLUMNS].copy_from_slice(scales),
            ScaleForm::Columns => {
                for (s, column) in scales.iter().zip(dst[n * p.groups + g..].iter_mut().step_by(p.groups)) {
                    *column = *s;
                }
            }
            ScaleForm::Turned => {
                let mut scales = *scales;
                turn(&mut scales);
                dst[g * p.n + n..][..COLUMNS].copy_from_slice(&scales);
            }
            ScaleForm::Strips => {
                for (t, s) in scales.as_chunks::<16>().0.iter().enumerate() {
                    dst[((n / 16 + t) * p.groups + g) * 16..][..16].copy_from_slice(s);
                }
            }
        }
    }
}

/// Transposes 8 x 8.
#[inline(always)]
fn turn(scales: &mut Scales) {
    let p = scales.as_mut_ptr().cast::<u8>();
    // SAFETY: eight vectors of 16 bytes are the 128 bytes of the array; this width needs no instructions.
    unsafe {
        let mut v = [Portable::zero(); 8];
        for i in 0..8 {
            v[i] = Portable::load(p.add(16 * i));
        }
        // Each round takes the highest digit of a column out and the next of a row in.
        for _ in 0..3 {
            let mut next = v;
            for i in 0..4 {
                [next[2 * i], next[2 * i + 1]] = Portable::zip16(v[i], v[i + 4]);
            }
            v = next;
        }
        for i in 0..8 {
            v[i].store(p.add(16 * i));
        }
    }
}

/// Zero points of 4 bits.
#[derive(Clone, Copy)]
pub(super) enum ZeroForm {
    /// Words of eight columns, with the fields in the order of columns or as AWQ gemm has them; from one word to the
    /// next and from one group to the next are so many words. `minus` is what has been subtracted.
    Words { gemm: bool, next: usize, group: usize, minus: u8 },
    /// \[G, N/8\] words, each 8 words with the columns of a block of 64 as Marlin has them.
    Marlin,
    /// \[N/16\]\[G\]\[16\] bytes.
    Strips,
}

/// The 64 zero points of a group, in the order of columns.
pub(super) type Zeros = [u8; COLUMNS];

impl ZeroForm {
    /// The zero points of group g and the columns from n on, a multiple of 64.
    #[inline]
    pub fn read(self, src: &[u8], p: &Padded, g: usize, n: usize) -> Zeros {
        let mut out = [0; COLUMNS];
        match self {
            ZeroForm::Words { gemm, next, group, minus } => {
                let words = src.as_chunks::<4>().0;
                let words = words[n / 8 * next + g * group..].iter().step_by(next);
                for (z, word) in out.as_chunks_mut::<8>().0.iter_mut().zip(words) {
                    let word = u32::from_le_bytes(*word);
                    let codes = spread(if gemm { zip(word) } else { word });
                    *z = (codes.wrapping_add(all(minus)) & all(15)).to_le_bytes();
                }
            }
            ZeroForm::Marlin => {
                let block = &src[(g * p.n + n) / 2..][..COLUMNS / 2];
                for j in 0..4 {
                    let pair = u64::from_le_bytes(std::array::from_fn(|i| block[4 * i + j]));
                    let [low, high] = BLOCKS[j];
                    out[8 * low..8 * low + 8].copy_from_slice(&(pair & all(15)).to_le_bytes());
                    out[8 * high..8 * high + 8].copy_from_slice(&(pair >> 4 & all(15)).to_le_bytes());
                }
            }
            ZeroForm::Strips => {
                for (t, z) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                    z.copy_from_slice(&src[((n / 16 + t) * p.groups + g) * 16..][..16]);
                }
            }
        }
        out
    }

    /// The inverse of [`ZeroForm::read`].
    #[inline]
    pub fn write(self, dst: &mut [u8], p: &Padded, g: usize, n: usize, zeros: &Zeros) {
        // The CPU layout has whole bytes, in which anybody may have put anything.
        let bytes = |c: usize| u64::from_le_bytes(std::array::from_fn(|i| zeros[8 * c + i]));
        let eight = |c: usize| bytes(c) & all(15);
        match self {
            ZeroForm::Words { gemm, next, group, minus } => {
                let words = dst.as_chunks_mut::<4>().0;
                let words = words[n / 8 * next + g * group..].iter_mut().step_by(next);
                for (c, word) in words.enumerate().take(8) {
                    // Sixteen more, so that no byte borrows from its neighbour.
                    let codes = gather((eight(c) + all(16) - all(minus)) & all(15));
                    *word = if gemm { unzip(codes) } else { codes }.to_le_bytes();
                }
            }
            ZeroForm::Marlin => {
                let block = &mut dst[(g * p.n + n) / 2..][..COLUMNS / 2];
                let pairs = BLOCKS.map(|[low, high]| (eight(low) | eight(high) << 4).to_le_bytes());
                for (i, word) in block.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                    *word = pairs.map(|pair| pair[i]);
                }
            }
            ZeroForm::Strips => {
                for (t, z) in zeros.as_chunks::<16>().0.iter().enumerate() {
                    dst[((n / 16 + t) * p.groups + g) * 16..][..16].copy_from_slice(z);
                }
            }
        }
    }
}

/// The eights of columns in each byte of Marlin's words: low nibble, high nibble.
const BLOCKS: [[usize; 2]; 4] = [[0, 2], [4, 6], [1, 3], [5, 7]];

/// `byte` in every byte.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Nibble i becomes byte i.
#[inline(always)]
fn spread(word: u32) -> u64 {
    let w = word as u64;
    let w = (w | w << 16) & 0x0000_ffff_0000_ffff;
    let w = (w | w << 8) & 0x00ff_00ff_00ff_00ff;
    (w | w << 4) & all(15)
}

/// The inverse of [`spread`].
#[inline(always)]
fn gather(w: u64) -> u32 {
    let w = (w | w >> 4) & 0x00ff_00ff_00ff_00ff;
    let w = (w | w >> 8) & 0x0000_ffff_0000_ffff;
    (w | w >> 16) as u32
}
