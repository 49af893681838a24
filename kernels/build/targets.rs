//! For which GPUs there is code.

use crate::nvcc::Nvcc;

/// Machine code runs on its own compute capability and on higher ones of the same major number; `ptx` is for the driver to
/// compile on GPUs of its number and above. 8.6 and 8.9 have their own because their multiprocessors hold fewer warps.
const ALL: &str = "75,80,86,89,90,100,120,ptx80,ptx120";
/// What an nvcc before 12.8 knows.
const OLD: &str = "75,80,86,89,90,ptx80,ptx90";

/// `AWQM_CUDA_ARCHS`, or all that this nvcc knows.
pub fn chosen(nvcc: &Nvcc) -> String {
    let wish = std::env::var("AWQM_CUDA_ARCHS").unwrap_or_default();
    let wish: Vec<&str> = wish.split([',', ' ', ';']).filter(|target| !target.is_empty()).collect();
    match wish.is_empty() {
        false => wish.join(","),
        true if nvcc.release < (12, 8) => OLD.into(),
        true => ALL.into(),
    }
}

/// The arguments of nvcc for such a list.
pub fn arguments(targets: &str) -> Vec<String> {
    let one = |target: &str| match target.strip_prefix("ptx") {
        Some(number) => format!("arch=compute_{number},code=compute_{number}"),
        None => format!("arch=compute_{target},code=sm_{target}"),
    };
    targets.split(',').flat_map(|target| ["-gencode".into(), one(target)]).collect()
}
