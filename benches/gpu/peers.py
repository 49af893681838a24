#!/usr/bin/env python3
"""Times this library beside other ways to multiply with 4-bit weights, in one run on one GPU, and draws time against M.

    peers.py --awqm bin/awqm [-o FOLDER] [--shapes KxN,...] [--rows 1,2,...] [--dtype bf16|f16]
    peers.py --merge FILE... -o FOLDER      draws results that were taken before
    peers.py --self-test                    proves the merging and drawing on simulated input; needs no GPU

The peers, each left out with its reason where it does not run here:
  cublas       PyTorch's dense product in the same dtype
  int4pack     PyTorch's _weight_int4pack_mm: bf16, groups of 128
  gemlite      GemLite's Triton kernels
  ours         `awqm bench --json`, GEMV and GEMM side by side

Every time is that of one launch among many in a CUDA graph, the median of replays; the launches go round copies of the
weights that together exceed the L2 cache three times.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import plot  # noqa: E402

SHAPES = "4096x4096,4096x14336,14336x4096,8192x28672"
ROWS = "1,2,4,8,16,32,64,128,256,512,1024,4096"
GROUP = 128
REPLAYS = 15
GRAPH_SECONDS = 0.01
MOST_LAUNCHES = 512


def shapes_of(text):
    return [tuple(int(size) for size in shape.split("x")) for shape in text.split(",")]


def rows_of(text):
    return [int(m) for m in text.split(",")]


def row(peer, k, n, m, us, **more):
    """One measurement, of whatever peer, in the form that results have."""
    return {"peer": peer, "k": k, "n": n, "m": m, "us": us, **more}


# --- ours ---


def from_awqm(report):
    """Rows of `awqm bench --json`."""
    return [
        row(
            f"ours, {r['kernel']}",
            r["k"],
            r["n"],
            r["m"],
            r["median_us"],
            auto=r["auto"],
            code=r.get("code"),
            splits=r.get("splits"),
            roof_us=r.get("roof_us"),
            predicted_us=r.get("predicted_us"),
            dense_predicted_us=r.get("dense_predicted_us"),
        )
        for r in report["results"]
    ]


def ours(awqm, shapes, rows, dtype):
    command = [awqm, "bench", "--device", "cuda:0", "--json", "--dtype", dtype, "--group-size", str(GROUP)]
    command += ["--shape", ",".join(f"{k}x{n}" for k, n in shapes), "--m", ",".join(map(str, rows))]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


# --- the peers ---


class Timer:
    """Times launches in CUDA graphs."""

    def __init__(self, torch):
        self.torch = torch
        properties = torch.cuda.get_device_properties(0)
        self.cache_bytes = getattr(properties, "L2_cache_size", 0) or 50 << 20

    def copies(self, weight_bytes):
        return 3 * self.cache_bytes // weight_bytes + 2

    def replay_us(self, graph):
        start, end = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        graph.replay()
        end.record()
        end.synchronize()
        return 1e3 * start.elapsed_time(end)

    def graph(self, launches):
        torch = self.torch
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for launch in launches:
                launch()
        return graph

    def us(self, works):
        """Median microseconds of one launch that goes round `works`."""
        torch = self.torch
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):  # what is compiled or chosen at the first call must not be in a capture
            for _ in range(3):
                for work in works:
                    work()
        torch.cuda.synchronize()
        graph = self.graph(works)
        self.replay_us(graph)
        rounds = int(1e6 * GRAPH_SECONDS / max(self.replay_us(graph), 1e-3)) + 1
        rounds = max(1, min(rounds, MOST_LAUNCHES // len(works)))
        if rounds > 1:
            graph = self.graph(works * rounds)
            self.replay_us(graph)
        times = sorted(self.replay_us(graph) for _ in range(REPLAYS))
        return times[len(times) // 2] / (len(works) * rounds)


def cublas(torch, timer, k, n, dtype):
    """A dense product for each number of rows."""
    copies = [torch.randn(n, k, device="cuda", dtype=dtype) for _ in range(timer.copies(2 * k * n))]
    return lambda x: [lambda w=w: torch.nn.functional.linear(x, w) for w in copies]


def int4pack(torch, timer, k, n, dtype):
    if dtype != torch.bfloat16:
        raise RuntimeError("takes bf16 only")
    copies = []
    for _ in range(timer.copies(k * n // 2)):
        codes = torch.randint(0, 256, (n, k // 2), device="cuda", dtype=torch.uint8)
        packed = torch.ops.aten._convert_weight_to_int4pack(codes, 8)
        scales = torch.rand(k // GROUP, n, 2, device="cuda", dtype=dtype)
        copies.append((packed, scales))
    return lambda x: [lambda w=w: torch.ops.aten._weight_int4pack_mm(x, w[0], GROUP, w[1]) for w in copies]


def gemlite(torch, timer, k, n, dtype):
    from gemlite.core import DType, GemLiteLinear

    kind = DType.BF16 if dtype == torch.bfloat16 else DType.FP16
    copies = []
    for _ in range(timer.copies(k * n // 2)):
        layer = GemLiteLinear(4, group_size=GROUP, in_features=k, out_features=n, input_dtype=kind, output_dtype=kind)
        codes = torch.randint(0, 16, (n, k), device="cuda", dtype=torch.uint8)
        scales = torch.rand(n * k // GROUP, 1, device="cuda", dtype=dtype)
        zeros = torch.randint(0, 16, (n * k // GROUP, 1), device="cuda").to(dtype)
        layer.pack(codes, scales, zeros, None)
        copies.append(layer)
    return lambda x: [lambda layer=layer: layer(x) for layer in copies]


PEERS = {"cublas": cublas, "int4pack": int4pack, "gemlite": gemlite}


def peers(shapes, rows, dtype_name):
    """Rows of every peer that runs here, and why the others do not."""
    found, absent = [], {}
    try:
        import torch
    except ImportError as e:
        return found, {peer: f"PyTorch cannot be imported: {e}" for peer in PEERS}, {}
    if not torch.cuda.is_available():
        return found, {peer: "PyTorch sees no GPU" for peer in PEERS}, {}
    dtype = {"bf16": torch.bfloat16, "f16": torch.float16}[dtype_name]
    timer = Timer(torch)
    about = {"torch": torch.__version__, "cuda": torch.version.cuda, "gpu": torch.cuda.get_device_name(0)}
    for name, make in PEERS.items():
        for k, n in shapes:
            try:
                works = make(torch, timer, k, n, dtype)
                for m in rows:
                    x = torch.randn(m, k, device="cuda", dtype=dtype)
                    found.append(row(name, k, n, m, timer.us(works(x))))
                    print(f"{name:9} {k}x{n} m {m:5} {found[-1]['us']:9.2f} us", flush=True)
            except Exception as e:  # a peer that fails must not cost the others' figures
                absent[name] = f"{k}x{n}: {type(e).__name__}: {e}".splitlines()[0]
                print(f"{name}: {absent[name]}", file=sys.stderr)
                torch.cuda.empty_cache()
                break
            works = None
            torch.cuda.empty_cache()
    return found, absent, about


# --- together ---


def merge(reports):
    """One result of several: the rows of all, of a peer and case the last."""
    merged = {"rows": [], "absent": {}, "about": {}}
    rows = {}
    for report in reports:
        for key in ("gpu", "dtype", "roof_gbps", "simulated"):
            if report.get(key) is not None:
                if merged.get(key, report[key]) != report[key]:
                    raise SystemExit(f"results of different {key} do not go together: {merged[key]}, {report[key]}")
                merged[key] = report[key]
        for r in report["rows"]:
            rows[r["peer"], r["k"], r["n"], r["m"]] = r
        merged["absent"].update(report.get("absent", {}))
        merged["about"].update(report.get("about", {}))
    merged["rows"] = sorted(rows.values(), key=lambda r: (r["k"], r["n"], r["m"], r["peer"]))
    return merged


def slower_cells(result):
    """Cells where the best of ours is slower than a quantized peer."""
    best, worst = {}, []
    for r in result["rows"]:
        cell = (r["k"], r["n"], r["m"])
        kind = "ours" if r["peer"].startswith("ours") else r["peer"]
        if kind != "cublas":
            best[cell, kind] = min(r["us"], best.get((cell, kind), float("inf")))
    for (cell, kind), us in sorted(best.items()):
        mine = best.get((cell, "ours"))
        if kind != "ours" and mine is not None and mine > us:
            worst.append({"k": cell[0], "n": cell[1], "m": cell[2], "peer": kind, "us": us, "ours_us": mine})
    return worst


def write(result, folder):
    os.makedirs(folder, exist_ok=True)
    result["slower_than_a_peer"] = slower_cells(result)
    with open(os.path.join(folder, "peers.json"), "w") as out:
        json.dump(result, out, indent=1)
        out.write("\n")
    for k, n in sorted({(r["k"], r["n"]) for r in result["rows"]}):
        with open(os.path.join(folder, f"time_{k}x{n}.svg"), "w") as out:
            out.write(plot.time_against_rows(result, k, n))


def measured(awqm, shapes, rows, dtype):
    report = ours(awqm, shapes, rows, dtype)
    found, absent, about = peers(shapes, rows, dtype)
    about["library"] = report["library"]
    return {
        "gpu": report["device_name"],
        "dtype": dtype,
        "roof_gbps": report["roof_gbps"],
        "method": report["method"],
        "rows": from_awqm(report) + found,
        "absent": absent,
        "about": about,
    }


# --- the self-test ---


def simulated():
    """A result with made-up times. Nothing of it was measured, and everything made of it says so."""
    def us(bytes_each, flops, share):
        return max(bytes_each / 3e6, flops / 6e8) / share
    rows = []
    for k, n in shapes_of("4096x4096,8192x28672"):
        for m in rows_of(ROWS):
            flops = 2 * m * k * n
            rows.append(row("ours, gemv", k, n, m, us(k * n / 2 * max(1, m // 8), flops, 0.8), auto=m <= 8))
            rows.append(row("ours, marlin", k, n, m, us(k * n / 2, flops, 0.7), auto=m > 8, roof_us=us(k * n / 2, flops, 1)))
            rows.append(row("cublas", k, n, m, us(2 * k * n, flops, 0.9)))
    return {"gpu": "no GPU", "dtype": "bf16", "roof_gbps": 3000.0, "simulated": True, "rows": rows}


def self_test():
    first, second = simulated(), simulated()
    second["rows"] = [row("int4pack", r["k"], r["n"], r["m"], 0.5 * r["us"]) for r in first["rows"] if r["peer"] == "cublas"]
    second["absent"] = {"gemlite": "no module named gemlite"}
    merged = merge([first, second])
    assert len(merged["rows"]) == len(first["rows"]) + len(second["rows"]) and merged["simulated"]
    assert merge([merged, first]) == merged, "merging again changes nothing"
    try:
        merge([first, {**second, "gpu": "another"}])
    except SystemExit as e:
        assert "different gpu" in str(e)
    else:
        raise AssertionError("results of two GPUs were merged")
    slower = slower_cells(merged)
    assert slower and all(cell["us"] < cell["ours_us"] and cell["peer"] == "int4pack" for cell in slower)
    report = {"results": [{"kernel": "gemv", "k": 64, "n": 64, "m": 1, "median_us": 2.0, "auto": True}]}
    assert from_awqm(report)[0]["peer"] == "ours, gemv"
    with tempfile.TemporaryDirectory() as folder:
        write(merged, folder)
        again = json.load(open(os.path.join(folder, "peers.json")))
        assert again["rows"] == merged["rows"]
        pictures = sorted(name for name in os.listdir(folder) if name.endswith(".svg"))
        assert pictures == ["time_4096x4096.svg", "time_8192x28672.svg"], pictures
        for name in pictures:
            plot.check(open(os.path.join(folder, name)).read(), series=5, points=len(rows_of(ROWS)))
    found, absent, _ = peers([(64, 64)], [1], "bf16")
    assert found or set(absent) == set(PEERS), "a peer that does not run says why"
    print("self-test ok: simulated input, nothing was measured")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--awqm", default="awqm")
    parser.add_argument("-o", "--output", default="results/peers")
    parser.add_argument("--shapes", default=SHAPES)
    parser.add_argument("--rows", default=ROWS)
    parser.add_argument("--dtype", choices=["bf16", "f16"], default="bf16")
    parser.add_argument("--merge", nargs="+", metavar="FILE")
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        return self_test()
    if args.merge:
        reports = [json.load(open(path)) for path in args.merge]
        return write(merge(reports), args.output)
    result = merge([measured(args.awqm, shapes_of(args.shapes), rows_of(args.rows), args.dtype)])
    write(result, args.output)
    for peer, why in result["absent"].items():
        print(f"without {peer}: {why}")
    for cell in result["slower_than_a_peer"]:
        print("slower than {peer}: {k}x{n} m {m}: {ours_us:.2f} us against {us:.2f} us".format(**cell))
    print(f"wrote {args.output}")


if __name__ == "__main__":
    main()
