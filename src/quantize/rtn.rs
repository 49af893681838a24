//! Round to nearest: a dense weight to codes, zero points and scales, without looking at activations.

use std::sync::Mutex;

use super::arithmetic::{Arithmetic, Brain, Half, Single};
use super::by_row::{ByRow, RowMut, store_scale};
use super::rule::{self, RangeRule};
use super::widen::widen;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Plain;
use crate::parallel::Parallel;
use crate::types::{Dtype, QuantSpec, mul};

/// How [`rtn`] quantizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtnOptions {
    /// Bits, group size and whether zero points are used.
    pub spec: QuantSpec,
    /// Whose formula gives scales and zero points.
    pub rule: RangeRule,
    /// F16, BF16 or F32: the weight is converted to this type and every operation is rounded to it, as the
    /// tools do that compute in the model's own type. None: the weight's type.
    pub arithmetic: Option<Dtype>,
    /// F16, BF16 or F32: the type in which the finished scales are stored. None: the type of the
    /// arithmetic, but F16 for F32, since no checkpoint format keeps F32 scales.
    pub scale_dtype: Option<Dtype>,
}

impl RtnOptions {
    /// AutoAWQ's formula in the weight's own type.
    pub fn new(spec: QuantSpec) -> Self {
        RtnOptions { spec, rule: RangeRule::AutoAwq, arithmetic: None, scale_dtype: None }
    }

    /// The types of the arithmetic and of the scales for a weight of type `dtype`.
    pub fn types(&self, dtype: Dtype) -> (Dtype, Dtype) {
        let arithmetic = self.arithmetic.unwrap_or(dtype);
        let scales = self.scale_dtype.unwrap_or(match arithmetic {
            Dtype::F32 => Dtype::F16,
            other => other,
        });
        (arithmetic, scales)
    }
}

/// Rows that one task takes: a few hundred microseconds of work, and a cache line of each column.
const ROWS: usize = 64;

/// Quantizes a weight \[N, K\] in F16, BF16 or F32 to codes \[K, N\], zero points and scales \[G, N\].
///
/// Codes equal those of the tool whose rule is chosen, bit for bit. The last group may be partial.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for an empty weight, a wrong size or type; [`ErrorKind::Tensor`] naming
/// row and column of a weight that is infinite or not a number, or row and group of a scale that does not
/// fit its type.
pub fn rtn(
    weight: &[u8],
    dtype: Dtype,
    n: usize,
    k: usize,
    options: &RtnOptions,
    par: &dyn Parallel,
) -> Result<Plain> {
    Ok(rtn_by_row(weight, dtype, n, k, options, par)?.into_plain(par))
}

/// [`rtn`] before its result is turned round.
pub(super) fn rtn_by_row(
    weight: &[u8],
    dtype: Dtype,
    n: usize,
    k: usize,
    options: &RtnOptions,
    par: &dyn Parallel,
) -> Result<ByRow> {
    let (arithmetic, scale_dtype) = options.types(dtype);
    for (what, d) in [("weight", dtype), ("arithmetic", arithmetic), ("scale_dtype", scale_dtype)] {
        if !d.is_activation() {
            return Err(Error::invalid("has a type that weights and scales cannot have")
                .subject(what)
                .found(d)
                .needed("F16, BF16 or F32"));
        }
    }
    let elements = mul(n, k, "weight")?;
    let bytes = mul(elements, dtype.bytes(), "weight")?;
    if elements == 0 || weight.len() != bytes {
        return Err(Error::invalid("the weight has the wrong size")
            .subject("weight")
            .found(format!("{} bytes", weight.len()))
            .needed(format!("{bytes} bytes for [{n}, {k}] in {dtype}, and no dimension 0")));
    }
    let rows = Rows { weight, dtype, n, k, options, scale_dtype };
    match arithmetic {
        Dtype::F16 => rows.quantize::<Half>(par),
        Dtype::BF16 => rows.quantize::<Brain>(par),
        _ => rows.quantize::<Single>(par),
    }
}

/// The weight as it comes.
struct Rows<'a> {
    weight: &'a [u8],
    dtype: Dtype,
    n: usize,
    k: usize,
    options: &'a RtnOptions,
    scale_dtype: Dtype,
}

impl Rows<'_> {
    fn quantize<A: Arithmetic>(&self, par: &dyn Parallel) -> Result<ByRow> {
        let mut out = ByRow::new(self.n, self.k, self.options.spec, self.scale_dtype);
        let failed = Mutex::new(None::<(usize, Error)>);
        let mut rows = out.rows_mut();
        // A lock for each task is how disjoint pieces reach a shared closure; nobody ever waits for one.
        let tasks: Vec<_> = rows.chunks_mut(ROWS).map(Mutex::new).collect();
        par.run(tasks.len(), &|t| {
            let mut weights = vec![0f32; self.k];
            for (i, out) in tasks[t].lock().expect("no task panics").iter_mut().enumerate() {
                let r = t * ROWS + i;
                if let Err(e) = self.row::<A>(r, &mut weights, out) {
                    let mut failed = failed.lock().expect("no task panics");
                    // Always the first bad row, whichever thread is faster.
                    if failed.as_ref().is_none_or(|(other, _)| r < *other) {
                        *failed = Some((r, e));
                    }
                    return;
                }
            }
        });
        match failed.into_inner().expect("no task panics") {
            Some((_, e)) => Err(e),
            None => Ok(out),
        }
    }

    /// Quantizes row `r`; `row` is room for its weights.
    fn row<A: Arithmetic>(&self, r: usize, row: &mut [f32], out: &mut RowMut) -> Result<()> {
        let RtnOptions { spec, rule, arithmetic, .. } = self.options;
        let bytes = self.k * self.dtype.bytes();
        widen(&self.weight[r * bytes..][..bytes], self.dtype, row);
        if arithmetic.is_some_and(|a| a != self.dtype) {
            row.iter_mut().for_each(|w| *w = A::round(*w));
        }
        let g = spec.group.effective(self.k);
        let scales = out.scales.chunks_mut(self.scale_dtype.bytes());
        let out = out.q.chunks_mut(g).zip(&mut *out.z).zip(scales);
        for (j, (group, ((q, z), stored))) in row.chunks(g).zip(out).enumerate() {
            let range = rule::range(group);
            if !range.finite {
                let i = group.iter().position(|w| !w.is_finite()).unwrap_or(0);
                let column = j * g + i;
                let arithmetic = arithmetic.unwrap_or(self.dtype);
                let what = format!("the weight in row {r}, column {column} is not finite");
                return Err(Error::new(ErrorKind::Tensor, what)
                    .found(group[i])
                    .needed(format!("a finite {arithmetic} number")));
            }
            let params = rule::params::<A>(range, *rule, spec);
            if !store_scale(params.scale, self.scale_dtype, stored) {
                let what = format!("the weights in row {r}, group {j} lie too far apart for its scale");
                return Err(Error::new(ErrorKind::Tensor, what)
                    .found(format!("{:e} to {:e}", range.min, range.max))
                    .needed(format!("a scale that fits {}", self.scale_dtype)));
            }
            *z = params.zero;
            rule::codes::<A>(group, params, *rule, spec.bits, q);
        }
        Ok(())
    }
}
