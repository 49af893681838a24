//! What the READMEs of the bindings show is taken from files that their tests run.

use std::path::{Path, PathBuf};

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else if entry.extension().is_none_or(|e| e != "md") {
            found.push(entry);
        }
    }
}

/// Code blocks with their language.
fn blocks(text: &str) -> Vec<(String, Vec<&str>)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            found.push((language.to_owned(), lines.by_ref().take_while(|l| !l.starts_with("```")).collect()));
        }
    }
    found
}

/// The lines of a block that no single file has all of.
fn missing<'a>(block: &[&'a str], texts: &[String]) -> Option<&'a str> {
    let absent = |text: &String| {
        let known: std::collections::HashSet<&str> = text.lines().map(str::trim).collect();
        block.iter().find(|l| !l.trim().is_empty() && !known.contains(l.trim())).copied()
    };
    let mut all = texts.iter().map(absent).collect::<Vec<_>>();
    if all.iter().any(Option::is_none) { None } else { all.pop().flatten() }
}

#[test]
fn code_in_the_readmes_stands_in_a_tested_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("bindings");
    let mut seen = 0;
    for folder in
        std::fs::read_dir(&root).unwrap().map(|e| e.unwrap().path()).filter(|p| p.join("README.md").exists())
    {
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
        let mut paths = Vec::new();
        files(&folder, &mut paths);
        let texts: Vec<String> = paths.iter().filter_map(|p| std::fs::read_to_string(p).ok()).collect();
        for (language, block) in blocks(&readme) {
            // What is typed into a shell names the reader's own places.
            if matches!(language.as_str(), "sh" | "" | "text" | "console") {
                continue;
            }
            seen += 1;
            let missing = missing(&block, &texts);
            assert!(
                missing.is_none(),
                "{}: no file has all of this block; such as: {missing:?}",
                folder.display()
            );
        }
    }
    assert!(seen >= 2, "only {seen} blocks");
}

#[test]
fn the_checker_sees_a_line_that_is_nowhere() {
    let texts = ["int a;\nint b;\n".to_owned(), "int c;\n".to_owned()];
    assert_eq!(missing(&["  int b;"], &texts), None);
    assert!(missing(&["int b;", "int c;"], &texts).is_some());
    assert_eq!(blocks("x\n```c\nint a;\n```\ny"), [("c".to_owned(), vec!["int a;"])]);
}
