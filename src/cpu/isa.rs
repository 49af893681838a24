//! Which instructions the kernels may use.

use crate::error::{Error, ErrorKind, Result};

/// An instruction set that the kernels are written for. The numbers are those of `awqm_isa`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Isa {
    /// Plain Rust: what every processor can do.
    Portable = 1,
    /// x86-64 with AVX2, FMA and F16C (2013 and later).
    Avx2 = 2,
    /// x86-64 with AVX-512 F, BW, DQ and VL; its BF16 and VNNI dot products are used
    /// where the processor has them.
    Avx512 = 3,
    /// aarch64 (NEON); its dot products of bytes are used where the processor has them.
    Neon = 4,
}

/// Forces an instruction set, by [`Isa::name`]; wins over detection but not over an explicit request.
pub const ISA_VARIABLE: &str = "AWQM_ISA";

impl Isa {
    /// Every value, from the plainest to the widest.
    pub const ALL: [Isa; 4] = [Isa::Portable, Isa::Avx2, Isa::Avx512, Isa::Neon];

    /// The name that [`ISA_VARIABLE`], the command line and messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Neon => "neon",
        }
    }

    /// From [`Isa::name`]; [`ErrorKind::InvalidArgument`] lists the names.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|isa| isa.name() == name).ok_or_else(|| {
            Error::invalid("is no instruction set that the CPU backend knows")
                .found(name)
                .needed("portable, avx2, avx512 or neon")
        })
    }

    /// The number of the C interface.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// From the number of the C interface.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|isa| isa.code() == code)
    }

    /// Whether this processor has it.
    pub fn available(self) -> bool {
        match self {
            Isa::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::Avx512 => false,
            Isa::Neon => cfg!(target_arch = "aarch64"),
        }
    }

    /// This one, or [`ErrorKind::Unsupported`] when the processor lacks it.
    pub fn require(self) -> Result<Self> {
        if self.available() {
            Ok(self)
        } else {
            Err(Error::new(
                ErrorKind::Unsupported,
                "this processor lacks the instruction set that was asked for",
            )
            .found(format!("the widest it has is {}", Self::widest().name()))
            .needed(self.name()))
        }
    }

    /// The one that `AWQM_ISA` names, or the widest that this processor has. Fails as [`Isa::from_name`] and
    /// [`Isa::require`] do.
    pub fn detect() -> Result<Self> {
        match std::env::var(ISA_VARIABLE) {
            Ok(name) if !name.is_empty() => {
                Self::from_name(&name).and_then(Self::require).map_err(|e| e.subject(ISA_VARIABLE))
            }
            _ => Ok(Self::widest()),
        }
    }

    /// The widest that this processor has.
    pub fn widest() -> Self {
        Self::ALL.into_iter().rev().find(|isa| isa.available()).unwrap_or(Isa::Portable)
    }

    /// Whether products of bf16 pairs run as one instruction (AVX512_BF16).
    #[cfg(target_arch = "x86_64")]
    pub(super) fn has_bf16_dot(self) -> bool {
        self == Isa::Avx512 && is_x86_feature_detected!("avx512bf16")
    }

    /// Whether products of four bytes run as one instruction (SDOT).
    #[cfg(target_arch = "aarch64")]
    pub(super) fn has_sdot(self) -> bool {
        self == Isa::Neon && std::arch::is_aarch64_feature_detected!("dotprod")
    }

    /// Whether products of four bytes run as one instruction (AVX512_VNNI).
    #[cfg(target_arch = "x86_64")]
    pub(super) fn has_vnni(self) -> bool {
        self == Isa::Avx512 && is_x86_feature_detected!("avx512vnni")
    }
}

impl std::fmt::Display for Isa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
