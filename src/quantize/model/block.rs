//! The groups of one block: search all scales, then fold, clip and round layer by layer.

use std::collections::BTreeMap;

use super::super::architecture::{Group, Producer};
use super::super::arithmetic::{Arithmetic, Brain, Half, Single};
use super::super::awq::{
    Candidate, Factor, Inputs, Mlp, Quadratic, Search, Searched, Weight, divide_norm, divide_rows,
};
use super::super::calibrate::{Calibrator, Statistics};
use super::super::rule::RangeRule;
use super::super::widen::{narrow, widen};
use super::choice::Choice;
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

/// What the calibration says of a group.
struct GroupInputs<'a> {
    statistics: &'a Statistics,
    /// Mean over the rows.
    gram: Quadratic,
    /// Only in better mode.
    factor: Option<Factor>,
}

impl Job<'_> {
    /// Quantizes the groups of a block. `next` is told each group before its search and says whether to go on.
    pub fn run(
        &self,
        groups: &[Group],
        calibrator: &Calibrator,
        next: &mut dyn FnMut(&str) -> Result<()>,
    ) -> Result<Done> {
        let mut scales: Vec<Option<Scales>> = vec![None; groups.len()];
        let mut done = Done::default();
        let mut reports = vec![None; groups.len()];
        for i in order(groups)? {
            let group = &groups[i];
            next(&group.layers[0].name)?;
            let named = |e: Error| e.subject(&group.layers[0].name);
            let (statistics, why) = match self.statistics(group, calibrator).map_err(named)? {
                Ok(statistics) => (statistics, None),
                Err(why) => (None, Some(why)),
            };
            let inputs = statistics.map(|s| self.inputs(s));
            let found = match why {
                Some(why) => Err(why),
                None => self.search(group, inputs.as_ref(), calibrator).map_err(named)?,
            };
            if let (Ok(producer), Ok(found)) = (&group.producer, &found) {
                self.divide_vectors(producer, &found.scales, &mut done.changed)?;
            }
            scales[i] = Some(found);
            reports[i] = Some(self.round(i, groups, &scales, inputs.as_ref(), &mut done)?);
        }
        done.reports = reports.into_iter().flatten().collect();
        Ok(done)
    }

    fn inputs<'c>(&self, statistics: &'c Statistics) -> GroupInputs<'c> {
        let gram = Quadratic::new(statistics.mean_gram(self.par), statistics.k());
        let group = self.options.checkpoint.spec.group.effective(statistics.k());
        let better = self.options.mode == AwqMode::Better;
        let factor = better.then(|| Factor::new(&gram, group, self.par));
        GroupInputs { statistics, gram, factor }
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

    fn search(&self, group: &Group, inputs: Option<&GroupInputs>, calibrator: &Calibrator) -> Result<Scales> {
        let faithful = self.options.mode == AwqMode::Faithful;
        let producer = match &group.producer {
            Err(why) => return Ok(Err(why.clone())),
            Ok(p) if faithful && p.is_tied() => {
                return Ok(Err(
                    "several heads share a row of the value projection, which AutoAWQ leaves alone".into(),
                ));
            }
            Ok(producer) => producer,
        };
        let Some(inputs) = inputs else { return Err(missing(group, calibrator)) };
        let weights =
            group.layers.iter().map(|l| self.weight(&l.name).map(|(w, _)| w)).collect::<Result<Vec<_>>>()?;
        let (_, dtype) = self.weight_bytes(&group.layers[0].name)?;
        let x_mean = self.x_mean(inputs.statistics);
        let tied = match producer {
            Producer::Linear { rows, .. } if producer.is_tied() => Some(rows.as_slice()),
            _ => None,
        };
        if !faithful {
            let choice = Choice { gram: &inputs.gram, x_mean: &x_mean, tied, options: self.options };
            return Ok(Ok(choice.run(&weights, self.par)));
        }
        let down = match (&group.loss_of, inputs.statistics.sample()) {
            (Some(mlp), Some(x)) => Some((self.weight(&mlp.down)?.0, mlp.activation, x)),
            _ => None,
        };
        let inputs = match &down {
            Some((down, activation, x)) => {
                Inputs::Mlp(Mlp::new(x, &weights[0], &weights[1], down, *activation, self.par))
            }
            None => Inputs::Gram(&inputs.gram),
        };
        let rounding = layer::rounding(self.options);
        let search = Search { weights: &weights, x_mean: &x_mean, inputs, rounding, tied };
        let candidates: Vec<Candidate> = grid(true).collect();
        Ok(Ok(match dtype {
            Dtype::F16 => search.run::<Half>(&candidates, self.par),
            Dtype::BF16 => search.run::<Brain>(&candidates, self.par),
            _ => search.run::<Single>(&candidates, self.par),
        }))
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

    /// Folds, clips and rounds the layers of group `i`.
    fn round(
        &self,
        i: usize,
        groups: &[Group],
        scales: &[Option<Scales>],
        inputs: Option<&GroupInputs>,
        done: &mut Done,
    ) -> Result<GroupReport> {
        let group = &groups[i];
        let found = scales[i].as_ref().and_then(|s| s.as_ref().ok());
        let statistics = inputs.map(|i| i.statistics);
        let mut layers = vec![];
        for l in &group.layers {
            let mut divisors = None;
            for (other, scales) in groups.iter().zip(scales) {
                if let (Ok(Producer::Linear { module, rows }), Some(Ok(scales))) = (&other.producer, scales)
                    && *module == l.name
                {
                    divisors = Some(layer::divisors(l.n, rows, &scales.scales));
                }
            }
            let around = Around {
                scales: found.map(|f| &*f.scales),
                divisors,
                gram: inputs.map(|i| &i.gram),
                factor: inputs.and_then(|i| i.factor.as_ref()),
            };
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
        Ok(GroupReport {
            name: group.layers[0].name.clone(),
            block: group.block.clone(),
            k: group.k,
            rows: statistics.map_or(0, |s| s.rows()),
            alpha: found.map(|f| f.best.ratio),
            duo: found.map(|f| f.best.duo),
            scales: found.map(range),
            unscaled: scales[i].as_ref().and_then(|s| s.as_ref().err().cloned()),
            never_active: statistics.map_or(0, |s| s.mean_abs().iter().filter(|v| **v == 0.0).count()),
            layers,
        })
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

/// AutoAWQ's grid: ratios 0, 0.05 … 0.95.
pub(super) fn grid(duo: bool) -> impl Iterator<Item = Candidate> {
    (0..20).map(move |i| Candidate { ratio: i as f32 / 20.0, duo })
}

/// The order in which groups are done: one whose scales divide rows of a layer comes before that layer's own, so that
/// each layer is rounded once, as it will be.
fn order(groups: &[Group]) -> Result<Vec<usize>> {
    let mut order: Vec<usize> = vec![];
    while order.len() < groups.len() {
        let waits = |i: usize| {
            groups.iter().enumerate().any(|(j, other)| {
                let Ok(Producer::Linear { module, .. }) = &other.producer else { return false };
                !order.contains(&j) && groups[i].layers.iter().any(|l| l.name == *module)
            })
        };
        match (0..groups.len()).rev().find(|i| !order.contains(i) && !waits(*i)) {
            Some(i) => order.push(i),
            None => {
                let name = groups.first().map_or("", |g| &g.layers[0].name);
                let what = "the groups of the block fold their scales into each other in a circle";
                return Err(Error::new(ErrorKind::Config, what).subject(name));
            }
        }
    }
    Ok(order)
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
