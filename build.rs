//! Gives the shared library its SONAME, so that a program linked against 0.1.x finds any 0.1.x, and the code the
//! name of its target.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=AWQM_TARGET={}", std::env::var("TARGET").unwrap());
    if std::env::var_os("CARGO_FEATURE_CAPI").is_some() {
        return; // cargo-c names the library, by the same rule
    }
    let major = std::env::var("CARGO_PKG_VERSION_MAJOR").unwrap();
    let minor = std::env::var("CARGO_PKG_VERSION_MINOR").unwrap();
    // Below 1.0 every minor version may break the ABI, so it is part of the name.
    let abi = if major == "0" { format!("{major}.{minor}") } else { major };
    match std::env::var("CARGO_CFG_TARGET_OS").unwrap().as_str() {
        "linux" | "android" | "freebsd" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libawq_marlin.so.{abi}")
        }
        "macos" => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libawq_marlin.{abi}.dylib"),
        _ => {}
    }
}
