//! The words that every floor speaks: element types, bit widths, group sizes, shapes, checked sizes.

use crate::error::{Error, ErrorKind, Result};

/// Element type of a tensor. The numbers are those of `awqm_dtype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
#[allow(missing_docs)]
pub enum Dtype {
    F16 = 1,
    BF16 = 2,
    F32 = 3,
    F64 = 4,
    I8 = 5,
    U8 = 6,
    I16 = 7,
    U16 = 8,
    I32 = 9,
    U32 = 10,
    I64 = 11,
    U64 = 12,
    Bool = 13,
}

impl Dtype {
    /// Every value, in the order of its number.
    pub const ALL: [Dtype; 13] = [
        Dtype::F16,
        Dtype::BF16,
        Dtype::F32,
        Dtype::F64,
        Dtype::I8,
        Dtype::U8,
        Dtype::I16,
        Dtype::U16,
        Dtype::I32,
        Dtype::U32,
        Dtype::I64,
        Dtype::U64,
        Dtype::Bool,
    ];

    /// Bytes of one element.
    pub const fn bytes(self) -> usize {
        match self {
            Dtype::I8 | Dtype::U8 | Dtype::Bool => 1,
            Dtype::F16 | Dtype::BF16 | Dtype::I16 | Dtype::U16 => 2,
            Dtype::F32 | Dtype::I32 | Dtype::U32 => 4,
            Dtype::F64 | Dtype::I64 | Dtype::U64 => 8,
        }
    }

    /// The name that safetensors headers use.
    pub const fn name(self) -> &'static str {
        match self {
            Dtype::F16 => "F16",
            Dtype::BF16 => "BF16",
            Dtype::F32 => "F32",
            Dtype::F64 => "F64",
            Dtype::I8 => "I8",
            Dtype::U8 => "U8",
            Dtype::I16 => "I16",
            Dtype::U16 => "U16",
            Dtype::I32 => "I32",
            Dtype::U32 => "U32",
            Dtype::I64 => "I64",
            Dtype::U64 => "U64",
            Dtype::Bool => "BOOL",
        }
    }

    /// The number of the C interface.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// From the number of the C interface.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.code() == code)
    }

    /// True for the types that activations and dense weights may have: F16, BF16, F32.
    pub const fn is_activation(self) -> bool {
        matches!(self, Dtype::F16 | Dtype::BF16 | Dtype::F32)
    }
}

impl std::fmt::Display for Dtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Bits of one weight code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Bits {
    /// Codes 0..=15, eight in a 32-bit word.
    Four = 4,
    /// Codes 0..=255, four in a 32-bit word.
    Eight = 8,
}

impl Bits {
    /// From the number in a config.
    pub fn new(bits: u32) -> Result<Self> {
        match bits {
            4 => Ok(Bits::Four),
            8 => Ok(Bits::Eight),
            _ => Err(Error::unsupported("only 4-bit and 8-bit weights have a packed layout")
                .found(bits)
                .needed("4 or 8")),
        }
    }

    /// 4 or 8.
    pub const fn get(self) -> usize {
        self as usize
    }

    /// Codes in a 32-bit word: 8 or 4.
    pub const fn per_word(self) -> usize {
        32 / self as usize
    }

    /// The largest code: 15 or 255.
    pub const fn max_code(self) -> u8 {
        ((1u32 << self as u32) - 1) as u8
    }

    /// The zero point that symmetric layers imply: 8 or 128.
    pub const fn mid(self) -> u8 {
        1 << (self as u32 - 1)
    }
}

/// How many input features share one scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupSize {
    /// One group for each output channel: the group is all of K. Written −1 in configs.
    PerChannel,
    /// Groups of this many consecutive input features; never 0.
    Of(u32),
}

impl GroupSize {
    /// The largest group size that is taken for real; more is a damaged config.
    pub const MAX: i64 = 1 << 24;

    /// From a config's number: −1 or 1..=2^24.
    pub fn new(g: i64) -> Result<Self> {
        match g {
            -1 => Ok(GroupSize::PerChannel),
            1..=Self::MAX => Ok(GroupSize::Of(g as u32)),
            _ => Err(Error::invalid("group size is out of range")
                .found(g)
                .needed("-1 (per channel) or 1 to 16777216")),
        }
    }

    /// The number of configs and of the C interface: −1 or the size.
    pub const fn get(self) -> i64 {
        match self {
            GroupSize::PerChannel => -1,
            GroupSize::Of(g) => g as i64,
        }
    }

    /// Input features in a group of a layer with `k` of them (never more than `k`).
    pub fn effective(self, k: usize) -> usize {
        match self {
            GroupSize::PerChannel => k.max(1),
            GroupSize::Of(g) => (g as usize).min(k.max(1)),
        }
    }

    /// Number of groups of a layer with `k` input features; the last may be partial.
    pub fn count(self, k: usize) -> usize {
        k.div_ceil(self.effective(k))
    }
}

impl std::fmt::Display for GroupSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.get())
    }
}

/// How a weight was quantized: `w[k][n] = (q[k][n] − z[k/g][n]) · s[k/g][n]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuantSpec {
    /// Bits of a code.
    pub bits: Bits,
    /// Group size along K.
    pub group: GroupSize,
    /// True: zero points are stored. False: symmetric, z is [`Bits::mid`] everywhere.
    pub zero_point: bool,
}

/// `a * b` or a [`ErrorKind::SizeOverflow`] that names `what`.
pub fn mul(a: usize, b: usize, what: &str) -> Result<usize> {
    a.checked_mul(b)
        .ok_or_else(|| Error::new(ErrorKind::SizeOverflow, format!("{what}: {a} x {b} does not fit")))
}

/// `a` rounded up to a multiple of `to`, or a [`ErrorKind::SizeOverflow`].
pub fn round_up(a: usize, to: usize) -> Result<usize> {
    a.checked_next_multiple_of(to)
        .ok_or_else(|| Error::new(ErrorKind::SizeOverflow, format!("{a} rounded up to {to} does not fit")))
}
