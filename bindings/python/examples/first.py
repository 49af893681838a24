"""Runs one layer of an AWQ checkpoint on the CPU: python first.py DIR LAYER"""

import sys

import awq_marlin as am
import numpy as np

checkpoint = am.Checkpoint(sys.argv[1])
packed = checkpoint.load(sys.argv[2])
layer = am.Linear(am.Device.cpu(), packed)
x = np.ones((2, layer.info.k), np.float16)  # or a torch tensor
y = layer.run(x)
print(y.shape, y.dtype, y[0, 0])
