//! Compute capabilities: the architectures and products behind the numbers, and what runs on them.

use crate::error::{Error, ErrorKind, Result};
use crate::kernel::Kernel;
use crate::types::Dtype;

/// The least capability that any kernel runs on.
pub const MINIMUM: (u32, u32) = (7, 5);

/// The least capability whose arithmetic knows bfloat16, and whose tensor cores the Marlin kernels want.
pub const AMPERE: (u32, u32) = (8, 0);

/// A product whose numbers stand for those of its capability where no device is at hand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Product {
    /// Its name.
    pub name: &'static str,
    /// Streaming multiprocessors.
    pub multiprocessors: u32,
    /// Bandwidth of its memory in GB/s (10^9 bytes).
    pub bandwidth_gbps: f64,
    /// Dense products of F16 with sums in F32 by the best instruction that it has, in TFLOP/s (10^12): what a dense GEMM
    /// is measured against.
    pub tflops: f64,
}

/// What a compute capability is called.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Architecture {
    /// Major and minor number.
    pub capability: (u32, u32),
    /// NVIDIA's name of the architecture.
    pub name: &'static str,
    /// Well-known products.
    pub products: &'static str,
    /// One of them, in numbers; none below [`MINIMUM`].
    pub typical: Option<Product>,
}

const fn too_old(major: u32, minor: u32, name: &'static str, products: &'static str) -> Architecture {
    Architecture { capability: (major, minor), name, products, typical: None }
}

const fn of(
    (major, minor): (u32, u32),
    name: &'static str,
    products: &'static str,
    typical: &'static str,
    multiprocessors: u32,
    bandwidth_gbps: f64,
    tflops: f64,
) -> Architecture {
    let typical = Some(Product { name: typical, multiprocessors, bandwidth_gbps, tflops });
    Architecture { capability: (major, minor), name, products, typical }
}

/// Every capability with a name, in ascending order.
pub const ARCHITECTURES: &[Architecture] = &[
    too_old(5, 0, "Maxwell", "GTX 750, GTX 900M"),
    too_old(5, 2, "Maxwell", "GTX 900, Tesla M40"),
    too_old(5, 3, "Maxwell", "Jetson Nano"),
    too_old(6, 0, "Pascal", "Tesla P100"),
    too_old(6, 1, "Pascal", "GTX 10, Tesla P4 and P40"),
    too_old(6, 2, "Pascal", "Jetson TX2"),
    too_old(7, 0, "Volta", "V100, Titan V"),
    too_old(7, 2, "Volta", "Jetson Xavier"),
    of((7, 5), "Turing", "RTX 20, GTX 16, T4", "T4", 40, 320.0, 65.0),
    of((8, 0), "Ampere", "A100, A30", "A100 80GB SXM", 108, 2039.0, 312.0),
    of((8, 6), "Ampere", "RTX 30, A10, A40, RTX A6000", "RTX 3090", 82, 936.0, 71.0),
    of((8, 7), "Ampere", "Jetson Orin", "Jetson AGX Orin", 16, 204.8, 42.5),
    of((8, 9), "Ada Lovelace", "RTX 40, L4, L40, L40S, RTX 6000 Ada", "RTX 4090", 128, 1008.0, 165.2),
    of((9, 0), "Hopper", "H100, H200, GH200", "H100 SXM", 132, 3350.0, 989.4),
    of((10, 0), "Blackwell", "B200, GB200", "B200", 148, 8000.0, 2250.0),
    of((10, 3), "Blackwell Ultra", "B300, GB300", "B300", 148, 8000.0, 2250.0),
    of((11, 0), "Blackwell", "Jetson Thor", "Jetson AGX Thor", 20, 273.0, 258.0),
    of((12, 0), "Blackwell", "RTX 50, RTX PRO Blackwell", "RTX 5090", 170, 1792.0, 209.5),
    of((12, 1), "Blackwell", "DGX Spark (GB10)", "DGX Spark", 48, 273.0, 125.0),
];

/// The architecture with exactly this capability; `None` for one that was not known when this was written.
pub fn architecture(capability: (u32, u32)) -> Option<&'static Architecture> {
    ARCHITECTURES.iter().find(|a| a.capability == capability)
}

/// The last known architecture that is not above a capability: what to expect of an unknown one.
pub fn nearest(capability: (u32, u32)) -> Option<&'static Architecture> {
    ARCHITECTURES.iter().rfind(|a| a.capability <= capability)
}

/// Most shared memory of one block in bytes, where the kernel asks for more than the usual 48 KB.
pub const fn shared_limit(capability: (u32, u32)) -> u32 {
    match capability {
        (..=7, _) => 64 << 10,
        (8, 0 | 7) => 163 << 10,
        (8, _) | (12.., _) => 99 << 10,
        _ => 227 << 10,
    }
}

/// Share of [`Product::tflops`] that the tensor-core instructions of a warp (mma.sync) reach. Hopper and the Blackwell of
/// data centres have larger ones for whole groups of warps, and keep those of a warp for older code: about 0.65 has been
/// measured on an H100; on 10.x and 11.0 the rate of an A100's multiprocessor is assumed.
pub const fn warp_products_share(capability: (u32, u32)) -> f64 {
    match capability {
        (9, _) => 0.65,
        (10 | 11, _) => 0.25,
        _ => 1.0,
    }
}

/// "7.5".
pub fn number((major, minor): (u32, u32)) -> String {
    format!("{major}.{minor}")
}

/// "compute capability 7.5 (Turing: RTX 20, GTX 16, T4)".
pub fn describe(capability: (u32, u32)) -> String {
    let number = number(capability);
    match architecture(capability) {
        Some(a) => format!("compute capability {number} ({}: {})", a.name, a.products),
        None => format!("compute capability {number}"),
    }
}

/// [`ErrorKind::CapabilityTooLow`] for a GPU that no kernel runs on.
pub fn check(capability: (u32, u32)) -> Result<()> {
    if capability >= MINIMUM {
        return Ok(());
    }
    let what = format!("{} is below 7.5, the least that any kernel runs on", describe(capability));
    Err(Error::new(ErrorKind::CapabilityTooLow, what)
        .found(number(capability))
        .needed("7.5 (Turing: RTX 20, GTX 16, T4) or newer"))
}

/// Whether a GPU takes activations of a dtype; the error names both.
///
/// Errors: those of [`check`], [`ErrorKind::Unsupported`].
pub fn check_activation(capability: (u32, u32), dtype: Dtype) -> Result<()> {
    check(capability)?;
    match dtype {
        Dtype::F16 => Ok(()),
        Dtype::BF16 if capability >= AMPERE => Ok(()),
        Dtype::BF16 => {
            let what = format!("{} has no bfloat16 arithmetic", describe(capability));
            Err(Error::unsupported(what).subject("x").found(dtype).needed("F16, or capability 8.0"))
        }
        _ => Err(Error::unsupported("GPU kernels do not take activations of this dtype")
            .subject("x")
            .found(dtype)
            .needed(if capability >= AMPERE { "F16 or BF16" } else { "F16" })),
    }
}

/// Whether a kernel version runs on GPUs of a capability.
///
/// Errors: [`ErrorKind::KernelUnsupported`] says what is missing, [`ErrorKind::CapabilityTooLow`].
pub fn check_kernel(capability: (u32, u32), wish: Kernel) -> Result<()> {
    check(capability)?;
    if wish != Kernel::Marlin || capability >= AMPERE {
        return Ok(());
    }
    let what = "the marlin kernels need asynchronous copies and m16n8k16 tensor-core instructions";
    Err(Error::new(ErrorKind::KernelUnsupported, what)
        .found(describe(capability))
        .needed("compute capability 8.0 (Ampere) or newer, or kernel gemm, which has code for this GPU"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_has_typical_products_where_kernels_run() {
        assert!(ARCHITECTURES.windows(2).all(|w| w[0].capability < w[1].capability));
        for a in ARCHITECTURES {
            assert_eq!(a.typical.is_some(), a.capability >= MINIMUM, "{}", describe(a.capability));
        }
    }

    #[test]
    fn numbers_have_the_names_that_go_with_them() {
        for (capability, name, product) in [
            ((6, 1), "Pascal", "GTX 10"),
            ((7, 5), "Turing", "RTX 20"),
            ((8, 0), "Ampere", "A100"),
            ((8, 6), "Ampere", "RTX 30"),
            ((8, 9), "Ada Lovelace", "L4"),
            ((9, 0), "Hopper", "H200"),
            ((10, 0), "Blackwell", "B200"),
            ((10, 3), "Blackwell Ultra", "B300"),
            ((12, 0), "Blackwell", "RTX 50"),
            ((12, 1), "Blackwell", "DGX Spark"),
        ] {
            let a = architecture(capability).unwrap();
            assert!(a.name == name && a.products.contains(product), "{a:?}");
        }
    }

    #[test]
    fn shared_memory_is_that_of_the_programming_guide() {
        let limits = [((7, 5), 64), ((8, 0), 163), ((8, 6), 99), ((8, 7), 163), ((8, 9), 99), ((9, 0), 227)];
        for (capability, kb) in limits.into_iter().chain([((10, 0), 227), ((12, 0), 99), ((12, 1), 99)]) {
            assert_eq!(shared_limit(capability), kb << 10, "{capability:?}");
        }
    }

    #[test]
    fn an_unknown_capability_is_taken_for_the_last_known_one_below() {
        assert!(architecture((13, 0)).is_none());
        assert_eq!(nearest((13, 0)).unwrap().capability, (12, 1));
        assert_eq!(nearest((8, 8)).unwrap().capability, (8, 7));
        assert!(nearest((3, 5)).is_none());
        assert!(check((13, 0)).is_ok());
    }

    #[test]
    fn old_devices_and_bfloat16_on_turing_are_refused_by_name() {
        let e = check((6, 1)).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::CapabilityTooLow);
        assert!(e.to_string().contains("6.1 (Pascal: GTX 10"), "{e}");
        let e = check_activation((7, 5), Dtype::BF16).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Unsupported);
        assert!(e.to_string().contains("7.5 (Turing") && e.to_string().contains("BF16"), "{e}");
        assert!(check_activation((8, 0), Dtype::BF16).is_ok());
        assert!(check_activation((9, 0), Dtype::F32).is_err());
    }
}
