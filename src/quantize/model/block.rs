//! The groups of one block: search all scales, then fold, clip and round layer by layer.

use std::collections::BTreeMap;

use super::super::architecture::{Group, Producer};
use super::super::arithmetic::{Arithmetic, Brain, Half, Single};
use super::super::awq::{
    Candidate, Inputs, Mlp, Quadratic, Search, Searched, Weight, divide_norm, divide_rows,
};
use super::super::calibrate::{Calibrator, Statistics};
use super::super::rule::RangeRule;
use super::super::widen::{narrow, widen};
use super::layer::{self, Around};
use super::options::{AwqMode, AwqOptions};
use super::report::GroupReport;
use crate::checkpoint::{Checkpoint, names};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{Layout, Packed};
use crate::parallel::Parallel;
use crate::types::Dtype;

/// What a block becomes.
#[derive(Default)]
pub(super) struct Done {
    /// By module name.
    pub layers: Vec<(String, Packed)>,
    /// Dense tensors with new values.
    pub changed: BTreeMap<String, Vec<u8>>,
    pub reports: Vec<GroupReport>,
}

/// What all blocks share.
pub(super) struct Job<'a> {
    pub source: &'a Checkpoint,
    pub options: &'a AwqOptions,
    pub par: &'a dyn Parallel,
}

/// Scales of a group, or why there are none.
type Scales = std::result::Result<Searched, String>;

impl Job<'_> {
    /// Quantizes the groups of a block. `next` is told each group before its search and says whether to go on.
    pub fn run(
        &self,
        groups: &[Group],
        calibrator: &Calibrator,
        next: &mut dyn FnMut(&str) -> Result<()>,
    ) -> Result<Done> {
        let mut scales: Vec<Scales> = vec![];
        for group in groups {
            next(&group.layers[0].name)?;
            scales.push(self.search(group, calibrator).map_err(|e| e.subject(&group.layers[0].name))?);
        }
        let mut done = Done::default();
        for (group, found) in groups.iter().zip(&scales) {
            if let (Ok(producer), Ok(found)) = (&group.producer, found) {
                self.divide_vectors(producer, &found.scales, &mut done.changed)?;
            }
        }
        for (group, found) in groups.iter().zip(&scales) {
            self.round(group, found, groups, &scales, calibrator, &mut done)?;
        }
        Ok(done)
    }

    /// The statistics of a group: those of the layer of it that saw most.
    fn statistics<'c>(
        &self,
        group: &Group,
        calibrator: &'c Calibrator,
    ) -> Result<std::result::Result<Option<&'c Statistics>, String>> {
        let mut best = None::<&Statistics>;
        for layer in &group.layers {
            match calibrator.layer(&layer.name) {
                Ok(Some(s)) if best.is_none_or(|b| s.rows() > b.rows()) => best = Some(s),
                Ok(_) => {}
                Err(e) => return Ok(Err(e.to_string())),
            }
        }
        match best {
            Some(s) if s.k() != group.k => Err(Error::invalid(
                "the calibration is of another model: it has another number of input channels",
            )
            .found(format!("K = {}", s.k()))
            .needed(format!("K = {}", group.k))),
            found => Ok(Ok(found)),
        }
    }

    fn search(&self, group: &Group, calibrator: &Calibrator) -> Result<Scales> {
        let statistics = match self.statistics(group, calibrator)? {
            Ok(statistics) => statistics,
            Err(why) => return Ok(Err(why)),
        };
        let producer = match &group.producer {
            Err(why) => return Ok(Err(why.clone())),
            Ok(p) if self.options.mode == AwqMode::Faithful && p.is_tied() => {
                return Ok(Err(
                    "several heads share a row of the value projection, which AutoAWQ leaves alone".into(),
                ));
            }
            Ok(producer) => producer,
        };
        let Some(statistics) = statistics else { return Err(missing(group, calibrator)) };
        let weights =
            group.layers.iter().map(|l| self.weight(&l.name).map(|(w, _)| w)).collect::<Result<Vec<_>>>()?;
        let (_, dtype) = self.weight_bytes(&group.layers[0].name)?;
        let x_mean: Vec<f32> = self.x_mean(statistics);
        let tied = match producer {
            Producer::Linear { rows, .. } if producer.is_tied() => Some(rows.as_slice()),
            _ => None,
        };
        let down = match (&group.loss_of, statistics.sample(), self.options.mode) {
            (Some(mlp), Some(_), AwqMode::Faithful) => Some((self.weight(&mlp.down)?.0, mlp.activation)),
            _ => None,
        };
        let gram = match &down {
            None => Some(Quadratic::new(statistics.mean_gram(self.par), group.k)),
            Some(_) => None,
        };
        let inputs = match (&down, &gram, statistics.sample()) {
            (Some((down, activation)), _, Some(x)) => {
                Inputs::Mlp(Mlp::new(x, &weights[0], &weights[1], down, *activation, self.par))
            }
            (_, Some(gram), _) => Inputs::Gram(gram),
            _ => return Err(Error::internal("a group has no inputs")),
        };
        let rounding = layer::rounding(self.options);
        let search = Search { weights: &weights, x_mean: &x_mean, inputs, rounding, tied };
        let candidates = candidates(self.options.mode);
        Ok(Ok(match self.arithmetic(dtype) {
            Dtype::F16 => search.run::<Half>(&candidates, self.par),
            Dtype::BF16 => search.run::<Brain>(&candidates, self.par),
            _ => search.run::<Single>(&candidates, self.par),
        }))
    }

    /// The type in which a search computes: AutoAWQ's is the model's own.
    fn arithmetic(&self, dtype: Dtype) -> Dtype {
        match self.options.mode {
            AwqMode::Faithful => dtype,
            AwqMode::Better => Dtype::F32,
        }
    }

    /// Mean |x|. Better mode takes a channel that was never active for the weakest of the others: its weights must stay
    /// what they are in case it wakes up.
    fn x_mean(&self, statistics: &Statistics) -> Vec<f32> {
        let mut mean: Vec<f32> = statistics.mean_abs().iter().map(|v| *v as f32).collect();
        if self.options.mode == AwqMode::Better {
            let least = mean.iter().copied().filter(|v| *v > 0.0).fold(f32::INFINITY, f32::min);
            let least = if least.is_finite() { least } else { 1.0 };
            mean.iter_mut().for_each(|v| *v = v.max(least));
        }
        mean
    }

    /// Divides norms, and biases of linear layers, by the scales of the input that they make.
    fn divide_vectors(
        &self,
        producer: &Producer,
        scales: &[f32],
        changed: &mut BTreeMap<String, Vec<u8>>,
    ) -> Result<()> {
        let mut change = |name: String, divide: &dyn Fn(&mut [f32], Dtype)| -> Result<()> {
            let Ok(tensor) = self.source.tensor(&name) else { return Ok(()) };
            let (dtype, len) = (tensor.dtype, tensor.shape.iter().product());
            let mut values = vec![0f32; len];
            widen(changed.get(&name).map_or(tensor.data, |c| c), dtype, &mut values);
            divide(&mut values, dtype);
            if let Some(i) = values.iter().position(|v| !narrowed_is_finite(*v, dtype)) {
                return Err(Error::new(
                    ErrorKind::Tensor,
                    format!("channel {i} leaves its type when scales are folded in"),
                )
                .subject(name)
                .found(values[i])
                .needed(format!("a finite {dtype} number")));
            }
            changed.insert(name, narrow(&values, dtype));
            Ok(())
        };
        match producer {
            Producer::Norm { module, offset } => {
                change(format!("{module}.weight"), &|v, dtype| divide_norm(v, scales, *offset, dtype))?;
                change(format!("{module}.bias"), &|v, dtype| divide_norm(v, scales, 0.0, dtype))
            }
            Producer::Linear { module, rows } => change(format!("{module}.bias"), &|v, dtype| {
                let divisors = layer::divisors(v.len(), rows, scales);
                divide_rows(v, 1, &divisors, dtype);
            }),
        }
    }

    /// Folds, clips and rounds the layers of a group.
    fn round(
        &self,
        group: &Group,
        found: &Scales,
        groups: &[Group],
        scales: &[Scales],
        calibrator: &Calibrator,
        done: &mut Done,
    ) -> Result<()> {
        let statistics = self.statistics(group, calibrator).ok().and_then(|s| s.ok()).flatten();
        let gram = statistics.map(|s| Quadratic::new(s.mean_gram(self.par), group.k));
        let mut layers = vec![];
        for l in &group.layers {
            let mut divisors = None;
            for (other, scales) in groups.iter().zip(scales) {
                if let (Ok(Producer::Linear { module, rows }), Ok(scales)) = (&other.producer, scales)
                    && *module == l.name
                {
                    divisors = Some(layer::divisors(l.n, rows, &scales.scales));
                }
            }
            let around =
                Around { scales: found.as_ref().ok().map(|f| &*f.scales), divisors, gram: gram.as_ref() };
            let (weight, dtype) = self.weight(&l.name).map_err(|e| e.subject(&l.name))?;
            let (packed, report) = layer::quantize(l, weight, dtype, &around, self.options, self.par)
                .map_err(|e| e.subject(&l.name))?;
            done.layers.push((l.name.clone(), packed));
            layers.push(report);
        }
        let range = |f: &Searched| {
            let fold = |f2: fn(f32, f32) -> f32, start| f.scales.iter().copied().fold(start, f2);
            (fold(f32::min, f32::INFINITY), fold(f32::max, 0.0))
        };
        done.reports.push(GroupReport {
            name: group.layers[0].name.clone(),
            block: group.block.clone(),
            k: group.k,
            rows: statistics.map_or(0, |s| s.rows()),
            alpha: found.as_ref().ok().map(|f| f.best.ratio),
            duo: found.as_ref().ok().map(|f| f.best.duo),
            scales: found.as_ref().ok().map(range),
            unscaled: found.as_ref().err().cloned(),
            never_active: statistics.map_or(0, |s| s.mean_abs().iter().filter(|v| **v == 0.0).count()),
            layers,
        });
        Ok(())
    }

    fn weight_bytes(&self, name: &str) -> Result<(&[u8], Dtype)> {
        let weight = names::full_name(name, names::suffixes(Layout::Dense).qweight);
        let tensor = self.source.tensor(&weight)?;
        Ok((tensor.data, tensor.dtype))
    }

    fn weight(&self, name: &str) -> Result<(Weight, Dtype)> {
        let entry = self.source.entry(name)?;
        let (bytes, dtype) = self.weight_bytes(name)?;
        Ok((Weight::read(bytes, dtype, entry.n, entry.k, self.par).map_err(|e| e.subject(name))?, dtype))
    }
}

fn narrowed_is_finite(value: f32, dtype: Dtype) -> bool {
    let rounded = match dtype {
        Dtype::F16 => Half::round(value),
        Dtype::BF16 => Brain::round(value),
        _ => value,
    };
    rounded.is_finite()
}

/// The grid: ratios 0, 0.05 … 0.95.
fn candidates(mode: AwqMode) -> Vec<Candidate> {
    let ratios = |duo| (0..20).map(move |i| Candidate { ratio: i as f32 / 20.0, duo });
    match mode {
        AwqMode::Faithful => ratios(true).collect(),
        AwqMode::Better => ratios(true).chain(ratios(false)).collect(),
    }
}

/// There are no statistics for a group that needs them.
fn missing(group: &Group, calibrator: &Calibrator) -> Error {
    let found = match calibrator.names().next() {
        None => "an empty calibration".to_owned(),
        Some(first) => format!("{} layers such as {first}", calibrator.names().count()),
    };
    let names: Vec<&str> = group.layers.iter().map(|l| l.name.as_str()).collect();
    Error::new(
        ErrorKind::NotFound,
        "the calibration has no statistics of this group; is it of another model?",
    )
    .found(found)
    .needed(format!("one of {}", names.join(", ")))
}

/// The rule that compares candidates and rounds.
pub(super) fn rule(options: &AwqOptions) -> RangeRule {
    let compressed_tensors = options.checkpoint.layout == Layout::CompressedTensors;
    options.checkpoint.rule.unwrap_or(match options.mode {
        AwqMode::Faithful if !compressed_tensors => RangeRule::AutoAwq,
        _ => RangeRule::CompressedTensors,
    })
}
