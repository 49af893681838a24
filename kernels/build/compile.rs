//! nvcc on each file.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::Cache;
use crate::nvcc::Nvcc;
use crate::targets;

/// Name and fatbin of each source. The compiler's report on registers lies beside the fatbin, as `NAME.ptxas.txt`.
pub fn all(nvcc: &Nvcc, archs: &str, root: &Path, out: &Path, sources: &[PathBuf]) -> Vec<(String, PathBuf)> {
    let arguments = arguments(nvcc, archs);
    let cache = Cache::open(root);
    let mut images = Vec::new();
    for source in sources {
        let name =
            source.file_stem().and_then(|stem| stem.to_str()).expect("kernels have plain names").to_owned();
        let fatbin = out.join(&name).with_extension("fatbin");
        let report = out.join(format!("{name}.ptxas.txt"));
        let key = format!("nvcc {}\n{arguments:?}\n{}", nvcc.version(), text_of(root, source));
        if !cache.get(&name, &key, &fatbin, &report) {
            one(nvcc, &arguments, root, source, &fatbin, &report);
            cache.put(&name, &key, &fatbin, &report);
        }
        images.push((name, fatbin));
    }
    images
}

fn arguments(nvcc: &Nvcc, archs: &str) -> Vec<String> {
    // No -lineinfo: it holds paths, so the bytes would depend on the folder. A kernel that spills registers is an error.
    let mut arguments: Vec<String> =
        ["-fatbin", "-std=c++17", "-O3", "-Xptxas", "-v,--warn-on-spills,--warning-as-error"]
            .map(String::from)
            .into();
    if nvcc.release >= (12, 8) {
        arguments.push("--compress-mode=size".into());
    }
    arguments.extend(targets::arguments(archs));
    arguments
}

fn one(nvcc: &Nvcc, arguments: &[String], root: &Path, source: &Path, fatbin: &Path, report: &Path) {
    let threads = env::var("NUM_JOBS").unwrap_or_else(|_| "1".into());
    // From the folder and by its name there, so that nothing of the path gets into the image.
    let output = Command::new(&nvcc.path)
        .current_dir(root)
        .args(arguments)
        .args(["-t", &threads, "-o"])
        .arg(fatbin)
        .arg(source.file_name().expect("it is a file"))
        .output()
        .unwrap_or_else(|e| panic!("{}: {e}", nvcc.path.display()));
    let log = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    std::fs::write(report, &log).expect("OUT_DIR can be written");
    assert!(output.status.success(), "nvcc on {}:\n{log}", source.display());
}

/// The source, the headers of the folder of its name and the common ones, which is all that the image depends on besides the arguments.
fn text_of(root: &Path, source: &Path) -> String {
    let mut files = vec![source.to_owned()];
    let mut folders = vec![root.join("common"), source.with_extension("")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() { &mut folders } else { &mut files }.push(path);
        }
    }
    files[1..].sort();
    files.iter().map(|file| std::fs::read_to_string(file).expect("a source can be read")).collect()
}
