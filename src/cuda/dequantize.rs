//! Dequantizing on the GPU, for hosts that prefer a dense product for very many rows.

use std::ffi::c_void;

use super::args::{self, Address, DequantizeArgs};
use super::check::{self, Memory};
use super::kernels::Task;
use super::launch::{Grid, launch};
use super::linear::{CudaLinear, int};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Dtype, mul};

impl CudaLinear {
    /// W as a dense matrix in device memory: \[K, N\], or \[N, K\] when `transposed`; one launch, asynchronous.
    ///
    /// Errors: [`ErrorKind::Unsupported`] for a dtype other than F16 and BF16, [`ErrorKind::KernelUnsupported`] for
    /// BF16 below capability 8.0, [`ErrorKind::Tensor`] for a wrong size, and those of pointers.
    ///
    /// # Safety
    /// `out` is device memory of `out_bytes` that nothing else uses until the launch is done; the stream lives.
    pub unsafe fn dequantize(
        &self,
        dtype: Dtype,
        transposed: bool,
        out: *mut c_void,
        out_bytes: usize,
        stream: *mut c_void,
    ) -> Result<()> {
        /// Tiles of K of one block.
        const TILES_OF_BLOCK: usize = 8;
        if !matches!(dtype, Dtype::F16 | Dtype::BF16) {
            return Err(Error::unsupported("is no dtype that GPUs dequantize to")
                .subject("dtype")
                .found(dtype)
                .needed("F16 or BF16"));
        }
        let kernel = self.device.kernel(Task::Dequantize { to: dtype, bits: self.desc.spec.bits })?;
        let (k, n) = (self.desc.k, self.desc.n);
        let needed = mul(mul(k, n, "the dense matrix")?, dtype.bytes(), "the dense matrix")?;
        if out_bytes != needed {
            return Err(Error::new(ErrorKind::Tensor, "has the wrong length for the dense matrix")
                .subject("out")
                .found(format!("{out_bytes} bytes"))
                .needed(format!("{needed} bytes")));
        }
        let memory = Memory::new("out", out, out_bytes, dtype.bytes());
        memory.check(&self.device)?;
        check::disjoint(&self.tensors(), &[memory])?;
        check::stream(&self.device, stream)?;
        let (n_tiles, k_tiles) = (self.padded.n / 64, self.padded.k / 16);
        let args = DequantizeArgs {
            qweight: self.at.qweight,
            scales: self.at.scales,
            qzeros: self.at.qzeros,
            w: out as Address,
            w_stride: if transposed { k } else { n } as i64,
            n: int(n, "n")?,
            k: int(k, "k")?,
            n_tiles: int(n_tiles, "n")?,
            k_tiles: int(k_tiles, "k")?,
            group: int(self.desc.spec.group.effective(k), "group")?,
            group_rows: int(self.padded.group, "group")?,
            groups: int(self.padded.groups, "groups")?,
            scale_dtype: args::dtype(self.desc.scale_dtype),
            transposed: transposed.into(),
        };
        let rows = int(k_tiles.div_ceil(TILES_OF_BLOCK), "k")? as u32;
        let grid =
            Grid { blocks: (n_tiles as u32, rows, 1), threads: 32 * TILES_OF_BLOCK as u32, shared_bytes: 0 };
        // SAFETY: the caller's promise; the result has the size that the kernel writes.
        unsafe { launch(&self.device, kernel, grid, stream, &args) }
    }

    /// Its tensors as memory that a call reads.
    fn tensors(&self) -> [Memory; 3] {
        let tensor = |name, at: Address, bytes| Memory { name, at, bytes, align: 1 };
        [
            tensor("the layer's qweight", self.at.qweight, self.sizes.qweight),
            tensor("the layer's scales", self.at.scales, self.sizes.scales),
            tensor("the layer's qzeros", self.at.qzeros, self.sizes.qzeros),
        ]
    }
}
