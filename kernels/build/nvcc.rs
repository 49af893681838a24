//! Where nvcc is and which one it is.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Nvcc {
    pub path: PathBuf,
    pub release: (u32, u32),
}

impl Nvcc {
    /// The first that works of: `AWQM_NVCC`, `PATH`, `CUDA_HOME`, `CUDA_PATH`, the repository's own, the usual place.
    pub fn find(root: &Path) -> Result<Nvcc, String> {
        if let Some(path) = env::var_os("AWQM_NVCC").filter(|path| !path.is_empty()) {
            return Nvcc::at(path.into()).map_err(|why| format!("AWQM_NVCC: {why}"));
        }
        let mut candidates = Vec::new();
        if let Some(path) = env::var_os("PATH") {
            candidates.extend(env::split_paths(&path).map(|folder| folder.join("nvcc")));
        }
        for name in ["CUDA_HOME", "CUDA_PATH"] {
            if let Some(folder) = env::var_os(name) {
                candidates.push(Path::new(&folder).join("bin/nvcc"));
            }
        }
        if let Ok(pythons) = std::fs::read_dir(venv(root).join("lib")) {
            for python in pythons.flatten() {
                candidates.push(python.path().join("site-packages/nvidia/cu13/bin/nvcc"));
            }
        }
        candidates.push("/usr/local/cuda/bin/nvcc".into());
        let mut why = String::from("no nvcc was found when the library was built");
        for path in candidates.into_iter().filter(|path| path.is_file()) {
            match Nvcc::at(path) {
                Ok(nvcc) => return Ok(nvcc),
                Err(one) => why = format!("{why}; {one}"),
            }
        }
        Err(why)
    }

    fn at(path: PathBuf) -> Result<Nvcc, String> {
        let output =
            Command::new(&path).arg("--version").output().map_err(|e| format!("{}: {e}", path.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let release =
            text.split("release ").nth(1).and_then(|rest| rest.split(',').next()).and_then(|release| {
                let (major, minor) = release.trim().split_once('.')?;
                Some((major.parse().ok()?, minor.parse().ok()?))
            });
        match release {
            Some(release) if output.status.success() => Ok(Nvcc { path, release }),
            _ => Err(format!("{} --version says no release", path.display())),
        }
    }

    pub fn version(&self) -> String {
        format!("{}.{}", self.release.0, self.release.1)
    }
}

/// Where `scripts/get_nvcc.sh` puts one.
pub fn venv(root: &Path) -> PathBuf {
    root.join("../.cache/nvcc")
}
