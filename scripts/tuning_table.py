#!/usr/bin/env python3
"""Makes a tuning table from what `bench --tune` of `make gpu-check` measured on a GPU.

    tuning_table.py tune.json > src/cuda/tuning/NAME.json

The table has the fastest cut for each layer and number of rows. The library checks it: `cargo test --lib tuning` for a file
that it ships, or awqm_device_create_cuda for one that is handed over.
"""

import argparse
import json
import sys


def fastest(timings):
    """The fastest cut for each layer and number of rows."""
    best = {}
    for t in timings:
        key = (t["k"], t["n"], t["bits"], t["m"])
        if key not in best or t["us"] < best[key]["us"]:
            best[key] = t
    return [best[key] for key in sorted(best)]


def table(report):
    capability = report["capability"]
    basis = f"measured on {report['gpu']}, driver {report['driver']}, {report['library']}: {report['method']}"
    lines = []
    for t in fastest(report["tuning"]):
        # One name for the tiles on every GPU.
        kernel = "gemv" if t["kernel"] == "gemv" else "gemm"
        entry = {**{key: t[key] for key in ("k", "n", "bits", "m")}, "kernel": kernel, "cut": t["cut"], "us": t["us"]}
        lines.append("  " + json.dumps(entry))
    gpu = {"capability": f"{capability // 10}.{capability % 10}", "multiprocessors": report["multiprocessors"]}
    entries = "[\n" + ",\n".join(lines) + "\n ]" if lines else "[]"
    return f'{{"tuning": 1,\n "gpu": {json.dumps(gpu)},\n "basis": {json.dumps(basis)},\n "entries": {entries}}}\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", help="the JSON that `bench --tune` wrote")
    args = parser.parse_args()
    with open(args.report) as file:
        report = json.load(file)
    if not report.get("tuning"):
        sys.exit(f"{args.report}: holds no timings of cuts (bench --tune writes them)")
    sys.stdout.write(table(report))


if __name__ == "__main__":
    main()
