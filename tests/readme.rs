//! The README keeps its word: its example is the program that is compiled and run, its files and targets exist.

use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The first code block of a language.
fn block<'a>(text: &'a str, language: &str) -> &'a str {
    let (_, from) = text.split_once(&format!("```{language}\n")).unwrap();
    from.split_once("```").unwrap().0
}

#[test]
fn the_example_is_the_program_of_examples_c() {
    assert_eq!(block(&read("README.md"), "c"), read("examples-c/01_linear.c"));
}

#[test]
fn links_lead_to_files() {
    for page in ["README.md", "examples-c/README.md", "bindings/README.md", "kernels/README.md"] {
        let text = read(page);
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(page).parent().unwrap().to_path_buf();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if !link.contains("://") {
                assert!(dir.join(link).exists(), "{page} links to {link}, which is not there");
            }
        }
    }
}

#[test]
fn make_has_the_targets_that_are_named() {
    let makefile = read("Makefile");
    for page in ["README.md", "examples-c/README.md"] {
        let text = read(page);
        let commands = text.split(['`', '\n', '&']).filter_map(|part| part.trim().strip_prefix("make "));
        let targets = commands.map(|c| c.split_whitespace().next().unwrap()).filter(|t| !t.starts_with('-'));
        for target in targets {
            assert!(makefile.contains(&format!("\n{target}:")), "{page}: make {target}");
        }
    }
}
