//! The emulation itself: the right kernel passes under every schedule, and each planted bug is caught.

use std::ffi::c_void;

use awq_marlin_emulation::{AsyncCopies, Options, Order, Stats, launch};

/// As in `planted/planted.cu`.
#[repr(C)]
struct Args {
    x: *const u16,
    w: *const u16,
    y: *mut f32,
    partials: *mut f32,
    counters: *mut u32,
    k: i32,
}

const SHARED: usize = 3 * (16 + 64) * 128;

/// Device memory starts at multiples of 256; copies need 16.
#[repr(align(16))]
#[derive(Clone, Copy)]
struct Halves(#[allow(dead_code, reason = "kernels read it")] [u16; 8]);

fn halves(n: usize, value: impl Fn(usize) -> u16) -> Vec<Halves> {
    (0..n / 8).map(|i| Halves(std::array::from_fn(|j| value(8 * i + j)))).collect()
}

/// Small integers in f16, exact in every order of summation: -3 to 3.
fn small(i: usize) -> (f32, u16) {
    let i = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let value = ((i >> 40) % 7) as i32 - 3;
    let bits = match value.abs() {
        0 => 0,
        1 => 0x3c00,
        2 => 0x4000,
        _ => 0x4200,
    };
    (value as f32, if value < 0 { bits | 0x8000 } else { bits })
}

/// Runs the kernel twice on the same memory and compares both results with sums on the host.
fn run(bug: &str, k: usize, blocks: usize, options: &Options) -> Result<Stats, String> {
    let x = halves(16 * k, |i| small(i).1);
    let w = halves(64 * k, |i| small(i + 1_000_000).1);
    let mut partials = vec![[f32::NAN; 4]; blocks * 256];
    let mut counters = [0u32];
    let mut stats = Stats::default();
    for _ in 0..2 {
        let mut y = vec![f32::NAN; 16 * 64];
        let mut args = Args {
            x: x.as_ptr().cast(),
            w: w.as_ptr().cast(),
            y: y.as_mut_ptr(),
            partials: partials.as_mut_ptr().cast(),
            counters: counters.as_mut_ptr(),
            k: k as i32,
        };
        let range = |p: *const c_void, bytes: usize| p as usize..p as usize + bytes;
        let mut options = options.clone();
        options.memory = vec![
            range(args.x.cast(), 32 * k),
            range(args.w.cast(), 128 * k),
            range(args.y.cast(), 4096),
            range(args.partials.cast(), blocks * 4096),
            range(args.counters.cast(), 4),
        ];
        let parameter = (&raw mut args).cast::<c_void>();
        // SAFETY: the arguments are those of the kernel, and the memory is as large as it uses.
        stats = unsafe {
            launch(
                &format!("planted_{bug}"),
                [blocks as u32, 1, 1],
                [128, 1, 1],
                SHARED,
                &options,
                &[parameter],
            )?
        };
        for (i, found) in y.iter().enumerate() {
            let sum: f32 =
                (0..k).map(|j| small(i / 64 * k + j).0 * small(j * 64 + i % 64 + 1_000_000).0).sum();
            if *found != sum {
                return Err(format!("wrong: y[{}, {}] is {found}, not {sum}", i / 64, i % 64));
            }
        }
    }
    Ok(stats)
}

/// Lengths with fewer tiles than stages, as many, and more; one block and several.
fn shapes() -> impl Iterator<Item = (usize, usize)> {
    [(64, 1), (128, 1), (192, 1), (320, 1), (320, 2), (640, 3)].into_iter()
}

/// The errors of all shapes under all schedules.
fn errors(bug: &str) -> Vec<(Options, String)> {
    let mut errors = Vec::new();
    for options in Options::all(10) {
        for (k, blocks) in shapes() {
            if let Err(error) = run(bug, k, blocks, &options) {
                errors.push((options.clone(), error));
            }
        }
    }
    errors
}

/// How many launches [`errors`] looks at.
fn launches() -> usize {
    Options::all(10).len() * shapes().count()
}

#[track_caller]
fn caught(bug: &str, message: &str) {
    let errors = errors(bug);
    let found = errors.iter().filter(|(_, error)| error.contains(message)).count();
    assert!(found > 0, "{bug}: no error with {message:?} among {:?}", errors.first());
}

#[track_caller]
fn always_caught(bug: &str, message: &str) {
    let errors = errors(bug);
    assert_eq!(errors.len(), launches(), "{bug} passes somewhere");
    for (options, error) in errors {
        assert!(error.contains(message), "{bug} under {options:?}: {error}");
    }
}

#[test]
fn the_right_kernel_passes_everywhere() {
    assert_eq!(errors("none"), []);
}

#[test]
fn work_is_counted() {
    let stats = run("none", 640, 2, &Options::default()).unwrap();
    assert_eq!(stats.blocks, 2);
    assert_eq!(stats.mma, 10 * 4 * 8);
    assert_eq!(stats.ldmatrix, 10 * 4 * 5);
    assert_eq!(stats.async_copies, 10 * 128 * 5);
    assert_eq!(stats.load_bytes, 2 * 4096);
}

#[test]
fn a_barrier_that_is_missing_in_the_pipeline() {
    caught("no_barrier_in_pipeline", "wrong");
}

#[test]
fn a_barrier_that_is_missing_before_memory_is_used_again() {
    caught("no_barrier_before_reuse", "wrong");
}

#[test]
fn a_wait_for_too_few_groups_shows_when_copies_are_late() {
    let (late, at_once): (Vec<_>, Vec<_>) =
        errors("waits_for_too_few").into_iter().partition(|(o, _)| o.async_copies == AsyncCopies::Poison);
    assert_eq!(late.len(), launches() / 2);
    assert_eq!(at_once.len(), 0, "copies that arrive at once hide it");
}

#[test]
fn a_swizzle_that_differs() {
    always_caught("wrong_swizzle", "wrong");
}

#[test]
fn a_counter_that_is_not_reset() {
    always_caught("counter_not_reset", "wrong");
}

#[test]
fn a_block_that_counts_itself_too_early() {
    let errors = errors("no_barrier_before_count");
    assert!(!errors.is_empty());
    assert!(errors.iter().all(|(o, e)| e.contains("wrong") && o.resident == 0), "needs blocks side by side");
}

#[test]
fn threads_at_different_barriers() {
    always_caught("divergent_barrier", "while others wait at");
}

#[test]
fn a_lane_that_stays_away_from_its_warp() {
    always_caught("lane_skips_mma", "while lanes");
}

#[test]
fn a_read_past_the_end() {
    always_caught("past_the_end", "cp.async: 16 bytes at offset");
}

#[test]
fn a_write_past_shared_memory() {
    always_caught("past_shared_memory", "written past the end of dynamic shared memory");
}

#[test]
fn copies_that_nobody_waits_for() {
    for (_, error) in errors("never_waits") {
        assert!(error.contains("the thread ends with asynchronous copies on their way"), "{error}");
    }
}

#[test]
fn blocks_that_wait_for_each_other() {
    #[repr(C)]
    struct Args {
        flag: *mut u32,
        released: i32,
    }
    let wait = |released, resident, order| {
        let mut flag = 0u32;
        let mut args = Args { flag: &mut flag, released };
        let options = Options { resident, order, ..Options::default() };
        let parameter = (&raw mut args).cast::<c_void>();
        // SAFETY: the kernel reads and writes the flag.
        unsafe { launch("planted_wait", [4, 1, 1], [32, 1, 1], 0, &options, &[parameter]) }
    };
    for order in [Order::Forward, Order::Reverse, Order::Random(1), Order::Greedy, Order::GreedyReverse] {
        assert!(wait(1, 0, order).is_ok(), "{order:?}");
        let error = wait(0, 0, order).unwrap_err();
        assert!(error.contains("deadlock") && error.contains("load.acquire"), "{error}");
    }
    let error = wait(1, 1, Order::Forward).unwrap_err();
    assert!(error.contains("deadlock"), "the first block waits for one that never starts: {error}");
}

#[test]
fn launches_that_a_driver_refuses() {
    let with = |name: &str, grid, block, smem| {
        // SAFETY: no kernel runs.
        unsafe { launch(name, grid, block, smem, &Options::default(), &[]) }.unwrap_err()
    };
    assert_eq!(with("planted_nothing", [1; 3], [1; 3], 0), "no kernel planted_nothing");
    assert_eq!(with("planted_none", [0, 1, 1], [1; 3], 0), "an empty grid or block");
    assert_eq!(
        with("planted_none", [1; 3], [256, 1, 1], 0),
        "blocks of 256 threads; the kernel is built for 128"
    );
    assert!(with("planted_none", [1; 3], [128, 1, 1], 300_000).contains("bytes of shared memory"));
    assert!(awq_marlin_emulation::kernels().contains(&String::from("planted_none")));
}
