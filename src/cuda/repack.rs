//! Repacking on the GPU: the same bytes as on the host, tensor by tensor.

use std::ffi::c_void;

use super::args::{Address, RepackArgs};
use super::check::{self, Memory, VECTOR};
use super::device::CudaDevice;
use super::kernels::Task;
use super::launch::{Grid, launch};
use super::linear::{DeviceTensors, int};
use crate::error::{Error, Result};
use crate::layout::{self, LayerDesc, Layout, Padded};

/// Where a repacked layer goes: device pointers and their bytes; NULL and 0 for zero points of a symmetric layer.
#[derive(Debug, Clone, Copy)]
pub struct DeviceTensorsMut {
    /// Codes.
    pub qweight: (*mut c_void, usize),
    /// Scales.
    pub scales: (*mut c_void, usize),
    /// Zero points.
    pub qzeros: (*mut c_void, usize),
}

/// Layouts that the kernels know.
const KNOWN: [Layout; 4] = [Layout::AwqGemm, Layout::AwqGemv, Layout::CompressedTensors, Layout::Marlin];

/// Repacks a layer from device memory to device memory: two or three launches on one stream, asynchronous. The sizes
/// must be those of [`layout::sizes`]; the bias is not touched.
///
/// Errors: [`crate::ErrorKind::Unsupported`] for layouts that only the host repacks, [`crate::ErrorKind::Tensor`] and
/// [`crate::ErrorKind::BufferTooSmall`] for wrong sizes, [`crate::ErrorKind::Overlap`], and those of pointers. Nothing is launched
/// then.
///
/// # Safety
/// All tensors are device memory of their sizes, and nothing else uses the outputs until the launches are done; the
/// stream lives.
pub unsafe fn repack(
    device: &CudaDevice,
    from: &LayerDesc,
    tensors: &DeviceTensors,
    to: Layout,
    out: &DeviceTensorsMut,
    stream: *mut c_void,
) -> Result<()> {
    for (name, layout) in [("desc.layout", from.layout), ("to", to)] {
        if !KNOWN.contains(&layout) {
            return Err(Error::unsupported(
                "is no layout that GPUs repack; the host does it with awqm_repack",
            )
            .subject(name)
            .found(layout)
            .needed("gemm, gemv, compressed-tensors or marlin"));
        }
    }
    let target = layout::target(*from, to)?;
    if target.spec.zero_point != from.spec.zero_point {
        return Err(Error::unsupported("the layer has no zero points to repack, and the layout wants some")
            .subject("to")
            .found(to)
            .needed("marlin or compressed-tensors"));
    }
    device.alive()?;
    layout::check_lengths(from, [tensors.qweight.1, tensors.scales.1, tensors.qzeros.1], None)?;
    let sizes = layout::sizes(&target)?;
    layout::check_outputs(&target, [out.qweight.1, out.scales.1, out.qzeros.1])?;
    let word = 4;
    let element = from.scale_dtype.bytes();
    let memory = |name, (at, bytes): (*const c_void, usize), align| Memory::new(name, at, bytes, align);
    let constant = |(at, bytes): (*mut c_void, usize)| (at.cast_const(), bytes);
    let mut inputs = vec![
        memory("tensors.qweight", tensors.qweight, word),
        memory("tensors.scales", tensors.scales, element),
    ];
    let mut outputs = vec![
        memory("qweight", constant(out.qweight), VECTOR),
        memory("scales", constant(out.scales), VECTOR),
    ];
    if from.spec.zero_point {
        inputs.push(memory("tensors.qzeros", tensors.qzeros, word));
        outputs.push(memory("qzeros", constant(out.qzeros), VECTOR));
    }
    check::all(device, &inputs)?;
    check::all(device, &outputs)?;
    check::disjoint(&inputs, &outputs)?;
    check::stream(device, stream)?;

    let (a, b) = (layout::padded(from)?, layout::padded(&target)?);
    let args = args(from, to, &a, &b)?;
    let bits = from.spec.bits;
    let tasks = [Task::RepackCodes { bits }, Task::RepackScales, Task::RepackZeros { bits }];
    let counts = [sizes.qweight / word, sizes.scales / element, sizes.qzeros / word];
    for (i, (input, output)) in inputs.iter().zip(&outputs).enumerate() {
        let args = RepackArgs { src: input.at, dst: output.at, ..args };
        // SAFETY: the caller's promise; sizes and pointers were checked.
        unsafe { launch(device, device.kernel(tasks[i])?, Grid::of_threads(counts[i])?, stream, &args) }?;
    }
    Ok(())
}

/// What the three launches share.
fn args(from: &LayerDesc, to: Layout, a: &Padded, b: &Padded) -> Result<RepackArgs> {
    let null: Address = 0;
    Ok(RepackArgs {
        src: null,
        dst: null,
        from: from.layout.code() as i32,
        to: to.code() as i32,
        k: int(from.k, "k")?,
        n: int(from.n, "n")?,
        group: int(from.spec.group.effective(from.k), "group")?,
        from_k: int(a.k, "k")?,
        from_n: int(a.n, "n")?,
        from_group_rows: int(a.group, "group")?,
        from_groups: int(a.groups, "groups")?,
        to_k: int(b.k, "k")?,
        to_n: int(b.n, "n")?,
        to_group_rows: int(b.group, "group")?,
        to_groups: int(b.groups, "groups")?,
        element_bytes: from.scale_dtype.bytes() as i32,
    })
}
