#!/usr/bin/env python3
"""Turns a GGUF file of the Llama family into a Hugging Face directory in fp16.

usage: gguf_to_hf.py MODEL.gguf OUT_DIR

Weights are dequantized to float32 and rounded once to fp16; the file's own quantization error stays.
Written: config.json, generation_config.json, model.safetensors, tokenizer.json, tokenizer_config.json.
"""

import json
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFReader, GGUFValueType
from gguf.quants import dequantize
from safetensors.numpy import save_file

# GGUF names of one block's tensors, and what Hugging Face calls them.
BLOCK = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OUTER = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}

CONTROL = 3  # the token type of special tokens

# How a model splits text before the merges are applied, by its name in tokenizer.ggml.pre.
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
PRE_TOKENIZERS = {
    "smollm": {
        "type": "Sequence",
        "pretokenizers": [{"type": "Digits", "individual_digits": True}, BYTE_LEVEL],
    },
    "gpt-2": BYTE_LEVEL,
}


def metadata(reader):
    """Every key of the file as a plain Python value."""

    def value(field):
        if field.types[0] != GGUFValueType.ARRAY:
            return scalar(field.parts[field.data[0]], field.types[0])
        return [scalar(field.parts[i], field.types[1]) for i in field.data]

    def scalar(part, kind):
        return bytes(part).decode() if kind == GGUFValueType.STRING else part[0].item()

    return {name: value(field) for name, field in reader.fields.items()}


def hf_name(name):
    stem, suffix = name.rsplit(".", 1)
    if stem.startswith("blk."):
        _, block, inner = stem.split(".", 2)
        return f"model.layers.{block}.{BLOCK[inner]}.{suffix}"
    return f"{OUTER[stem]}.{suffix}"


def unpermute(w, heads):
    """llama.cpp rotates neighbours (2i, 2i+1); Hugging Face rotates halves (i, i + d/2).

    Its converter therefore reorders the output rows of q and k within each head; this undoes it."""
    return w.reshape(heads, w.shape[0] // heads // 2, 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def tensors(reader, heads, kv_heads):
    out = {}
    for t in reader.tensors:
        w = dequantize(t.data, t.tensor_type)
        if ".attn_q." in t.name:
            w = unpermute(w, heads)
        elif ".attn_k." in t.name:
            w = unpermute(w, kv_heads)
        out[hf_name(t.name)] = np.ascontiguousarray(w.astype(np.float16))
    return out


def tokenizer(meta):
    tokens = meta["tokenizer.ggml.tokens"]
    special = [i for i, kind in enumerate(meta["tokenizer.ggml.token_type"]) if kind == CONTROL]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": i,
                "content": tokens[i],
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for i in special
        ],
        "normalizer": None,
        "pre_tokenizer": PRE_TOKENIZERS[meta["tokenizer.ggml.pre"]],
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {t: i for i, t in enumerate(tokens)},
            "merges": meta["tokenizer.ggml.merges"],
        },
    }


def short_decimal(x):
    """0.00001 rather than the float32 that stands for it."""
    return float(f"{x:.7g}")


def main():
    source, out = sys.argv[1], Path(sys.argv[2])
    reader = GGUFReader(source)
    meta = metadata(reader)
    if meta["general.architecture"] != "llama":
        sys.exit(f"{source}: architecture {meta['general.architecture']} is not llama")
    heads, kv_heads = meta["llama.attention.head_count"], meta["llama.attention.head_count_kv"]
    weights = tensors(reader, heads, kv_heads)
    tokens = meta["tokenizer.ggml.tokens"]
    bos, eos = meta["tokenizer.ggml.bos_token_id"], meta["tokenizer.ggml.eos_token_id"]
    pad = meta["tokenizer.ggml.padding_token_id"]

    out.mkdir(parents=True)
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    files = {
        "config.json": {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_act": "silu",
            "hidden_size": meta["llama.embedding_length"],
            "intermediate_size": meta["llama.feed_forward_length"],
            "num_hidden_layers": meta["llama.block_count"],
            "num_attention_heads": heads,
            "num_key_value_heads": kv_heads,
            "max_position_embeddings": meta["llama.context_length"],
            "rms_norm_eps": short_decimal(meta["llama.attention.layer_norm_rms_epsilon"]),
            "rope_theta": meta["llama.rope.freq_base"],
            "rope_scaling": None,
            "tie_word_embeddings": "lm_head.weight" not in weights,
            "vocab_size": len(tokens),
            "bos_token_id": bos,
            "eos_token_id": eos,
            "pad_token_id": pad,
            "torch_dtype": "float16",
        },
        "generation_config.json": {"bos_token_id": bos, "eos_token_id": eos, "pad_token_id": pad},
        "tokenizer.json": tokenizer(meta),
        "tokenizer_config.json": {
            "tokenizer_class": "GPT2Tokenizer",
            "add_prefix_space": False,
            "bos_token": tokens[bos],
            "eos_token": tokens[eos],
            "pad_token": tokens[pad],
            "unk_token": tokens[meta["tokenizer.ggml.unknown_token_id"]],
            "clean_up_tokenization_spaces": False,
            "model_max_length": meta["llama.context_length"],
            "chat_template": meta["tokenizer.chat_template"],
        },
    }
    for name, content in files.items():
        (out / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
