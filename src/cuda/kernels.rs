//! Every kernel that a device can run, resolved and loaded when it is opened, so that a run only launches.

use std::ffi::{CString, c_int};
use std::ptr::null_mut;

use super::capability::{self, AMPERE};
use super::driver::{Driver, Outcome};
use super::library::{Kernel, Library};
use super::marlin_tiles::{MarlinTile, TILES};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Bits, Dtype};

/// Shared memory of a block that needs no asking.
const PLAIN_SHARED_BYTES: usize = 48 << 10;

/// Kernels; `None` where the device cannot run one. By dtype (F16, BF16), bits (4, 8), and what else there is.
pub(super) struct Kernels {
    capability: (u32, u32),
    /// Also by tiles of a block.
    gemv: [[[Option<Kernel>; 2]; 2]; 2],
    /// Also by tile, as in [`TILES`].
    marlin: [[Vec<Option<Kernel>>; 2]; 2],
    dequantize: [[Option<Kernel>; 2]; 2],
    repack_codes: [Kernel; 2],
    repack_zeros: [Kernel; 2],
    repack_scales: Kernel,
}

/// A kernel by what it does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Task {
    Gemv { x: Dtype, bits: Bits, tiles: usize },
    Marlin { x: Dtype, bits: Bits, tile: &'static MarlinTile },
    Dequantize { to: Dtype, bits: Bits },
    RepackCodes { bits: Bits },
    RepackZeros { bits: Bits },
    RepackScales,
}

impl Kernels {
    /// Resolves the kernels and loads their code into the current context, one of `device`, which drivers else put off
    /// to the first launch: that may be in the middle of a capture.
    pub(super) fn load(
        driver: &'static Driver,
        library: &Library,
        device: c_int,
        capability: (u32, u32),
    ) -> Result<Self> {
        let loader = Loader { driver, library, device };
        let brain = capability >= AMPERE;
        let per_float = |name: &dyn Fn(&str) -> String, shared_bytes: usize| -> Result<[Option<Kernel>; 2]> {
            let half = loader.get(name("f16"), shared_bytes)?;
            let brain = if brain { Some(loader.get(name("bf16"), shared_bytes)?) } else { None };
            Ok([Some(half), brain])
        };
        let (mut gemv, mut dequantize) = ([[[None; 2]; 2]; 2], [[None; 2]; 2]);
        let mut marlin: [[Vec<Option<Kernel>>; 2]; 2] = Default::default();
        let most_shared = loader.most_shared_bytes()?.min(capability::shared_limit(capability) as usize);
        for (b, bits) in [Bits::Four, Bits::Eight].into_iter().enumerate() {
            let w = bits.get();
            for t in 0..2 {
                let kernels = per_float(&|x| format!("awqm_gemv_{x}_w{w}_n{}", t + 1), 0)?;
                (gemv[0][b][t], gemv[1][b][t]) = (kernels[0], kernels[1]);
            }
            for tile in TILES {
                let shared_bytes = tile.shared_bytes(bits, capability);
                let kernels = if shared_bytes <= most_shared {
                    per_float(
                        &|x| format!("awqm_marlin_{x}_w{w}_m{}n{}", tile.rows, tile.columns),
                        shared_bytes,
                    )?
                } else {
                    [None; 2]
                };
                marlin[0][b].push(kernels[0]);
                marlin[1][b].push(kernels[1]);
            }
            let kernels = per_float(&|to| format!("awqm_dequantize_{to}_w{w}"), 0)?;
            (dequantize[0][b], dequantize[1][b]) = (kernels[0], kernels[1]);
        }
        let repack = |what: &str, bits: u32| loader.get(format!("awqm_repack_{what}_w{bits}"), 0);
        Ok(Kernels {
            capability,
            gemv,
            marlin,
            dequantize,
            repack_codes: [repack("codes", 4)?, repack("codes", 8)?],
            repack_zeros: [repack("zeros", 4)?, repack("zeros", 8)?],
            repack_scales: loader.get("awqm_repack_scales".into(), 0)?,
        })
    }

    /// The kernel for a task; [`ErrorKind::KernelUnsupported`] when this device has none.
    pub(super) fn of(&self, task: Task) -> Result<Kernel> {
        let bits = |b: Bits| usize::from(b == Bits::Eight);
        let float = |d: Dtype| match d {
            Dtype::F16 => Some(0),
            Dtype::BF16 => Some(1),
            _ => None,
        };
        let found = match task {
            Task::Gemv { x, bits: b, tiles } => {
                float(x).and_then(|x| self.gemv[x][bits(b)].get(tiles.wrapping_sub(1)).copied().flatten())
            }
            Task::Marlin { x, bits: b, tile } => float(x).and_then(|x| {
                let at = TILES.iter().position(|t| t == tile)?;
                self.marlin[x][bits(b)].get(at).copied().flatten()
            }),
            Task::Dequantize { to, bits: b } => float(to).and_then(|to| self.dequantize[to][bits(b)]),
            Task::RepackCodes { bits: b } => Some(self.repack_codes[bits(b)]),
            Task::RepackZeros { bits: b } => Some(self.repack_zeros[bits(b)]),
            Task::RepackScales => Some(self.repack_scales),
        };
        found.ok_or_else(|| {
            Error::new(ErrorKind::KernelUnsupported, format!("no kernel for {task:?}"))
                .found(capability::describe(self.capability))
        })
    }
}

struct Loader<'a> {
    driver: &'static Driver,
    library: &'a Library,
    device: c_int,
}

impl Loader<'_> {
    /// A kernel that blocks may be launched of with so many bytes of dynamic shared memory.
    fn get(&self, name: String, shared_bytes: usize) -> Result<Kernel> {
        let name = CString::new(name).map_err(|_| Error::internal("a kernel's name holds a NUL"))?;
        let kernel = self.library.kernel(&name)?;
        let prepared = self.allow(kernel, shared_bytes).and_then(|()| self.load_now(kernel));
        prepared.map_err(|f| self.driver.explain(f).subject(name.to_string_lossy().into_owned()))?;
        Ok(kernel)
    }

    fn allow(&self, kernel: Kernel, shared_bytes: usize) -> Outcome {
        const MAX_DYNAMIC_SHARED_BYTES: u32 = 8;
        const SHARED_CARVEOUT_PERCENT: u32 = 9;
        if shared_bytes == 0 {
            return Ok(());
        }
        // SAFETY: the kernel is one of a loaded library, the device exists; each call takes a number.
        unsafe {
            if shared_bytes > PLAIN_SHARED_BYTES {
                let bytes = shared_bytes as c_int;
                self.driver.cuKernelSetAttribute(MAX_DYNAMIC_SHARED_BYTES, bytes, kernel.0, self.device)?;
            }
            // All that is not shared memory would be L1, which these kernels do not use; so as many blocks fit as can.
            self.driver.cuKernelSetAttribute(SHARED_CARVEOUT_PERCENT, 100, kernel.0, self.device)
        }
    }

    fn load_now(&self, kernel: Kernel) -> Outcome {
        let mut function = null_mut();
        // SAFETY: the kernel is one of a loaded library; its context is current.
        unsafe {
            self.driver.cuKernelGetFunction(&mut function, kernel.0)?;
            self.driver.cuFuncLoad(function)
        }
    }

    /// What the device says that a block may have.
    fn most_shared_bytes(&self) -> Result<usize> {
        const MAX_SHARED_BYTES_OPTIN: u32 = 97;
        let mut bytes = 0;
        // SAFETY: writes one number.
        let asked =
            unsafe { self.driver.cuDeviceGetAttribute(&mut bytes, MAX_SHARED_BYTES_OPTIN, self.device) };
        asked.map_err(|f| self.driver.explain(f))?;
        Ok(usize::try_from(bytes).unwrap_or(0))
    }
}
