#!/usr/bin/env python3
"""Perplexity of a Hugging Face Llama directory, computed in plain NumPy.

usage: reference_perplexity.py MODEL_DIR TEXT_FILE [--window 512] [--windows N] [--json]

It shares no line with the library or the tool, so that their figures can be held against it. The model
may be dense (F16, BF16, F32) or AWQ (`version: gemm`); every product is taken in float32, every
normalization, softmax and sum in float64.

The text: a byte order mark is dropped, line ends become \\n, and of a Project Gutenberg book only what
lies between the lines `*** START OF ...` and `*** END OF ...` counts, without blank space at either end.
It is cut into windows of --window tokens that do not overlap; a last, partial window is left out, unless
it is the only one. Each window starts from an empty context and is scored from its second token on.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

AWQ_ORDER = np.array([0, 2, 4, 6, 1, 3, 5, 7])  # column of an eight-column block that nibble i holds


def read_safetensors(directory):
    """name -> array; F16 and F32 as they are, BF16 widened to float32."""
    tensors = {}
    for path in sorted(Path(directory).glob("*.safetensors")):
        raw = np.memmap(path, np.uint8, "r")
        header = int(raw[:8].view("<u8")[0])
        for name, t in json.loads(bytes(raw[8 : 8 + header])).items():
            if name == "__metadata__":
                continue
            begin, end = (8 + header + o for o in t["data_offsets"])
            data = np.array(raw[begin:end])
            if t["dtype"] == "BF16":
                array = (data.view("<u2").astype(np.uint32) << 16).view(np.float32)
            else:
                array = data.view({"F16": "<f2", "F32": "<f4", "I32": "<i4", "I64": "<i8"}[t["dtype"]])
            tensors[name] = array.reshape(t["shape"])
    return tensors


def unpack_columns(words):
    """I32 [R, C] -> codes uint8 [R, 8C]; nibble i of a word is its column AWQ_ORDER[i]."""
    nibbles = (words.view(np.uint32)[..., None] >> (4 * np.arange(8, dtype=np.uint32))) & 15
    out = np.empty(nibbles.shape, np.uint8)
    out[..., AWQ_ORDER] = nibbles
    return out.reshape(words.shape[0], -1)


class Linear:
    """y = x W^T + b with W [N, K] in float32, whatever the file holds."""

    def __init__(self, tensors, name, group_size):
        if name + ".qweight" in tensors:
            q = unpack_columns(tensors[name + ".qweight"])
            z = unpack_columns(tensors[name + ".qzeros"])
            s = tensors[name + ".scales"].astype(np.float32)
            group = np.arange(q.shape[0]) // (group_size if group_size > 0 else q.shape[0])
            self.weight = ((q.astype(np.float32) - z[group]) * s[group]).T
        else:
            self.weight = tensors[name + ".weight"].astype(np.float32)
        self.bias = tensors.get(name + ".bias")

    def __call__(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias.astype(np.float32)


def rope_frequencies(c, d):
    """Angle per position of each pair, with the stretching of `rope_scaling`."""
    f = c["rope_theta"] ** (-np.arange(0, d, 2) / d)
    scaling = c.get("rope_scaling") or {"rope_type": "default"}
    kind = scaling["rope_type"]
    if kind == "linear":
        return f / scaling["factor"]
    if kind == "llama3":
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        turns = scaling["original_max_position_embeddings"] * f / (2 * np.pi)
        kept = np.clip((turns - low) / (high - low), 0, 1)
        return kept * f + (1 - kept) * f / scaling["factor"]
    if kind != "default":
        sys.exit(f"rope type {kind} is beyond this reference")
    return f


def rms_norm(x, weight, eps):
    x = x.astype(np.float64)
    return (x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight).astype(np.float32)


def rotate(x, cos, sin):
    """x [T, heads, d]: the halves (i, i + d/2) turn by their position's angle."""
    a, b = np.split(x, 2, -1)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1).astype(np.float32)


def softmax(x):
    e = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


class Llama:
    def __init__(self, directory):
        c = json.loads((Path(directory) / "config.json").read_text())
        t = read_safetensors(directory)
        group = c.get("quantization_config", {}).get("group_size", 0)
        self.heads, self.kv_heads = c["num_attention_heads"], c["num_key_value_heads"]
        self.head_dim = c.get("head_dim") or c["hidden_size"] // self.heads
        self.eps = c["rms_norm_eps"]
        self.frequencies = rope_frequencies(c, self.head_dim)
        self.window = c.get("sliding_window") if c["model_type"] == "mistral" else None
        self.embedding = t["model.embed_tokens.weight"].astype(np.float32)
        self.norm = t["model.norm.weight"]
        tied = c.get("tie_word_embeddings")
        self.head = self.embedding.T if tied else t["lm_head.weight"].astype(np.float32).T
        self.blocks = []
        for i in range(c["num_hidden_layers"]):
            p = f"model.layers.{i}."
            block = {n: Linear(t, f"{p}self_attn.{n}_proj", group) for n in "qkvo"}
            block |= {n: Linear(t, f"{p}mlp.{n}_proj", group) for n in ("gate", "up", "down")}
            block |= {n: t[f"{p}{n}.weight"] for n in ("input_layernorm", "post_attention_layernorm")}
            block |= {n: t.get(f"{p}self_attn.{n}.weight") for n in ("q_norm", "k_norm")}
            self.blocks.append(block)

    def attention(self, b, x):
        n, d = len(x), self.head_dim
        angle = np.arange(n)[:, None] * self.frequencies
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
        q = b["q"](x).reshape(n, self.heads, d)
        k = b["k"](x).reshape(n, self.kv_heads, d)
        v = b["v"](x).reshape(n, self.kv_heads, d)
        if b["q_norm"] is not None:
            q, k = rms_norm(q, b["q_norm"], self.eps), rms_norm(k, b["k_norm"], self.eps)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        hidden = np.triu(np.full((n, n), -np.inf, np.float32), 1)
        if self.window:
            hidden += np.tril(np.full((n, n), -np.inf, np.float32), -self.window)
        out = np.empty_like(q)
        for h in range(self.heads):
            kv = h * self.kv_heads // self.heads
            out[:, h] = softmax(q[:, h] @ k[:, kv].T / np.sqrt(d) + hidden) @ v[:, kv]
        return b["o"](out.reshape(n, -1))

    def logits(self, ids):
        x = self.embedding[ids]
        for b in self.blocks:
            x = x + self.attention(b, rms_norm(x, b["input_layernorm"], self.eps))
            h = rms_norm(x, b["post_attention_layernorm"], self.eps)
            gate = b["gate"](h)
            x = x + b["down"](gate / (1 + np.exp(-gate)) * b["up"](h))
        return rms_norm(x, self.norm, self.eps) @ self.head


def score(logits, ids):
    """Negative log-likelihood, in nats, of every token but the first."""
    x = logits[:-1].astype(np.float64)
    top = x.max(-1)
    total = np.log(np.exp(x - top[:, None]).sum(-1)) + top
    return total - x[np.arange(len(x)), ids[1:]]


def book_text(path):
    text = Path(path).read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    lines = text.split("\n")
    start = next((i + 1 for i, line in enumerate(lines) if line.startswith("*** START OF")), 0)
    end = next((i for i, line in enumerate(lines) if line.startswith("*** END OF")), len(lines))
    return "\n".join(lines[start:end]).strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--windows", type=int, default=0, help="0 means all")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()

    tokenizer = Tokenizer.from_file(str(Path(args.model) / "tokenizer.json"))
    ids = np.array(tokenizer.encode(book_text(args.text), add_special_tokens=False).ids)
    count = max(1, len(ids) // args.window)
    if args.windows:
        count = min(count, args.windows)
    model = Llama(args.model)
    nll = []
    for w in range(count):
        window = ids[w * args.window : (w + 1) * args.window]
        nll.extend(score(model.logits(window), window))
        print(f"window {w + 1}/{count}: {np.exp(np.mean(nll)):.4f}", file=sys.stderr)
    perplexity = float(np.exp(np.mean(nll)))
    if args.json:
        result = {"perplexity": perplexity, "tokens": len(nll), "windows": count, "window": args.window}
        print(json.dumps(result))
    else:
        print(f"perplexity {perplexity:.4f} over {len(nll)} tokens")


if __name__ == "__main__":
    main()
