"""This library, through its C interface: exact with activations in f32, f16 or bf16, or activations in 8 bits.

Results are f32 in every case.
"""

import ctypes as c
import os

import numpy as np

from layer import copy_of, to_bf16

F16, BF16, F32 = 1, 2, 3  # awqm_dtype
AWQ_GEMM = 2  # awqm_layout
KINDS = {"f32": (F32, 0), "f16": (F16, 0), "bf16": (BF16, 0), "int8": (F32, 1)}  # awqm_dtype, awqm_compute
ORDER = (0, 2, 4, 6, 1, 3, 5, 7)  # columns of a word's nibbles in AutoAWQ's layout

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
lib = c.CDLL(os.environ.get("AWQM_LIBRARY") or os.path.join(root, "target/release/libawq_marlin.so"))
lib.awqm_last_error_message.restype = c.c_char_p
lib.awqm_build_info.restype = c.c_char_p


def struct(name, **fields):
    """A struct that begins with its size."""
    return type(name, (c.Structure,), {"_fields_": [("struct_size", c.c_size_t), *fields.items()]})


pointer, i64, u32 = c.c_void_p, c.c_int64, c.c_uint32
CpuOptions = struct("CpuOptions", threads=u32, isa=u32, parallel=pointer, user_data=pointer)
LinearOptions = struct("LinearOptions", compute=u32, flags=u32)
LayerDesc = struct(
    "LayerDesc", k=i64, n=i64, bits=u32, zero_point=c.c_int32, group_size=i64, layout=u32, scale_dtype=u32, bias_dtype=u32
)
LayerTensors = struct(
    "LayerTensors", qweight=pointer, qweight_bytes=c.c_size_t, scales=pointer, scales_bytes=c.c_size_t, qzeros=pointer,
    qzeros_bytes=c.c_size_t, bias=pointer, bias_bytes=c.c_size_t,
)  # fmt: skip
LinearInfo = struct(
    "LinearInfo", k=i64, n=i64, layout=u32, bits=u32, group_size=i64, has_bias=c.c_int32, backend=u32, bytes=c.c_size_t
)
RunArgs = struct("RunArgs", x=pointer, x_dtype=u32, y_dtype=u32, y=pointer, m=i64, x_stride=i64, y_stride=i64)


def sized(kind, **fields):
    return kind(struct_size=c.sizeof(kind), **fields)


def check(status):
    if status:
        raise RuntimeError(lib.awqm_last_error_message().decode())


def version():
    return lib.awqm_build_info().decode()


def words(codes):
    """[rows, N] to AutoAWQ's int32 [rows, N / 8]."""
    eights = codes.reshape(len(codes), -1, 8).astype(np.uint32)
    return sum(eights[:, :, column] << np.uint32(4 * i) for i, column in enumerate(ORDER))


class Peer:
    def __init__(self, kind, threads):
        self.dtype, self.compute = KINDS[kind]
        self.device = c.c_void_p()
        check(lib.awqm_device_create_cpu(c.byref(sized(CpuOptions, threads=threads)), c.byref(self.device)))

    def build(self, layer, copies):
        codes, zeros = words(layer.codes.T), words(layer.zeros.T)
        scales = np.ascontiguousarray(layer.scales.T)
        desc = sized(
            LayerDesc, k=layer.k, n=layer.n, bits=4, zero_point=1, group_size=layer.group, layout=AWQ_GEMM, scale_dtype=F16
        )
        options = sized(LinearOptions, compute=self.compute)
        self.k, self.n, self.layers = layer.k, layer.n, []
        for copy in range(copies):
            arrays = [copy_of(codes, copy, 1, 1), copy_of(scales, copy, 8, 1), copy_of(zeros, copy, 1, 1)]
            q, s, z = ((a.ctypes.data, a.nbytes) for a in arrays)
            tensors = LayerTensors(c.sizeof(LayerTensors), *q, *s, *z, None, 0)
            packed, linear = c.c_void_p(), c.c_void_p()
            check(lib.awqm_packed_create(c.byref(desc), c.byref(tensors), c.byref(packed)))
            check(lib.awqm_linear_create(self.device, packed, c.byref(options), c.byref(linear)))
            lib.awqm_packed_free(packed)
            self.layers.append(linear)
        info = sized(LinearInfo)
        check(lib.awqm_linear_get_info(self.layers[0], c.byref(info)))
        self.weight_bytes = info.bytes

    def set_input(self, x):
        m = len(x)
        convert = {F32: lambda x: x, F16: lambda x: x.astype(np.float16), BF16: to_bf16}[self.dtype]
        self.x = np.ascontiguousarray(convert(x))
        # A result for each copy, as the graphs of the other peers have.
        self.y = [np.empty((m, self.n), np.float32) for _ in self.layers]
        need = c.c_size_t()
        check(lib.awqm_linear_workspace_bytes(self.layers[0], i64(m), self.dtype, c.byref(need)))
        self.workspace = np.empty(need.value, np.uint8)
        self.calls = [
            (linear, c.byref(sized(RunArgs, x=self.x.ctypes.data, x_dtype=self.dtype, y_dtype=F32, y=y.ctypes.data, m=m)))
            for linear, y in zip(self.layers, self.y)
        ]
        self.room = (c.c_void_p(self.workspace.ctypes.data), c.c_size_t(need.value))

    def run(self):
        run, (workspace, size) = lib.awqm_linear_run, self.room
        for linear, args in self.calls:
            if run(linear, args, workspace, size, None):
                check(1)

    def output(self):
        return self.y[0]
