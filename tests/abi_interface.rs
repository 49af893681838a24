//! `abi/interface.json`: the header as data, so that every binding can check itself against it. `make header` renews it.
#![allow(dead_code)]

#[path = "abi/mod.rs"]
mod abi;
#[path = "abi/parse.rs"]
mod parse;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// `name -> numbers` of the committed table of layouts, which another test holds against the C compiler and Rust.
fn layouts() -> HashMap<String, (u64, u64)> {
    let text = std::fs::read_to_string(abi::path("tests/abi/layout.txt")).unwrap();
    let mut found = HashMap::new();
    let mut owner = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let numbers = (words[1].parse().unwrap(), words[2].parse().unwrap());
        if line.starts_with(' ') {
            found.insert(format!("{owner}.{}", words[0]), numbers);
        } else {
            owner = words[0].to_owned();
            found.insert(owner.clone(), numbers);
        }
    }
    found
}

fn numbers(pairs: &[(String, i64)]) -> Value {
    Value::Object(pairs.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>())
}

fn function(f: &parse::Function) -> Value {
    let params: Vec<Value> = f.params.iter().map(|p| json!({"name": p.name, "type": p.ty})).collect();
    json!({"name": f.name, "returns": f.returns, "params": params})
}

fn table() -> String {
    let whole = std::fs::read_to_string(abi::path("include/awq_marlin.h")).unwrap();
    let header = abi::header();
    let layouts = layouts();
    let enums = parse::enums(&whole);
    let others = parse::other_constants(&whole, &enums);
    let structs: Vec<Value> = parse::structs(&header)
        .iter()
        .map(|s| {
            let (size, align) = layouts[&s.name];
            let fields = s.fields.iter().map(|f| {
                let (offset, size) = layouts[&format!("{}.{}", s.name, f.name)];
                json!({"name": f.name, "type": f.ty, "offset": offset, "size": size})
            });
            json!({"name": s.name, "size": size, "align": align, "fields": fields.collect::<Vec<_>>()})
        })
        .collect();
    let (versions, constants): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|(name, _)| name.contains("_VERSION"));
    let table = json!({
        "comment": "Made from include/awq_marlin.h by `make header`. Sizes and offsets in bytes, on 64-bit machines.",
        "versions": numbers(&versions),
        "constants": numbers(&constants),
        "handles": parse::handles(&header),
        "enums": enums.iter().map(|e| json!({"name": e.name, "type": e.ty, "values": numbers(&e.constants)})).collect::<Vec<_>>(),
        "structs": structs,
        "callbacks": parse::callbacks(&header).iter().map(function).collect::<Vec<_>>(),
        "functions": parse::functions(&header).iter().map(function).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&table).unwrap() + "\n"
}

#[test]
fn the_table_is_up_to_date() {
    abi::compare_or_bless("abi/interface.json", &table());
}

/// Nothing of the header is lost on the way: the numbers of things are those of plainer searches.
#[test]
fn the_table_is_complete() {
    let table: Value = serde_json::from_str(&table()).unwrap();
    let count = |what: &str| table[what].as_array().unwrap().len();
    let symbols = std::fs::read_to_string(abi::path("tests/abi/symbols.txt")).unwrap();
    let mut names: Vec<&str> =
        table["functions"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    names.sort();
    assert_eq!(names, symbols.lines().collect::<Vec<_>>());

    let whole = std::fs::read_to_string(abi::path("include/awq_marlin.h")).unwrap();
    let lines =
        |start: &str, end: &str| whole.lines().filter(|l| l.starts_with(start) && l.ends_with(end)).count();
    assert_eq!(count("structs"), lines("typedef struct", "{"));
    assert_eq!(count("handles"), lines("typedef struct", ";"));
    assert_eq!(
        count("callbacks"),
        whole.lines().filter(|l| l.starts_with("typedef") && l.contains("(*awqm_")).count()
    );
    for e in table["enums"].as_array().unwrap() {
        assert!(e["values"].as_object().unwrap().len() > 1, "{e}");
    }
    assert_eq!(table["versions"]["AWQM_ABI_VERSION"], awq_marlin::abi::version::awqm_abi_version());
}
