"""Fixtures of the repository; $AWQM_FIXTURES names the folder."""

import hashlib
import json
import os
import pathlib

import numpy as np
import pytest

import awq_marlin as am

ROOT = pathlib.Path(__file__).resolve().parents[3]
FIXTURES = pathlib.Path(os.environ.get("AWQM_FIXTURES", ROOT / "tests/fixtures"))
LAYER = "model.layers.0.mlp.up_proj"


@pytest.fixture
def fixtures():
    return FIXTURES


@pytest.fixture
def checkpoint():
    return am.Checkpoint(FIXTURES / "checkpoint/llama2l_gemm")


@pytest.fixture
def expected():
    """What other projects' code made of the layers of llama2l_gemm: numbers, and digests of Marlin tensors."""
    return json.loads((FIXTURES / "checkpoint/llama2l_gemm.expected.json").read_text())["modules"]


@pytest.fixture
def io(expected):
    """x in F16 and y in F64 of LAYER."""
    tensors = am.Checkpoint.open_files([FIXTURES / "checkpoint/llama2l_gemm.expected.safetensors"])
    return tensors.tensor(expected[LAYER]["input"]).numpy(), tensors.tensor(expected[LAYER]["output"]).numpy()


@pytest.fixture
def layer(checkpoint):
    return am.Linear(am.Device.cpu(threads=2), checkpoint.load(LAYER))


def sha256(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
