//! Which modules a config quantizes: an ordered list of rules, of which the first that matches a name decides.
//!
//! Every dialect comes down to such a list; what differs is how an entry matches:
//!
//! | entry of | matches a full dotted name when |
//! | --- | --- |
//! | `modules_to_not_convert` (awq, gptq) | it is a substring of the name (vLLM, transformers 4) |
//! | `modules_in_block_to_quantize` (gptq) | it is a substring of the name; a name that no entry matches is skipped |
//! | `dynamic` (GPTQModel) | the regular expression after `-:` (skip) or `+:` (override) matches from the start |
//! | `ignore`, `targets` (compressed-tensors) | it is the name; or, after `re:`, the regular expression matches from the start |
//! | `targets` `Linear` | always: this library knows linear layers only |
//!
//! "Matches from the start" is Python's `re.match`: anchored at the first character, free at the end.

use std::collections::HashMap;

use fancy_regex::{Regex, RegexBuilder};

use crate::error::{Error, ErrorKind, Result};
use crate::types::QuantSpec;

/// Compiled patterns are large; a config with more of them is damaged or hostile. Names written as patterns, of which
/// GPTQModel writes one for each expert of a mixture, are not compiled and do not count.
const MAX_PATTERNS: usize = 4096;

/// Bytes of one compiled pattern.
const PATTERN_BYTES: usize = 1 << 20;

/// Longest pattern text; it bounds the time to compile it.
const PATTERN_LENGTH: usize = 1 << 16;

/// How an entry matches a module name.
#[derive(Debug, Clone)]
pub(super) enum Matcher {
    /// The entry is contained in the name.
    Substring(String),
    /// The entry is the name.
    Exact(String),
    /// The pattern matches from the start of the name.
    Pattern(Box<Regex>),
    /// The entry is the last component of the name.
    LastComponent(&'static str),
    /// Every linear layer.
    Linear,
}

impl Matcher {
    /// The pattern of Python's `re.match(pattern, name)`. `compiled` counts the patterns of the config.
    ///
    /// Errors: [`ErrorKind::Config`] with the compiler's reason, or when there are more than [`MAX_PATTERNS`].
    pub fn pattern(pattern: &str, compiled: &mut usize) -> Result<Self> {
        if let Some(name) = literal(pattern) {
            return Ok(Matcher::Exact(name));
        }
        let bad = |why: String| Error::new(ErrorKind::Config, why).found(format!("{pattern:.80}"));
        *compiled += 1;
        if *compiled > MAX_PATTERNS {
            return Err(bad(format!("there are more than {MAX_PATTERNS} regular expressions")));
        }
        if pattern.len() > PATTERN_LENGTH {
            return Err(bad(format!("regular expression is longer than {PATTERN_LENGTH} bytes")));
        }
        // A group of its own, so that `a|b` is anchored as a whole.
        RegexBuilder::new(&format!(r"\A(?:{pattern})"))
            .delegate_size_limit(PATTERN_BYTES)
            .build()
            .map(|regex| Matcher::Pattern(Box::new(regex)))
            .map_err(|e| bad(format!("regular expression does not compile: {e}")))
    }

    fn matches(&self, name: &str) -> Result<bool> {
        match self {
            Matcher::Substring(s) => Ok(name.contains(s.as_str())),
            Matcher::Exact(s) => Ok(name == s),
            Matcher::LastComponent(s) => Ok(name.rsplit('.').next() == Some(s)),
            Matcher::Linear => Ok(true),
            Matcher::Pattern(regex) => regex.is_match(name).map_err(|e| {
                Error::new(ErrorKind::Config, format!("regular expression cannot be matched: {e}"))
                    .subject(name)
                    .found(format!("{:.80}", regex.as_str()))
            }),
        }
    }
}

/// One entry of a config.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub matcher: Matcher,
    /// Where the entry stands and what it says, for the reason that is reported.
    pub entry: String,
    /// How the module is quantized; `None` = not at all.
    pub spec: Option<QuantSpec>,
}

/// The rules of a config, in the order in which they apply.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    list: Vec<Rule>,
    /// Where in `list` the first rule for an exact name stands.
    exact: HashMap<String, usize>,
    /// Where in `list` the other rules stand, in order.
    others: Vec<usize>,
    /// What holds for a name that no rule matches, and the reason that is reported then.
    otherwise: (Option<QuantSpec>, String),
}

impl Rules {
    /// `otherwise` holds for a name that no rule of `list` matches.
    pub fn new(list: Vec<Rule>, otherwise: Option<QuantSpec>, otherwise_entry: String) -> Self {
        let mut exact = HashMap::new();
        let mut others = Vec::new();
        for (at, rule) in list.iter().enumerate() {
            match &rule.matcher {
                Matcher::Exact(name) => {
                    exact.entry(name.clone()).or_insert(at);
                }
                _ => others.push(at),
            }
        }
        Rules { list, exact, others, otherwise: (otherwise, otherwise_entry) }
    }

    /// The first rule that matches decides: the quantization (`None` = skipped) and the entry that said so.
    pub fn decide(&self, name: &str) -> Result<(Option<QuantSpec>, &str)> {
        let exact = self.exact.get(name).copied();
        for &at in self.others.iter().take_while(|at| exact.is_none_or(|exact| **at < exact)) {
            if self.list[at].matcher.matches(name)? {
                return Ok((self.list[at].spec, &self.list[at].entry));
            }
        }
        Ok(match exact {
            Some(at) => (self.list[at].spec, &self.list[at].entry),
            None => (self.otherwise.0, &self.otherwise.1),
        })
    }

    /// Every quantization that some module may get.
    pub fn specs(&self) -> impl Iterator<Item = QuantSpec> + '_ {
        self.list.iter().filter_map(|rule| rule.spec).chain(self.otherwise.0)
    }
}

/// The one name that a pattern such as `^model\.layers\.0\.mlp\.up_proj$` matches; `None` for real patterns.
fn literal(pattern: &str) -> Option<String> {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern).strip_suffix('$')?;
    let mut name = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => name.push(chars.next().filter(|c| matches!(c, '.' | '-' | '_'))?),
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => name.push(c),
            _ => return None,
        }
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn only_patterns_of_one_name_are_literals() {
        assert_eq!(literal(r"^model\.layers\.0\.up_proj$").as_deref(), Some("model.layers.0.up_proj"));
        assert_eq!(literal(r"lm\_head$").as_deref(), Some("lm_head"));
        for real in ["lm_head", "model.lm_head$", r"\d$", "a|b$", r"a\$", r"\", "(a)$", "a*$", ""] {
            assert_eq!(literal(real), None, "{real}");
        }
    }
}
