#!/usr/bin/env python3
"""Puts the results of scripts/quality.sh into the document: the tables between its marks, and the picture.

usage: report.py RESULTS_DIR DOCUMENT
"""

import json
import re
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "awq-marlin"  # the same picture gives the same file
import matplotlib.pyplot as plt  # noqa: E402

METHODS = {"rtn": "round to nearest", "faithful": "AWQ, faithful", "better": "AWQ, better"}
PICTURE = """Error of each layer's output on the calibration text, as a share of the output's mean square; SmolLM2-135M, group size 32:

![error of each layer](quantization.svg)"""


class Results:
    def __init__(self, directory):
        self.directory = Path(directory)

    def __getitem__(self, name):
        return json.loads((self.directory / f"{name}.json").read_text())


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def perplexities(r):
    fp16 = r["smollm2-fp16"]
    rows = []
    for group in (32, 64):
        found = {m: r[f"smollm2-{m}-{group}"]["perplexity"] for m in METHODS}
        gap = found["rtn"] - fp16["perplexity"]
        cells = [f"{found['rtn']:.3f}"]
        for m in ("faithful", "better"):
            cells.append(f"{found[m]:.3f} ({100 * (found['rtn'] - found[m]) / gap:.0f} % of the gap closed)")
        rows.append([str(group), f"{fp16['perplexity']:.3f}", *cells])
    note = f"\n\n{fp16['tokens']:,} tokens scored in windows of {fp16['window']}."
    return table(["group size", "fp16", *METHODS.values()], rows) + note


def embeddings(r):
    rows = []
    for group in (32, 64, 128):
        found = [r[f"minilm-{m}-{group}"] for m in METHODS]
        rows.append([f"{group}, cosine", "1", *(f"{f['cosine']:.5f}" for f in found)])
        rows.append([f"{group}, rank correlation", "1", *(f"{f['rank_correlation']:.5f}" for f in found)])
    return table(["group size", "fp32", *METHODS.values()], rows)


def errors(result):
    """Name -> error and error of round to nearest, relative to the layer's mean square output."""
    out = {}
    for group in result["awq"]["groups"]:
        for layer in group["layers"]:
            out[layer["name"]] = (layer["error"] / layer["output"], layer["error_rtn"] / layer["output"])
    return out


def picture(r, path):
    """Relative output error of every layer of SmolLM2 at group size 32."""
    faithful, better = (errors(r[f"smollm2-{m}-32-quantize"]) for m in ("faithful", "better"))
    kinds = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    figure, axes = plt.subplots(2, 4, figsize=(12, 5.2), sharex=True, layout="constrained")
    for kind, axis in zip(kinds, axes.flat):
        names = [n for n in better if n.endswith(kind)]
        block = [int(re.search(r"\d+", n)[0]) for n in names]
        axis.plot(block, [better[n][1] for n in names], "o-", ms=3, lw=1, color="#999999", label=METHODS["rtn"])
        axis.plot(block, [faithful[n][0] for n in names], "s-", ms=3, lw=1, color="#d97b29", label=METHODS["faithful"])
        axis.plot(block, [better[n][0] for n in names], "^-", ms=3, lw=1, color="#2a6fb0", label=METHODS["better"])
        axis.set_yscale("log")
        axis.set_title(kind, fontsize=10)
        axis.grid(True, which="major", lw=0.3)
    axes.flat[-1].axis("off")
    axes.flat[-1].legend(*axes.flat[0].get_legend_handles_labels(), loc="center", frameon=False)
    figure.supxlabel("block")
    figure.supylabel("error of the output, share of its mean square")
    figure.savefig(path, metadata={"Date": None})


def fill(text, mark, content):
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    if begin not in text or end not in text:
        sys.exit(f"the document lacks {begin} or {end}")
    head, rest = text.split(begin)
    return f"{head}{begin}\n{content}\n{end}{rest.split(end)[1]}"


def main():
    results, document = Results(sys.argv[1]), Path(sys.argv[2])
    text = document.read_text()
    text = fill(text, "perplexity", perplexities(results))
    text = fill(text, "embeddings", embeddings(results))
    text = fill(text, "picture", PICTURE)
    picture(results, document.with_name("quantization.svg"))
    document.write_text(text)


if __name__ == "__main__":
    main()
