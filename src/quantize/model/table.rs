//! The report as a table for people.

use std::fmt::Write;

use super::report::{AwqReport, GroupReport, LayerReport};

impl AwqReport {
    /// One line for each layer, then what is odd.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "AWQ {}, {} bits, group size {}, {}, architecture {}\n\n",
            self.mode,
            self.bits,
            self.group_size,
            self.layout,
            self.architecture.as_deref().unwrap_or("unknown")
        );
        let width = self.groups.iter().flat_map(|g| &g.layers).map(|l| l.name.len()).max().unwrap_or(5);
        let _ = writeln!(
            text,
            "{:width$}  {:>6}  {:>6}  {:>9}  {:>7}  {:>10}  {:>10}  {:>6}  worst channels",
            "layer", "K", "N", "alpha", "clipped", "error rtn", "error awq", "ratio"
        );
        for group in &self.groups {
            for layer in &group.layers {
                let _ = writeln!(text, "{}", line(group, layer, width));
            }
        }
        for group in self.groups.iter().filter(|g| g.unscaled.is_some()) {
            let why = group.unscaled.as_deref().unwrap_or_default();
            let _ = writeln!(text, "\n{}: not scaled: {why}", group.name);
        }
        for name in &self.kept {
            let _ = writeln!(text, "\n{name}: left as it is");
        }
        for warning in &self.warnings {
            let _ = writeln!(text, "\n{warning}");
        }
        text
    }
}

fn line(group: &GroupReport, layer: &LayerReport, width: usize) -> String {
    let or_dash = |v: Option<String>| v.unwrap_or_else(|| "-".to_owned());
    let alpha = group.alpha.map(|a| format!("{a:.3}{}", if group.duo == Some(true) { " duo" } else { "" }));
    let clipped = layer.clip.map(|(share, _)| format!("{:.0} %", 100.0 * share));
    let ratio = layer
        .error
        .zip(layer.error_rtn)
        .filter(|(_, rtn)| *rtn > 0.0)
        .map(|(e, rtn)| format!("{:.3}", e / rtn));
    let error = |e: Option<f64>| e.map(|e| format!("{e:.3e}"));
    let worst: Vec<_> =
        layer.worst_channels.iter().map(|w| format!("{} ({:.0} %)", w.channel, 100.0 * w.share)).collect();
    format!(
        "{:width$}  {:>6}  {:>6}  {:>9}  {:>7}  {:>10}  {:>10}  {:>6}  {}",
        layer.name,
        group.k,
        layer.n,
        or_dash(alpha),
        or_dash(clipped),
        or_dash(error(layer.error_rtn)),
        or_dash(error(layer.error)),
        or_dash(ratio),
        worst.join(", ")
    )
    .trim_end()
    .to_owned()
}
