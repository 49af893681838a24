//! `awqm_device`: where layers run. CPU devices are made here, GPUs in `cuda`.

use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::guard::guard;
use super::options::{self, InfoOut, Sized0};
use super::pointers::{Out, free, reference, text_field};
use super::status::awqm_status;
use super::types::{awqm_backend, awqm_isa};
use crate::cpu::CpuDevice;
use crate::cuda::CudaDevice;
use crate::layout::Layout;
use crate::parallel::{Parallel, Pool, Serial};

/// A device: the CPU with its threads, or a GPU. Immutable; shareable between threads.
pub struct awqm_device {
    pub(super) inner: Backend,
}

/// What a device is.
pub(super) enum Backend {
    Cpu(CpuDevice),
    Cuda(Arc<CudaDevice>),
}

/// The threads of a CPU device; for a GPU, or NULL, the calling thread alone.
///
/// # Safety
/// `device` is NULL or a live handle.
pub(super) unsafe fn threads<'a>(device: *const awqm_device) -> &'a dyn Parallel {
    // SAFETY: the caller's promise.
    match unsafe { device.as_ref() }.map(|d| &d.inner) {
        Some(Backend::Cpu(cpu)) => cpu.parallel(),
        Some(Backend::Cuda(_)) | None => &Serial,
    }
}

/// The layout that quantized layers of a device run from; that of the CPU without one.
///
/// # Safety
/// `device` is NULL or a live handle.
pub(super) unsafe fn own_layout(device: *const awqm_device) -> Layout {
    // SAFETY: the caller's promise.
    match unsafe { device.as_ref() }.map(|d| &d.inner) {
        Some(Backend::Cuda(_)) => Layout::Marlin,
        Some(Backend::Cpu(_)) | None => Layout::Cpu,
    }
}

/// One task of a parallel call; see awqm_parallel_fn.
pub type awqm_task_fn = Option<unsafe extern "C" fn(task_data: *mut c_void, index: usize)>;

/// A host's thread pool. Must call `task(task_data, i)` exactly once for every i in 0..count, in any order and on any
/// threads, be it all on the calling one, and return when all of them have returned: results do not depend on it. Must
/// not unwind. When it returns without having run every task, the call that needed them gives AWQM_STATUS_INTERNAL. It can
/// be called from several threads at once when the host runs layers from several threads.
pub type awqm_parallel_fn = Option<
    unsafe extern "C" fn(user_data: *mut c_void, count: usize, task: awqm_task_fn, task_data: *mut c_void),
>;

/// Options of awqm_device_create_cpu.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_cpu_options {
    /// sizeof(awqm_cpu_options).
    pub struct_size: usize,
    /// Threads that work at once, the caller's included; 0 = as many as the machine has cores. 1 starts none. More than
    /// there are cores take turns on them; more than 1024 are INVALID_ARGUMENT. With `parallel`: how many the host's pool
    /// has, any number, so that work is cut accordingly.
    pub threads: u32,
    /// Instruction set; AWQM_ISA_AUTO takes the best.
    pub isa: awqm_isa,
    /// The host's thread pool, used instead of one of the library's own; NULL = own pool.
    pub parallel: awqm_parallel_fn,
    /// Handed to `parallel`. Must stay valid until the device and all its layers are freed.
    pub user_data: *mut c_void,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere (NULL callback, NULL data).
unsafe impl Sized0 for awqm_cpu_options {}

/// What a device is; filled by awqm_device_get_info.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct awqm_device_info {
    /// sizeof(awqm_device_info), set by the caller.
    pub struct_size: usize,
    /// Backend.
    pub backend: awqm_backend,
    /// Ordinal of the GPU; 0 for the CPU.
    pub ordinal: i32,
    /// Threads that work at once; 0 for a GPU.
    pub threads: u32,
    /// Instruction set of the CPU kernels.
    pub isa: awqm_isa,
    /// Compute capability times ten, such as 86; 0 for the CPU.
    pub capability: u32,
    /// Streaming multiprocessors; 0 for the CPU.
    pub multiprocessors: u32,
    /// Device memory in bytes; 0 for the CPU.
    pub memory_bytes: u64,
    /// Name, NUL-terminated UTF-8, cut to fit.
    pub name: [c_char; 128],
    /// Bandwidth of the device memory in GB/s (10^9 bytes), as its clock and bus say; 0: unknown, or the CPU.
    pub bandwidth_gbps: f64,
}

// SAFETY: repr(C), struct_size first, zero is valid everywhere.
unsafe impl Sized0 for awqm_device_info {}

/// The host's pool behind the library's own interface.
struct HostPool {
    call: unsafe extern "C" fn(*mut c_void, usize, awqm_task_fn, *mut c_void),
    user_data: *mut c_void,
    threads: usize,
}

// SAFETY: the host promises that its pool may be called from any thread.
unsafe impl Send for HostPool {}
// SAFETY: as above.
unsafe impl Sync for HostPool {}

struct HostTasks<'a> {
    body: &'a (dyn Fn(usize) + Sync),
    count: usize,
    done: AtomicUsize,
    failed: AtomicBool,
}

unsafe extern "C" fn host_task(task_data: *mut c_void, index: usize) {
    // SAFETY: task_data is what HostPool::run passed, alive until it returns.
    let tasks = unsafe { &*task_data.cast::<HostTasks>() };
    let run = || {
        if index < tasks.count {
            (tasks.body)(index);
            tasks.done.fetch_add(1, Ordering::Release);
        }
    };
    if !super::guard::silent(false, || {
        run();
        true
    }) {
        tasks.failed.store(true, Ordering::Release);
    }
}

impl Parallel for HostPool {
    fn threads(&self) -> usize {
        self.threads
    }

    fn run(&self, count: usize, body: &(dyn Fn(usize) + Sync)) {
        if count <= 1 {
            return Serial.run(count, body);
        }
        let tasks = HostTasks { body, count, done: AtomicUsize::new(0), failed: AtomicBool::new(false) };
        // SAFETY: the host's promise at awqm_parallel_fn; tasks lives until the call returns.
        unsafe { (self.call)(self.user_data, count, Some(host_task), (&raw const tasks).cast_mut().cast()) };
        assert!(!tasks.failed.load(Ordering::Acquire), "a task of the host's thread pool panicked");
        let done = tasks.done.load(Ordering::Acquire);
        assert!(done == count, "the host's awqm_parallel_fn returned after {done} of {count} tasks");
    }
}

/// A CPU device. With NULL or zeroed options it starts a pool with one thread for each core but one (the caller's
/// thread is the last).
///
/// Statuses: UNKNOWN_ENUM, BAD_STRUCT_SIZE, UNSUPPORTED (this machine lacks the instruction set),
/// INVALID_ARGUMENT (too many threads; the environment variable AWQM_ISA is set to nonsense), OUT_OF_MEMORY (also when the
/// system refuses a thread).
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `options` is NULL or readable for its struct_size; `out_device` is writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_device_create_cpu(
    options: *const awqm_cpu_options,
    out_device: *mut *mut awqm_device,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(out_device, "out_device") }?;
        // SAFETY: the caller's promise.
        let options = unsafe { options::read(options, "options") }?;
        let isa = options.isa.get("options.isa")?;
        let parallel: Arc<dyn Parallel> = match options.parallel {
            Some(call) => Arc::new(HostPool {
                call,
                user_data: options.user_data,
                threads: match options.threads {
                    0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
                    n => n as usize,
                },
            }),
            None => Arc::new(Pool::new(options.threads as usize).map_err(|e| e.subject("options.threads"))?),
        };
        let cpu = CpuDevice::with(isa, parallel).map_err(|e| e.subject("options.isa"))?;
        ::log::info!("a CPU device: {} threads, {} kernels", cpu.parallel().threads(), cpu.isa());
        out.give(awqm_device { inner: Backend::Cpu(cpu) });
        Ok(())
    })
}

/// What a device is.
///
/// Statuses: the general ones.
///
/// Threads: any, at once. Since 0.1.
///
/// # Safety
/// `device` is a live handle; `out_info` is writable for the struct_size that it carries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_device_get_info(
    device: *const awqm_device,
    out_info: *mut awqm_device_info,
) -> awqm_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { InfoOut::new(out_info, "out_info") }?;
        // SAFETY: the caller's promise.
        let device = unsafe { reference(device, "device") }?;
        let (mut info, name) = match &device.inner {
            Backend::Cpu(cpu) => cpu_info(cpu),
            Backend::Cuda(cuda) => cuda_info(cuda),
        };
        info.name = text_field(&name);
        out.set(&info);
        Ok(())
    })
}

fn cpu_info(cpu: &CpuDevice) -> (awqm_device_info, String) {
    let info = awqm_device_info {
        backend: awqm_backend::CPU,
        threads: u32::try_from(cpu.parallel().threads()).unwrap_or(u32::MAX),
        isa: cpu.isa().into(),
        ..awqm_device_info::zero()
    };
    (info, processor())
}

fn cuda_info(cuda: &CudaDevice) -> (awqm_device_info, String) {
    let (major, minor) = cuda.gpu().capability;
    let info = awqm_device_info {
        backend: awqm_backend::CUDA,
        ordinal: cuda.ordinal(),
        capability: 10 * major + minor,
        multiprocessors: cuda.gpu().multiprocessors,
        memory_bytes: cuda.memory_bytes(),
        bandwidth_gbps: cuda.gpu().bandwidth_gbps,
        ..awqm_device_info::zero()
    };
    (info, cuda.name().to_string())
}

/// What the processor calls itself.
fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::__cpuid;
        if __cpuid(0x8000_0000).eax >= 0x8000_0004 {
            let words = (0x8000_0002..=0x8000_0004).map(__cpuid).flat_map(|r| [r.eax, r.ebx, r.ecx, r.edx]);
            let bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).take_while(|b| *b != 0).collect();
            return String::from_utf8_lossy(&bytes).trim().to_string();
        }
    }
    std::env::consts::ARCH.to_string()
}

/// Frees a device; layers made from it keep what they need. NULL is fine.
///
/// Threads: any; the last call with this handle. Since 0.1.
///
/// # Safety
/// `device` is NULL or a live handle that is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_device_free(device: *mut awqm_device) {
    // SAFETY: the caller's promise.
    unsafe { free(device) }
}
