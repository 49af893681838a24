#!/usr/bin/env python3
"""Times this library beside its peers on the CPU, on the same integers, peer by peer in turn.

    peers.py measure [--shape 4096x4096] [--group 128] [--m 1,4,16,64,256,512] [--threads 1,2] [-o CELLS.jsonl]
    peers.py report CELLS.jsonl [-o RESULT.md]

Each peer has a process of its own, which is stopped while another is measured; in a cell of the table (one shape, number
of rows and of threads) they take turns for several rounds. Up to 16 rows the weights are cold, as in a model: a call goes
through copies that are more than five times the last-level cache together, and the figure is the time of one. A table can
be taken in pieces: a cell that is measured again takes the place of the old one, with all its peers.
"""

import argparse
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import machine
from layer import Layer, activations, error

VARIANTS = [
    "awqm/f32", "awqm/f16", "awqm/bf16", "awqm/int8",
    "openvino/f32", "openvino/bf16", "openvino/int8", "ort/f32", "ort/int8", "torch/bf16",
    "ggml/q4_0", "ggml/q4_K", "ggml/q4_K_plain",
]  # fmt: skip
COLD_UP_TO, COLD_BYTES = 16, 160 << 20
ROUNDS, SECONDS, LEAST = 3, 0.25, 2
WAITS = 25  # of 0.2 s each, for a machine that others use
HERE = os.path.dirname(os.path.abspath(__file__))


class Process:
    """A peer in its own process, stopped unless it works."""

    def __init__(self, variant):
        self.variant, self.failed = variant, None
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
        command = [sys.executable, os.path.join(HERE, "worker.py"), variant]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environment
        )

    def send(self, **order):
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def answer(self):
        line = self.process.stdout.readline()
        found = json.loads(line) if line else {"failed": f"ended with status {self.process.wait()}"}
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)
        if "failed" in found:
            self.failed = found["failed"]
            print(f"without {self.variant}: {self.failed}", file=sys.stderr, flush=True)
        return found

    def ask(self, **order):
        self.send(**order)
        return self.answer()

    def end(self):
        self.process.kill()
        self.process.wait()


def start(variants, folder, copies, threads):
    """Processes that hold the layer, and what each said about itself."""
    started = [Process(v) for v in variants]
    said = {}
    for p in started:
        p.send(do="build", layer=folder, copies=copies, threads=threads)
    for p in started:
        said[p.variant] = p.answer()
    return started, said


def wait_for_quiet(pids):
    """Until others use little, but not for ever."""
    for _ in range(WAITS):
        others = machine.Others(pids)
        time.sleep(0.2)
        if others.cores() <= machine.QUIET:
            return


def one_turn(p, pids):
    """Times of one peer's turn and how much of a core others used meanwhile; a spoiled turn is tried once more, and left out
    of the figures if there are quiet ones."""
    for last in (False, True):
        others = machine.Others(pids)
        found = p.ask(do="measure", seconds=SECONDS, least=LEAST)
        used = others.cores()
        if used <= machine.QUIET or last or "failed" in found:
            return found.get("times", []), used
        wait_for_quiet(pids)


def summary(turns):
    """Of all quiet turns, or of all when there is none."""
    quiet = [t for t in turns if t[1] <= machine.QUIET] or turns
    times = [1e6 * t for some, _ in quiet for t in some]
    return {
        "us": statistics.median(times), "min_us": min(times), "samples": len(times),
        "others": round(max(used for _, used in quiet), 3),
    }  # fmt: skip


def cell(running, layer, m, folder, rounds):
    """All peers on m rows: microseconds and errors."""
    x_path, y_path = os.path.join(folder, "x.npy"), os.path.join(folder, "y.npy")
    pids = [p.process.pid for p in running] + [os.getpid()]
    rows = {}
    for p in running:
        errors = []
        for outliers in (True, False):  # Gaussian rows last: they are timed
            x = activations(m, layer.k, outliers)
            np.save(x_path, x)
            if "failed" in p.ask(do="input", x=x_path) or "failed" in p.ask(do="output", y=y_path):
                break
            errors.append(error(layer, x, np.load(y_path)))
        if not p.failed:
            rows[p.variant] = {"turns": [], "error": errors[1], "error_outliers": errors[0]}
    for _ in range(rounds):
        for p in running:
            if p.failed:
                continue
            rows[p.variant]["turns"].append(one_turn(p, pids))
    for p in running:
        if p.failed:
            rows.pop(p.variant, None)
    for row in rows.values():
        row |= summary(row.pop("turns"))
    return rows


def measure(args):
    ms = sorted(args.m)
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        for shape in args.shape:
            k, n = (int(v) for v in shape.split("x"))
            layer = Layer.random(k, n, args.group)
            layer.save(folder)
            cold = max(2, math.ceil(COLD_BYTES / layer.packed_bytes))
            for threads in args.threads:
                for copies, some in ((cold, [m for m in ms if m <= COLD_UP_TO]), (1, [m for m in ms if m > COLD_UP_TO])):
                    if some:
                        piece(args, layer, folder, copies, threads, some)


def piece(args, layer, folder, copies, threads, ms):
    peaks = {p["threads"]: p for p in machine.peaks([threads])}
    running, said = start(args.peers, folder, copies, threads)
    absent = {p.variant: p.failed for p in running if p.failed}
    running = [p for p in running if not p.failed]
    try:
        for m in ms:
            rows = cell(running, layer, m, folder, args.rounds)
            absent |= {p.variant: p.failed for p in running if p.failed}
            running = [p for p in running if not p.failed]
            for variant, row in rows.items():
                row["weight_bytes"] = said[variant]["weight_bytes"]
            found = {
                "k": layer.k, "n": layer.n, "group": layer.group, "m": m, "threads": threads, "copies": copies,
                "packed_bytes": layer.packed_bytes, "load": round(os.getloadavg()[0], 2), "peaks": peaks[threads],
                "about": machine.about(), "versions": {v: s["version"] for v, s in said.items() if "version" in s},
                "absent": absent, "rows": rows,
            }  # fmt: skip
            with open(args.output, "a") as out:
                out.write(json.dumps(found) + "\n")
            best = "  ".join(f"{v} {r['us']:.0f}" for v, r in sorted(rows.items(), key=lambda r: r[1]["us"]))
            print(f"{layer.k}x{layer.n} m {m}, {threads} threads (us): {best}", flush=True)
    finally:
        for p in running:
            p.end()


def numbers(text):
    return [int(v) for v in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    m = commands.add_parser("measure")
    m.add_argument("--shape", type=lambda v: v.split(","), default=["4096x4096"], metavar="KxN,...")
    m.add_argument("--group", type=int, default=128)
    m.add_argument("--m", type=numbers, default=[1, 4, 16, 64, 256, 512])
    m.add_argument("--threads", type=numbers, default=[1, 2])
    m.add_argument("--peers", type=lambda v: v.split(","), default=VARIANTS, metavar="LIBRARY/KIND,...")
    m.add_argument("--rounds", type=int, default=ROUNDS)
    m.add_argument("-o", "--output", default="cells.jsonl")
    r = commands.add_parser("report")
    r.add_argument("cells")
    r.add_argument("-o", "--output", default="-", help="a .md file; the figures go beside it as .json")
    args = parser.parse_args()
    if args.command == "measure":
        return measure(args)
    import report

    report.write(report.read(args.cells), args.output)


if __name__ == "__main__":
    main()
