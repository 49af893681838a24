"""all-MiniLM-L6-v2 in plain NumPy: sentences in, embeddings out; the inputs of every linear layer can be seen."""

import json
import math
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/model"))
from reference_perplexity import Linear, read_safetensors, softmax  # noqa: E402


def layer_norm(x, weight, bias, eps):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + eps) * weight + bias


def erf(x):
    """Abramowitz and Stegun 7.1.26, to 1.5e-7."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1 - p * np.exp(-x * x))


def gelu(x):
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


class Encoder:
    """A BERT encoder with mean pooling, dense or quantized (`version: gemm`)."""

    def __init__(self, directory):
        config = json.loads((Path(directory) / "config.json").read_text())
        self.t = read_safetensors(directory)
        self.heads, self.eps = config["num_attention_heads"], config["layer_norm_eps"]
        self.blocks = config["num_hidden_layers"]
        self.tokenizer = Tokenizer.from_file(str(Path(directory) / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(config["max_position_embeddings"])
        group = config.get("quantization_config", {}).get("group_size", 0)
        names = {n.rsplit(".", 1)[0] for n in self.t if n.startswith("encoder.") and "LayerNorm" not in n}
        self.linear = {n: Linear(self.t, n, group) for n in names}

    def norm(self, name, x):
        return layer_norm(x, self.t[name + ".weight"], self.t[name + ".bias"], self.eps)

    def embed(self, sentence, see=lambda layer, x: None):
        """The embedding [hidden], of length 1. `see` gets the input of each group of layers, under its first layer."""
        ids = self.tokenizer.encode(sentence).ids
        e = "embeddings."
        x = self.t[e + "word_embeddings.weight"][ids] + self.t[e + "token_type_embeddings.weight"][0]
        x = self.norm(e + "LayerNorm", x + self.t[e + "position_embeddings.weight"][: len(ids)])
        for i in range(self.blocks):
            x = self.block(f"encoder.layer.{i}.", x, see)
        mean = x.mean(0)
        return mean / np.linalg.norm(mean)

    def block(self, p, x, see):
        def project(name, x):
            return self.linear[p + name](x).astype(np.float32)

        def split(x):
            return x.reshape(len(x), self.heads, -1).swapaxes(0, 1)

        see(p + "attention.self.query", x)
        q, k, v = (split(project("attention.self." + n, x)) for n in ("query", "key", "value"))
        mixed = softmax(q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1])) @ v
        mixed = mixed.swapaxes(0, 1).reshape(len(x), -1).astype(np.float32)
        see(p + "attention.output.dense", mixed)
        x = self.norm(p + "attention.output.LayerNorm", x + project("attention.output.dense", mixed))
        see(p + "intermediate.dense", x)
        inner = gelu(project("intermediate.dense", x))
        see(p + "output.dense", inner)
        return self.norm(p + "output.LayerNorm", x + project("output.dense", inner))
