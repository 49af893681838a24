//! The structs of `host/options.h` and the functions of `host/launch.cpp`.

use std::ffi::{c_char, c_int, c_void};
use std::marker::PhantomData;

use crate::options::{self, Order, Stats};

#[repr(C)]
pub struct Range {
    pub begin: usize,
    pub end: usize,
}

#[repr(C)]
pub struct Options<'a> {
    async_copies: u32,
    order: u32,
    seed: u64,
    resident: u64,
    memory: *const Range,
    memory_count: usize,
    count_wavefronts: u64,
    borrowed: PhantomData<&'a [Range]>,
}

impl<'a> Options<'a> {
    pub fn new(options: &options::Options, memory: &'a [Range]) -> Self {
        let (order, seed) = match options.order {
            Order::Forward => (0, 0),
            Order::Reverse => (1, 0),
            Order::Random(seed) => (2, seed),
            Order::Greedy => (3, 0),
            Order::GreedyReverse => (4, 0),
        };
        Options {
            async_copies: options.async_copies as u32,
            order,
            seed,
            resident: options.resident as u64,
            memory: memory.as_ptr(),
            memory_count: memory.len(),
            count_wavefronts: options.count_wavefronts.into(),
            borrowed: PhantomData,
        }
    }
}

unsafe extern "C" {
    #[allow(clippy::too_many_arguments)]
    pub fn awqm_emulation_launch(
        name: *const c_char,
        grid: *const u32,
        block: *const u32,
        dynamic_shared: usize,
        options: &Options<'_>,
        args: *const *mut c_void,
        stats: &mut Stats,
        error: *mut c_char,
        error_bytes: usize,
    ) -> c_int;
    pub fn awqm_emulation_kernel(i: usize) -> *const c_char;
}
