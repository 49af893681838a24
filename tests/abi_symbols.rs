//! The shared library exports exactly the functions that the header declares, and no committed name goes away.
#![allow(dead_code)]

#[path = "abi/mod.rs"]
mod abi;

use std::collections::BTreeSet;
use std::process::Command;

use fancy_regex::Regex;

fn declared() -> BTreeSet<String> {
    let header = abi::header();
    // A name right before a parenthesis is a function; function pointer types are written `(*name)(`.
    let function = Regex::new(r"\b(awqm_\w+)\s*\(").unwrap();
    function.captures_iter(&header).map(|c| c.unwrap()[1].to_owned()).collect()
}

fn exported() -> BTreeSet<String> {
    let table = abi::output_of(Command::new("nm").args(["-D", "--defined-only"]).arg(abi::library()));
    table.lines().filter_map(|l| l.split_whitespace().nth(2)).map(str::to_owned).collect()
}

#[test]
fn exports_are_the_declared_functions() {
    let mut expected = declared();
    assert!(expected.len() > 50, "only {} functions in the header", expected.len());
    if cfg!(feature = "test-hooks") {
        expected.insert("awqm_test_panic".to_owned());
    }
    let exported = exported();
    let undeclared: Vec<_> = exported.difference(&expected).collect();
    let missing: Vec<_> = expected.difference(&exported).collect();
    assert!(
        undeclared.is_empty() && missing.is_empty(),
        "exported but not in the header: {undeclared:?}; in the header but not exported: {missing:?}"
    );
}

#[test]
fn declared_functions_are_the_committed_list() {
    let names: String = declared().into_iter().map(|name| name + "\n").collect();
    abi::compare_or_bless("tests/abi/symbols.txt", &names);
}
