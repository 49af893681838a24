//! A model of 7 billion parameters from disk to ready: opened, and every layer repacked into the layout that runs.
//!
//! ```text
//! cargo bench --bench load                                    32 blocks, one thread and two, to marlin and to cpu
//! cargo bench --bench load -- --blocks 8 --threads 1,4 --to cpu --rounds 5 --dir /some/disk
//! ```
//!
//! The checkpoint (the layers of a Llama-2-7B in AWQ gemm, group size 128) is made in a folder of its own, which goes
//! when the program ends. The files are in the system's cache. The yardsticks are taken in the same rounds with the same
//! threads: `read` copies every byte of the files into one small buffer per thread, `keep` into fresh memory that is
//! kept, which is what a loader does that repacks nothing. Each figure is the median of the rounds.
//!
//! `beyond` is the most memory that the process had at once, its share of mapped files counted in, beyond what the
//! result needs.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use awq_marlin::buffer::Buffer;
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
    dir: PathBuf,
}

impl Options {
    fn parse() -> Options {
        let mut o = Options {
            blocks: 32,
            threads: vec![1, 2],
            to: vec![Layout::Marlin, Layout::Cpu],
            rounds: 3,
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
                "--dir" => o.dir = PathBuf::from(value),
                _ => panic!("{flag} is no option"),
            }
        }
        o
    }
}

/// Writes the checkpoint: mixed codes, and scales that are all 0.01.
fn make(dir: &Path, blocks: usize) {
    let layers = || (0..blocks).flat_map(|b| LAYERS.map(|(name, k, n)| (format!("model.layers.{b}.{name}"), k, n)));
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
    let scales = half::f16::from_f32(0.01).to_le_bytes().repeat(most / GROUP);
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

/// Reads every byte of the files, `PIECE` at a time, into what `room` gives for a file and an offset.
fn read(files: &[(PathBuf, usize)], pool: &Pool, room: impl Fn(usize, usize, &mut dyn FnMut(&mut [u8])) + Sync) {
    const PIECE: usize = 16 << 20;
    let open: Vec<File> = files.iter().map(|(path, _)| File::open(path).unwrap()).collect();
    let pieces: Vec<(usize, usize)> = (0..files.len())
        .flat_map(|f| (0..files[f].1).step_by(PIECE).map(move |at| (f, at)))
        .collect();
    pool.run(pieces.len(), &|i| {
        let (f, start) = pieces[i];
        let end = files[f].1.min(start + PIECE);
        let mut at = start;
        while at < end {
            room(f, at, &mut |buffer| {
                let len = buffer.len().min(end - at);
                open[f].read_exact_at(&mut buffer[..len], at as u64).unwrap();
                at += len;
            });
        }
    });
}

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

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn main() {
    let o = Options::parse();
    let dir = tempfile::tempdir_in(&o.dir).unwrap();
    make(dir.path(), o.blocks);
    let files = files(dir.path());
    let bytes: usize = files.iter().map(|(_, len)| len).sum();
    println!("{} blocks, {} files, {:.2} GB", o.blocks, files.len(), bytes as f64 / 1e9);
    println!("{:>7}  {:<12} {:>8} {:>8} {:>9} {:>9} {:>12}", "threads", "what", "seconds", "GB/s", "of read", "of keep", "beyond, MB");
    for &threads in &o.threads {
        let pool = Pool::new(threads).unwrap();
        let mut seconds = vec![Vec::new(); 2 + o.to.len()];
        let mut beyond = vec![0; 2 + o.to.len()];
        for round in 0..=o.rounds {
            let mut note = |what: usize, since: Instant| {
                // The first round warms up.
                if round > 0 {
                    seconds[what].push(since.elapsed().as_secs_f64());
                }
            };
            let since = Instant::now();
            read(&files, &pool, |_, _, fill| {
                thread_local!(static BUFFER: std::cell::RefCell<Vec<u8>> = std::cell::RefCell::new(vec![0; 256 << 10]));
                BUFFER.with_borrow_mut(|buffer| fill(buffer));
            });
            note(0, since);

            let since = Instant::now();
            let kept: Vec<Buffer> = files.iter().map(|(_, len)| Buffer::zeroed(*len).unwrap()).collect();
            read(&files, &pool, |f, at, fill| {
                // SAFETY: every piece of a file is read once, by one thread.
                let to = unsafe {
                    std::slice::from_raw_parts_mut(kept[f].as_ptr().cast_mut().add(at), kept[f].len() - at)
                };
                fill(to);
            });
            note(1, since);
            drop(kept);

            for (i, &to) in o.to.iter().enumerate() {
                // Lets the kernel forget the highest mark so far.
                let forgets = std::fs::write("/proc/self/clear_refs", "5").is_ok();
                let before = status("VmRSS:");
                let since = Instant::now();
                let layers = load(dir.path(), to, &pool);
                note(2 + i, since);
                let result: usize = layers.iter().map(Packed::bytes).sum();
                let most = (status("VmHWM:") - before) as i64 * 1024 - result as i64;
                beyond[2 + i] = if forgets { beyond[2 + i].max(most) } else { i64::MAX };
            }
        }
        let seconds: Vec<f64> = seconds.into_iter().map(median).collect();
        let names = ["read".to_string(), "keep".to_string()].into_iter().chain(o.to.iter().map(|to| format!("to {to}")));
        for (i, name) in names.enumerate() {
            let (s, beyond) = (seconds[i], beyond[i] as f64 / 1e6);
            print!("{threads:>7}  {name:<12} {s:>8.3} {:>8.2}", bytes as f64 / s / 1e9);
            println!(" {:>9.2} {:>9.2} {:>12.1}", s / seconds[0], s / seconds[1], if i < 2 { 0.0 } else { beyond });
        }
    }
}
