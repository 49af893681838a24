//! The version is the same in the header, in Cargo.toml and at run time, and so is the name of the shared library.
#![allow(dead_code)]

#[path = "abi/mod.rs"]
mod abi;

use std::ffi::CStr;
use std::process::Command;

use awq_marlin::abi::version;

const MAJOR: &str = env!("CARGO_PKG_VERSION_MAJOR");
const MINOR: &str = env!("CARGO_PKG_VERSION_MINOR");
const PATCH: &str = env!("CARGO_PKG_VERSION_PATCH");

#[test]
fn header_manifest_and_library_agree() {
    let header = abi::run_c(
        "#include <stdio.h>\n#include \"awq_marlin.h\"\nint main(void) {\n\
         printf(\"%d %d %d %d %d\", AWQM_VERSION_MAJOR, AWQM_VERSION_MINOR, AWQM_VERSION_PATCH, AWQM_VERSION_NUMBER,\n\
         AWQM_ABI_VERSION); return 0; }",
    );
    let number = version::awqm_version_number();
    let abi_version = version::awqm_abi_version();
    assert_eq!(header, format!("{MAJOR} {MINOR} {PATCH} {number} {abi_version}"));

    let [major, minor, patch] = [MAJOR, MINOR, PATCH].map(|v| v.parse::<u32>().unwrap());
    assert_eq!(number, major * 1_000_000 + minor * 1000 + patch);

    // SAFETY: both are static C strings.
    let (text, info) = unsafe {
        (CStr::from_ptr(version::awqm_version_string()), CStr::from_ptr(version::awqm_build_info()))
    };
    assert_eq!(text.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
    assert!(info.to_str().unwrap().contains(env!("CARGO_PKG_VERSION")), "{info:?}");
}

#[test]
fn packages_have_the_version_of_the_manifest() {
    let package = std::fs::read_to_string(abi::path("bindings/csharp/package.json")).unwrap();
    let package: serde_json::Value = serde_json::from_str(&package).unwrap();
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
    let table = std::fs::read_to_string(abi::path("abi/interface.json")).unwrap();
    let table: serde_json::Value = serde_json::from_str(&table).unwrap();
    for (name, value) in [("MAJOR", MAJOR), ("MINOR", MINOR), ("PATCH", PATCH)] {
        assert_eq!(table["versions"][format!("AWQM_VERSION_{name}")], value.parse::<u32>().unwrap());
    }
    let changes = std::fs::read_to_string(abi::path("CHANGELOG.md")).unwrap();
    // Every release says what it means for compiled programs.
    let releases: Vec<_> = changes.split("\n## [").skip(1).collect();
    assert!(
        !releases.is_empty() && releases.iter().all(|r| r.contains("\n### ABI\n")),
        "a release without ### ABI"
    );
}

#[test]
fn soname_carries_what_the_abi_depends_on() {
    let expected = if MAJOR == "0" { format!("0.{MINOR}") } else { MAJOR.to_owned() };
    let table = abi::output_of(Command::new("readelf").arg("-d").arg(abi::library()));
    let soname = table.lines().find(|l| l.contains("SONAME")).expect("the library has no SONAME");
    assert!(soname.contains(&format!("[libawq_marlin.so.{expected}]")), "{soname}");
}
