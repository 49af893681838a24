//! The committed header is what cbindgen makes of `src/abi`. `AWQM_BLESS=1 cargo test --test abi_header` renews it.
#![allow(dead_code)]

#[path = "abi/mod.rs"]
mod abi;

#[test]
fn the_header_is_up_to_date() {
    let config = cbindgen::Config::from_file(abi::path("cbindgen.toml")).unwrap();
    // Only the folder of the interface: cbindgen knows no modules, so names of other folders could collide.
    let sources = abi::path("src/abi/mod.rs");
    let bindings = cbindgen::Builder::new().with_src(sources).with_config(config).generate().unwrap();
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("awqm_version_number"), "cbindgen found no functions");
    abi::compare_or_bless("include/awq_marlin.h", &text);
}

#[test]
fn every_function_and_type_is_documented() {
    let text = std::fs::read_to_string(abi::path("include/awq_marlin.h")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut bare = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let function = line.starts_with("AWQM_API");
        let with_body = line.starts_with("typedef struct") && line.ends_with('{');
        if function || with_body {
            // An attribute may stand between the comment and the declaration.
            let above = lines[..i].iter().rev().find(|l| !l.starts_with("AWQM_MUST_USE"));
            if above.is_none_or(|l| !l.trim_end().ends_with("*/")) {
                bare.push(*line);
            }
        }
    }
    assert!(bare.is_empty(), "without a comment:\n{}", bare.join("\n"));
}
