//! Reads the public header: functions, structs, enums, callbacks and handles, as text.

use fancy_regex::Regex;

/// A C type and a name.
pub struct Named {
    pub name: String,
    pub ty: String,
}

/// A function or the type of a callback.
pub struct Function {
    pub name: String,
    pub returns: String,
    pub params: Vec<Named>,
}

/// A struct that callers see into.
pub struct Struct {
    pub name: String,
    pub fields: Vec<Named>,
}

/// A set of named numbers; `ty` is the integer that carries them.
pub struct Enum {
    pub name: String,
    pub ty: String,
    pub constants: Vec<(String, i64)>,
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// One space between words, none before a star, no `struct`.
fn tidy(c: &str) -> String {
    let words = c.split_whitespace().filter(|w| *w != "struct").collect::<Vec<_>>().join(" ");
    regex(r"\s*\*")
        .replace_all(&words, "*")
        .replace("* ", "*")
        .replace("*const", "* const ")
        .trim()
        .to_owned()
}

/// `const char *path` into type and name; an array's length goes to the type.
fn named(declaration: &str) -> Named {
    let parts = regex(r"(?s)^\s*(.*?)(\w+)\s*(\[\w+\])?\s*$");
    let parts =
        parts.captures(declaration).unwrap().unwrap_or_else(|| panic!("no declaration: {declaration}"));
    let array = parts.get(3).map_or("", |a| a.as_str());
    Named { name: parts[2].to_owned(), ty: tidy(&parts[1]) + array }
}

fn params(list: &str) -> Vec<Named> {
    if list.trim() == "void" { Vec::new() } else { list.split(',').map(named).collect() }
}

/// The exported functions of a header without comments (`super::header`), in its order.
pub fn functions(header: &str) -> Vec<Function> {
    let function = regex(r"(?s)AWQM_API(?:\s+AWQM_MUST_USE)?\s+([\w\s]+?[\s*]+)(awqm_\w+)\(([^)]*)\);");
    let found = function.captures_iter(header).map(|c| c.unwrap());
    found.map(|c| Function { name: c[2].to_owned(), returns: tidy(&c[1]), params: params(&c[3]) }).collect()
}

/// The function pointer types.
pub fn callbacks(header: &str) -> Vec<Function> {
    let callback = regex(r"(?s)typedef\s+([\w\s]+?[\s*]*)\(\*(awqm_\w+)\)\(([^)]*)\);");
    let found = callback.captures_iter(header).map(|c| c.unwrap());
    found.map(|c| Function { name: c[2].to_owned(), returns: tidy(&c[1]), params: params(&c[3]) }).collect()
}

/// The structs that callers see into.
pub fn structs(header: &str) -> Vec<Struct> {
    let body = regex(r"(?s)typedef struct (\w+) \{(.*?)\} \1;");
    let fields = |body: &str| body.split(';').filter(|f| !f.trim().is_empty()).map(named).collect();
    let found = body.captures_iter(header).map(|c| c.unwrap());
    found.map(|c| Struct { name: c[1].to_owned(), fields: fields(&c[2]) }).collect()
}

/// The opaque types.
pub fn handles(header: &str) -> Vec<String> {
    let handle = regex(r"typedef struct (\w+) \1;");
    handle.captures_iter(header).map(|c| c.unwrap()[1].to_owned()).collect()
}

/// Integer types with their constants: `typedef uint32_t awqm_x;` and the `AWQM_X_…` of the whole header, and the enum
/// of statuses.
pub fn enums(whole_header: &str) -> Vec<Enum> {
    let define = regex(r"(?m)^#define (AWQM_\w+) (-?\d+)$");
    let defined: Vec<(String, i64)> = define
        .captures_iter(whole_header)
        .map(|c| c.unwrap())
        .map(|c| (c[1].to_owned(), c[2].parse().unwrap()))
        .collect();
    let value = regex(r"(?m)^\s+(AWQM_\w+) = (-?\d+),");
    let values = |body: &str| {
        value
            .captures_iter(body)
            .map(|c| c.unwrap())
            .map(|c| (c[1].to_owned(), c[2].parse().unwrap()))
            .collect()
    };
    let real = regex(r"(?s)\nenum (awqm_\w+)\n.*?: (\w+)\n.*?\{(.*?)\n\};");
    let mut found: Vec<Enum> = real
        .captures_iter(whole_header)
        .map(|c| c.unwrap())
        .map(|c| Enum { name: c[1].to_owned(), ty: c[2].to_owned(), constants: values(&c[3]) })
        .collect();
    let plain = regex(r"(?m)^typedef (u?int\d+_t) (awqm_\w+);");
    for c in plain.captures_iter(whole_header).map(|c| c.unwrap()) {
        if found.iter().any(|e| e.name == c[2]) {
            continue;
        }
        let prefix = c[2].to_uppercase() + "_";
        let constants = defined.iter().filter(|(name, _)| name.starts_with(&prefix)).cloned().collect();
        found.push(Enum { name: c[2].to_owned(), ty: c[1].to_owned(), constants });
    }
    found
}

/// Numbers that belong to no enum, such as flags; versions too.
pub fn other_constants(whole_header: &str, enums: &[Enum]) -> Vec<(String, i64)> {
    let define = regex(r"(?m)^#define (AWQM_\w+) (-?\d+)$");
    let all = define.captures_iter(whole_header).map(|c| c.unwrap());
    all.map(|c| (c[1].to_owned(), c[2].parse().unwrap()))
        .filter(|(name, _)| !enums.iter().flat_map(|e| &e.constants).any(|(taken, _)| taken == name))
        .collect()
}
