//! Fused layers and tensor parallelism: the pieces are the whole, bit for bit.

use awq_marlin::ErrorKind;
use awq_marlin::checkpoint::{Checkpoint, Split, TensorParallel};
use awq_marlin::layout::Layout;
use awq_marlin::parallel::Serial;
use safetensors::Dtype as S;

use super::support::{AWQ_64, assert_says, config, fixture, weight, write, write_bytes, write_config};

const ATTENTION: [&str; 3] =
    ["model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.k_proj", "model.layers.0.self_attn.v_proj"];
const MODELS: [&str; 3] = ["llama2l_gemm", "llama1l_gemv", "llama2l_compressed_tensors"];

fn open(model: &str) -> Checkpoint {
    Checkpoint::open(&fixture("checkpoint").join(model)).unwrap()
}

fn rank(rank: usize, world: usize, dim: Split) -> Option<TensorParallel> {
    Some(TensorParallel { rank, world, dim })
}

/// A matrix \[rows, columns\] of 2-byte elements.
#[derive(Clone, PartialEq, Debug)]
struct Matrix {
    rows: usize,
    bytes: Vec<u8>,
}

impl Matrix {
    fn load(checkpoint: &Checkpoint, names: &[&str], tp: Option<TensorParallel>, to: Layout) -> Self {
        let packed = checkpoint.load(names, tp, to, &Serial).unwrap();
        Matrix { rows: packed.desc.k, bytes: weight(&packed.view()) }
    }

    fn beside(parts: &[Matrix]) -> Matrix {
        let rows = parts[0].rows;
        let row = |p: &Matrix, r: usize| {
            let width = p.bytes.len() / rows;
            p.bytes[r * width..][..width].to_vec()
        };
        Matrix { rows, bytes: (0..rows).flat_map(|r| parts.iter().flat_map(move |p| row(p, r))).collect() }
    }

    fn below(parts: &[Matrix]) -> Matrix {
        Matrix {
            rows: parts.iter().map(|p| p.rows).sum(),
            bytes: parts.iter().flat_map(|p| p.bytes.clone()).collect(),
        }
    }
}

#[test]
fn a_fused_layer_is_its_members_side_by_side() {
    for model in MODELS {
        let checkpoint = open(model);
        let members = ATTENTION.map(|name| Matrix::load(&checkpoint, &[name], None, Layout::Marlin));
        let joined = Matrix::load(&checkpoint, &ATTENTION, None, Layout::Marlin);
        assert_eq!(joined, Matrix::beside(&members), "{model}");
        let by_fused_name =
            Matrix::load(&checkpoint, &["model.layers.0.self_attn.qkv_proj"], None, Layout::Cpu);
        assert_eq!(by_fused_name, joined, "{model}");
        let mlp = ["model.layers.0.mlp.gate_proj", "model.layers.0.mlp.up_proj"];
        let fused = Matrix::load(&checkpoint, &["model.layers.0.mlp.gate_up_proj"], None, Layout::Marlin);
        assert_eq!(fused, Matrix::load(&checkpoint, &mlp, None, Layout::AwqGemm), "{model}");
        // The order is the caller's.
        let backwards = Matrix::load(&checkpoint, &[mlp[1], mlp[0]], None, Layout::Marlin);
        assert_ne!(fused, backwards, "{model}");
    }
}

#[test]
fn ranks_put_together_are_the_whole_layer() {
    for model in MODELS {
        let checkpoint = open(model);
        for layer in checkpoint.layers().iter().filter(|l| l.name.contains("layers.0")) {
            let name = [layer.name.as_str()];
            let whole = Matrix::load(&checkpoint, &name, None, Layout::Marlin);
            for world in [1, 2, 4] {
                for to in [Layout::Marlin, Layout::Cpu] {
                    let ranks = |dim| -> Vec<_> {
                        (0..world)
                            .map(|r| Matrix::load(&checkpoint, &name, rank(r, world, dim), to))
                            .collect()
                    };
                    assert_eq!(
                        Matrix::beside(&ranks(Split::Column)),
                        whole,
                        "{model} {name:?} columns / {world}"
                    );
                    assert_eq!(Matrix::below(&ranks(Split::Row)), whole, "{model} {name:?} rows / {world}");
                }
            }
        }
    }
}

#[test]
fn a_rank_of_a_fused_layer_has_its_share_of_each_member() {
    let checkpoint = open("llama2l_gemm");
    for world in [2, 4] {
        for r in 0..world {
            let tp = rank(r, world, Split::Column);
            let shares = ATTENTION.map(|name| Matrix::load(&checkpoint, &[name], tp, Layout::Marlin));
            assert_eq!(Matrix::load(&checkpoint, &ATTENTION, tp, Layout::Marlin), Matrix::beside(&shares));
        }
    }
}

#[test]
fn only_rank_0_of_a_row_split_adds_the_bias() {
    let path = fixture("linear/k128_n64_g128/awq_gemm.safetensors");
    let section = AWQ_64.replace("64", "128");
    let checkpoint = Checkpoint::open_files(&[path], Some(config(&section))).unwrap();
    let bias = |tp| checkpoint.load(&[""], tp, Layout::Marlin, &Serial).unwrap().bias.map(|b| b.to_vec());
    let whole = bias(None).unwrap();
    assert_eq!(whole.len(), 128);
    assert_eq!(bias(rank(0, 2, Split::Row)), Some(whole.clone()));
    assert_eq!(bias(rank(1, 2, Split::Row)), None);
    let halves: Vec<u8> = (0..2).flat_map(|r| bias(rank(r, 2, Split::Column)).unwrap()).collect();
    assert_eq!(halves, whole);
}

#[test]
fn impossible_splits_are_refused_by_name() {
    let checkpoint = open("llama2l_gemm");
    let name = "model.layers.0.mlp.down_proj";
    for (tp, words) in [
        (rank(2, 2, Split::Row), ["rank", "found 2"]),
        (rank(0, 0, Split::Column), ["rank", "less than 0"]),
        (rank(0, 3, Split::Column), ["N = 256", "multiple of 3"]),
        (rank(0, 3, Split::Row), ["K = 512", "multiple of 3"]),
    ] {
        let e = checkpoint.parts(&[name], tp).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::InvalidArgument);
        assert_says(&e.to_string(), &words);
        assert_says(&e.to_string(), &[name]);
    }
    assert_eq!(checkpoint.parts(&[], None).unwrap_err().kind(), ErrorKind::InvalidArgument);
    for unknown in ["model.layers.7.self_attn.qkv_proj", "nothing", ""] {
        assert_eq!(checkpoint.parts(&[unknown], None).unwrap_err().kind(), ErrorKind::NotFound, "{unknown}");
    }
}

#[test]
fn members_that_are_quantized_differently_are_refused() {
    let checkpoint = open("llama2l_gemm");
    let names = ["model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.o_proj"];
    let e = checkpoint.parts(&names, None).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::MixedFused);
    assert_says(&e.to_string(), &names);
    assert_says(&e.to_string(), &["4 bits, group size 64", "not quantized"]);
    let e =
        checkpoint.parts(&["model.layers.0.mlp.up_proj", "model.layers.0.mlp.down_proj"], None).unwrap_err();
    assert_says(&e.to_string(), &["differ in K", "256", "512"]);
}

#[test]
fn a_fused_layer_that_the_checkpoint_itself_stores_is_taken_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), AWQ_64);
    write(
        &dir.path().join("m.safetensors"),
        &[
            ("attn.qkv_proj.qweight", S::I32, &[64, 3]),
            ("attn.qkv_proj.qzeros", S::I32, &[1, 3]),
            ("attn.qkv_proj.scales", S::F16, &[1, 24]),
        ],
    );
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let parts = checkpoint.parts(&["attn.qkv_proj"], None).unwrap();
    assert_eq!((parts.len(), parts[0].n.clone()), (1, 0..24));
}

#[test]
fn dense_layers_join_and_split_too() {
    let dir = tempfile::tempdir().unwrap();
    let numbers =
        |from: u16, n: usize| (0..n as u16).flat_map(|i| (from + i).to_le_bytes()).collect::<Vec<u8>>();
    write_bytes(
        &dir.path().join("m.safetensors"),
        &[
            ("a.weight", S::BF16, vec![4, 6], numbers(0, 24)),
            ("b.weight", S::BF16, vec![2, 6], numbers(100, 12)),
        ],
    );
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let joined = checkpoint.load(&["a", "b"], None, Layout::Marlin, &Serial).unwrap();
    assert_eq!((joined.desc.layout, joined.desc.k, joined.desc.n), (Layout::Dense, 6, 6));
    assert_eq!(&joined.qweight[..], [numbers(0, 24), numbers(100, 12)].concat());
    let columns = checkpoint.load(&["a", "b"], rank(1, 2, Split::Column), Layout::Cpu, &Serial).unwrap();
    assert_eq!(&columns.qweight[..], [numbers(12, 12), numbers(106, 6)].concat());
    let rows = checkpoint.load(&["b"], rank(1, 3, Split::Row), Layout::Cpu, &Serial).unwrap();
    assert_eq!(&rows.qweight[..], [numbers(102, 2), numbers(108, 2)].concat());
}
