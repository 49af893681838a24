//! The header says of every function what its parameters are, which statuses it gives, what threads may do, and since
//! when it is there.
#![allow(dead_code)]

#[path = "abi/mod.rs"]
mod abi;
#[path = "abi/parse.rs"]
mod parse;

use std::collections::{BTreeMap, BTreeSet};

use fancy_regex::Regex;

/// Statuses that the head of the header gives to all functions.
const GENERAL: &[&str] = &[
    "NULL_POINTER",
    "BAD_STRUCT_SIZE",
    "UNKNOWN_ENUM",
    "INVALID_ARGUMENT",
    "SIZE_OVERFLOW",
    "OUT_OF_MEMORY",
    "INTERNAL",
];

fn whole() -> String {
    std::fs::read_to_string(abi::path("include/awq_marlin.h")).unwrap()
}

/// Name of every function with its comment, without the stars.
fn comments(whole: &str) -> BTreeMap<String, String> {
    let documented = Regex::new(
        r"(?s)/\*\*((?:(?!\*/).)*)\*/\s*AWQM_API(?:\s+AWQM_MUST_USE)?\s+[\w\s]+?[\s*]+(awqm_\w+)\(",
    )
    .unwrap();
    let star = Regex::new(r"\s*\n \* ?").unwrap();
    let found = documented.captures_iter(whole).map(|c| c.unwrap());
    found.map(|c| (c[2].to_owned(), star.replace_all(&c[1], "\n").into_owned())).collect()
}

/// The functions that a comment refers to with "As awqm_x" or "as awqm_x".
fn like(comment: &str) -> Vec<String> {
    let reference = Regex::new(r"\b[Aa]s (awqm_\w+)").unwrap();
    reference.captures_iter(comment).map(|c| c.unwrap()[1].to_owned()).collect()
}

/// The comment and those that it refers to, however far.
fn with_references(name: &str, all: &BTreeMap<String, String>) -> String {
    let mut seen = BTreeSet::from([name.to_owned()]);
    let mut queue = vec![name.to_owned()];
    let mut text = String::new();
    while let Some(name) = queue.pop() {
        let Some(comment) = all.get(&name) else { continue };
        text += comment;
        queue.extend(like(comment).into_iter().filter(|other| seen.insert(other.clone())));
    }
    text
}

/// What is missing in the comment of `f`.
fn missing(f: &parse::Function, all: &BTreeMap<String, String>, statuses: &BTreeSet<String>) -> Vec<String> {
    let Some(comment) = all.get(&f.name) else { return vec![format!("{}: no comment", f.name)] };
    let around = with_references(&f.name, all);
    let mut missing = Vec::new();
    let mut need = |holds: bool, what: String| {
        if !holds {
            missing.push(format!("{}: {what}", f.name));
        }
    };
    for p in &f.params {
        let named = around.contains(&format!("`{}`", p.name));
        // What a sentence names by its first letter is named: "a dtype", "K input features".
        need(
            named || !p.ty.contains('*') && f.params.len() <= 2 || around.contains(&p.name),
            format!("parameter {}", p.name),
        );
    }
    let pointers = f.params.iter().filter(|p| p.ty.contains('*')).count();
    need(pointers == 0 || around.contains("# Safety"), "what its pointers must be (# Safety)".into());
    need(comment.contains("Threads:"), "Threads:".into());
    need(Regex::new(r"Since \d+\.\d+\.").unwrap().is_match(comment).unwrap(), "Since x.y.".into());
    if f.returns == "awqm_status" {
        let list = Regex::new("Statuses[:;]").unwrap().split(comment).nth(1).map(Result::unwrap);
        need(list.is_some(), "Statuses:".into());
        let list = list.unwrap_or("").split("Threads:").next().unwrap();
        for word in
            Regex::new(r"\b[A-Z]{2,}(?:_[A-Z]+)+\b").unwrap().find_iter(list).map(|m| m.unwrap().as_str())
        {
            let known = statuses.contains(word) || word.starts_with("AWQM") || word.starts_with("AWQ_");
            need(known, format!("{word} is no status"));
        }
    }
    if f.returns.contains('*') {
        let says = ["tatic string", "valid until", "lives"].iter().any(|words| comment.contains(words));
        need(says, "how long the result lives".into());
    }
    missing
}

fn all_missing(whole: &str) -> Vec<String> {
    let all = comments(whole);
    let statuses: BTreeSet<String> = parse::enums(whole)[0]
        .constants
        .iter()
        .map(|(name, _)| name.trim_start_matches("AWQM_STATUS_").to_owned())
        .collect();
    for general in GENERAL {
        assert!(
            statuses.contains(*general) && whole.split("#ifndef").next().unwrap().contains(general),
            "{general}"
        );
    }
    let functions = parse::functions(&abi::without_comments(whole));
    assert!(functions.len() > 50);
    functions.iter().flat_map(|f| missing(f, &all, &statuses)).collect()
}

#[test]
fn every_function_is_documented_in_full() {
    let missing = all_missing(&whole());
    assert!(
        missing.is_empty(),
        "{} things are missing in the header:\n{}",
        missing.len(),
        missing.join("\n")
    );
}

#[test]
fn the_checker_sees_what_is_missing() {
    let whole = whole();
    for (what, from, to) in [
        ("awqm_linear_run: Statuses:", "Statuses: BUFFER_TOO_SMALL (workspace), OVERLAP", "BUFFER_TOO_SMALL"),
        ("awqm_packed_save: parameter prefix", "`prefix`", "a name"),
        (
            "awqm_device_free: Threads:",
            "Threads: any; the last call with this handle. Since 0.1.\n *\n * # Safety\n * `device`",
            "Since 0.1.\n *\n * # Safety\n * `device`",
        ),
        (
            "awqm_dtype_name: how long the result lives",
            "NULL for an unknown number. Static string.",
            "NULL for an unknown number.",
        ),
    ] {
        let broken = whole.replace(from, to);
        assert_ne!(broken, whole, "{from}");
        assert!(
            all_missing(&broken).iter().any(|m| m.starts_with(what)),
            "{what}: {:?}",
            all_missing(&broken)
        );
    }
}
