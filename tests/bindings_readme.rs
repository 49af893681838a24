//! What the READMEs of the bindings show as use stands in files that the tests run, line for line, and each says how to
//! install. The shell lines themselves are run by the bindings' tests.

use std::path::Path;

/// Code blocks with their language.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    text.split("\n```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap()).collect()
}

/// Without what indents the lines.
fn flush(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim())).collect()
}

#[test]
fn use_is_copied_from_files_that_run() {
    let bindings = Path::new(env!("CARGO_MANIFEST_DIR")).join("bindings");
    let mut seen = 0;
    for folder in std::fs::read_dir(bindings).unwrap().map(|entry| entry.unwrap().path()) {
        if !folder.join("test.sh").exists() {
            continue;
        }
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
        let links = readme.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        let linked: Vec<_> =
            links.map(|link| flush(&std::fs::read_to_string(folder.join(link)).expect(link))).collect();
        let blocks = blocks(&readme);
        assert!(blocks.iter().any(|(language, _)| *language == "sh"), "{name}: how to install");
        let code: Vec<_> =
            blocks.iter().filter(|(language, _)| !["sh", "cmake"].contains(language)).collect();
        assert!(!code.is_empty(), "{name}: how to use");
        for (language, block) in code {
            assert!(
                linked.iter().any(|file| file.contains(&flush(block))),
                "{name}: the {language} block is in no file that is linked:\n{block}"
            );
            seen += 1;
        }
    }
    assert!(seen >= 7, "{seen} blocks");
}

#[test]
fn the_projects_readme_shows_each_language() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let shown = blocks(&readme);
    for name in ["cpp", "csharp", "go", "zig", "python"] {
        let own = std::fs::read_to_string(root.join("bindings").join(name).join("README.md")).unwrap();
        let both: Vec<_> = blocks(&own).into_iter().filter(|block| shown.contains(block)).collect();
        assert!(both.iter().any(|(language, _)| *language == "sh"), "{name}: how to install");
        assert!(both.iter().any(|(language, _)| *language != "sh"), "{name}: how to use");
    }
}
