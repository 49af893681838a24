//! A description applied to the layers of a checkpoint.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::config::{Heads, model_types};
use super::description::{Activation, Architecture, FoldInto, GroupDescription, Rows};
use crate::checkpoint::{Checkpoint, LayerEntry};
use crate::quantize::options::matches;

/// Layers that share an input, in one checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Group {
    /// The block that it belongs to, such as `model.layers.3`; empty outside of all blocks.
    pub block: String,
    /// Input channels.
    pub k: usize,
    /// At least one.
    pub layers: Vec<Layer>,
    /// Where scales of the input can go, or why they cannot.
    pub producer: Result<Producer, String>,
    /// What AutoAWQ takes the loss of, if that is not the layers' own output.
    pub loss_of: Option<MlpLoss>,
}

/// A layer that is quantized.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Layer {
    pub name: String,
    pub n: usize,
    /// Whether its weights may be clipped.
    pub clip: bool,
}

/// What is divided by the scales.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Producer {
    Norm {
        module: String,
        offset: f32,
    },
    /// Row `rows[k]` makes input channel k; several channels may share a row.
    Linear {
        module: String,
        rows: Vec<usize>,
    },
}

impl Producer {
    /// Whether some row makes several channels, which then share a scale.
    pub fn is_tied(&self) -> bool {
        match self {
            Producer::Norm { .. } => false,
            Producer::Linear { rows, .. } => rows.iter().collect::<HashSet<_>>().len() < rows.len(),
        }
    }
}

/// down(activation(gate) · up).
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct MlpLoss {
    pub down: String,
    pub activation: Activation,
}

/// The groups of a model.
pub(in super::super) struct Resolved {
    /// The architecture's name; none when nothing is known about it.
    pub name: Option<String>,
    /// In the order of the model. Every target is in exactly one.
    pub groups: Vec<Group>,
}

/// Puts every target in a group; those that no description names have one of their own.
pub(in super::super) fn resolve(
    source: &Checkpoint,
    targets: &[&LayerEntry],
    config: &Value,
    user: Option<Architecture>,
) -> Resolved {
    let architecture = user.or_else(|| model_types(config).find_map(Architecture::known));
    let by_name = targets.iter().map(|t| (t.name.as_str(), *t)).collect();
    let model = Model { source, targets: by_name, heads: Heads::of(config) };
    let mut groups = vec![];
    let mut done = HashSet::new();
    for target in targets {
        if done.contains(&target.name) {
            continue;
        }
        let named = architecture.as_ref().and_then(|a| model.group_of(a, &target.name));
        let group = named.unwrap_or_else(|| model.alone(architecture.as_ref(), target));
        done.extend(group.layers.iter().map(|l| l.name.clone()));
        groups.push(group);
    }
    in_described_order(&mut groups, architecture.as_ref());
    Resolved { name: architecture.map(|a| a.name), groups }
}

struct Model<'a> {
    source: &'a Checkpoint,
    targets: HashMap<&'a str, &'a LayerEntry>,
    heads: Heads,
}

/// Block (`model.layers.3`) and the rest of a name, if one of the prefixes fits.
fn split_block<'n>(architecture: &Architecture, name: &'n str) -> Option<(&'n str, &'n str)> {
    architecture.blocks.iter().find_map(|prefix| {
        let rest = name.strip_prefix(prefix.as_str())?.strip_prefix('.')?;
        let (number, inside) = rest.split_once('.')?;
        number.parse::<u32>().ok()?;
        Some((&name[..name.len() - inside.len() - 1], inside))
    })
}

/// The order of the description within a block; blocks stay in theirs.
fn in_described_order(groups: &mut [Group], architecture: Option<&Architecture>) {
    let Some(architecture) = architecture else { return };
    let place = |group: &Group| {
        let inside = split_block(architecture, &group.layers[0].name).map_or("", |(_, inside)| inside);
        let found = architecture.groups.iter().position(|g| g.layers.iter().any(|l| l == inside));
        found.unwrap_or(usize::MAX)
    };
    let mut from = 0;
    while from < groups.len() {
        let len = groups[from..].iter().take_while(|g| g.block == groups[from].block).count();
        groups[from..from + len].sort_by_key(place);
        from += len;
    }
}

impl Model<'_> {
    /// The described group that holds the target `name`.
    fn group_of(&self, architecture: &Architecture, name: &str) -> Option<Group> {
        let (block, inside) = split_block(architecture, name)?;
        let described = architecture.groups.iter().find(|g| g.layers.iter().any(|l| l == inside))?;
        let full = |module: &str| format!("{block}.{module}");
        let entries: Vec<&LayerEntry> =
            described.layers.iter().filter_map(|l| self.targets.get(full(l).as_str()).copied()).collect();
        let k = entries.first()?.k;
        let layers: Vec<Layer> = entries.iter().map(|e| layer(architecture, e)).collect();
        if entries.iter().any(|e| e.k != k) {
            // Nothing can be said of layers that do not share an input after all.
            return None;
        }
        let producer = match described.layers.iter().find(|l| !self.targets.contains_key(full(l).as_str())) {
            Some(left) => Err(format!("{} reads the same input and is not quantized", full(left))),
            None => self.producer(described, block, k),
        };
        let loss_of =
            described.loss_of.as_ref().map(|l| MlpLoss { down: full(&l.down), activation: l.activation });
        Some(Group { block: block.to_owned(), k, layers, producer, loss_of })
    }

    /// A target that no description names.
    fn alone(&self, architecture: Option<&Architecture>, target: &LayerEntry) -> Group {
        let (block, why) = match architecture {
            Some(a) => (
                split_block(a, &target.name).map_or("", |(block, _)| block),
                format!("the architecture {} does not name this layer", a.name),
            ),
            None => ("", "the architecture of the model is not known".to_owned()),
        };
        let layer = match architecture {
            Some(a) => layer(a, target),
            None => Layer { name: target.name.clone(), n: target.n, clip: true },
        };
        Group { block: block.to_owned(), k: target.k, layers: vec![layer], producer: Err(why), loss_of: None }
    }

    fn producer(&self, described: &GroupDescription, block: &str, k: usize) -> Result<Producer, String> {
        let Some(fold) = &described.fold_into else {
            return Err("nothing before it can take the scales".to_owned());
        };
        if let Some(norm) = &fold.norm {
            let module = format!("{block}.{norm}");
            let weight = format!("{module}.weight");
            return match self.source.tensor(&weight) {
                Ok(t) if t.shape == [k] && t.dtype.is_activation() => {
                    Ok(Producer::Norm { module, offset: fold.offset })
                }
                Ok(t) => Err(format!("{weight} has the shape {:?}, not [{k}]", t.shape)),
                Err(_) => Err(format!("there is no {weight}")),
            };
        }
        let module = format!("{block}.{}", fold.linear.as_deref().unwrap_or_default());
        let Some(producer) = self.targets.get(module.as_str()) else {
            return Err(format!("{module}, which makes the input, is not quantized"));
        };
        let rows = self.rows(fold, producer.n, k).ok_or_else(|| {
            format!("the {} rows of {module} do not make {k} channels in the way described", producer.n)
        })?;
        Ok(Producer::Linear { module, rows })
    }

    /// The row that makes each channel.
    fn rows(&self, fold: &FoldInto, n: usize, k: usize) -> Option<Vec<usize>> {
        let Heads { count, key_value } = self.heads;
        match fold.rows {
            Rows::All => (n == k).then(|| (0..k).collect()),
            Rows::Last => (n >= k).then(|| (n - k..n).collect()),
            Rows::Heads if n == k => Some((0..k).collect()),
            Rows::Heads | Rows::LastHeads => {
                let (count, key_value) = (count?, key_value?);
                if !k.is_multiple_of(count) || !count.is_multiple_of(key_value) {
                    return None;
                }
                let (width, sharing) = (k / count, count / key_value);
                let values = key_value * width;
                let first = match fold.rows {
                    Rows::Heads => (n == values).then_some(0)?,
                    // Queries, keys, values.
                    _ => (n == k + 2 * values).then_some(n - values)?,
                };
                Some((0..k).map(|c| first + c / width / sharing * width + c % width).collect())
            }
            Rows::LastThirdOfHeads => {
                let count = count?;
                if n != 3 * k || !k.is_multiple_of(count) {
                    return None;
                }
                let width = k / count;
                Some((0..k).map(|c| (3 * (c / width) + 2) * width + c % width).collect())
            }
        }
    }
}

fn layer(architecture: &Architecture, entry: &LayerEntry) -> Layer {
    let clip = !architecture.unclipped.iter().any(|p| matches(p, &entry.name));
    Layer { name: entry.name.clone(), n: entry.n, clip }
}
