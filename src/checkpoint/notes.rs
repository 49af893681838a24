//! Warnings about many things of one kind, told in one sentence each.

use std::collections::BTreeMap;

/// How many names a warning spells out.
const SHOWN: usize = 4;

/// Names under what is odd about them.
#[derive(Debug, Default)]
pub(super) struct Notes(BTreeMap<String, (usize, Vec<String>)>);

impl Notes {
    /// Remembers that `name` is one of `what`.
    pub fn add(&mut self, what: &str, name: &str) {
        let (count, names) = self.0.entry(what.to_string()).or_default();
        *count += 1;
        if names.len() < SHOWN {
            names.push(name.to_string());
        }
    }

    /// One sentence for each kind.
    pub fn into_sentences(self) -> impl Iterator<Item = String> {
        self.0.into_iter().map(|(what, (count, names))| {
            let listed = names.join(", ");
            match count - names.len() {
                0 => format!("{what}: {listed}"),
                more => format!("{what}: {listed} and {more} more"),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let mut notes = Notes::default();
        (0..6).for_each(|i| notes.add("odd", &format!("t{i}")));
        notes.add("strange", "u");
        let told: Vec<_> = notes.into_sentences().collect();
        assert_eq!(told, ["odd: t0, t1, t2, t3 and 2 more", "strange: u"]);
    }
}
