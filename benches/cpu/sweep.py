#!/usr/bin/env python3
"""No shape falls off a cliff: the share of the machine's floor that each shape, group size and number of rows reaches.

    sweep.py measure [--mode f32,bf16,int8] [--m 1,16] [--threads 1] [--group 128] [--k 64,...] [--n 64,...] [-o SWEEP.jsonl]
    sweep.py plot SWEEP.jsonl [-o PICTURE.svg]

The floor of a cell is the time in which this machine reads the layer's bytes once, or does its products with the mode's
own instruction, whichever is longer; both rates are taken in the same run (benches/matmul.rs). `awqm bench` measures.
"""

import argparse
import json
import os
import subprocess
import sys

import machine
from goals import INSTRUCTION

SIZES = [64, 96, 200, 576, 1000, 1536, 4096, 11008, 32768]
GROUP_SHAPES = ["576x1536", "1000x1000", "4096x4096", "4096x11008"]
GROUPS = [32, 64, 128, -1]
ROWS = [1, 2, 3, 4, 8, 16, 17, 64, 100, 512]
MOST_OPERATIONS = 1e11  # a larger cell takes seconds and says nothing that a smaller one does not
PASSES = 2
MODES = {"f32": ("f32", "exact"), "f16": ("f16", "exact"), "bf16": ("bf16", "exact"), "int8": ("f32", "int8")}
KIND = {"f32": "exact", "f16": "exact", "bf16": "bf16", "int8": "int8"}


def peak(peaks, mode):
    rates = [rate for name, rate in peaks.items() if name.startswith(INSTRUCTION[KIND[mode]] + "_")]
    return max(rates, default=None)


def bench(shapes, group, ms, mode, threads, seconds):
    dtype, compute = MODES[mode]
    command = [
        os.path.join(machine.ROOT, "target", "awqm"), "bench", "--shape", ",".join(shapes), "--group-size", str(group),
        "--m", ",".join(map(str, ms)), "--dtype", dtype, "--compute", compute, "--threads", str(threads),
        "--kernel", "auto", "--seconds", str(seconds), "--json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return json.loads(done.stdout)["results"]


def best_of(passes, *what):
    """A cliff is there every time; what a neighbour on the machine does is not."""
    taken = [bench(*what) for _ in range(passes)]
    return [min(same, key=lambda r: r["median_us"]) for same in zip(*taken)]


def batches(shapes, ms):
    """Shapes that take the same numbers of rows."""
    found = {}
    for shape in shapes:
        found.setdefault(tuple(m for m in ms if 2 * m * size(shape) <= MOST_OPERATIONS), []).append(shape)
    return [(some, rows) for rows, some in found.items() if rows]


def cell(r, group, mode, threads, peaks):
    """One result of awqm bench beside its floor."""
    rate = peak(peaks, mode)
    read_us = r["weight_bytes"] / peaks["read"] / 1e3
    products_us = 2 * r["m"] * r["k"] * r["n"] / rate / 1e3 if rate else 0
    floor = max(read_us, products_us)
    return {
        "k": r["k"], "n": r["n"], "group": group, "m": r["m"], "mode": mode, "threads": threads, "us": r["median_us"],
        "floor_us": floor, "share": floor / r["median_us"], "limit": "reading" if read_us > products_us else "products",
        "peaks": peaks,
    }  # fmt: skip


def measure(args):
    peaks = {p["threads"]: p for p in machine.peaks(args.threads)}
    about = machine.about()
    with open(args.output, "a") as out:
        for threads in args.threads:
            for mode in args.mode:
                for group in args.group:
                    for shapes, rows in batches(args.shapes, args.m):
                        for r in best_of(PASSES, shapes, group, rows, mode, threads, args.seconds):
                            out.write(json.dumps({**cell(r, group, mode, threads, peaks[threads]), "about": about}) + "\n")
                        out.flush()
                print(f"{mode}, {threads} threads: {len(args.shapes)} shapes", file=sys.stderr)


def size(shape):
    k, n = shape.split("x")
    return int(k) * int(n)


def read(path):
    """Cells by place; of a place that was measured again, the last."""
    cells = {}
    with open(path) as lines:
        for line in lines:
            c = json.loads(line)
            cells[c["mode"], c["threads"], c["group"], c["m"], c["k"], c["n"]] = c
    return list(cells.values())


def describe(c):
    return (
        f"K {c['k']}, N {c['n']}, groups of {c['group']}, M = {c['m']}, {c['mode']}, {c['threads']} threads: {c['us']:.1f} us, "
        f"floor {c['floor_us']:.1f} us ({c['limit']}), {100 * c['share']:.0f} %"
    )


def worst(cells):
    """The lowest shares, and the lowest of layers that take longer than a call costs."""
    lines = ["worst: " + describe(min(cells, key=lambda c: c["share"]))]
    for least in (20, 200):
        large = [c for c in cells if c["floor_us"] >= least]
        if large:
            lines.append(f"worst with a floor of {least} us or more: " + describe(min(large, key=lambda c: c["share"])))
    return lines


def numbers(text):
    return [int(v) for v in text.split(",")]


def words(text):
    return text.split(",")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    m = commands.add_parser("measure")
    m.add_argument("--mode", type=words, default=["f32", "bf16", "int8"])
    m.add_argument("--m", type=numbers, default=ROWS)
    m.add_argument("--threads", type=numbers, default=[1])
    m.add_argument("--group", type=numbers, default=[128])
    m.add_argument("--k", type=numbers, default=SIZES)
    m.add_argument("--n", type=numbers, default=SIZES, help="each K with each N")
    m.add_argument("--shapes", type=words, help="KxN,... instead of --k and --n")
    m.add_argument("--groups", action="store_true", help="a few shapes with every group size")
    m.add_argument("--seconds", type=float, default=0.02, help="for each cell")
    m.add_argument("-o", "--output", default="sweep.jsonl")
    p = commands.add_parser("plot")
    p.add_argument("cells")
    p.add_argument("-o", "--output", default="sweep.svg")
    args = parser.parse_args()
    if args.command == "measure":
        if args.groups:
            args.shapes, args.group = GROUP_SHAPES, GROUPS
        args.shapes = args.shapes or [f"{k}x{n}" for k in args.k for n in args.n]
        return measure(args)
    import sweep_plot

    cells = read(args.cells)
    sweep_plot.draw(cells, args.output)
    print("\n".join(worst(cells)))


if __name__ == "__main__":
    main()
