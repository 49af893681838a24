//! One layer in device memory, ready to run.

use std::ffi::c_void;
use std::sync::Arc;

use super::args::{self, Address, GemvArgs};
use super::check::{self, Memory, VECTOR};
use super::choices::Choices;
use super::cut::Cut;
use super::device::CudaDevice;
use super::kernels::Task;
use super::launch::{Grid, launch};
use super::memory::DeviceMemory;
use super::{CudaPlan, Problem, Wish};
use crate::error::{Error, ErrorKind, Result};
use crate::kernel::Kernel;
use crate::layout::{self, LayerDesc, LayerView, Layout, Padded, Part, TensorSizes};
use crate::matrix::Matrix;
use crate::parallel::Serial;
use crate::types::{Dtype, round_up};

/// A layer on a GPU, in layout Marlin; it owns its weights or uses the host's. Runs may happen at the same time when
/// their workspaces differ.
pub struct CudaLinear {
    pub(super) device: Arc<CudaDevice>,
    pub(super) desc: LayerDesc,
    pub(super) padded: Padded,
    pub(super) sizes: TensorSizes,
    pub(super) at: Addresses,
    bias_dtype: Dtype,
    /// Every plan is one whose results do not depend on the number of rows.
    batch_invariant: bool,
    choices: Choices,
    /// What `at` points into, unless it is the host's.
    _memory: Option<DeviceMemory>,
}

/// Device pointers of a layer's tensors; 0: there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub qweight: Address,
    pub scales: Address,
    pub qzeros: Address,
    pub bias: Address,
}

/// The tensors of a layer in the host's device memory: each a pointer and its bytes, NULL and 0 where there is none.
#[derive(Debug, Clone, Copy)]
pub struct DeviceTensors {
    /// Codes.
    pub qweight: (*const c_void, usize),
    /// Scales.
    pub scales: (*const c_void, usize),
    /// Zero points.
    pub qzeros: (*const c_void, usize),
    /// Bias.
    pub bias: (*const c_void, usize),
}

/// Activations in device memory.
#[derive(Debug, Clone, Copy)]
pub struct DeviceMatrix {
    /// First element.
    pub at: *mut c_void,
    /// Shape and dtype.
    pub shape: Matrix,
}

/// Everything that a launch of a plan needs besides the layer.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// x, \[rows, K\].
    pub x: DeviceMatrix,
    /// y, \[rows, N\].
    pub y: DeviceMatrix,
    /// Workspace in device memory; its first bytes are zero (see [`CudaPlan::counter_bytes`]).
    pub workspace: *mut c_void,
    /// Its size.
    pub workspace_bytes: usize,
    /// A CUstream, NULL, or one of the driver's special streams.
    pub stream: *mut c_void,
}

/// Tensors of one allocation begin on boundaries of this many bytes.
const TENSOR_ALIGN: usize = 256;

impl CudaLinear {
    /// Repacks a quantized layer to Marlin, on the calling thread, and copies it to memory of its own on the device.
    /// With `batch_invariant` every plan of the layer is so ([`Wish::batch_invariant`]).
    ///
    /// Errors: [`ErrorKind::Unsupported`] for dense weights, [`ErrorKind::OutOfMemory`], [`ErrorKind::Device`].
    pub fn upload(view: &LayerView, device: &Arc<CudaDevice>, batch_invariant: bool) -> Result<Self> {
        quantized(&view.desc)?;
        let packed;
        let marlin = if view.desc.layout == Layout::Marlin {
            layout::check(view)?;
            *view
        } else {
            packed = layout::repack(&[Part::whole(*view)], Layout::Marlin, &Serial)?;
            packed.view()
        };
        let bias = marlin.bias.unwrap_or(&[]);
        let (mut offsets, mut total) = ([0; 4], 0usize);
        let tensors = [marlin.qweight, marlin.scales, marlin.qzeros, bias];
        for (offset, tensor) in offsets.iter_mut().zip(tensors) {
            *offset = total;
            let grown = total.checked_add(tensor.len());
            total = round_up(
                grown.ok_or_else(|| Error::new(ErrorKind::SizeOverflow, "the layer does not fit"))?,
                TENSOR_ALIGN,
            )?;
        }
        let memory = DeviceMemory::new(device, total)?;
        let pieces: Vec<_> =
            offsets.into_iter().zip(tensors).filter(|(_, tensor)| !tensor.is_empty()).collect();
        // SAFETY: the offsets were counted above.
        unsafe { memory.upload(&pieces) }?;
        let place = |i: usize| if tensors[i].is_empty() { 0 } else { memory.at() + offsets[i] as u64 };
        let at = Addresses { qweight: place(0), scales: place(1), qzeros: place(2), bias: place(3) };
        let linear = Self::new(device, &marlin.desc, at, marlin.bias_dtype, Some(memory))?;
        Ok(CudaLinear { batch_invariant, ..linear })
    }

    /// A layer whose tensors the host holds in device memory, in layout Marlin. Nothing is copied.
    ///
    /// Errors: [`ErrorKind::Tensor`] for wrong sizes, [`ErrorKind::InvalidArgument`] for another layout, misaligned
    /// pointers and, where they are looked up, pointers that are none of the device's.
    ///
    /// # Safety
    /// The tensors stay where they are and as they are until the result is dropped and its last run is done.
    pub unsafe fn wrap(
        desc: &LayerDesc,
        tensors: &DeviceTensors,
        bias_dtype: Dtype,
        device: &Arc<CudaDevice>,
    ) -> Result<Self> {
        if desc.layout != Layout::Marlin {
            return Err(Error::invalid("device memory is used as it is, so it must hold layout marlin")
                .subject("desc.layout")
                .found(desc.layout)
                .needed("marlin (awqm_cuda_repack makes it)"));
        }
        let t = tensors;
        let bias = (!t.bias.0.is_null()).then_some((t.bias.1, bias_dtype));
        layout::check_lengths(desc, [t.qweight.1, t.scales.1, t.qzeros.1], bias)?;
        device.alive()?;
        let mut memory = vec![
            Memory::new("tensors.qweight", t.qweight.0, t.qweight.1, VECTOR),
            Memory::new("tensors.scales", t.scales.0, t.scales.1, VECTOR),
        ];
        if desc.spec.zero_point {
            memory.push(Memory::new("tensors.qzeros", t.qzeros.0, t.qzeros.1, VECTOR));
        }
        if let Some((bytes, dtype)) = bias {
            memory.push(Memory::new("tensors.bias", t.bias.0, bytes, dtype.bytes()));
        }
        check::all(device, &memory)?;
        let at = Addresses {
            qweight: t.qweight.0 as Address,
            scales: t.scales.0 as Address,
            qzeros: if desc.spec.zero_point { t.qzeros.0 as Address } else { 0 },
            bias: t.bias.0 as Address,
        };
        Self::new(device, desc, at, bias_dtype, None)
    }

    fn new(
        device: &Arc<CudaDevice>,
        desc: &LayerDesc,
        at: Addresses,
        bias_dtype: Dtype,
        memory: Option<DeviceMemory>,
    ) -> Result<Self> {
        let (padded, sizes) = (layout::padded(desc)?, layout::sizes(desc)?);
        for (what, size) in [("stored K", padded.k), ("stored N", padded.n)] {
            int(size, what)?;
        }
        Ok(CudaLinear {
            device: device.clone(),
            desc: *desc,
            padded,
            sizes,
            at,
            bias_dtype,
            batch_invariant: false,
            choices: Choices::default(),
            _memory: memory,
        })
    }

    /// Shape and quantization; the layout is [`Layout::Marlin`].
    pub fn desc(&self) -> &LayerDesc {
        &self.desc
    }

    /// The device that it is on.
    pub fn device(&self) -> &Arc<CudaDevice> {
        &self.device
    }

    /// Whether it adds a bias.
    pub fn has_bias(&self) -> bool {
        self.at.bias != 0
    }

    /// Bytes of its tensors in device memory.
    pub fn bytes(&self) -> usize {
        let bias = if self.has_bias() { self.desc.n * self.bias_dtype.bytes() } else { 0 };
        self.sizes.qweight + self.sizes.scales + self.sizes.qzeros + bias
    }

    /// How a call with up to `m` rows of `dtype` would be run. Errors: those of [`CudaPlan::tuned`].
    pub fn plan(&self, m: usize, dtype: Dtype, wish: impl Into<Wish>) -> Result<CudaPlan> {
        let problem = Problem::new(&self.desc, m, dtype)?;
        self.choices.plan(self.device.gpu(), &problem, self.wish(wish), self.device.tuning())
    }

    /// What the caller wishes, in a layer that may have wishes of its own.
    fn wish(&self, wish: impl Into<Wish>) -> Wish {
        let wish = wish.into();
        Wish { batch_invariant: wish.batch_invariant || self.batch_invariant, ..wish }
    }

    /// The plan of a text, for this layer on its device. Errors: those of [`CudaPlan::from_json`].
    pub fn plan_from_json(&self, text: &str) -> Result<CudaPlan> {
        CudaPlan::from_json(text, self.device.gpu(), &Problem::new(&self.desc, 1, Dtype::F16)?)
    }

    /// Workspace that is enough for every number of rows up to `m` and every kernel. Plans that are batch-invariant in a
    /// layer that is not say themselves what they need.
    pub fn workspace_bytes(&self, m: usize, dtype: Dtype) -> Result<usize> {
        let problem = Problem::new(&self.desc, m, dtype)?;
        // No batch-invariant plan runs the GEMV.
        let kernels: &[Kernel] =
            if self.batch_invariant { &[Kernel::Auto] } else { &[Kernel::Auto, Kernel::Gemv, Kernel::Gemm] };
        let mut most = 0;
        for kernel in kernels {
            let wish = self.wish(*kernel);
            let bytes =
                CudaPlan::workspace_bytes_up_to(self.device.gpu(), &problem, wish, self.device.tuning())?;
            most = most.max(bytes);
        }
        Ok(most)
    }

    /// y = x · W + bias, after `plan`, which must be of this layer: one launch, asynchronous.
    ///
    /// Errors: [`ErrorKind::InvalidArgument`] when shapes, dtype, plan or pointers do not fit,
    /// [`ErrorKind::BufferTooSmall`], [`ErrorKind::Overlap`], [`ErrorKind::Device`]. Nothing is launched then.
    ///
    /// # Safety
    /// x, y and the workspace are device memory of their sizes until the launch is done, and nothing else uses y or
    /// the workspace meanwhile; the stream lives.
    pub unsafe fn run(&self, plan: &CudaPlan, run: &Run) -> Result<()> {
        self.check_call(plan, run)?;
        let (x, y, workspace) = (&run.x, &run.y, run.workspace as Address);
        let p = &plan.problem;
        let args = GemvArgs {
            x: x.at as Address,
            y: y.at as Address,
            qweight: self.at.qweight,
            scales: self.at.scales,
            qzeros: self.at.qzeros,
            bias: self.at.bias,
            partials: if plan.splits > 1 { workspace + plan.counter_bytes as u64 } else { 0 },
            counters: if plan.splits > 1 { workspace } else { 0 },
            x_stride: x.shape.stride as i64,
            y_stride: y.shape.stride as i64,
            m: int(x.shape.rows, "m")?,
            n: int(self.desc.n, "n")?,
            k: int(self.desc.k, "k")?,
            n_tiles: int(p.n_tiles(), "n")?,
            k_tiles: int(p.k_tiles(), "k")?,
            group: int(self.desc.spec.group.effective(self.desc.k), "group")?,
            group_rows: int(self.padded.group, "group")?,
            groups: int(self.padded.groups, "groups")?,
            scale_dtype: args::dtype(self.desc.scale_dtype),
            bias_dtype: args::dtype(self.bias_dtype),
            y_dtype: args::dtype(y.shape.dtype),
            splits: plan.splits as i32,
            slice_tiles: plan.slice_tiles as i32,
        };
        let (dtype, bits) = (x.shape.dtype, self.desc.spec.bits);
        let task = match plan.cut() {
            Cut::Gemv(c) => Task::Gemv { x: dtype, bits, tiles: c.tiles },
            Cut::Marlin(c) => Task::Marlin { x: dtype, bits, tile: c.tile },
        };
        let grid = Grid {
            blocks: plan.grid_for(x.shape.rows),
            threads: plan.block,
            shared_bytes: plan.shared_bytes,
        };
        let kernel = self.device.kernel(task)?;
        // SAFETY: the caller's promise; the plan's cut covers the layer.
        let start = || unsafe { launch(&self.device, kernel, grid, run.stream, &args) };
        match self.device.workspaces() {
            Some(workspaces) if plan.workspace_bytes > 0 => {
                let memory = Memory::new("workspace", run.workspace, plan.workspace_bytes, VECTOR);
                workspaces.guard(&self.device, &memory, run.stream, start)
            }
            _ => start(),
        }
    }

    fn check_call(&self, plan: &CudaPlan, run: &Run) -> Result<()> {
        let (x, y) = (&run.x.shape, &run.y.shape);
        let of_layer = Problem::new(&self.desc, plan.problem.m, plan.problem.dtype)?;
        if plan.problem != of_layer || plan.gpu != *self.device.gpu() {
            let shape = |p: &Problem| format!("[{}, {}]", p.k, p.n);
            return Err(Error::invalid("the plan was made for another layer or device")
                .subject("plan")
                .found(shape(&plan.problem))
                .needed(shape(&of_layer)));
        }
        for (name, shape, needed) in [("x", x, self.desc.k), ("y", y, self.desc.n)] {
            if shape.cols != needed || shape.rows != x.rows {
                return Err(Error::invalid("has the wrong shape")
                    .subject(name)
                    .found(format!("[{}, {}]", shape.rows, shape.cols))
                    .needed(format!("[{}, {needed}]", x.rows)));
            }
        }
        if x.rows == 0 || x.rows > plan.problem.m {
            return Err(Error::invalid("has no rows, or more than the plan is for")
                .subject("x")
                .found(x.rows)
                .needed(format!("1 to {}", plan.problem.m)));
        }
        if x.dtype != plan.problem.dtype {
            return Err(Error::invalid("has another dtype than the plan")
                .subject("x")
                .found(x.dtype)
                .needed(plan.problem.dtype));
        }
        if run.workspace_bytes < plan.workspace_bytes {
            let what = "is smaller than the plan says";
            return Err(
                Error::too_small(what, run.workspace_bytes, plan.workspace_bytes).subject("workspace")
            );
        }
        let x_memory = Memory::new("x", run.x.at, x.bytes(), x.dtype.bytes());
        let y_memory = Memory::new("y", run.y.at, y.bytes(), y.dtype.bytes());
        check::all(&self.device, &[x_memory, y_memory])?;
        if x.overlaps(run.x.at as usize, y, run.y.at as usize) {
            return Err(Error::new(ErrorKind::Overlap, "x and y share memory"));
        }
        if plan.workspace_bytes > 0 {
            let workspace = Memory::new("workspace", run.workspace, plan.workspace_bytes, VECTOR);
            workspace.check(&self.device)?;
            check::disjoint(&[x_memory, y_memory], &[workspace])?;
        }
        check::stream(&self.device, run.stream)
    }
}

/// Refuses dense layers.
fn quantized(desc: &LayerDesc) -> Result<()> {
    if desc.layout != Layout::Dense {
        return Ok(());
    }
    Err(Error::unsupported(
        "a dense weight needs no kernel of this library on a GPU: use the engine's own product",
    )
    .found("layout dense")
    .needed("4-bit or 8-bit weights"))
}

/// A size as the kernels' 32-bit integer.
pub(super) fn int(size: usize, what: &str) -> Result<i32> {
    i32::try_from(size).map_err(|_| {
        Error::new(ErrorKind::SizeOverflow, "does not fit the kernels' 32-bit integers")
            .subject(what)
            .found(size)
            .needed(format!("at most {}", i32::MAX))
    })
}
