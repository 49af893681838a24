//! The versions of a kernel that a host can ask for, on any backend.

/// Which kernel version the host wants. The numbers are those of `awqm_kernel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u32)]
pub enum Kernel {
    /// Whatever is fastest for the M of the plan.
    #[default]
    Auto = 0,
    /// Each weight is decoded where it is multiplied, for few rows.
    Gemv = 1,
    /// Blocks of weights are decoded once and used for many rows.
    Gemm = 2,
    /// Tensor cores of capability 8.0 and up; none on a CPU.
    Marlin = 3,
}

impl Kernel {
    /// Every value, in the order of its number.
    pub const ALL: [Kernel; 4] = [Kernel::Auto, Kernel::Gemv, Kernel::Gemm, Kernel::Marlin];

    /// The name that the command line and messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Kernel::Auto => "auto",
            Kernel::Gemv => "gemv",
            Kernel::Gemm => "gemm",
            Kernel::Marlin => "marlin",
        }
    }

    /// From [`Kernel::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }

    /// The number of the C interface.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// From the number of the C interface.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.code() == code)
    }
}

impl std::fmt::Display for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What arithmetic a layer runs in. The numbers are those of `awqm_compute`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u32)]
pub enum Compute {
    /// Activations as they are, sums in f32.
    #[default]
    Exact = 0,
    /// Activations rounded to 8-bit integers, with a scale for each row and 128 input features at most.
    Int8 = 1,
}

impl Compute {
    /// The name that the command line and messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Compute::Exact => "exact",
            Compute::Int8 => "int8",
        }
    }

    /// The number of the C interface.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// From the number of the C interface.
    pub fn from_code(code: u32) -> Option<Self> {
        [Compute::Exact, Compute::Int8].into_iter().find(|c| c.code() == code)
    }
}

impl std::fmt::Display for Compute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
