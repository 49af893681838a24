//! One layer: its scales folded in, its weights clipped and rounded, and what that did to its output.

use std::borrow::Cow;
use std::sync::Mutex;

use super::super::architecture::Layer;
use super::super::arithmetic::{Brain, Half, Single};
use super::super::awq::{
    ClipOptions, Compensation, Factor, Quadratic, Rounding, Scratch, Weight, clip, divide_rows, scale_columns,
};
use super::super::by_row::ByRow;
use super::super::options::CheckpointOptions;
use super::super::quantizer::rtn_options;
use super::super::rtn::{RtnOptions, rtn_by_row};
use super::super::widen::narrow;
use super::block::rule;
use super::options::{AwqMode, AwqOptions};
use super::report::{LayerReport, WorstChannel};
use crate::error::Result;
use crate::layout::Packed;
use crate::parallel::Parallel;
use crate::types::Dtype;

/// What a layer's neighbours mean to it.
pub(super) struct Around<'a> {
    /// Scales of its input channels.
    pub scales: Option<&'a [f32]>,
    /// What its rows are divided by, because another group's scales go there.
    pub divisors: Option<Vec<f32>>,
    /// Mean Gram matrix of its inputs as the model has them.
    pub gram: Option<&'a Quadratic>,
    /// That matrix taken apart; asks for error-compensating rounding.
    pub factor: Option<&'a Factor>,
}

/// How candidates and the final weights are rounded.
pub(super) fn rounding(options: &AwqOptions) -> Rounding {
    Rounding { spec: options.checkpoint.spec, rule: rule(options) }
}

/// Divisors of `n` rows: the scale of a channel for the row that makes it, 1 for the others.
pub(super) fn divisors(n: usize, rows: &[usize], scales: &[f32]) -> Vec<f32> {
    let mut divisors = vec![1.0; n];
    for (&row, &s) in rows.iter().zip(scales) {
        divisors[row] = s;
    }
    divisors
}

/// The packed layer and what there is to say about it.
pub(super) fn quantize(
    layer: &Layer,
    original: Weight,
    dtype: Dtype,
    around: &Around,
    options: &AwqOptions,
    par: &dyn Parallel,
) -> Result<(Packed, LayerReport)> {
    let mut clipped = None;
    let rounded = match (around.gram, around.factor) {
        (Some(gram), Some(factor)) => {
            let scale_dtype = rtn_options(&options.checkpoint, dtype).types(dtype).1;
            let (scales, divisors) = (around.scales, around.divisors.as_deref());
            let spec = options.checkpoint.spec;
            Compensation { gram, factor, scales, divisors, spec, scale_dtype }.round(&original.data, par)?
        }
        _ => {
            let weight = folded(&original, dtype, around, options, layer.clip, &mut clipped, par);
            let stored = working(dtype, options);
            let round = RtnOptions { rule: rule(options), ..rtn_options(&options.checkpoint, dtype) };
            rtn_by_row(&narrow(&weight.data, stored), stored, weight.n, weight.k, &round, par)?
        }
    };
    let report = report(layer, &original, dtype, &rounded, around, &options.checkpoint, clipped, par)?;
    Ok((rounded.into_plain(par).pack(options.checkpoint.layout, par)?, report))
}

/// The type of the arithmetic before rounding: AutoAWQ keeps the folded weight in the model's own.
fn working(dtype: Dtype, options: &AwqOptions) -> Dtype {
    match options.mode {
        AwqMode::Faithful => dtype,
        AwqMode::Better => Dtype::F32,
    }
}

/// The weight with all scales in it, clipped where that is allowed and there are statistics.
fn folded(
    original: &Weight,
    dtype: Dtype,
    around: &Around,
    options: &AwqOptions,
    may_clip: bool,
    clipped: &mut Option<(f64, f64)>,
    par: &dyn Parallel,
) -> Weight {
    let (k, working) = (original.k, working(dtype, options));
    let mut weight = original.clone();
    weight.each_rows(par, |first, rows| {
        if let Some(scales) = around.scales {
            scale_columns(rows, scales, working);
        }
        if let Some(d) = &around.divisors {
            divide_rows(rows, k, &d[first..], working);
        }
    });
    if let (true, Some(gram)) = (may_clip, around.gram) {
        let gram = match around.scales {
            None => Cow::Borrowed(gram),
            Some(scales) => Cow::Owned(gram.divided(scales)),
        };
        let largest = maxima(&weight, options);
        let (rounding, clip_options) = (rounding(options), ClipOptions::default());
        let bounds = match working {
            Dtype::F16 => clip::<Half>(&mut weight, &gram, &rounding, clip_options, par),
            Dtype::BF16 => clip::<Brain>(&mut weight, &gram, &rounding, clip_options, par),
            _ => clip::<Single>(&mut weight, &gram, &rounding, clip_options, par),
        };
        *clipped = Some(clip_summary(&bounds, &largest));
    }
    weight
}

/// Largest |w| of each group, \[N, G\].
fn maxima(weight: &Weight, options: &AwqOptions) -> Vec<f32> {
    let g = options.checkpoint.spec.group.effective(weight.k);
    let largest = |group: &[f32]| group.iter().fold(0f32, |m, w| m.max(w.abs()));
    weight.data.chunks(weight.k).flat_map(|row| row.chunks(g).map(largest)).collect()
}

/// Share of the groups that were cut, and the mean of their bounds in units of the largest weight.
fn clip_summary(bounds: &[f32], largest: &[f32]) -> (f64, f64) {
    let cut: Vec<f64> =
        bounds.iter().zip(largest).filter(|(b, m)| b < m).map(|(b, m)| f64::from(b / m)).collect();
    let mean = if cut.is_empty() { 1.0 } else { cut.iter().sum::<f64>() / cut.len() as f64 };
    (cut.len() as f64 / bounds.len().max(1) as f64, mean)
}

#[allow(clippy::too_many_arguments)]
fn report(
    layer: &Layer,
    original: &Weight,
    dtype: Dtype,
    rounded: &ByRow,
    around: &Around,
    options: &CheckpointOptions,
    clip: Option<(f64, f64)>,
    par: &dyn Parallel,
) -> Result<LayerReport> {
    let mut report = LayerReport {
        name: layer.name.clone(),
        n: layer.n,
        clip,
        output: None,
        error_rtn: None,
        error: None,
        worst_channels: vec![],
    };
    let Some(gram) = around.gram else { return Ok(report) };
    let (n, k) = (original.n, original.k);
    let nearest = rtn_by_row(&narrow(&original.data, dtype), dtype, n, k, &rtn_options(options, dtype), par)?;
    report.error_rtn = Some(error(&delta(original, &nearest, None, None, par), gram, None, par));
    let delta = delta(original, rounded, around.scales, around.divisors.as_deref(), par);
    let mut channels = vec![0f64; k];
    report.error = Some(error(&delta, gram, Some(&mut channels), par));
    report.output = Some(error(original, gram, None, par));
    report.worst_channels = worst(&channels);
    Ok(report)
}

/// The change of the weight as the model's own input sees it: (q − z)·s, divided by the scales of the input, multiplied
/// by what rows were divided by, minus the weight.
pub(super) fn delta(
    original: &Weight,
    rounded: &ByRow,
    scales: Option<&[f32]>,
    divisors: Option<&[f32]>,
    par: &dyn Parallel,
) -> Weight {
    let mut delta = original.clone();
    let k = delta.k;
    delta.each_rows(par, |first, rows| {
        let mut values = vec![0f32; k];
        for (i, row) in rows.chunks_mut(k).enumerate() {
            let r = first + i;
            rounded.dequantize(r, &mut values);
            if let Some(scales) = scales {
                values.iter_mut().zip(scales).for_each(|(v, s)| *v /= s);
            }
            let d = divisors.map_or(1.0, |d| d[r]);
            row.iter_mut().zip(&values).for_each(|(w, v)| *w = v * d - *w);
        }
    });
    delta
}

/// Mean squared output of the changes; `channels` gets the part of each input channel.
pub(super) fn error(
    delta: &Weight,
    gram: &Quadratic,
    channels: Option<&mut Vec<f64>>,
    par: &dyn Parallel,
) -> f64 {
    let k = delta.k;
    let pieces: Vec<&[f32]> = delta.data.chunks(super::super::awq::ROWS * k).collect();
    let parts = Mutex::new(vec![(0f64, vec![]); pieces.len()]);
    let by_channel = channels.is_some();
    par.run(pieces.len(), &|t| {
        let mut room = Scratch::default();
        let part = if by_channel {
            let mut mine = vec![0f64; k];
            gram.add_channels(pieces[t], &mut room, &mut mine);
            (mine.iter().sum(), mine)
        } else {
            let mut errors = vec![0f64; pieces[t].len() / k];
            gram.of_rows(pieces[t], &mut room, &mut errors);
            (errors.iter().sum(), vec![])
        };
        parts.lock().expect("no task panics")[t] = part;
    });
    let parts = parts.into_inner().expect("no task panics");
    let sum: f64 = parts.iter().map(|(sum, _)| sum).sum();
    if let Some(channels) = channels {
        for (_, part) in &parts {
            channels.iter_mut().zip(part).for_each(|(to, from)| *to += from);
        }
    }
    (sum / delta.n as f64).max(0.0)
}

/// How many of the worst channels are told.
const WORST: usize = 5;

fn worst(channels: &[f64]) -> Vec<WorstChannel> {
    let total: f64 = channels.iter().sum();
    if total.is_nan() || total <= 0.0 {
        return vec![];
    }
    let mut order: Vec<usize> = (0..channels.len()).collect();
    order.sort_by(|a, b| channels[*b].total_cmp(&channels[*a]).then(a.cmp(b)));
    order.into_iter().take(WORST).map(|c| WorstChannel { channel: c, share: channels[c] / total }).collect()
}
