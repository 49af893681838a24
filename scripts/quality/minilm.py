#!/usr/bin/env python3
"""all-MiniLM-L6-v2 before and after quantization.

usage: minilm.py capture MODEL TEXT OUT.safetensors     inputs of the linear layers for sentences of a text
       minilm.py compare MODEL QUANTIZED TEXT           embeddings of 500 sentences, as JSON:
                                                        mean cosine with the model's own, and the rank
                                                        correlation (Spearman) of the similarity of all pairs
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
from encoder import Encoder
from reference_perplexity import book_text
from safetensors.numpy import save_file

CALIBRATION_SENTENCES = 384
SENTENCES = 500


def sentences(path, count):
    """`count` sentences of 40 to 240 characters, spread evenly over the text."""
    words = " ".join(book_text(path).split())
    found = [s for s in re.split(r"(?<=[.!?])[\"']* +(?=[A-Z\"'])", words) if 40 <= len(s) <= 240]
    if len(found) < count:
        sys.exit(f"{path}: has {len(found)} sentences (needed {count})")
    return [found[i * len(found) // count] for i in range(count)]


def capture(model, text, out):
    seen = {}

    def see(layer, x):
        seen.setdefault(layer, []).append(x.astype(np.float16))

    encoder = Encoder(model)
    for sentence in sentences(text, CALIBRATION_SENTENCES):
        encoder.embed(sentence, see)
    save_file({layer: np.concatenate(parts) for layer, parts in seen.items()}, out)


def ranks(x):
    out = np.empty(len(x))
    out[np.argsort(x, kind="stable")] = np.arange(len(x))
    return out


def compare(model, quantized, text):
    chosen = sentences(text, SENTENCES)
    kept = Path(quantized).parent / "minilm-fp32.npy"  # the model's own embeddings, for the next comparison
    if not kept.exists():
        encoder = Encoder(model)
        np.save(kept, np.stack([encoder.embed(s) for s in chosen]))
    before, encoder = np.load(kept), Encoder(quantized)
    after = np.stack([encoder.embed(s) for s in chosen])
    pairs = np.triu_indices(len(chosen), 1)
    similarity = [ranks((e @ e.T)[pairs]) for e in (before, after)]
    result = {
        "cosine": float((before * after).sum(1).mean()),
        "worst_cosine": float((before * after).sum(1).min()),
        "rank_correlation": float(np.corrcoef(*similarity)[0, 1]),
        "sentences": len(chosen),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    {"capture": capture, "compare": compare}[sys.argv[1]](*sys.argv[2:])
