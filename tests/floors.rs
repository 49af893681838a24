//! Keeps the floors: a file of `src/` imports only from lower ones.
//!
//! ```text
//! 4  abi                           extern "C", raw pointers, C names
//! 3  cpu, cuda, quantize           all stand on floor 2, none on another
//! 2  config, layout, checkpoint    checkpoint uses the other two; config takes the name of a layout
//!    plan_text                     texts of plans, of any backend
//! 1  error, types, kernel, parallel, fork, buffer, matrix
//! ```

use std::path::{Path, PathBuf};

const GROUND: &[&str] = &["error", "types", "kernel", "parallel", "buffer", "matrix", "fork", "pages"];
const FORMATS: &[&str] = &["config", "layout", "checkpoint", "plan_text"];

/// What a module of `src/` may import, as path prefixes after `crate::`. None: the module is not known.
fn allowed(module: &str) -> Option<Vec<&'static str>> {
    let above_ground = |more: &[&'static str]| Some([GROUND, more].concat());
    match module {
        "error" | "kernel" | "fork" | "pages" => Some(vec![]),
        "types" => Some(vec!["error"]),
        "buffer" => Some(vec!["error", "pages"]),
        "parallel" => Some(vec!["error", "fork"]),
        "matrix" => Some(vec!["error", "types"]),
        "layout" => above_ground(&[]),
        "config" => above_ground(&["layout::Layout"]),
        "checkpoint" => above_ground(&["config", "layout"]),
        "plan_text" => above_ground(&["config", "layout"]),
        "cpu" | "cuda" | "quantize" => above_ground(FORMATS),
        "abi" => above_ground(&[FORMATS, &["cpu", "cuda", "quantize"]].concat()),
        _ => None,
    }
}

/// The paths after `crate::` in `source`, comments left out and brace groups spread.
fn imports(source: &str) -> Vec<String> {
    let code: String =
        source.lines().map(|l| l.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    let mut rest = code.as_str();
    while let Some(at) = rest.find("crate::") {
        // `$crate::` in a macro is the same crate; `my_crate::` is not.
        let part_of_a_name = rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        rest = &rest[at + "crate::".len()..];
        if !part_of_a_name {
            spread("", rest, &mut found);
        }
    }
    found
}

/// Appends the path at the start of `text` to `found`, once for each member of its brace group.
fn spread(prefix: &str, text: &str, found: &mut Vec<String>) {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        let mut depth = 0;
        let mut start = 0;
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                ',' | '}' if depth == 0 => {
                    if !group[start..i].trim().is_empty() {
                        spread(prefix, &group[start..i], found);
                    }
                    start = i + 1;
                    if c == '}' {
                        return;
                    }
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
        return;
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let path = if prefix.is_empty() { text[..end].to_owned() } else { format!("{prefix}::{}", &text[..end]) };
    match text[end..].strip_prefix("::") {
        Some(more) => spread(&path, more, found),
        None => found.push(path),
    }
}

/// The imports of `source`, a file of `module`, that go up or sideways.
fn violations(module: &str, source: &str) -> Vec<String> {
    let Some(allowed) = allowed(module) else {
        return vec![format!("module {module} has no floor; give it one in tests/floors.rs")];
    };
    imports(source)
        .into_iter()
        .filter(|path| {
            let within = |prefix: &str| path == prefix || path.starts_with(&format!("{prefix}::"));
            // The crate root re-exports the types of `error`, and `crate::module` is the file's own.
            let from_root = ["Error", "ErrorKind", "Result"].into_iter().any(within) && module != "error";
            !from_root && !within(module) && !allowed.iter().any(|prefix| within(prefix))
        })
        .map(|path| format!("{module} imports crate::{path}"))
        .collect()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn every_file_imports_only_from_lower_floors() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut bad = Vec::new();
    let mut seen = 0;
    for file in rust_files(&src) {
        let inside = file.strip_prefix(&src).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if module == "lib" {
            continue; // the list of modules
        }
        seen += 1;
        let source = std::fs::read_to_string(&file).unwrap();
        bad.extend(violations(module, &source).into_iter().map(|v| format!("{}: {v}", inside.display())));
    }
    assert!(seen >= 8, "only {seen} files found under {}", src.display());
    assert!(bad.is_empty(), "imports that leave their floor:\n{}", bad.join("\n"));
}

#[test]
fn the_checker_sees_an_upward_import() {
    assert_eq!(violations("layout", "use crate::cpu::CpuLinear;"), ["layout imports crate::cpu::CpuLinear"]);
    assert_eq!(violations("error", "use crate::types::Dtype;"), ["error imports crate::types::Dtype"]);
    assert_eq!(violations("cpu", "fn f() { crate::abi::guard(g) }"), ["cpu imports crate::abi::guard"]);
}

#[test]
fn the_checker_sees_a_sideways_import() {
    assert_eq!(violations("cpu", "use crate::quantize::rtn;"), ["cpu imports crate::quantize::rtn"]);
    assert_eq!(violations("cuda", "use crate::cpu::CpuLinear;"), ["cuda imports crate::cpu::CpuLinear"]);
    assert_eq!(
        violations(
            "config",
            "pub(crate) use crate::{error::Error, layout::{Layout, marlin::{self, permute}}};"
        ),
        ["config imports crate::layout::marlin::self", "config imports crate::layout::marlin::permute"]
    );
    assert_eq!(violations("layout", "crate::checkpoint!()"), ["layout imports crate::checkpoint"]);
}

#[test]
fn the_checker_accepts_what_the_floors_allow() {
    for (module, line) in [
        ("types", "use crate::error::{Error, ErrorKind, Result};"),
        ("config", "use crate::layout::Layout; use crate::{Result, types::QuantSpec};"),
        ("checkpoint", "use crate::config::QuantConfig; use crate::layout::{self, Part};"),
        ("cpu", "use crate::layout; // not crate::quantize\nuse crate::cpu::reference;"),
        ("quantize", "use crate::{checkpoint::ShardWriter, parallel::Parallel};"),
        ("abi", "use crate::{cpu, quantize::rtn, config};"),
        ("layout", "other_crate::cpu::f()"),
    ] {
        assert_eq!(violations(module, line), [""; 0], "{module}: {line}");
    }
}

#[test]
fn a_module_without_a_floor_is_refused() {
    assert_eq!(violations("attic", "").len(), 1);
}
