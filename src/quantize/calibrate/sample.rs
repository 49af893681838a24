//! A bounded sample of the rows of a stream: every s-th, where s doubles whenever the room is full.

/// Rows kept of those seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    pub k: usize,
    /// Most rows that are kept.
    pub room: usize,
    /// One row of so many is kept.
    pub stride: u64,
    /// The rows, K elements each.
    pub rows: Vec<f32>,
}

impl Sample {
    pub fn new(k: usize, room: usize) -> Self {
        Sample { k, room, stride: 1, rows: vec![] }
    }

    /// Rows that are kept.
    pub fn len(&self) -> usize {
        self.rows.len() / self.k
    }

    /// Offers a row, the one after `seen` others.
    pub fn add(&mut self, seen: u64, row: &[f32]) {
        if !seen.is_multiple_of(self.stride) {
            return;
        }
        if self.len() == self.room {
            self.thin();
            if !seen.is_multiple_of(self.stride) {
                return;
            }
        }
        self.rows.reserve_exact(if self.rows.is_empty() { self.room * self.k } else { 0 });
        self.rows.extend_from_slice(row);
    }

    /// Adds another sample of the same K; both are thinned until they fit together.
    pub fn merge(&mut self, other: &Sample) {
        let mut other = other.clone();
        while self.stride != other.stride || self.len() + other.len() > self.room {
            if self.stride <= other.stride {
                self.thin();
            } else {
                other.thin();
            }
            // One row each cannot be thinned any more.
            if self.stride == other.stride && self.len().max(other.len()) <= 1 {
                break;
            }
        }
        let free = self.room.saturating_sub(self.len()) * self.k;
        self.rows.extend_from_slice(&other.rows[..other.rows.len().min(free)]);
    }

    /// Drops every second row.
    fn thin(&mut self) {
        let k = self.k;
        let kept = self.len().div_ceil(2);
        for i in 1..kept {
            self.rows.copy_within(2 * i * k..(2 * i + 1) * k, i * k);
        }
        self.rows.truncate(kept * k);
        self.stride = self.stride.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: std::ops::Range<u64>, room: usize) -> Sample {
        let mut sample = Sample::new(1, room);
        for (seen, value) in rows.enumerate() {
            sample.add(seen as u64, &[value as f32]);
        }
        sample
    }

    #[test]
    fn rows_are_evenly_spread() {
        assert_eq!(of(0..4, 4).rows, [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(of(0..5, 4).rows, [0.0, 2.0, 4.0]);
        let sample = of(0..1000, 8);
        assert_eq!((sample.stride, sample.len()), (128, 8));
        assert_eq!(sample.rows[1], 128.0);
        assert_eq!(of(0..10, 1).rows, [0.0]);
    }

    #[test]
    fn samples_merge_to_one_stride() {
        let mut a = of(0..16, 8);
        a.merge(&of(100..104, 8));
        assert_eq!(a.stride, 4);
        assert_eq!(a.rows, [0.0, 4.0, 8.0, 12.0, 100.0]);
        let mut one = of(0..1, 1);
        one.merge(&of(5..6, 1));
        assert_eq!(one.rows, [0.0]);
    }
}
