//! Compiles each `.cu` file of this folder into a fatbin and writes the table of them that `src/lib.rs` includes.

mod cache;
mod compile;
mod nvcc;
mod table;
mod targets;

use std::env;
use std::path::{Path, PathBuf};

use nvcc::Nvcc;

fn main() {
    for name in [
        "AWQM_NVCC",
        "AWQM_CUDA",
        "AWQM_CUDA_ARCHS",
        "AWQM_CUDA_CACHE",
        "CUDA_HOME",
        "CUDA_PATH",
        "PATH",
        "NVCC_CCBIN",
    ] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let sources = sources(&root);
    // The whole folder, because a new kernel is a new file. Images of unchanged text come from the cache.
    println!("cargo:rerun-if-changed=.");

    match images(&root, &out, &sources) {
        Ok(built) => table::write(&out, &built),
        Err(why) => table::write_none(&out, &why),
    }
}

/// What the build made.
pub struct Built {
    /// Its release.
    pub nvcc: String,
    /// Targets, as in [`targets`].
    pub archs: String,
    /// Name and file of each image.
    pub images: Vec<(String, PathBuf)>,
}

fn images(root: &Path, out: &Path, sources: &[PathBuf]) -> Result<Built, String> {
    let required = match env::var("AWQM_CUDA").as_deref().unwrap_or("auto") {
        "auto" | "" => false,
        "require" => true,
        "off" => return Err("built with AWQM_CUDA=off".into()),
        other => panic!("AWQM_CUDA={other}: auto, require or off"),
    };
    let nvcc = match Nvcc::find(root) {
        Ok(nvcc) => nvcc,
        Err(why) if required => panic!("AWQM_CUDA=require, but {why}"),
        Err(why) => return Err(why),
    };
    if sources.is_empty() {
        return Err("there are no kernels".into());
    }
    let archs = targets::chosen(&nvcc);
    let images = compile::all(&nvcc, &archs, root, out, sources);
    Ok(Built { nvcc: nvcc.version(), archs, images })
}

/// The kernels, in order of name.
fn sources(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(root)
        .expect("the folder of the crate can be read")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cu"))
        .collect();
    found.sort();
    found
}
