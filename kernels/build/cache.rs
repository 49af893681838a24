//! Images that an earlier build made of the same text. Debug, release and test builds each have their own output folder,
//! and nvcc takes long.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

/// A folder, or none: `AWQM_CUDA_CACHE` (empty for none), else `.cache/kernels` of a repository that has a `.cache`.
pub struct Cache(Option<PathBuf>);

impl Cache {
    pub fn open(root: &Path) -> Cache {
        let folder = match env::var_os("AWQM_CUDA_CACHE") {
            Some(path) => Some(PathBuf::from(path)).filter(|path| !path.as_os_str().is_empty()),
            None => {
                Some(root.join("../.cache")).filter(|path| path.is_dir()).map(|path| path.join("kernels"))
            }
        };
        Cache(folder.filter(|folder| fs::create_dir_all(folder).is_ok()))
    }

    /// Copies the image and its report to these places if they are there.
    pub fn get(&self, name: &str, key: &str, fatbin: &Path, report: &Path) -> bool {
        let Some(entry) = self.entry(name, key) else { return false };
        // The key stands beside them whole, so two texts with one hash do no harm.
        fs::read_to_string(entry.with_extension("key")).is_ok_and(|found| found == key)
            && fs::copy(entry.with_extension("fatbin"), fatbin).is_ok()
            && fs::copy(entry.with_extension("ptxas.txt"), report).is_ok()
    }

    /// Keeps them; that they cannot be kept is no error. The key comes last, so what is cut short is not found.
    pub fn put(&self, name: &str, key: &str, fatbin: &Path, report: &Path) {
        let Some(entry) = self.entry(name, key) else { return };
        let kept = fs::copy(fatbin, entry.with_extension("fatbin")).is_ok()
            && fs::copy(report, entry.with_extension("ptxas.txt")).is_ok();
        if kept {
            let _ = fs::write(entry.with_extension("key"), key);
        }
    }

    fn entry(&self, name: &str, key: &str) -> Option<PathBuf> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        self.0.as_ref().map(|folder| folder.join(format!("{name}-{:016x}", hasher.finish())))
    }
}
