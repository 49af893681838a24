"""ONNX Runtime: MatMulNBits, with float activations (accuracy level 0) or activations in 8 bits (level 4)."""

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper
from onnx.numpy_helper import from_array

from layer import copy_of, halves

LEVELS = {"f32": 0, "int8": 4}


def version():
    return f"onnxruntime {ort.__version__}"


class Peer:
    def __init__(self, kind, threads):
        self.level = LEVELS[kind]
        self.options = ort.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.inter_op_num_threads = 1
        self.options.log_severity_level = 3

    def build(self, layer, copies):
        n, k = layer.n, layer.k
        codes = halves(layer.codes.reshape(n, layer.groups, layer.group))
        even = layer.zeros if layer.groups % 2 == 0 else np.pad(layer.zeros, ((0, 0), (0, 1)))
        zeros, scales = halves(even), layer.scales.astype(np.float32)
        nodes, weights, outputs = [], [], []
        for copy in range(copies):
            names = [f"{what}{copy}" for what in ("codes", "scales", "zeros")]
            for name, array in zip(names, (codes, scales, zeros)):
                weights.append(from_array(copy_of(array, copy, 8).reshape(-1 if array is not codes else codes.shape), name))
            nodes.append(
                helper.make_node(
                    "MatMulNBits", ["x", *names], [f"y{copy}"], domain="com.microsoft", K=k, N=n, bits=4,
                    block_size=layer.group, accuracy_level=self.level,
                )
            )  # fmt: skip
            outputs.append(helper.make_tensor_value_info(f"y{copy}", TensorProto.FLOAT, ["m", n]))
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["m", k])
        graph = helper.make_graph(nodes, "layers", [x], outputs, weights)
        imports = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=10)
        self.session = ort.InferenceSession(model.SerializeToString(), self.options, ["CPUExecutionProvider"])
        self.n, self.copies = n, copies
        self.weight_bytes = layer.packed_bytes

    def set_input(self, x):
        self.binding = self.session.io_binding()
        self.x = ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(x))
        self.y = [ort.OrtValue.ortvalue_from_shape_and_type([len(x), self.n], np.float32) for _ in range(self.copies)]
        self.binding.bind_ortvalue_input("x", self.x)
        for copy, y in enumerate(self.y):
            self.binding.bind_ortvalue_output(f"y{copy}", y)

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def output(self):
        return self.y[0].numpy()
