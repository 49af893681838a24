"""AWQ: statistics, to a file and back; a model quantized by them."""

import json

import numpy as np
import pytest

import awq_marlin as am


@pytest.fixture
def llama(tmp_path):
    """A model of one block whose weights are a pattern."""
    shapes = {f"self_attn.{name}_proj": (64, 64) for name in "qkvo"}
    shapes |= {"mlp.gate_proj": (128, 64), "mlp.up_proj": (128, 64), "mlp.down_proj": (64, 128)}
    shapes |= {"input_layernorm": (64,), "post_attention_layernorm": (64,)}

    def pattern(shape):
        return ((np.arange(np.prod(shape)) * 7919 % 2003 - 1001) / 2000).astype(np.float32).reshape(shape)

    source = tmp_path / "source"
    source.mkdir()
    am.save_tensors(source / "model.safetensors", {f"model.layers.0.{name}.weight": pattern(shape) for name, shape in shapes.items()})
    (source / "config.json").write_text(json.dumps({"model_type": "llama", "num_attention_heads": 4}))
    return source


def activations(k):
    j = np.arange(48 * k)
    return ((j * 104729 % 997 - 498) / (100 + j % k)).astype(np.float32).reshape(48, k)


def test_awq(llama, tmp_path):
    progress = []
    quantizer = am.Quantizer(llama, tmp_path / "out", group_size=32, progress=lambda at: progress.append(at.layer))
    info = quantizer.info
    assert (info.groups, info.groups_done, info.layers, info.architecture) == (4, 0, 7, "llama")
    calibrator = am.Calibrator()
    with pytest.raises(am.NotFound):
        quantizer.run(calibrator)
    for index, group in enumerate(quantizer.groups):
        assert group.block == "model.layers.0" and group.name == quantizer.group_layer(index, 0)
        calibrator.observe(group.name, activations(group.k))

    calibrator.save(tmp_path / "statistics.safetensors")
    again = am.Calibrator.load(tmp_path / "statistics.safetensors")
    again.merge(calibrator)
    assert again.info.layers == 4 and [layer.rows for _, layer in again.layers] == [96] * 4
    assert am.Calibrator.layer_bytes(64) >= 4 * 64 * 64
    with pytest.raises(am.CallerError):
        again.merge(again)
    again.clear()
    assert again.layers == []

    quantizer.run(calibrator, "model.layers.0")
    report = quantizer.finish()
    assert report.layers_quantized == 7 and progress and quantizer.info.groups_done == 4
    assert "error_rtn" in quantizer.report_json() and "mlp.down_proj" in quantizer.report_text()
    layer, _ = am.Checkpoint(tmp_path / "out").layer("model.layers.0.mlp.up_proj")
    assert layer.quantized and layer.group_size == 32


def test_a_progress_that_raises_or_says_no(llama, tmp_path):
    calibrator = am.Calibrator(rows=32)
    for progress, kind in ((lambda at: 1 / 0, ZeroDivisionError), (lambda at: False, am.Cancelled)):
        quantizer = am.Quantizer(llama, tmp_path / "out", group_size=32, progress=progress)
        for group in quantizer.groups:
            calibrator.observe(group.name, activations(group.k))
        with pytest.raises(kind):
            quantizer.run(calibrator)
        quantizer.close()
    assert not (tmp_path / "out").exists()


def test_activations_that_do_not_fit():
    calibrator = am.Calibrator()
    with pytest.raises(ValueError, match="shape"):
        calibrator.observe("layer", np.zeros((2, 2, 2), np.float32))
    with pytest.raises(ValueError, match="adjacent"):
        calibrator.observe("layer", np.zeros((8, 8), np.float32).T)
    with pytest.raises(am.DataError):
        calibrator.observe("layer", np.full((1, 8), np.nan, np.float32))
