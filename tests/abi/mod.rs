//! What the tests of the C interface share: the committed header, read as text, and the library that was built.

use std::path::{Path, PathBuf};
use std::process::Command;

use fancy_regex::Regex;

/// A path inside the repository.
pub fn path(inside: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(inside)
}

/// The public header without comments and preprocessor lines.
pub fn header() -> String {
    let text = std::fs::read_to_string(path("include/awq_marlin.h"))
        .expect("include/awq_marlin.h; run `make header`");
    without_comments(&text)
}

/// A header's text without comments and preprocessor lines.
pub fn without_comments(text: &str) -> String {
    let text = Regex::new(r"(?s)/\*.*?\*/").unwrap().replace_all(text, "").into_owned();
    text.lines().filter(|l| !l.starts_with('#')).collect::<Vec<_>>().join("\n")
}

/// Runs a program and gives its standard output.
pub fn output_of(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// The shared library that was built together with this test: it lies in the test's own folder.
pub fn library() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let library = here.parent().unwrap().join("libawq_marlin.so");
    assert!(library.exists(), "{} is not built", library.display());
    library
}

/// Compiles and runs a C program that sees the public header, and gives its standard output.
pub fn run_c(source: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let (file, program) = (dir.path().join("program.c"), dir.path().join("program"));
    std::fs::write(&file, source).unwrap();
    let include = path("include");
    output_of(
        Command::new("cc")
            .args(["-std=c11", "-Wall", "-Werror", "-I"])
            .arg(include)
            .arg(&file)
            .arg("-o")
            .arg(&program),
    );
    output_of(&mut Command::new(&program))
}

/// Compares `text` with the committed file; with AWQM_BLESS=1 it becomes the committed file.
pub fn compare_or_bless(inside: &str, text: &str) {
    let file = path(inside);
    if std::env::var_os("AWQM_BLESS").is_some() {
        std::fs::write(&file, text).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    if committed != text {
        let at = committed.lines().zip(text.lines()).position(|(a, b)| a != b);
        let at = at.unwrap_or(committed.lines().count().min(text.lines().count()));
        panic!(
            "{inside} is not what the sources give; line {}:\n  committed: {:?}\n  now:       {:?}\n\
             If the change of the interface is meant, run `make header` and commit the result.",
            at + 1,
            committed.lines().nth(at),
            text.lines().nth(at)
        );
    }
}
