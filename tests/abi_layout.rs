//! Size and offsets of every public struct: the same in C, in Rust, and in the committed table.
#![allow(dead_code)]

#[path = "abi/mod.rs"]
mod abi;

use std::fmt::Write;

use fancy_regex::Regex;

/// The structs of the header with their fields, in order.
fn structs() -> Vec<(String, Vec<String>)> {
    let body = Regex::new(r"(?s)typedef struct (\w+) \{(.*?)\} \1;").unwrap();
    let field = Regex::new(r"(\w+)\s*(?:\[\w+\])?;").unwrap();
    let names = |body: &str| field.captures_iter(body).map(|c| c.unwrap()[1].to_owned()).collect();
    let header = abi::header();
    body.captures_iter(&header).map(|c| c.unwrap()).map(|c| (c[1].to_owned(), names(&c[2]))).collect()
}

/// One line `struct size alignment` and one `  field offset size` for each field, as the C compiler has them.
fn as_c_sees_it() -> String {
    let mut program = String::from("#include <stdio.h>\n#include <stddef.h>\n#include \"awq_marlin.h\"\nint main(void) {\n");
    for (name, fields) in structs() {
        writeln!(program, "printf(\"{name} %zu %zu\\n\", sizeof({name}), _Alignof({name}));").unwrap();
        for f in fields {
            writeln!(program, "printf(\"  {f} %zu %zu\\n\", offsetof({name}, {f}), sizeof((({name} *)0)->{f}));").unwrap();
        }
    }
    program.push_str("return 0; }\n");
    abi::run_c(&program)
}

fn size_of_field<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

macro_rules! layout {
    ($($module:ident :: $name:ident { $($field:ident),* $(,)? })*) => {
        /// The same lines from the Rust definitions.
        fn as_rust_sees_it() -> String {
            let mut text = String::new();
            $(
                use awq_marlin::abi::$module::$name;
                let (size, align) = (size_of::<$name>(), align_of::<$name>());
                writeln!(text, "{} {size} {align}", stringify!($name)).unwrap();
                $(
                    let (offset, size) = (std::mem::offset_of!($name, $field), size_of_field(|s: &$name| &s.$field));
                    writeln!(text, "  {} {offset} {size}", stringify!($field)).unwrap();
                )*
            )*
            text
        }
    };
}

layout! {
    config::awqm_config_info { struct_size, method, bits, group_size, zero_point, act_order, layout, lm_head }
    config::awqm_module_info { struct_size, quantized, bits, group_size, zero_point, layout }
}

/// The blocks of a table, sorted: the order of structs in the header is nobody's business.
fn sorted(table: &str) -> String {
    let mut blocks: Vec<String> = Vec::new();
    for line in table.lines() {
        if !line.starts_with(' ') {
            blocks.push(String::new());
        }
        let block = blocks.last_mut().expect("a struct's line comes first");
        block.push_str(line);
        block.push('\n');
    }
    blocks.sort();
    blocks.concat()
}

#[test]
fn c_and_rust_agree() {
    let (c, rust) = (sorted(&as_c_sees_it()), sorted(&as_rust_sees_it()));
    assert_eq!(c, rust, "a struct of the header is missing from the list in tests/abi_layout.rs, or laid out differently");
}

#[test]
fn every_struct_starts_with_its_size() {
    let structs = structs();
    assert!(structs.len() > 10, "only {} structs found in the header", structs.len());
    for (name, fields) in structs {
        assert_eq!(fields.first().map(String::as_str), Some("struct_size"), "{name}");
    }
}

#[test]
fn the_layout_is_the_committed_one() {
    abi::compare_or_bless("tests/abi/layout.txt", &sorted(&as_c_sees_it()));
}
