//! Numbers of rows in classes. A choice is made once for all numbers of rows of a class, as if there were as many as its
//! largest: so a layer has few plans, a workspace for all of them can be told, and a tuning table is short.
//!
//! Classes end at 8, 12, 16, 24, 32, 48, 64, ... 8192: 2^i and 3 · 2^i. The last one has no end.

/// Most rows of the first class.
const FIRST: usize = 8;

/// Number of classes.
pub(super) const CLASSES: usize = 21;

/// The most rows of a class, by its number.
pub(super) const fn most_rows(class: usize) -> usize {
    (if class.is_multiple_of(2) { FIRST } else { FIRST / 2 * 3 }) << (class / 2)
}

/// The class of a number of rows.
pub(super) fn class_of(m: usize) -> usize {
    (0..CLASSES - 1).find(|class| m <= most_rows(*class)).unwrap_or(CLASSES - 1)
}

/// Whether a class has no end.
pub(super) const fn is_open(class: usize) -> bool {
    class == CLASSES - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_rows_has_the_least_class_that_holds_it() {
        let ends: Vec<usize> = (0..CLASSES).map(most_rows).collect();
        assert_eq!(ends[..8], [8, 12, 16, 24, 32, 48, 64, 96]);
        assert_eq!(ends[CLASSES - 1], 8192);
        for m in (1..9000).chain([1 << 20, usize::MAX]) {
            let class = class_of(m);
            assert!(class == 0 || m > ends[class - 1], "{m}");
            assert!(m <= ends[class] || is_open(class), "{m}");
        }
    }
}
