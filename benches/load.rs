//! A model of 7 billion parameters from disk to ready: opened, and every layer repacked into the layout that runs.
//!
//! ```text
//! cargo bench --bench load                                    32 blocks, one thread and two, to marlin and to cpu
//! cargo bench --bench load -- --cold yes                      from the disk
//! cargo bench --bench load -- --blocks 8 --threads 1,4 --to cpu --rounds 9 --dir /some/disk
//! ```
//!
//! The checkpoint (the layers of a Llama-2-7B in AWQ gemm, group size 128) is made in a folder of its own, which goes
//! when the program ends. The files are in the system's cache, or on the disk only. The yardsticks are taken in the same
//! rounds with the same threads: `read` copies every byte of the files into one small buffer per thread; `keep` reads them into fresh memory,
//! as a loader does that repacks nothing. Layers are loaded into fresh memory, too, which the system has to find and to
//! zero first, and then into memory that is there already, as that of a host with an allocator of its own. Each figure is
//! the least of the rounds: a virtual machine that has to ask its own host for fresh memory, which takes ten times as long
//! as anything here, does so in some rounds and not in others.
//!
//! `beyond` is the most memory that the process had at once, its share of mapped files counted in, beyond what the
//! result needs.

use std::cell::RefCell;
use std::ffi::c_void;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use awq_marlin::buffer::{self, Allocator, Buffer};
use awq_marlin::checkpoint::{Checkpoint, ShardWriter, TensorPlan, WriterOptions};
use awq_marlin::layout::{Layout, Packed};
use awq_marlin::parallel::{Parallel, Pool};
use awq_marlin::types::Dtype;

const GROUP: usize = 128;
/// Name, K, N of the layers of a block.
const LAYERS: [(&str, usize, usize); 7] = [
    ("self_attn.q_proj", 4096, 4096),
    ("self_attn.k_proj", 4096, 4096),
    ("self_attn.v_proj", 4096, 4096),
    ("self_attn.o_proj", 4096, 4096),
    ("mlp.gate_proj", 4096, 11008),
    ("mlp.up_proj", 4096, 11008),
    ("mlp.down_proj", 11008, 4096),
];
const CONFIG: &str = r#"{"quantization_config":
    {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": true, "version": "gemm"}}"#;

struct Options {
    blocks: usize,
    threads: Vec<usize>,
    to: Vec<Layout>,
    rounds: usize,
    cold: bool,
    dir: PathBuf,
}

impl Options {
    fn parse() -> Options {
        let mut o = Options {
            blocks: 32,
            threads: vec![1, 2],
            to: vec![Layout::Marlin, Layout::Cpu],
            rounds: 5,
            cold: false,
            dir: PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
        };
        let mut args = std::env::args().skip(1).filter(|a| a != "--bench");
        while let Some(flag) = args.next() {
            let value = args.next().unwrap_or_else(|| panic!("{flag} needs a value"));
            match flag.as_str() {
                "--blocks" => o.blocks = value.parse().unwrap(),
                "--threads" => o.threads = value.split(',').map(|n| n.parse().unwrap()).collect(),
                "--to" => o.to = value.split(',').map(|n| Layout::from_name(n).unwrap()).collect(),
                "--rounds" => o.rounds = value.parse().unwrap(),
                "--cold" => o.cold = value == "yes",
                "--dir" => o.dir = PathBuf::from(value),
                _ => panic!("{flag} is no option"),
            }
        }
        o
    }
}

/// Writes the checkpoint: mixed codes, and scales that are all 0.01.
fn make(dir: &Path, blocks: usize) {
    let layers =
        || (0..blocks).flat_map(|b| LAYERS.map(|(name, k, n)| (format!("model.layers.{b}.{name}"), k, n)));
    let plan: Vec<TensorPlan> = layers()
        .flat_map(|(name, k, n)| {
            [
                TensorPlan::new(format!("{name}.qweight"), Dtype::I32, [k, n / 8]),
                TensorPlan::new(format!("{name}.qzeros"), Dtype::I32, [k / GROUP, n / 8]),
                TensorPlan::new(format!("{name}.scales"), Dtype::F16, [k / GROUP, n]),
            ]
        })
        .collect();
    let most = LAYERS.iter().map(|(_, k, n)| k * n / 2).max().unwrap_or(0);
    let mut state = 0x9e37_79b9u32;
    let mut mixed = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let codes: Vec<u8> = (0..most / 4 + 1024).flat_map(|_| mixed().to_le_bytes()).collect();
    let scales = half::f16::from_f32(0.01).to_le_bytes().repeat(2 * most / GROUP);
    // Shards of a size in which such models come.
    let options = WriterOptions { max_shard_bytes: 2 << 30, overwrite: true };
    let mut writer = ShardWriter::create(dir, &plan, &options).unwrap();
    for (i, (name, k, n)) in layers().enumerate() {
        let shift = i % 1024 * 4;
        writer.write(&format!("{name}.qweight"), &codes[shift..shift + k * n / 2]).unwrap();
        writer.write(&format!("{name}.qzeros"), &codes[shift..shift + k * n / 2 / GROUP]).unwrap();
        writer.write(&format!("{name}.scales"), &scales[..k * n * 2 / GROUP]).unwrap();
    }
    writer.add_file("config.json", CONFIG.as_bytes()).unwrap();
    writer.finish().unwrap();
}

/// The shards, and their bytes.
fn files(dir: &Path) -> Vec<(PathBuf, usize)> {
    let entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    let shards = entries.filter(|path| path.extension().is_some_and(|e| e == "safetensors"));
    shards.map(|path| (path.clone(), std::fs::metadata(path).unwrap().len() as usize)).collect()
}

/// Has the system forget what it holds of the files.
fn forget(files: &[(PathBuf, usize)]) {
    for file in open(files) {
        file.sync_all().unwrap();
        // SAFETY: advice about a file that is open.
        unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    }
}

/// Bytes that one task reads, and bytes of the small buffer.
const PIECE: usize = 16 << 20;
const SMALL: usize = 256 << 10;

/// Calls `body(file, offset, bytes)` for all pieces of all files.
fn each_piece(files: &[(PathBuf, usize)], pool: &Pool, body: impl Fn(usize, usize, usize) + Sync) {
    let pieces: Vec<(usize, usize)> =
        (0..files.len()).flat_map(|f| (0..files[f].1).step_by(PIECE).map(move |at| (f, at))).collect();
    pool.run(pieces.len(), &|i| {
        let (f, at) = pieces[i];
        body(f, at, PIECE.min(files[f].1 - at));
    });
}

fn open(files: &[(PathBuf, usize)]) -> Vec<File> {
    files.iter().map(|(path, _)| File::open(path).unwrap()).collect()
}

/// Reads every byte of the files.
fn read(files: &[(PathBuf, usize)], pool: &Pool) {
    thread_local!(static ROOM: RefCell<Vec<u8>> = RefCell::new(vec![0; SMALL]));
    let open = open(files);
    each_piece(files, pool, |f, start, len| {
        ROOM.with_borrow_mut(|room| {
            for at in (0..len).step_by(SMALL) {
                open[f].read_exact_at(&mut room[..SMALL.min(len - at)], (start + at) as u64).unwrap();
            }
        });
    });
}

/// Reads the files into memory of their size.
fn keep(files: &[(PathBuf, usize)], pool: &Pool) -> Vec<Buffer> {
    let open = open(files);
    let mut kept: Vec<Buffer> = files.iter().map(|(_, len)| Buffer::zeroed(*len).unwrap()).collect();
    let places: Vec<usize> = kept.iter_mut().map(|buffer| buffer.as_mut_ptr() as usize).collect();
    each_piece(files, pool, |f, start, len| {
        // SAFETY: pieces lie in the buffer of their file, and each is read once, by one thread.
        let to = unsafe { std::slice::from_raw_parts_mut((places[f] + start) as *mut u8, len) };
        open[f].read_exact_at(to, start as u64).unwrap();
    });
    kept
}

/// Memory of a host's: handed out from one end to the other, and all taken back at once.
struct Arena {
    at: usize,
    bytes: usize,
    next: AtomicUsize,
}

unsafe extern "C" fn give(arena: *mut c_void, bytes: usize, alignment: usize) -> *mut c_void {
    // SAFETY: the arena lives as long as it is set.
    let arena = unsafe { &*arena.cast::<Arena>() };
    let bytes = bytes.next_multiple_of(alignment);
    let at = arena.next.fetch_add(bytes, Relaxed);
    if at + bytes > arena.bytes { std::ptr::null_mut() } else { (arena.at + at) as *mut c_void }
}

unsafe extern "C" fn take(_: *mut c_void, _: *mut c_void, _: usize, _: usize) {}

/// Kilobytes that the kernel reports under `key`.
fn status(key: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Loads every layer.
fn load(dir: &Path, to: Layout, pool: &Pool) -> Vec<Packed> {
    let checkpoint = Checkpoint::open(dir).unwrap();
    let names: Vec<&str> = checkpoint.layers().iter().map(|layer| layer.name.as_str()).collect();
    names.into_iter().map(|name| checkpoint.load(&[name], None, to, pool).unwrap()).collect()
}

/// One thing that is measured.
#[derive(Default)]
struct Row {
    name: String,
    seconds: Vec<f64>,
    /// Bytes, the most of all rounds.
    beyond: Option<i64>,
}

impl Row {
    /// Runs `body`, which returns the bytes of fresh memory that its result has, and drops the result afterwards.
    fn run<T>(&mut self, warm_up: bool, body: impl FnOnce() -> T, fresh: impl Fn(&T) -> usize) {
        // Lets the kernel forget the highest mark so far.
        let forgets = std::fs::write("/proc/self/clear_refs", "5").is_ok();
        let before = status("VmRSS:");
        let since = Instant::now();
        let result = body();
        let seconds = since.elapsed().as_secs_f64();
        let most = (status("VmHWM:") as i64 - before as i64) * 1024 - fresh(&result) as i64;
        if forgets {
            self.beyond = Some(self.beyond.unwrap_or(most).max(most));
        }
        if !warm_up {
            self.seconds.push(seconds);
        }
    }
}

fn main() {
    let o = Options::parse();
    let dir = tempfile::tempdir_in(&o.dir).unwrap();
    make(dir.path(), o.blocks);
    let files = files(dir.path());
    let bytes: usize = files.iter().map(|(_, len)| len).sum();
    let loaded = |layers: &Vec<Packed>| layers.iter().map(Packed::bytes).sum();
    // The zero points of the CPU layout take twice the room.
    let mut room = Buffer::zeroed(bytes + bytes / 64).unwrap();
    room.fill(1);
    let arena = Arena { at: room.as_mut_ptr() as usize, bytes: room.len(), next: AtomicUsize::new(0) };
    let host = Allocator { alloc: give, free: take, user_data: (&raw const arena).cast_mut().cast() };

    println!("{} blocks, {} files, {:.2} GB", o.blocks, files.len(), bytes as f64 / 1e9);
    println!("threads  what                 seconds     GB/s  of read  of keep  beyond, MB");
    for &threads in &o.threads {
        let pool = Pool::new(threads).unwrap();
        let names = ["read", "keep"].map(String::from).into_iter();
        let loads = o.to.iter().flat_map(|to| ["fresh", "there"].map(|memory| format!("to {to}, {memory}")));
        let mut rows: Vec<Row> = names.chain(loads).map(|name| Row { name, ..Row::default() }).collect();
        for round in 0..=o.rounds {
            let warm_up = round == 0;
            let forget = || {
                if o.cold {
                    forget(&files)
                }
            };
            forget();
            rows[0].run(warm_up, || read(&files, &pool), |_| 0);
            forget();
            rows[1].run(warm_up, || keep(&files, &pool), |_| bytes);
            for (i, &to) in o.to.iter().enumerate() {
                forget();
                rows[2 + 2 * i].run(warm_up, || load(dir.path(), to, &pool), loaded);
                arena.next.store(0, Relaxed);
                // SAFETY: no layer outlives its row, and the arena outlives them all.
                unsafe { buffer::set_allocator(Some(host)) };
                forget();
                rows[3 + 2 * i].run(warm_up, || load(dir.path(), to, &pool), |_| 0);
                // SAFETY: nothing to promise.
                unsafe { buffer::set_allocator(None) };
            }
        }
        let least = |row: &Row| row.seconds.iter().copied().fold(f64::INFINITY, f64::min);
        let (read, keep) = (least(&rows[0]), least(&rows[1]));
        for row in &rows {
            let s = least(row);
            let beyond = row.beyond.map_or("-".to_string(), |b| format!("{:.1}", b as f64 / 1e6));
            print!("{threads:>7}  {:<18} {s:>9.3} {:>8.2}", row.name, bytes as f64 / s / 1e9);
            println!(" {:>8.2} {:>8.2} {beyond:>11}", s / read, s / keep);
        }
    }
}
