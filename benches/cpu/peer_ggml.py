"""llama.cpp: its 4-bit types, into which the weights are quantized over again, and activations in 8 bits.

Types with `_plain` are multiplied where they lie; the others are repacked for the kernels that llama.cpp takes by itself.
"""

import ctypes as c
import os

import numpy as np

from layer import copy_of

TYPES = {"q4_0": 2, "q4_1": 3, "q4_K": 12}  # ggml_type
lib = c.CDLL(os.environ["GGML_LAYER"])  # ggml_layer.cpp
lib.layers_new.restype = c.c_void_p
lib.layers_weight_bytes.restype = c.c_size_t
lib.layers_weight_bytes.argtypes = [c.c_int, c.c_int64, c.c_int64]
lib.layers_new.argtypes = [c.c_int, c.c_int64, c.c_int64, c.c_int, c.c_int, c.c_int]
lib.layers_quantize.argtypes = [c.c_int, c.c_void_p, c.c_void_p, c.c_int64, c.c_int64]
lib.layers_set.argtypes = [c.c_void_p, c.c_int, c.c_void_p]
lib.layers_input.argtypes = [c.c_void_p, c.c_void_p, c.c_int64]
lib.layers_run.argtypes = [c.c_void_p]
lib.layers_output.argtypes = [c.c_void_p, c.c_void_p]


def version():
    return f"llama.cpp of llama-cpp-python {os.environ.get('LLAMA_VERSION', '')}".strip()


class Peer:
    def __init__(self, kind, threads):
        self.type = kind.removesuffix("_plain")
        self.repack, self.threads = not kind.endswith("_plain"), threads

    def build(self, layer, copies):
        kind = TYPES[self.type]
        self.n, self.weight_bytes = layer.n, lib.layers_weight_bytes(kind, layer.k, layer.n)
        if not self.weight_bytes:
            raise ValueError(f"{self.type} has no rows of {layer.k}")
        quantized = np.empty((layer.n, self.weight_bytes // layer.n), np.uint8)
        weights = layer.weights()
        lib.layers_quantize(kind, weights.ctypes.data, quantized.ctypes.data, layer.k, layer.n)
        self.layers = lib.layers_new(kind, layer.k, layer.n, copies, self.threads, self.repack)
        if not self.layers:
            raise RuntimeError(f"this ggml repacks no {self.type}")
        for copy in range(copies):
            turned = copy_of(quantized, copy, 8)
            lib.layers_set(self.layers, copy, turned.ctypes.data)

    def set_input(self, x):
        self.m = len(x)
        x = np.ascontiguousarray(x)
        if lib.layers_input(self.layers, x.ctypes.data, self.m):
            raise MemoryError("no room for the results")

    def run(self):
        if lib.layers_run(self.layers):
            raise RuntimeError("the graph failed")

    def output(self):
        y = np.empty((self.m, self.n), np.float32)
        lib.layers_output(self.layers, y.ctypes.data)
        return y
