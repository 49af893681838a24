#!/usr/bin/env python3
"""Writes what flows into the linear layers of a Llama directory, as another program would capture it.

usage: capture.py MODEL_DIR TEXT_FILE OUT.safetensors     the first 256 tokens of the text
"""

import sys
from pathlib import Path

import numpy as np
from reference_perplexity import Llama, book_text
from safetensors.numpy import save_file
from tokenizers import Tokenizer

# Of layers that share an input the first.
SEEN = {
    "q": "self_attn.q_proj",
    "o": "self_attn.o_proj",
    "gate": "mlp.gate_proj",
    "down": "mlp.down_proj",
}


def watched(linear, name, inputs):
    def run(x):
        inputs[name] = x.astype(np.float16)
        return linear(x)

    return run


def main():
    directory, text, out = sys.argv[1:]
    model, inputs = Llama(directory), {}
    for i, block in enumerate(model.blocks):
        for key, name in SEEN.items():
            block[key] = watched(block[key], f"model.layers.{i}.{name}", inputs)
    tokenizer = Tokenizer.from_file(str(Path(directory) / "tokenizer.json"))
    model.logits(np.array(tokenizer.encode(book_text(text), add_special_tokens=False).ids[:256]))
    save_file(inputs, out)


if __name__ == "__main__":
    main()
