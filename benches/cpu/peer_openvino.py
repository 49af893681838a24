"""OpenVINO: a graph whose weights stay compressed, with float activations, bf16 products, or activations in 8 bits."""

import numpy as np
import openvino as ov
from openvino import opset13 as op

from layer import copy_of, halves

OPTIONS = {
    "f32": {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"},
    "bf16": {"INFERENCE_PRECISION_HINT": "bf16", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"},
    "int8": {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "128"},
}


def version():
    return f"openvino {ov.__version__.split('-')[0]}"


class Peer:
    def __init__(self, kind, threads):
        self.options = dict(
            OPTIONS[kind], INFERENCE_NUM_THREADS=str(threads), NUM_STREAMS="1", PERFORMANCE_HINT="LATENCY"
        )

    def build(self, layer, copies):
        n, k, groups, group = layer.n, layer.k, layer.groups, layer.group
        codes, zeros = halves(layer.codes), layer.zeros
        x = op.parameter([-1, k], np.float32, name="x")

        self.lent = []  # a constant reads the memory that it is made from

        def u4(packed, shape):
            self.lent.append(packed)
            return op.convert(op.constant(ov.Tensor(packed, ov.Shape(shape), ov.Type.u4)), "f16")

        def product(copy):
            flat = copy_of(zeros, copy, 8).reshape(-1)
            q = u4(copy_of(codes, copy, 8), [n, groups, group])
            z = u4(halves(flat), [n, groups, 1])
            s = op.constant(copy_of(layer.scales, copy, 8).reshape(n, groups, 1))
            w = op.reshape(op.multiply(op.subtract(q, z), s), op.constant(np.array([n, k], np.int64)), False)
            return op.matmul(x, op.convert(w, "f32"), False, True)

        model = ov.Model([product(copy) for copy in range(copies)], [x], "layers")
        self.request = ov.Core().compile_model(model, "CPU", self.options).create_infer_request()
        self.weight_bytes = layer.packed_bytes

    def set_input(self, x):
        self.x = ov.Tensor(np.ascontiguousarray(x))
        self.request.set_input_tensor(0, self.x)

    def run(self):
        self.request.start_async()
        self.request.wait()

    def output(self):
        return np.array(self.request.get_output_tensor(0).data)
