//! What a call may be given although well-behaved hosts never do: any number of threads, a pool with an order of its own,
//! activations that are not finite, memory at any address, rows far apart, no rows. In every arithmetic.

mod cpu_common;

use std::sync::Arc;

use awq_marlin::ErrorKind;
use awq_marlin::cpu::{Compute, CpuDevice, CpuLinear, Kernel, XView, YMut};
use awq_marlin::parallel::{Parallel, Pool, Serial};
use awq_marlin::types::Dtype;
use cpu_common::*;

/// A short last group, and groups and N that have to be padded.
const CASE: Case =
    Case { k: 200, n: 37, group: 60, bits: 4, zero_point: true, scale_dtype: Dtype::F32, bias: true };

const DTYPES: [Dtype; 3] = [Dtype::F16, Dtype::BF16, Dtype::F32];

/// A layer, and how it computes.
struct Kind {
    name: &'static str,
    layer: Layer,
    compute: Compute,
}

impl Kind {
    /// All weights in all arithmetics.
    fn all(case: Case) -> Vec<Kind> {
        let wide = Case { bits: 8, zero_point: false, ..case };
        let kind = |name, layer, compute| Kind { name, layer, compute };
        vec![
            kind("4 bits", case.layer(9), Compute::Exact),
            kind("4 bits, int8", case.layer(9), Compute::Int8),
            kind("8 bits", wide.layer(9), Compute::Exact),
            kind("8 bits, int8", wide.layer(9), Compute::Int8),
            kind("dense", case.dense(9), Compute::Exact),
        ]
    }

    fn on(&self, device: &CpuDevice) -> CpuLinear {
        CpuLinear::new(&self.layer.packed.view(), device).unwrap().with_compute(self.compute).unwrap()
    }

    /// The kernels that differ.
    fn kernels(&self) -> &'static [Kernel] {
        match self.compute {
            Compute::Exact if self.name != "dense" => &[Kernel::Gemv, Kernel::Gemm],
            _ => &[Kernel::Auto],
        }
    }
}

/// Tasks on the calling thread in an order of its own, or none of its own business: each on a new thread, last first.
struct Odd {
    threads: usize,
    order: fn(usize, usize) -> usize,
    spawns: bool,
}

impl Parallel for Odd {
    fn threads(&self) -> usize {
        self.threads
    }

    fn run(&self, tasks: usize, body: &(dyn Fn(usize) + Sync)) {
        let order = (0..tasks).map(|i| (self.order)(i, tasks));
        if !self.spawns {
            return order.for_each(body);
        }
        std::thread::scope(|scope| order.for_each(|i| drop(scope.spawn(move || body(i)))));
    }
}

/// Odd numbers first, from the end.
fn shuffled(i: usize, tasks: usize) -> usize {
    let odd = tasks / 2;
    if i < odd { 2 * (odd - i) - 1 } else { 2 * (i - odd) }
}

#[test]
fn results_depend_on_no_number_of_threads_and_no_order() {
    let odd = |threads, order, spawns| -> Arc<dyn Parallel> { Arc::new(Odd { threads, order, spawns }) };
    let pool = |threads| -> Arc<dyn Parallel> { Arc::new(Pool::new(threads).unwrap()) };
    let ways = [
        ("as many threads as cores", pool(0)),
        ("2 threads", pool(2)),
        ("7 threads", pool(7)),
        ("1000 threads", pool(1000)),
        ("a pool of no threads", odd(0, |i, _| i, false)),
        ("a pool of all threads", odd(usize::MAX, |i, _| i, false)),
        ("backwards", odd(4, |i, tasks| tasks - 1 - i, false)),
        ("shuffled", odd(4, shuffled, false)),
        ("a thread for each task", odd(4, shuffled, true)),
    ];
    // Much of W and few rows; and so many rows that packing is spread as well.
    let case = Case { k: 520, n: 700, group: 128, ..CASE };
    let runs = [
        (Kind::all(case), vec![(1, Dtype::BF16), (6, Dtype::F16)]),
        (Kind::all(Case { n: 33, ..case }), vec![(260, Dtype::F32)]),
    ];
    for isa in isas() {
        let mut spread = vec![0; ways.len()];
        for (kinds, rows) in &runs {
            for (kind, (m, dtype)) in kinds.iter().flat_map(|kind| rows.iter().map(move |r| (kind, *r))) {
                let kernel = *kind.kernels().last().unwrap();
                let kernel = if m == 1 { Kernel::Auto } else { kernel };
                let x = activations(m, case.k, dtype, 3);
                let wanted = run(&kind.on(&serial(isa)), m, &x, dtype, Dtype::F32, kernel);
                for ((way, par), spread) in ways.iter().zip(&mut spread) {
                    let linear = kind.on(&device(isa, par.clone()));
                    let tasks = linear.plan(m, dtype, kernel).unwrap().tasks;
                    let what = format!("{isa} {} m {m}, {way}: {tasks} tasks", kind.name);
                    assert!(tasks == 1 || par.threads() > 1, "{what}");
                    assert!(run(&linear, m, &x, dtype, Dtype::F32, kernel) == wanted, "{what}");
                    *spread += usize::from(tasks > 1);
                }
            }
        }
        for ((way, par), spread) in ways.iter().zip(spread) {
            assert_eq!(spread > 0, par.threads() > 1, "{isa}, {way}: {spread} runs in several tasks");
        }
    }
}

#[test]
fn more_threads_than_any_machine_has_are_refused() {
    let error = Pool::new(Pool::MOST_THREADS + 1).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("1024"), "{error}");
    assert_eq!(Pool::new(usize::MAX).err().unwrap().kind(), ErrorKind::InvalidArgument);
}

/// Bits of numbers that are not finite: NaN of each kind (quiet, signalling, negative), infinities.
fn not_finite(dtype: Dtype) -> [(u32, bool); 5] {
    match dtype {
        Dtype::F16 => [(0x7e00, true), (0x7c01, true), (0xffff, true), (0x7c00, false), (0xfc00, false)],
        Dtype::BF16 => [(0x7fc0, true), (0x7f81, true), (0xffff, true), (0x7f80, false), (0xff80, false)],
        _ => [
            (0x7fc0_0000, true),
            (0x7f80_0001, true),
            (0xffff_ffff, true),
            (0x7f80_0000, false),
            (0xff80_0000, false),
        ],
    }
}

#[test]
fn nan_and_infinity_stay_in_their_row() {
    // The first and the last of a row and of a group; all rows of a block, one of it, the last of many.
    let places = [(1, 0, 0), (3, 1, 59), (3, 2, 60), (14, 5, 179), (14, 13, 199), (21, 20, 127)];
    for isa in isas() {
        for kind in Kind::all(CASE) {
            let linear = kind.on(&serial(isa));
            for (kernel, dtype) in kind.kernels().iter().flat_map(|k| DTYPES.map(|d| (*k, d))) {
                let size = dtype.bytes();
                let x = activations(21, CASE.k, dtype, 6);
                for (i, (m, row, k)) in places.into_iter().enumerate() {
                    let clean = &x[..m * CASE.k * size];
                    let wanted = decode(&run(&linear, m, clean, dtype, dtype, kernel), dtype);
                    for (turn, (bits, is_nan)) in not_finite(dtype).into_iter().enumerate() {
                        // Everything everywhere would take long: two places for each number.
                        if (i + turn) % 3 != 0 && turn != 3 {
                            continue;
                        }
                        let mut x = clean.to_vec();
                        let at = (row * CASE.k + k) * size;
                        x[at..at + size].copy_from_slice(&bits.to_le_bytes()[..size]);
                        let y = decode(&run(&linear, m, &x, dtype, dtype, kernel), dtype);
                        for (at, (y, wanted)) in y.iter().zip(&wanted).enumerate() {
                            let name = kind.name;
                            let what = || {
                                format!("{isa} {name} {kernel} {dtype} m {m} {bits:x}: element {at} is {y}")
                            };
                            match at / CASE.n == row {
                                true if is_nan => assert!(y.is_nan(), "{}", what()),
                                true => assert!(!y.is_finite(), "{}", what()),
                                false => assert!(y == wanted, "{}, not {wanted}", what()),
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn scales_and_biases_that_are_not_finite_stay_in_their_column() {
    const COLUMN: usize = 20;
    let spoilt = |bias: bool, mut layer: Layer| {
        if bias {
            layer.packed.bias.as_mut().unwrap()[COLUMN * 2..][..2].copy_from_slice(&0x7e00u16.to_le_bytes());
        } else {
            // [n-tile][group][16], the second of four groups.
            let at = (COLUMN / 16 * 4 + 1) * 16 + COLUMN % 16;
            layer.packed.scales[at * 4..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
        }
        layer
    };
    for isa in isas() {
        for kind in Kind::all(CASE).into_iter().filter(|kind| kind.name != "dense") {
            let Kind { name, compute, .. } = kind;
            let clean = kind.on(&serial(isa));
            let layer = || if name.starts_with('4') { CASE.layer(9) } else { wide().layer(9) };
            for bias in [false, true].into_iter().take(if name.starts_with('4') { 2 } else { 1 }) {
                let linear = Kind { name, compute, layer: spoilt(bias, layer()) }.on(&serial(isa));
                for (m, kernel) in kind.kernels().iter().flat_map(|k| [(1, *k), (13, *k)]) {
                    let x = activations(m, CASE.k, Dtype::F32, 2);
                    let y = |linear| decode(&run(linear, m, &x, Dtype::F32, Dtype::F32, kernel), Dtype::F32);
                    for (at, (y, wanted)) in y(&linear).into_iter().zip(y(&clean)).enumerate() {
                        let what = format!("{isa} {name} {kernel} m {m}: element {at} is {y}");
                        match at % CASE.n == COLUMN {
                            true => assert!(y.is_nan(), "{what}"),
                            false => assert!(y == wanted, "{what}, not {wanted}"),
                        }
                    }
                }
            }
        }
    }
}

/// The 8-bit layer of [`Kind::all`].
fn wide() -> Case {
    Case { bits: 8, zero_point: false, ..CASE }
}

#[test]
fn rows_lie_anywhere_and_apart_and_the_gaps_are_left_alone() {
    let (m, x_stride, y_stride) = (5, 219, 51);
    for isa in isas() {
        for kind in Kind::all(CASE) {
            let linear = kind.on(&serial(isa));
            for (kernel, dtype) in kind.kernels().iter().flat_map(|k| DTYPES.map(|d| (*k, d))) {
                let size = dtype.bytes();
                let x = activations(m, CASE.k, dtype, 4);
                let wanted = run(&linear, m, &x, dtype, dtype, kernel);
                for (x_off, y_off, workspace_off) in [(0, 0, 1), (1, 3, 0), (3, 1, 2), (2, 2, 63)] {
                    let what = format!("{isa} {} {kernel} {dtype}, off by {x_off}, {y_off}", kind.name);
                    // All ones are NaN: gaps that were read would show.
                    let mut apart = vec![0xff; x_off + ((m - 1) * x_stride + CASE.k) * size];
                    for (row, values) in x.chunks_exact(CASE.k * size).enumerate() {
                        apart[x_off + row * x_stride * size..][..values.len()].copy_from_slice(values);
                    }
                    let plan = linear.plan(m, dtype, kernel).unwrap();
                    let mut workspace = vec![0x5a; plan.workspace_bytes + workspace_off];
                    let mut y = vec![0x77; y_off + ((m - 1) * y_stride + CASE.n) * size];
                    let view = XView::new(&apart[x_off..], dtype, m, CASE.k, x_stride).unwrap();
                    let out = YMut::new(&mut y[y_off..], dtype, m, CASE.n, y_stride).unwrap();
                    linear.run(&plan, view, out, &mut workspace[workspace_off..]).unwrap();
                    for (row, values) in y[y_off..].chunks(y_stride * size).enumerate() {
                        let (values, gap) = values.split_at(CASE.n * size);
                        assert!(
                            values == &wanted[row * CASE.n * size..][..values.len()],
                            "{what}: row {row}"
                        );
                        assert!(gap.iter().all(|b| *b == 0x77), "{what}: wrote after row {row}");
                    }
                    assert!(y[..y_off].iter().all(|b| *b == 0x77), "{what}: wrote before y");
                }
            }
        }
    }
}

#[test]
fn strides_are_those_of_rows_that_exist() {
    let bytes = vec![0; 8192];
    let error = |rows, stride| XView::new(&bytes, Dtype::F32, rows, CASE.k, stride).map(|_| ());
    assert_eq!(error(2, CASE.k - 1).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(error(2, usize::MAX).unwrap_err().kind(), ErrorKind::SizeOverflow);
    assert!(error(1, 0).is_ok() && error(1, usize::MAX).is_ok(), "one row has no next one");
}

#[test]
fn no_rows_are_no_work() {
    for isa in isas() {
        for kind in Kind::all(CASE) {
            for (par, threads) in
                [(Arc::new(Serial) as Arc<dyn Parallel>, 1), (Arc::new(Pool::new(2).unwrap()), 2)]
            {
                let linear = kind.on(&device(isa, par));
                let what = format!("{isa} {} on {threads} threads", kind.name);
                assert!(run(&linear, 0, &[], Dtype::F16, Dtype::F16, Kernel::Auto).is_empty(), "{what}");
                // Nor does a plan for more rows touch what is there.
                let plan = linear.plan(4, Dtype::F32, Kernel::Auto).unwrap();
                let mut y = vec![0x77; CASE.n * 4];
                let x = XView::new(&[], Dtype::F32, 0, CASE.k, CASE.k).unwrap();
                let out = YMut::new(&mut y, Dtype::F32, 0, CASE.n, CASE.n).unwrap();
                linear.run(&plan, x, out, &mut vec![0; plan.workspace_bytes]).unwrap();
                assert!(y.iter().all(|b| *b == 0x77), "{what}: wrote to y");
            }
        }
    }
}
