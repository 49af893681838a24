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

use fancy_regex::{Regex, RegexBuilder};

use crate::error::{Error, ErrorKind, Result};
use crate::types::QuantSpec;

/// Compiled patterns are large; a config with more of them is damaged or hostile.
pub(super) const MAX_PATTERNS: usize = 4096;

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
    /// Compiles the pattern of Python's `re.match(pattern, name)`.
    ///
    /// Errors: [`ErrorKind::Config`] with the compiler's reason.
    pub fn pattern(pattern: &str) -> Result<Self> {
        let bad = |why: String| Error::new(ErrorKind::Config, why).found(format!("{pattern:.80}"));
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
    pub list: Vec<Rule>,
    /// What holds for a name that no rule matches.
    pub otherwise: Option<QuantSpec>,
    /// The reason that is reported then.
    pub otherwise_entry: String,
}

impl Rules {
    /// The first rule that matches decides: the quantization (`None` = skipped) and the entry that said so.
    pub fn decide(&self, name: &str) -> Result<(Option<QuantSpec>, &str)> {
        for rule in &self.list {
            if rule.matcher.matches(name)? {
                return Ok((rule.spec, &rule.entry));
            }
        }
        Ok((self.otherwise, &self.otherwise_entry))
    }

    /// Every quantization that some module may get.
    pub fn specs(&self) -> impl Iterator<Item = QuantSpec> + '_ {
        self.list.iter().filter_map(|rule| rule.spec).chain(self.otherwise)
    }
}
