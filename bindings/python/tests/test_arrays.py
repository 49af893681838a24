"""No copies, in or out; element types that numpy lacks; whatever speaks DLPack."""

import gc
import weakref

import numpy as np
import pytest

import awq_marlin as am
from conftest import LAYER


class Foreign:
    """An array of another library: DLPack is all that it offers."""

    def __init__(self, array, code=None):
        self.array, self.code = array, code

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def __dlpack__(self, **_):
        capsule = self.array.__dlpack__()
        if self.code is not None:
            am.tensor._managed(capsule).dl_tensor.dtype.code = self.code
        return capsule


def test_tensors_share_the_file_s_memory(checkpoint):
    tensor = checkpoint.tensor("model.embed_tokens.weight")
    one, two = tensor.numpy(), np.asarray(checkpoint.tensor("model.embed_tokens.weight"))
    assert one.ctypes.data == two.ctypes.data and not one.flags.writeable and not one.flags.owndata
    assert tensor.shape == one.shape and one.dtype == np.float16 and tensor.nbytes == one.nbytes


def test_an_array_keeps_the_checkpoint(checkpoint, fixtures):
    mine = am.Checkpoint(fixtures / "checkpoint/llama2l_gemm")
    handle = weakref.ref(mine._pointer)
    array = mine.tensor(f"{LAYER}.scales").numpy()
    mine.close()
    del mine
    gc.collect()
    assert handle() is not None and (array == checkpoint.tensor(f"{LAYER}.scales").numpy()).all()
    del array
    gc.collect()
    assert handle() is None


def test_lent_weights_are_not_copied(fixtures, layer, io):
    checkpoint = am.Checkpoint(fixtures / "checkpoint/llama2l_gemm")
    info, _ = checkpoint.layer(LAYER)
    desc = am.LayerDesc(k=info.k, n=info.n, layout=info.layout, group_size=info.group_size)
    arrays = [checkpoint.tensor(f"{LAYER}.{name}").numpy().copy() for name in ("qweight", "scales", "qzeros")]
    lent = am.Packed.lend(desc, *arrays)
    assert lent.tensor(am.Role.QWEIGHT).numpy().ctypes.data == arrays[0].ctypes.data

    # A layer on the CPU runs from lent memory of its own layout, and keeps it.
    packed = checkpoint.load(LAYER, layout=am.Layout.CPU)
    padded = np.empty(packed.tensor(am.Role.QWEIGHT).nbytes + 64, np.uint8)
    aligned = padded[-padded.ctypes.data % 64 :][: packed.tensor(am.Role.QWEIGHT).nbytes]
    aligned[:] = np.frombuffer(packed.tensor(am.Role.QWEIGHT).numpy().tobytes(), np.uint8)
    parts = []
    for role in (am.Role.SCALES, am.Role.QZEROS):
        try:
            source = np.frombuffer(packed.tensor(role).numpy().tobytes(), np.uint8)
        except am.NotFound:
            parts.append(None)
            continue
        room = np.empty(source.nbytes + 64, np.uint8)
        parts.append(room[-room.ctypes.data % 64 :][: source.nbytes])
        parts[-1][:] = source
    where = packed.info
    own = am.LayerDesc(k=where.k, n=where.n, layout=where.layout, group_size=where.group_size, scale_dtype=where.scale_dtype)
    from_lent = am.Linear(am.Device.cpu(threads=1), am.Packed.lend(own, aligned, *parts))
    watch = weakref.ref(padded)
    del padded, aligned, parts, packed
    gc.collect()
    assert watch() is not None and (from_lent.run(io[0]) == layer.run(io[0])).all()
    del from_lent
    gc.collect()
    assert watch() is None


def test_dlpack_in(layer, io):
    x, want = io
    x = x.copy()
    y = np.zeros((2, 512), np.float32)
    assert isinstance(layer.run(Foreign(x), Foreign(y)), Foreign)
    assert np.max(np.abs(y - want)) <= 2e-3 * np.max(np.abs(want))
    y[:] = 0
    layer.run(Foreign(np.repeat(x, 2, axis=0)[::2]), Foreign(y))  # strides
    assert np.max(np.abs(y - want)) <= 2e-3 * np.max(np.abs(want))
    with pytest.raises(TypeError, match="DLPack type 5"):
        layer.run(Foreign(np.zeros(256, np.complex64)))


def test_bf16(layer, io):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x, want = io
    bits = x.astype(ml_dtypes.bfloat16)
    exact = layer.run(bits.astype(np.float32))
    assert (layer.run(bits) == exact).all()
    assert (layer.run(Foreign(bits.view(np.uint16), code=4)) == exact).all()
    rounded = layer.run(bits, y_dtype=am.DType.BF16)
    assert rounded.dtype == np.uint16 and (rounded == exact.astype(ml_dtypes.bfloat16).view(np.uint16)).all()


def test_dlpack_out(checkpoint, tmp_path):
    tensor = checkpoint.tensor(f"{LAYER}.qweight")
    assert tensor.__dlpack_device__() == (1, 0)
    array = np.from_dlpack(tensor)
    assert array.ctypes.data == tensor.numpy().ctypes.data and (array == tensor.numpy()).all()
    del checkpoint, tensor
    gc.collect()
    assert array.sum() != 0

    am.save_tensors(tmp_path / "b.safetensors", {"b": Foreign(np.array([0x3F80, 0x4000], np.uint16), code=4)})
    b = am.Checkpoint.open_files([tmp_path / "b.safetensors"]).tensor("b")
    assert b.dtype is am.DType.BF16 and b.numpy().tolist() == [0x3F80, 0x4000]
    capsule = b.__dlpack__()
    assert (lambda t: (t.code, t.bits, t.lanes))(am.tensor._managed(capsule).dl_tensor.dtype) == (4, 16, 1)


def test_torch(layer, io, checkpoint):
    torch = pytest.importorskip("torch")
    x, want = torch.from_numpy(io[0].copy()), io[1]
    y = torch.empty(2, 512)
    layer.run(x, y)
    assert np.max(np.abs(y.numpy() - want)) <= 2e-3 * np.max(np.abs(want))
    assert layer.run(x.to(torch.bfloat16)).shape == (2, 512)
    qweight = checkpoint.tensor(f"{LAYER}.qweight")
    assert torch.from_dlpack(qweight).data_ptr() == qweight.numpy().ctypes.data
