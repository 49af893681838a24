"""One error of each class, and what the library cannot see."""

import numpy as np
import pytest

import awq_marlin as am
from conftest import LAYER


def fails(kind, status, function, *args, **kwargs):
    with pytest.raises(kind) as caught:
        function(*args, **kwargs)
    assert caught.value.status is status and caught.value.message and status.name in str(caught.value)


def test_callers_doing(checkpoint, layer):
    fails(am.CallerError, am.Status.UNKNOWN_ENUM, am.Device.cpu, isa=99)
    fails(am.CallerError, am.Status.INVALID_ARGUMENT, checkpoint.load, [])
    fails(am.NotFound, am.Status.NOT_FOUND, checkpoint.load, "no.such.layer")
    fails(KeyError, am.Status.NOT_FOUND, checkpoint.tensor, "no.such.tensor")
    fails(ValueError, am.Status.INVALID_ARGUMENT, layer.run, np.empty((0, 256), np.float32))
    desc = am.LayerDesc(k=128, n=64, layout=am.Layout.DENSE, scale_dtype=am.DType.F32)
    fails(am.CallerError, am.Status.BUFFER_TOO_SMALL, am.repack, desc, np.zeros((64, 128), np.float32), None, None, am.Layout.DENSE, None)


def test_datas(tmp_path):
    fails(am.DataError, am.Status.MISSING, am.Checkpoint, tmp_path / "nowhere")
    fails(am.DataError, am.Status.JSON, am.Config.parse, "{")
    fails(am.DataError, am.Status.CONFIG, am.Config.parse, '{"quant_method": "awq", "bits": "four"}')
    fails(am.Unsupported, am.Status.UNSUPPORTED, am.Config.parse, '{"quant_method": "fp8"}')
    (tmp_path / "bad.safetensors").write_bytes(b"no safetensors")
    fails(am.DataError, am.Status.CONTAINER, am.Checkpoint.open_files, [tmp_path / "bad.safetensors"])
    fails(am.DataError, am.Status.TENSOR, am.quantize, np.full((64, 128), np.nan, np.float32))


def test_devices():
    info, reason = am.cuda_info()
    assert am.backend_available(am.Backend.CPU)
    if not info.available:
        assert reason and not am.backend_available(am.Backend.CUDA)
        with pytest.raises(am.DeviceError):
            am.Device.cuda()


def test_what_the_library_cannot_see(layer):
    with pytest.raises(ValueError, match="256"):
        layer.run(np.zeros((2, 255), np.float32))
    with pytest.raises(ValueError, match="rows"):
        layer.run(np.zeros((2, 256), np.float32), np.zeros((1, 512), np.float32))
    with pytest.raises(ValueError, match="adjacent"):
        layer.run(np.zeros((256, 256), np.float32).T)
    with pytest.raises(TypeError, match="written"):
        layer.run(np.zeros(256, np.float32), [0.0] * 512)
    with pytest.raises(TypeError, match="complex"):
        layer.run(np.zeros(256, np.complex64))
    with pytest.raises(ValueError, match="contiguous"):
        am.quantize(np.zeros((128, 64), np.float32).T)


def test_after_close(checkpoint, layer):
    tensor = checkpoint.tensor(f"{LAYER}.qweight")
    before = tensor.numpy().copy()
    config = checkpoint.config
    with checkpoint:
        pass
    assert (tensor.numpy() == before).all() and config.info.bits == 4  # what was borrowed stays
    for handle, use in ((checkpoint, lambda: checkpoint.layers), (layer, lambda: layer.run(np.zeros(256, np.float32)))):
        handle.close()
        handle.close()
        with pytest.raises(ValueError, match="closed"):
            use()


def test_log():
    am.set_log(lambda level, message: None, am.LogLevel.DEBUG)
    with pytest.raises(am.CallerError):
        am.set_log(print, 99)
    am.set_log(None)
