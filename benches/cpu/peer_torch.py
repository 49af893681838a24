"""PyTorch: the int4 product that torchao uses on CPUs, bf16 activations and results."""

import numpy as np
import torch

from layer import copy_of


def version():
    return f"torch {torch.__version__}"


class Peer:
    def __init__(self, kind, threads):
        torch.set_num_threads(threads)

    def build(self, layer, copies):
        """w = (q - 8) s + b, so b = (8 - z) s; scales and b are bf16, as the kernel wants them."""
        codes = layer.codes.astype(np.int32)
        scales = layer.scales.astype(np.float32)
        pairs = np.stack([scales, (8 - layer.zeros.astype(np.float32)) * scales], 2)  # [N, groups, 2]
        self.group, self.layers = layer.group, []
        for copy in range(copies):
            packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(torch.from_numpy(copy_of(codes, copy, 8)), 1)
            both = torch.from_numpy(copy_of(pairs, copy, 8)).transpose(0, 1).contiguous().bfloat16()
            self.layers.append((packed, both))
        self.weight_bytes = sum(t.numel() * t.element_size() for t in self.layers[0])

    def set_input(self, x):
        self.x = torch.from_numpy(np.ascontiguousarray(x)).bfloat16()

    def run(self):
        for packed, both in self.layers:
            y = torch.ops.aten._weight_int4pack_mm_for_cpu(self.x, packed, self.group, both)
            if both is self.layers[0][1]:
                self.y = y

    def output(self):
        return self.y.float().numpy()
