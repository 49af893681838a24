"""A checkpoint, its layers repacked and run, against what other projects' code made of them."""

import threading

import numpy as np
import pytest

import awq_marlin as am
from conftest import LAYER, sha256

ROLES = {"qweight": am.Role.QWEIGHT, "scales": am.Role.SCALES, "qzeros": am.Role.QZEROS}


def near(y, want):
    assert np.max(np.abs(np.asarray(y, np.float64) - want)) <= 2e-3 * np.max(np.abs(want))


def test_every_quantized_layer_repacks_to_marlin(checkpoint, expected):
    for name, want in expected.items():
        packed = checkpoint.load(name, layout=am.Layout.MARLIN)
        assert {key: sha256(packed.tensor(role)) for key, role in ROLES.items()} == want["marlin_sha256"]
    assert len(expected) == 12


def test_repack_into_own_arrays(checkpoint, expected):
    info, reason = checkpoint.layer(LAYER)
    assert info.quantized and reason
    desc = am.LayerDesc(k=info.k, n=info.n, layout=info.layout, bits=info.bits, group_size=info.group_size)
    arrays = [checkpoint.tensor(f"{LAYER}.{name}") for name in ("qweight", "scales", "qzeros")]
    sizes = am.repack_query(desc, am.Layout.MARLIN)
    out = [np.empty(size, np.uint8) for size in (sizes.qweight_bytes, sizes.scales_bytes, sizes.qzeros_bytes)]
    am.repack(desc, *arrays, am.Layout.MARLIN, *out)
    want = expected[LAYER]["marlin_sha256"]
    assert [sha256(array) for array in out] == [want["qweight"], want["scales"], want["qzeros"]]

    qweight, scales, qzeros = arrays
    assert sha256(am.marlin.awq_marlin_repack(qweight, info.k, info.n)) == want["qweight"]
    assert sha256(am.marlin.permute_scales(scales, info.k, info.n, info.group_size)) == want["scales"]
    assert sha256(am.marlin.awq_to_marlin_zero_points(qzeros, info.n)) == want["qzeros"]

    marlin = am.Packed.create(desc, *arrays).convert(am.Layout.MARLIN)
    assert sha256(marlin.tensor(am.Role.QWEIGHT)) == want["qweight"]
    with pytest.raises(am.NotFound):
        marlin.tensor(am.Role.BIAS)


def test_save_and_load(checkpoint, tmp_path):
    packed = checkpoint.load(LAYER, layout=am.Layout.MARLIN)
    packed.save(tmp_path / "layer.safetensors", "layer")
    again = am.Packed.load(tmp_path / "layer.safetensors", "layer")
    assert again.info == packed.info
    assert sha256(again.tensor(am.Role.QWEIGHT)) == sha256(packed.tensor(am.Role.QWEIGHT))
    am.save_tensors(tmp_path / "two.safetensors", {"a": np.arange(6, dtype=np.int32).reshape(2, 3), "b": packed.tensor(am.Role.SCALES)})
    two = am.Checkpoint.open_files([tmp_path / "two.safetensors"])
    assert two.config is None and sorted(two.tensors) == ["a", "b"]
    assert two.tensor("a").numpy().tolist() == [[0, 1, 2], [3, 4, 5]]


def test_run(layer, io):
    x, want = io
    near(layer.run(x), want)
    near(layer.run(x[1]), want[1])
    near(layer.run(x.astype(np.float32)), want)
    assert layer.run(x, y_dtype=am.DType.F16).dtype == np.float16
    # Into the caller's memory, rows apart; and every other row of x.
    y = np.full((2, 2 * want.shape[1]), 7, np.float32)
    space = np.empty(layer.workspace_bytes(2, am.DType.F16), np.uint8)
    assert layer.run(x, y[:, : want.shape[1]], space).base is y
    near(y[:, : want.shape[1]], want)
    assert (y[:, want.shape[1] :] == 7).all()
    doubled = np.repeat(x, 2, axis=0)
    near(layer.run(doubled[::2]), want)


def test_plan(layer, io):
    x, want = io
    plan = am.Plan(layer, 2, am.DType.F16, am.Kernel.GEMM)
    again = am.Plan.from_json(layer, plan.to_json())
    layer.close()
    for one in (plan, again):
        assert one.info.kernel == am.Kernel.GEMM and one.info.k == x.shape[1] and one.reason
        near(one.run(x), want)


def test_dequantize(checkpoint, layer):
    packed = checkpoint.load(LAYER, layout=am.Layout.MARLIN)
    w = packed.dequantize()
    near(layer.run(np.ones(w.shape[0], np.float32)), w.astype(np.float64).sum(axis=0))
    half = np.empty(w.shape, np.float16)
    assert packed.dequantize(out=half) is half
    assert (half == w.astype(np.float16)).all()


def test_config(fixtures, checkpoint):
    folder = fixtures / "checkpoint/llama2l_gemm"
    text = (folder / "config.json").read_text()
    for config in (am.Config.load_directory(folder), am.Config.load_file(folder / "config.json"), am.Config.parse(text), checkpoint.config):
        info = config.info
        assert (info.method, info.bits, info.group_size, info.zero_point) == (am.Method.AWQ, 4, 64, True)
        assert info.layout is am.Layout.AWQ_GEMM
        assert config.module(LAYER)[0].quantized
        kept, reason = config.module("model.layers.0.self_attn.o_proj")
        assert not kept.quantized and reason
        assert config.skip and config.source and config.to_json().startswith("{") and isinstance(config.warnings, list)
    assert am.Config.file_names()[0] == "config.json"


def test_checkpoint(checkpoint):
    assert LAYER in checkpoint.layers and f"{LAYER}.qweight" in checkpoint.tensors and checkpoint.warnings == []
    fused = checkpoint.load("model.layers.0.self_attn.qkv_proj", tp_dim=am.TpDim.COLUMN, tp_rank=1, tp_world=2)
    assert (fused.info.k, fused.info.n) == (256, 256)


def test_quantize(tmp_path, fixtures):
    weight = (np.arange(64 * 128).reshape(64, 128) % 31 / 31).astype(np.float32)
    packed = am.quantize(weight, group_size=64)
    assert np.max(np.abs(packed.dequantize().T - weight)) < 0.04
    source, seen = fixtures / "checkpoint/llama2l_gemm", []
    report = am.convert_checkpoint(source, tmp_path / "out", am.Layout.COMPRESSED_TENSORS, progress=lambda at: seen.append(at.layer))
    assert report.layers_quantized == 12 and LAYER in seen
    with pytest.raises(am.Cancelled):
        am.convert_checkpoint(source, tmp_path / "no", am.Layout.COMPRESSED_TENSORS, progress=lambda at: False)
    with pytest.raises(ZeroDivisionError):
        am.convert_checkpoint(source, tmp_path / "no", am.Layout.COMPRESSED_TENSORS, progress=lambda at: 1 / 0)
    assert not (tmp_path / "no").exists()
    with pytest.raises(am.DataError):
        am.quantize_checkpoint(tmp_path / "nowhere", tmp_path / "no", skip=["self_attn.o_proj"])


def test_questions():
    assert am.quantization_support(3, 128, True, am.Layout.MARLIN)[0] is am.Support.NO
    assert am.shape_support(288, 96, 4, 32, True, am.Layout.MARLIN)[0] is am.Support.PADDED
    assert am.kernel_min_capability(am.Kernel.MARLIN) == 80
    assert am.kernel_supports_dtype(am.Kernel.GEMV, 0, am.DType.F32) and not am.kernel_supports_dtype(am.Kernel.MARLIN, 0, am.DType.F32)
    assert am.query_capability(86).architecture == "Ampere"
    plan, reason = am.query_cuda_plan(86, k=4096, n=4096, m=1)
    assert plan.kernel in (am.Kernel.GEMV, am.Kernel.MARLIN, am.Kernel.GEMM) and plan.workspace_bytes and reason
    assert 128 in am.marlin.group_sizes() and len(am.marlin.scale_permutation(True)) == 64
    assert am.marlin.workspace_bytes(4096, 84) > 0
    codes = np.arange(1, 9, dtype=np.uint8).reshape(1, 8)
    words = am.marlin.pack_columns(codes)
    assert words.tobytes() == b"\x21\x43\x65\x87" and (am.marlin.unpack_columns(words) == codes).all()


def test_threads_and_a_pool_of_the_host(checkpoint, io):
    x, want = np.tile(io[0], (16, 1)), np.tile(io[1], (16, 1))  # so many rows that the work is shared out
    tasks = []

    def parallel(count, task):
        workers = [threading.Thread(target=lambda i=i: (tasks.append(i), task(i))) for i in range(count)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    layer = am.Linear(am.Device.cpu(threads=4, parallel=parallel), checkpoint.load(LAYER))
    wrong = []

    def work():
        for i in range(5):
            if np.max(np.abs(layer.run(x) - want)) > 2e-3 * np.max(np.abs(want)):
                wrong.append(i)
            origin = f"{threading.current_thread().name}, turn {i}"
            try:
                am.Config.parse("{", origin)
            except am.DataError as problem:
                if origin not in problem.message:
                    wrong.append(problem)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and tasks


def test_a_pool_that_raises_is_told_and_the_result_is_right(checkpoint, io, monkeypatch):
    told = []
    monkeypatch.setattr("sys.unraisablehook", lambda problem: told.append(problem.exc_value))

    def parallel(count, task):
        task(0)
        raise RuntimeError("no more threads")

    x, want = np.tile(io[0], (16, 1)), np.tile(io[1], (16, 1))
    near(am.Linear(am.Device.cpu(threads=4, parallel=parallel), checkpoint.load(LAYER)).run(x), want)
    assert told and str(told[0]) == "no more threads"
