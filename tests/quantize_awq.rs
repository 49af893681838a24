//! AWQ on small made-up models: what is chosen, folded and written, and what is refused.

mod awq_models;
mod quantize_support;

use std::fs;
use std::path::Path;

use awq_marlin::ErrorKind;
use awq_marlin::checkpoint::Checkpoint;
use awq_marlin::layout::Layout;
use awq_marlin::parallel::{Parallel, Pool, Serial};
use awq_marlin::quantize::{
    AwqMode, AwqOptions, AwqQuantizer, Calibrator, CalibratorOptions, CheckpointOptions,
};
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};
use awq_models::{Model, activations, bert, gemma, gpt_neox, llama, observe, phi3};
use quantize_support::{encode, listing, save, tensors};

fn options(mode: AwqMode, group: i64, layout: Layout) -> AwqOptions {
    let spec = QuantSpec { bits: Bits::Four, group: GroupSize::new(group).unwrap(), zero_point: true };
    AwqOptions { mode, ..AwqOptions::new(CheckpointOptions::new(spec, layout)) }
}

/// Statistics of every group that wants them.
fn calibrated(q: &AwqQuantizer, kept: CalibratorOptions) -> Calibrator {
    let mut calibrator = Calibrator::new(kept);
    for (i, group) in q.groups().enumerate() {
        observe(&mut calibrator, group.name, &activations(96, group.k, i as u64), group.k);
    }
    calibrator
}

fn whole(
    src: &Path,
    dst: &Path,
    options: &AwqOptions,
    kept: CalibratorOptions,
    par: &dyn Parallel,
) -> AwqQuantizer {
    let mut q = AwqQuantizer::create(src, dst, options.clone(), par).unwrap();
    let calibrator = calibrated(&q, kept);
    q.run(&calibrator, None, &mut |_| true, par).unwrap();
    q.finish(&mut |_| true, par).unwrap();
    assert_eq!(q.finish(&mut |_| true, par).unwrap_err().kind(), ErrorKind::InvalidArgument, "twice");
    q
}

#[test]
fn every_architecture_keeps_its_function_and_loses_less_than_rounding() {
    for (name, make) in [
        ("llama", llama as fn(&Path) -> Model),
        ("gemma", gemma),
        ("phi3", phi3),
        ("gpt_neox", gpt_neox),
        ("bert", bert),
    ] {
        for mode in [AwqMode::Better, AwqMode::Faithful] {
            let dir = tempfile::tempdir().unwrap();
            let (src, dst) = (dir.path().join("src"), dir.path().join("dst"));
            let model = make(&src);
            let q = whole(&src, &dst, &options(mode, 32, Layout::AwqGemm), Default::default(), &Serial);
            assert_eq!(q.architecture(), Some(name));
            let report = q.report();
            let scaled: Vec<&str> =
                report.groups.iter().filter(|g| g.alpha.is_some()).map(|g| &*g.name).collect();
            let expected = model.scaled(mode == AwqMode::Faithful);
            assert_eq!(scaled, expected, "{name} {mode:?}");
            for layer in report.groups.iter().flat_map(|g| &g.layers) {
                let (error, rtn) = (layer.error.unwrap(), layer.error_rtn.unwrap());
                let most = if mode == AwqMode::Better { 0.7 } else { 1.1 };
                assert!(error <= rtn * most, "{name} {mode:?} {}: {error:e} {rtn:e}", layer.name);
                assert!(layer.worst_channels.len() == 5 && layer.output.unwrap() > rtn);
            }
            assert_eq!(listing(dir.path()), ["dst", "src"]);
            model.check_function(&dst);
            assert!(report.to_text().lines().count() > report.groups.len());
        }
    }
}

#[test]
fn all_layouts_and_dtypes_read_back_and_threads_do_not_matter() {
    for (layout, dtype) in [
        (Layout::AwqGemm, Dtype::BF16),
        (Layout::AwqGemv, Dtype::F16),
        (Layout::AwqGemvFast, Dtype::F16),
        (Layout::CompressedTensors, Dtype::BF16),
        (Layout::Marlin, Dtype::F32),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let src = dir.path().join("src");
        awq_models::llama_of(&src, dtype);
        let mut written = vec![];
        for threads in [1, 3] {
            let dst = dir.path().join(format!("dst{threads}"));
            let par = Pool::new(threads).unwrap();
            whole(&src, &dst, &options(AwqMode::Better, 32, layout), Default::default(), &par);
            let opened = Checkpoint::open(&dst).unwrap();
            assert_eq!(opened.warnings(), [""; 0], "{layout}");
            for layer in opened.layers().iter().filter(|l| l.quantized) {
                opened.layer(&layer.name).unwrap();
            }
            assert_eq!(opened.layers().iter().filter(|l| l.quantized).count(), 14, "{layout}");
            written.push(tensors(&dst));
        }
        assert!(written[0] == written[1], "{layout}: threads");
    }
}

#[test]
fn a_sample_of_rows_serves_both_modes() {
    let dir = tempfile::tempdir().unwrap();
    let src = dir.path().join("src");
    llama(&src);
    for mode in [AwqMode::Better, AwqMode::Faithful] {
        let dst = dir.path().join(format!("{mode:?}"));
        let kept = CalibratorOptions { rows: 40, ..Default::default() };
        let q = whole(&src, &dst, &options(mode, 32, Layout::AwqGemm), kept, &Serial);
        assert!(q.report().groups.iter().all(|g| g.rows == 96));
    }
}

#[test]
fn an_interrupted_job_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (src, dst, direct) = (dir.path().join("src"), dir.path().join("dst"), dir.path().join("direct"));
    llama(&src);
    let mut resumable = options(AwqMode::Faithful, 32, Layout::AwqGemm);
    whole(&src, &direct, &resumable, Default::default(), &Serial);
    resumable.resume = true;
    let folder = dir.path().join("dst.awqm-unfinished");

    let mut q = AwqQuantizer::create(&src, &dst, resumable.clone(), &Serial).unwrap();
    let calibrator = calibrated(&q, Default::default());
    q.run(&calibrator, Some("model.layers.0"), &mut |_| true, &Serial).unwrap();
    let e = AwqQuantizer::create(&src, &dst, resumable.clone(), &Serial).err().unwrap();
    assert!(e.kind() == ErrorKind::Io && e.to_string().contains("another job"), "{e}");
    // Interrupted in the second block, and while a file was being written.
    let e = q.run(&calibrator, None, &mut |p| p.index < 5, &Serial).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Cancelled);
    let e = q.finish(&mut |_| true, &Serial).unwrap_err();
    assert!(e.kind() == ErrorKind::InvalidArgument && e.to_string().contains("model.layers.1"), "{e}");
    drop(q);
    fs::write(folder.join(".awqm-1-1-model.layers.1.part.new"), "half").unwrap();
    assert!(!dst.exists());
    assert!(Checkpoint::open(&folder).is_err(), "what is not finished is no checkpoint");

    let other = AwqOptions { mode: AwqMode::Better, ..resumable.clone() };
    let e = AwqQuantizer::create(&src, &dst, other, &Serial).err().unwrap();
    assert!(e.kind() == ErrorKind::InvalidArgument && e.to_string().contains("mode"), "{e}");

    let mut q = AwqQuantizer::create(&src, &dst, resumable.clone(), &Serial).unwrap();
    let done: Vec<bool> = q.groups().map(|g| g.done).collect();
    assert_eq!(done, [[true; 4], [false; 4]].concat());
    let mut told = vec![];
    q.run(
        &calibrator,
        None,
        &mut |p| {
            told.push(p.layer.to_owned());
            true
        },
        &Serial,
    )
    .unwrap();
    assert!(told.len() == 4 && told.iter().all(|l| l.starts_with("model.layers.1")), "{told:?}");
    q.finish(&mut |_| true, &Serial).unwrap();
    drop(q);
    assert!(tensors(&dst) == tensors(&direct));
    assert_eq!(listing(dir.path()), ["direct", "dst", "src"]);

    // Without resume, leftovers go, and nothing stays behind.
    let again = dir.path().join("again");
    let mut q = AwqQuantizer::create(&src, &again, resumable.clone(), &Serial).unwrap();
    q.run(&calibrator, Some("model.layers.0"), &mut |_| true, &Serial).unwrap();
    drop(q);
    resumable.resume = false;
    let q = AwqQuantizer::create(&src, &again, resumable, &Serial).unwrap();
    assert!(q.groups().all(|g| !g.done));
    drop(q);
    assert_eq!(listing(dir.path()), ["direct", "dst", "src"]);
}

#[test]
fn calibrations_that_do_not_fit_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let (src, dst) = (dir.path().join("src"), dir.path().join("dst"));
    llama(&src);
    let mut q =
        AwqQuantizer::create(&src, &dst, options(AwqMode::Better, 32, Layout::AwqGemm), &Serial).unwrap();
    let mut says = |calibrator: &Calibrator, block: Option<&str>, kind, parts: &[&str]| {
        let e = q.run(calibrator, block, &mut |_| true, &Serial).unwrap_err();
        assert_eq!(e.kind(), kind, "{e}");
        for part in parts {
            assert!(e.to_string().contains(part), "{part:?} in {e}");
        }
    };
    let empty = Calibrator::default();
    says(&empty, None, ErrorKind::NotFound, &["model.layers.0", "empty calibration"]);
    says(&empty, Some("model.layers.7"), ErrorKind::NotFound, &["model.layers.7"]);
    let mut other = Calibrator::default();
    observe(&mut other, "transformer.h.0.fc", &activations(8, 64, 1), 64);
    says(&other, None, ErrorKind::NotFound, &["transformer.h.0.fc", "mlp.down_proj"]);
    observe(&mut other, "model.layers.0.mlp.down_proj", &activations(8, 64, 1), 64);
    says(&other, None, ErrorKind::InvalidArgument, &["another model", "K = 64", "K = 128"]);
    assert!(!dst.exists());
}

#[test]
fn numbers_that_are_not_finite_are_named_or_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let (src, dst) = (dir.path().join("src"), dir.path().join("dst"));
    let mut model = llama(&src);
    let name = "model.layers.1.mlp.up_proj.weight";
    let tensor = model.tensors.get_mut(name).unwrap();
    let at = (3 * 64 + 5) * 2;
    tensor.2[at..at + 2].copy_from_slice(&encode(&[f32::NAN], Dtype::F16));
    save(&model.tensors, &src.join("model.safetensors"));

    let mut plain = options(AwqMode::Better, 32, Layout::AwqGemm);
    let mut q = AwqQuantizer::create(&src, &dst, plain.clone(), &Serial).unwrap();
    let calibrator = calibrated(&q, Default::default());
    let e = q.run(&calibrator, None, &mut |_| true, &Serial).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Tensor);
    for part in ["model.layers.1.mlp.up_proj", "row 3", "column 5"] {
        assert!(e.to_string().contains(part), "{part} in {e}");
    }
    drop(q);

    // Skipped: the layer stays, and its neighbours are not scaled.
    plain.skip_not_finite = true;
    let q = whole(&src, &dst, &plain, Default::default(), &Serial);
    let report = q.report();
    assert!(report.kept.contains(&"model.layers.1.mlp.up_proj".to_owned()));
    assert!(report.warnings.iter().any(|w| w.contains("row 3, column 5")), "{:?}", report.warnings);
    let gate = report.groups.iter().find(|g| g.name == "model.layers.1.mlp.gate_proj").unwrap();
    assert!(gate.unscaled.as_ref().unwrap().contains("up_proj"), "{gate:?}");
    assert_eq!(tensors(&dst)[name], model.tensors[name]);
    drop(q);

    // Activations: refused by name, or marked, and then the group is rounded without them.
    let clean = dir.path().join("clean");
    llama(&clean);
    let mut x = activations(8, 64, 1);
    x[2 * 64 + 7] = f32::INFINITY;
    let layer = "model.layers.0.self_attn.q_proj";
    let e = awq_models::try_observe(&mut Calibrator::default(), layer, &x, 64).unwrap_err();
    for part in [layer, "row 2", "channel 7", "inf"] {
        assert!(e.to_string().contains(part), "{part} in {e}");
    }
    let dst = dir.path().join("marked");
    let mut q =
        AwqQuantizer::create(&clean, &dst, options(AwqMode::Better, 32, Layout::AwqGemm), &Serial).unwrap();
    let mut calibrator = calibrated(&q, CalibratorOptions { skip_not_finite: true, ..Default::default() });
    observe(&mut calibrator, layer, &x, 64);
    q.run(&calibrator, None, &mut |_| true, &Serial).unwrap();
    q.finish(&mut |_| true, &Serial).unwrap();
    let group = q.report().groups[0].clone();
    assert!(group.name == layer && group.rows == 0 && group.layers[0].error.is_none());
    assert!(group.unscaled.unwrap().contains("channel 7"));
}

#[test]
fn odd_channels_and_groups_have_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let (src, dst) = (dir.path().join("src"), dir.path().join("dst"));
    let mut model = llama(&src);
    // Constant, all zero, and one-sided groups.
    let mut w = vec![0.25f32; 32 * 64];
    w[..32].fill(0.0);
    w[64..128].iter_mut().enumerate().for_each(|(i, w)| *w = 3.0 + (i % 9) as f32 / 9.0);
    w[128..192].iter_mut().enumerate().for_each(|(i, w)| *w = -3.0 - (i % 9) as f32 / 9.0);
    let name = "model.layers.0.self_attn.v_proj.weight";
    model.tensors.get_mut(name).unwrap().2 = encode(&w, Dtype::F16);
    save(&model.tensors, &src.join("model.safetensors"));
    let better = options(AwqMode::Better, 32, Layout::AwqGemm);
    let mut q = AwqQuantizer::create(&src, &dst, better, &Serial).unwrap();
    let mut calibrator = Calibrator::default();
    for (i, group) in q.groups().enumerate() {
        let mut x = activations(96, group.k, i as u64);
        // Channels 3 and 11 are never active.
        x.chunks_mut(group.k).for_each(|row| (row[3], row[11]) = (0.0, 0.0));
        observe(&mut calibrator, group.name, &x, group.k);
    }
    q.run(&calibrator, None, &mut |_| true, &Serial).unwrap();
    q.finish(&mut |_| true, &Serial).unwrap();
    let report = q.report();
    assert!(report.groups.iter().all(|g| g.never_active == 2));
    for group in &report.groups {
        let (least, most) = group.scales.unwrap();
        assert!(least > 0.0 && most.is_finite(), "{group:?}");
    }
    model.check_function(&dst);

    // Nothing but zeros.
    let dst = dir.path().join("zeros");
    let mut q =
        AwqQuantizer::create(&src, &dst, options(AwqMode::Faithful, 32, Layout::AwqGemm), &Serial).unwrap();
    let mut calibrator = Calibrator::default();
    for group in q.groups() {
        observe(&mut calibrator, group.name, &vec![0.0; 4 * group.k], group.k);
    }
    q.run(&calibrator, None, &mut |_| true, &Serial).unwrap();
    q.finish(&mut |_| true, &Serial).unwrap();
    Checkpoint::open(&dst).unwrap().layer("model.layers.0.mlp.up_proj").unwrap();

    // K is no multiple of the group: refused with the layer's name before anything is done.
    let e = AwqQuantizer::create(
        &src,
        &dir.path().join("x"),
        options(AwqMode::Better, 48, Layout::AwqGemm),
        &Serial,
    );
    let e = e.err().unwrap();
    assert!(e.kind() == ErrorKind::Unsupported && e.to_string().contains("K = 128"), "{e}");
    whole(
        &src,
        &dir.path().join("padded"),
        &options(AwqMode::Better, 48, Layout::Marlin),
        Default::default(),
        &Serial,
    );
}

#[test]
fn a_description_of_the_users_own_and_none_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (src, dst) = (dir.path().join("src"), dir.path().join("dst"));
    llama(&src);
    fs::write(src.join("config.json"), r#"{"model_type": "mine"}"#).unwrap();
    let mut o = options(AwqMode::Better, 32, Layout::AwqGemm);
    let q = AwqQuantizer::create(&src, &dst, o.clone(), &Serial).unwrap();
    assert_eq!((q.architecture(), q.groups().len()), (None, 14));
    assert!(q.groups().all(|g| !g.scaled && g.layers.len() == 1 && g.block == g.name));
    assert!(q.report().warnings[0].contains("not known"));
    drop(q);
    // Without any calibration it is rounding to nearest.
    let mut q = AwqQuantizer::create(&src, &dst, o.clone(), &Serial).unwrap();
    q.finish(&mut |_| true, &Serial).unwrap();
    drop(q);

    let path = dir.path().join("mine.json");
    let text = r#"{"name": "mine", "blocks": ["model.layers"], "groups": [
        {"layers": ["mlp.gate_proj", "mlp.up_proj"], "fold_into": {"norm": "post_attention_layernorm"}}]}"#;
    fs::write(&path, text).unwrap();
    o.architecture = Some(path.clone());
    let q = AwqQuantizer::create(&src, &dir.path().join("d"), o.clone(), &Serial).unwrap();
    assert_eq!((q.architecture(), q.groups().filter(|g| g.scaled).count()), (Some("mine"), 2));
    assert!(q.groups().all(|g| g.block.starts_with("model.layers.") && g.block.len() == 14));
    drop(q);
    let circle = r#"{"name": "c", "blocks": ["model.layers"], "groups": [
        {"layers": ["self_attn.q_proj"], "fold_into": {"linear": "self_attn.o_proj"}},
        {"layers": ["self_attn.o_proj"], "fold_into": {"linear": "self_attn.q_proj"}}]}"#;
    fs::write(&path, circle).unwrap();
    let mut q = AwqQuantizer::create(&src, &dir.path().join("d"), o.clone(), &Serial).unwrap();
    let calibrator = calibrated(&q, Default::default());
    let e = q.run(&calibrator, None, &mut |_| true, &Serial).unwrap_err();
    assert!(e.kind() == ErrorKind::Config && e.to_string().contains("circle"), "{e}");
    drop(q);
    fs::write(&path, "{").unwrap();
    let e = AwqQuantizer::create(&src, &dir.path().join("d"), o, &Serial).err().unwrap();
    assert!(e.kind() == ErrorKind::Json && e.to_string().contains("mine.json"), "{e}");
}
