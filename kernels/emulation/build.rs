//! Compiles every kernel for the host, with the emulation, into one static library.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let kernels = root.parent().expect("this crate lies in the kernels' folder");
    println!("cargo:rerun-if-changed={}", kernels.display());
    println!("cargo:rerun-if-env-changed=AWQM_EMULATION_SANITIZE");

    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").opt_level(2).extra_warnings(true).flag("-Wno-unknown-pragmas");
    // Sums are what the source says, whatever the host can fuse.
    build.flag("-ffp-contract=off");
    if fast() {
        build.flag("-march=x86-64-v3");
    }
    // For example `address,undefined`. Programs then need the sanitizer's library first: LD_PRELOAD.
    if let Some(list) = env::var("AWQM_EMULATION_SANITIZE").ok().filter(|list| !list.is_empty()) {
        build.debug(true).flag("-fno-sanitize-recover=all").flag("-fno-omit-frame-pointer");
        for name in list.split(',') {
            build.flag(format!("-fsanitize={name}"));
            println!("cargo:rustc-link-lib=dylib={}", if name == "address" { "asan" } else { "ubsan" });
        }
    }
    build.files(with_extension(&root.join("host"), "cpp"));

    let mut units = Vec::new();
    for (folder, prefix) in [(kernels, "kernels"), (&root.join("planted"), "planted")] {
        for source in with_extension(folder, "cu") {
            let name = format!(
                "{prefix}_{}",
                source.file_stem().and_then(|stem| stem.to_str()).expect("a plain name")
            );
            let unit = out.join(&name).with_extension("cpp");
            fs::write(&unit, unit_text(&source, &name)).expect("OUT_DIR can be written");
            build.file(unit);
            units.push(name);
        }
    }
    let all = out.join("units.cpp");
    fs::write(&all, units_text(&units)).expect("OUT_DIR can be written");
    build.file(all).compile("awqm_emulation");
}

/// A file of kernels as a C++ file, with a symbol that whoever needs the kernels can name.
fn unit_text(source: &Path, name: &str) -> String {
    format!(
        "#include {:?}\nextern \"C\" const int awqm_unit_{name};\nconst int awqm_unit_{name} = 1;\n",
        source.display().to_string()
    )
}

/// Names every unit, so that the linker takes them all and each registers its kernels.
fn units_text(units: &[String]) -> String {
    let mut text = String::new();
    for unit in units {
        writeln!(text, "extern \"C\" const int awqm_unit_{unit};").expect("a string takes any text");
    }
    text +=
        "extern \"C\" const int *const awqm_emulation_units[];\nconst int *const awqm_emulation_units[] = {";
    for unit in units {
        write!(text, "&awqm_unit_{unit}, ").expect("a string takes any text");
    }
    text + "nullptr};\n"
}

fn with_extension(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    found.sort();
    found
}

/// This machine runs x86-64-v3 code and the tests run here.
fn fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    let has = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("bmi2");
    #[cfg(not(target_arch = "x86_64"))]
    let has = false;
    has && env::var("TARGET") == env::var("HOST")
}
