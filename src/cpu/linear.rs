//! One layer, resident and ready to run.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::CpuDevice;
use super::integer;
use super::job::{LANES, PackedX, Rows, STEP, Strided, Tiles, block_rows, share};
use super::kernels::Kernels;
use super::pack::{Form, Groups};
use super::plan::{ALIGN, CpuPlan};
use super::tensor::{XView, YMut, check_overlap};
use crate::error::{Error, ErrorKind, Result};
use crate::kernel::{Compute, Kernel};
use crate::layout::{self, LayerDesc, LayerView, Layout, Packed, Part};
use crate::types::{Bits, Dtype, round_up};

/// A layer on the CPU; it owns its weights. Runs may happen at the same time when their workspaces differ.
pub struct CpuLinear {
    packed: Arc<Packed>,
    /// f32, padded with zeros to whole n-tiles.
    bias: Vec<f32>,
    groups: Groups,
    device: CpuDevice,
    kernels: &'static Kernels,
    compute: Compute,
}

impl CpuLinear {
    /// A copy of a layer in any layout, repacked to [`Layout::Cpu`] where it is quantized.
    pub fn new(view: &LayerView, device: &CpuDevice) -> Result<Self> {
        Self::from_packed(copy(view, device)?, device)
    }

    /// Takes a packed layer; one in another layout than [`Layout::Cpu`] or [`Layout::Dense`] is repacked.
    pub fn from_packed(packed: Packed, device: &CpuDevice) -> Result<Self> {
        Self::shared(Arc::new(packed), device)
    }

    /// As [`CpuLinear::from_packed`], for a layer that others hold too: weights that need no repacking are not copied.
    pub fn shared(packed: Arc<Packed>, device: &CpuDevice) -> Result<Self> {
        let packed = match packed.desc.layout {
            Layout::Cpu | Layout::Dense => packed,
            _ => Arc::new(copy(&packed.view(), device)?),
        };
        let groups = check(&packed)?;
        let bias = bias_f32(&packed)?;
        let (kernels, compute) = (Kernels::of(device.isa()), Compute::Exact);
        Ok(CpuLinear { bias, groups, kernels, compute, device: device.clone(), packed })
    }

    /// The same layer in other arithmetic. [`ErrorKind::Unsupported`] for int8 and dense weights.
    pub fn with_compute(self, compute: Compute) -> Result<Self> {
        if compute == Compute::Int8 && self.bits().is_none() {
            return Err(Error::unsupported("int8 arithmetic is for quantized weights")
                .found("a dense layer")
                .needed("exact arithmetic"));
        }
        Ok(CpuLinear { compute, ..self })
    }

    /// Its arithmetic.
    pub fn compute(&self) -> Compute {
        self.compute
    }

    /// Shape, quantization, and [`Layout::Cpu`] or [`Layout::Dense`].
    pub fn desc(&self) -> &LayerDesc {
        &self.packed.desc
    }

    /// The device that it was made for.
    pub fn device(&self) -> &CpuDevice {
        &self.device
    }

    /// The weights that it owns.
    pub fn packed(&self) -> &Packed {
        &self.packed
    }

    /// Bytes of weights, scales, zero points and bias that one run reads.
    pub fn bytes(&self) -> usize {
        let p = &self.packed;
        p.qweight.len() + p.scales.len() + p.qzeros.len() + self.bias.len() * size_of::<f32>()
    }

    /// How a call with up to `m` rows of `dtype` would be run. [`ErrorKind::KernelUnsupported`] for
    /// [`Kernel::Marlin`], [`ErrorKind::Unsupported`] for a dtype other than F16, BF16 and F32.
    pub fn plan(&self, m: usize, dtype: Dtype, kernel: Kernel) -> Result<CpuPlan> {
        CpuPlan::new(self, m, dtype, kernel)
    }

    /// y = x · W + bias, after `plan`, which must be of this layer. x is \[rows, K\] of the plan's dtype, y is
    /// \[rows, N\] of any activation dtype, with at most `plan.m` rows; with none nothing happens. No memory is allocated.
    /// [`ErrorKind::BufferTooSmall`] when the workspace is smaller than `plan.workspace_bytes`,
    /// [`ErrorKind::InvalidArgument`] when shapes, dtype or plan do not fit.
    pub fn run(&self, plan: &CpuPlan, x: XView, y: YMut, workspace: &mut [u8]) -> Result<()> {
        // SAFETY: the views and the slice are valid for their lengths.
        unsafe { self.run_raw(plan, x, y, workspace.as_mut_ptr(), workspace.len()) }
    }

    /// [`CpuLinear::run`] for memory that may overlap, which is [`ErrorKind::Overlap`].
    ///
    /// # Safety
    /// `workspace` is valid for reads and writes of `workspace_bytes`, and nobody else uses y or the workspace
    /// during the call.
    pub unsafe fn run_raw(
        &self,
        plan: &CpuPlan,
        x: XView,
        y: YMut,
        workspace: *mut u8,
        workspace_bytes: usize,
    ) -> Result<()> {
        self.check_call(plan, &x, &y, workspace_bytes)?;
        check_overlap(&x, &y, workspace, workspace_bytes)?;
        if x.shape.rows == 0 {
            return Ok(());
        }
        let r = &plan.regions;
        // SAFETY: the plan counted ALIGN bytes more than it uses.
        let base = unsafe { workspace.add(workspace.align_offset(ALIGN)) };
        let mut done = 0;
        while done < x.shape.rows {
            // SAFETY: all offsets lie in the workspace, as `Regions::new` counted, or in x and y, which have the
            // rows; the checks above found no overlap.
            unsafe {
                let from = Strided { at: x.at, dtype: x.shape.dtype, stride: x.shape.stride };
                let to = Strided { at: y.at, dtype: y.shape.dtype, stride: y.shape.stride };
                let from = Strided { at: from.element(done, 0), ..from };
                let to = Strided { at: to.element(done, 0), ..to };
                let rows = (x.shape.rows - done).min(r.pass_rows);
                let packed = |form: Form, block: usize| PackedX {
                    values: base,
                    sums: base.add(r.sums_at).cast(),
                    row_bytes: self.row_bytes(form).unwrap_or(r.row_bytes),
                    row_sums: self.row_sums(form),
                    rows,
                    block,
                };
                let mut form = plan.form;
                let mut x = packed(form, plan.block_rows);
                if self.pack(plan, form, &from, &x) {
                    form = form.wider();
                    x = packed(form, block_rows(rows, self.kernels.most_rows(form)));
                    self.pack(plan, form, &from, &x);
                }
                self.multiply(plan, form, &x, &to, base.add(r.scratch_at));
                done += rows;
            }
        }
        Ok(())
    }

    fn check_call(&self, plan: &CpuPlan, x: &XView, y: &YMut, workspace_bytes: usize) -> Result<()> {
        let d = self.desc();
        let of_plan = (plan.k, plan.n, plan.isa, plan.compute, plan.regions.row_sums);
        let sums = self.row_sums(plan.form.wider());
        if of_plan != (d.k, d.n, self.device.isa(), self.compute, sums) || plan.bits != self.bits() {
            return Err(Error::invalid("the plan was made for another layer")
                .subject("plan")
                .found(format!("[{}, {}]", plan.k, plan.n))
                .needed(format!("[{}, {}]", d.k, d.n)));
        }
        let shape = |name: &str, rows: usize, cols: usize, needed: usize| {
            Err(Error::invalid("has the wrong shape")
                .subject(name.to_string())
                .found(format!("[{rows}, {cols}]"))
                .needed(format!("[{}, {needed}]", x.shape.rows)))
        };
        if x.shape.cols != d.k {
            return shape("x", x.shape.rows, x.shape.cols, d.k);
        }
        if y.shape.cols != d.n || y.shape.rows != x.shape.rows {
            return shape("y", y.shape.rows, y.shape.cols, d.n);
        }
        if x.shape.rows > plan.m {
            return Err(Error::invalid("has more rows than the plan is for")
                .subject("x")
                .found(x.shape.rows)
                .needed(format!("at most {}", plan.m)));
        }
        if x.shape.dtype != plan.dtype {
            return Err(Error::invalid("has another dtype than the plan")
                .subject("x")
                .found(x.shape.dtype)
                .needed(plan.dtype));
        }
        if workspace_bytes < plan.workspace_bytes {
            return Err(Error::too_small(
                "is smaller than the plan says",
                workspace_bytes,
                plan.workspace_bytes,
            )
            .subject("workspace"));
        }
        Ok(())
    }

    /// Converts x into the workspace; over threads when there is enough of it. True when it needs [`Form::wider`].
    ///
    /// # Safety
    /// As [`CpuLinear::run_raw`], after its checks.
    unsafe fn pack(&self, plan: &CpuPlan, form: Form, x: &Strided<*const u8>, packed: &PackedX) -> bool {
        let blocks = packed.blocks();
        let wider = AtomicBool::new(false);
        let pack = |i: usize| {
            // SAFETY: the kernels are of an instruction set that the processor has; `i` is a block.
            unsafe {
                match (form, plan.bits) {
                    (Form::Integer { planes }, Some(bits)) => {
                        if let Some(integers) = self.kernels.integers.of(planes)
                            && (integers.quantize)(x, &self.groups, bits, packed, i)
                        {
                            wider.store(true, Relaxed);
                        }
                    }
                    (form, _) => (self.kernels.pack)(x, &self.groups, form, packed, i),
                }
            }
        };
        let enough = packed.rows.saturating_mul(plan.k) >= PACK_IN_PARALLEL;
        let tasks = if enough { self.device.threads().min(blocks) } else { 1 };
        if tasks == 1 {
            (0..blocks).for_each(pack);
        } else {
            self.device.parallel().run(tasks, &|task| share(blocks, tasks, task).for_each(pack));
        }
        wider.load(Relaxed)
    }

    /// Runs the kernel over all n-tiles.
    ///
    /// # Safety
    /// As [`CpuLinear::run_raw`], after its checks.
    unsafe fn multiply(
        &self,
        plan: &CpuPlan,
        form: Form,
        x: &PackedX,
        y: &Strided<*mut u8>,
        scratch: *mut u8,
    ) {
        let scratch = Strided { at: scratch, dtype: Dtype::U8, stride: plan.regions.scratch_bytes };
        let tiles = plan.n.div_ceil(LANES);
        let Some(bits) = self.bits() else {
            let w = Rows {
                weight: &self.packed.qweight,
                dtype: self.packed.desc.scale_dtype,
                bias: &self.bias,
                k: plan.k,
                n: plan.n,
            };
            return self.spread(plan.tasks, |task| {
                // SAFETY: the checks; tasks have different n-tiles.
                unsafe { (self.kernels.dense)(&w, share(tiles, plan.tasks, task), x, y) }
            });
        };
        let w = self.tiles(bits);
        if let Form::Integer { planes } = form
            && let Some(integers) = self.kernels.integers.of(planes)
        {
            let multiply = if bits == Bits::Four { integers.multiply4 } else { integers.multiply8 };
            return self.spread(plan.tasks, |task| {
                let range = share(tiles, plan.tasks, task);
                // SAFETY: the checks; tasks have different n-tiles.
                unsafe { multiply(&w, range, x, y) }
            });
        }
        if plan.kernel == Kernel::Gemm {
            let each = self.kernels.gemm_tiles;
            return self.spread(plan.tasks, |task| {
                let range = share_of_groups(tiles, each, plan.tasks, task);
                // SAFETY: the checks; tasks have different n-tiles and scratch.
                unsafe { (self.kernels.gemm)(&w, range, x, y, scratch.element(task, 0)) }
            });
        }
        let gemv = match (form, bits, self.kernels.bf16) {
            (Form::Bf16, _, Some(dot)) => dot,
            (_, Bits::Eight, _) => self.kernels.gemv8,
            (_, Bits::Four, _) => self.kernels.gemv4,
        };
        self.spread(plan.tasks, |task| {
            // SAFETY: the checks; tasks have different n-tiles.
            unsafe { gemv(&w, share(tiles, plan.tasks, task), x, y) }
        });
    }

    fn spread(&self, tasks: usize, body: impl Fn(usize) + Sync) {
        match tasks {
            1 => body(0),
            tasks => self.device.parallel().run(tasks, &body),
        }
    }

    fn tiles(&self, bits: Bits) -> Tiles<'_> {
        Tiles {
            codes: &self.packed.qweight,
            scales: &self.packed.scales,
            scale_dtype: self.packed.desc.scale_dtype,
            zeros: &self.packed.qzeros,
            bias: &self.bias,
            bits,
            n: self.packed.desc.n,
            steps: self.groups.steps,
            group_steps: self.groups.group_steps,
            groups: self.groups.count,
        }
    }

    /// Bits of a code; `None` for dense layers.
    pub(super) fn bits(&self) -> Option<Bits> {
        (self.packed.desc.layout != Layout::Dense).then_some(self.packed.desc.spec.bits)
    }

    pub(super) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Bytes of a packed row; `None` for dense layers, of which rows are longer.
    pub(super) fn row_bytes(&self, form: Form) -> Option<usize> {
        self.bits().map(|_| self.groups.steps * form.step_bytes())
    }

    /// Numbers that stand beside each packed row.
    pub(super) fn row_sums(&self, form: Form) -> usize {
        match form {
            _ if self.bits().is_none() => 0,
            Form::Integer { planes } => integer::row_sums(&self.groups, planes),
            _ => self.groups.count,
        }
    }

    pub(super) fn kernels(&self) -> &'static Kernels {
        self.kernels
    }
}

/// Part `i` of `parts` nearly equal parts of 0..`tiles`, cut between groups of `each`.
fn share_of_groups(tiles: usize, each: usize, parts: usize, i: usize) -> Range<usize> {
    let share = share(tiles.div_ceil(each), parts, i);
    share.start * each..(share.end * each).min(tiles)
}

/// Elements of x from which packing is spread over threads: below, waking them takes longer.
const PACK_IN_PARALLEL: usize = 1 << 17;

/// The layer in memory of its own, in the layout that the kernels read.
fn copy(view: &LayerView, device: &CpuDevice) -> Result<Packed> {
    let to = if view.desc.layout == Layout::Dense { Layout::Dense } else { Layout::Cpu };
    layout::repack(&[Part::whole(*view)], to, device.parallel())
}

/// How K is cut into groups; with the shapes, dtypes and lengths that the kernels rely on.
fn check(packed: &Packed) -> Result<Groups> {
    let d = &packed.desc;
    if d.k == 0 || d.n == 0 {
        return Err(Error::invalid("a layer needs at least one input and one output feature")
            .found(format!("K = {}, N = {}", d.k, d.n)));
    }
    if !d.scale_dtype.is_activation() {
        return Err(Error::unsupported("scales and dense weights must be floating point")
            .found(d.scale_dtype)
            .needed("F16, BF16 or F32"));
    }
    layout::check(&packed.view())?;
    if d.layout == Layout::Dense {
        let steps = round_up(d.k, LANES)? / STEP;
        return Ok(Groups { k: d.k, group: d.k, steps, group_steps: steps, count: 1 });
    }
    let p = layout::padded(d)?;
    Ok(Groups {
        k: d.k,
        group: d.spec.group.effective(d.k),
        steps: p.k / STEP,
        group_steps: p.group / STEP,
        count: p.groups,
    })
}

fn bias_f32(packed: &Packed) -> Result<Vec<f32>> {
    let padded = round_up(packed.desc.n, LANES)?;
    let mut bias = Vec::new();
    bias.try_reserve_exact(padded)
        .map_err(|_| Error::new(ErrorKind::OutOfMemory, "no memory for the bias"))?;
    if let Some(bytes) = &packed.bias {
        bias.extend(bytes.chunks_exact(packed.bias_dtype.bytes()).map(|b| match packed.bias_dtype {
            Dtype::F16 => half::f16::from_le_bytes([b[0], b[1]]).to_f32(),
            Dtype::BF16 => half::bf16::from_le_bytes([b[0], b[1]]).to_f32(),
            _ => f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        }));
    }
    bias.resize(padded, 0.0);
    Ok(bias)
}
