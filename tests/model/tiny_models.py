#!/usr/bin/env python3
"""Writes small random models, one for each feature in which the Llama family's members differ.

usage: tiny_models.py OUT_DIR TOKENIZER_JSON

Their weights are random, but large enough that the scores depend on every part of the network.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

VOCAB, HIDDEN, INNER, LAYERS = 49152, 64, 96, 2

LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}

# name: config entries beside the common ones; bias on q, k, v; norms on the heads of q and k
VARIANTS = {
    "llama": ({"model_type": "llama", "tie_word_embeddings": True}, False, False),
    "llama3_rope": ({"model_type": "llama", "rope_scaling": LLAMA3, "head_dim": 32}, False, False),
    "mistral_window": ({"model_type": "mistral", "sliding_window": 24}, False, False),
    "qwen2_bias": ({"model_type": "qwen2", "sliding_window": 24, "use_sliding_window": False}, True, False),
    "qwen3_norms": ({"model_type": "qwen3", "head_dim": 32}, False, True),
}


def tensors(config, bias, norms, rng):
    d = config.get("head_dim", HIDDEN // config["num_attention_heads"])
    q, kv = config["num_attention_heads"] * d, config["num_key_value_heads"] * d

    def matrix(n, k, deviation):
        return (rng.standard_normal((n, k)) * deviation).astype(np.float16)

    def norm(n):
        return (1 + 0.2 * rng.standard_normal(n)).astype(np.float16)

    out = {
        "model.embed_tokens.weight": matrix(VOCAB, HIDDEN, 0.4),
        "model.norm.weight": norm(HIDDEN),
    }
    if not config.get("tie_word_embeddings"):
        out["lm_head.weight"] = matrix(VOCAB, HIDDEN, 0.4)
    for i in range(LAYERS):
        p = f"model.layers.{i}."
        shapes = {"q": (q, HIDDEN), "k": (kv, HIDDEN), "v": (kv, HIDDEN), "o": (HIDDEN, q)}
        for name, (n, k) in shapes.items():
            out[f"{p}self_attn.{name}_proj.weight"] = matrix(n, k, 2 / np.sqrt(k))
            if bias and name != "o":
                out[f"{p}self_attn.{name}_proj.bias"] = rng.standard_normal(n).astype(np.float16)
        for name, (n, k) in {"gate": (INNER, HIDDEN), "up": (INNER, HIDDEN), "down": (HIDDEN, INNER)}.items():
            out[f"{p}mlp.{name}_proj.weight"] = matrix(n, k, 2 / np.sqrt(k))
        out[f"{p}input_layernorm.weight"] = norm(HIDDEN)
        out[f"{p}post_attention_layernorm.weight"] = norm(HIDDEN)
        if norms:
            out[f"{p}self_attn.q_norm.weight"] = norm(d)
            out[f"{p}self_attn.k_norm.weight"] = norm(d)
    return out


def main():
    out, tokenizer = Path(sys.argv[1]), sys.argv[2]
    for seed, (name, (entries, bias, norms)) in enumerate(VARIANTS.items()):
        config = {
            "hidden_size": HIDDEN,
            "intermediate_size": INNER,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "vocab_size": VOCAB,
            "max_position_embeddings": 512,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "tie_word_embeddings": False,
            "hidden_act": "silu",
        } | entries
        directory = out / name
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "config.json").write_text(json.dumps(config))
        save_file(tensors(config, bias, norms, np.random.default_rng(seed)), directory / "model.safetensors")
        shutil.copy(tokenizer, directory / "tokenizer.json")


if __name__ == "__main__":
    main()
