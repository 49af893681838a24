"""A result file in Markdown, with the figures beside it in JSON."""

import json
import sys

import goals
import machine


NAMES = {
    "openvino/f32": "OpenVINO", "openvino/bf16": "OpenVINO", "openvino/int8": "OpenVINO", "ort/f32": "ONNX Runtime",
    "ort/int8": "ONNX Runtime", "torch/bf16": "torch int4", "ggml/q4_0": "llama.cpp q4_0", "ggml/q4_K": "llama.cpp q4_K",
    "ggml/q4_K_plain": "llama.cpp q4_K, not repacked",
}  # fmt: skip
CLASS_NAMES = {
    "exact": "exact peer",
    "bf16": "bf16 peer",
    "int8": "int8-activation peer",
}
FLOORS = {"exact": "reading or f32 FMA", "bf16": "reading or bf16 dot products", "int8": "reading or int8 dot products"}
OUR_NAMES = {
    "awqm/f32": "**ours, exact, f32**", "awqm/f16": "**ours, exact, fp16**", "awqm/bf16": "**ours, exact, bf16**",
    "awqm/int8": "**ours, int8**",
}  # fmt: skip


def read(path):
    """Cells by place; of a place that was measured again, the last."""
    cells = {}
    with open(path) as lines:
        for line in lines:
            c = json.loads(line)
            cells[c["k"], c["n"], c["group"], c["threads"], c["m"]] = c
    if not cells:
        raise SystemExit(f"{path} holds no cell")
    return [cells[place] for place in sorted(cells)]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def us(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def heading(cell):
    return f"M={cell['m']}, {cell['threads']}t"


def against(cells, names=NAMES):
    """The best peer of each class and this library, in microseconds, cell by cell, with ratios."""
    rows = []
    for kind, label in CLASS_NAMES.items():
        peers = [goals.best_peer(c, kind) for c in cells]
        if any(peers):
            worst = max(c["rows"][p[0]]["error"] for c, p in zip(cells, peers) if p)
            rows.append([f"best {label}", *(f"{us(p[1])} ({names[p[0]]})" if p else "–" for p in peers), f"{worst:.0e}"])
        for ours, of in goals.OURS.items():
            if of != kind or not any(ours in c["rows"] for c in cells):
                continue
            row = [OUR_NAMES[ours]]
            for c, p in zip(cells, peers):
                mine = c["rows"].get(ours)
                ratio = f" ({p[1] / mine['us']:.2f}×)" if mine and p else ""
                row.append(f"**{us(mine['us'])}**{ratio}" if mine else "–")
            worst = max(c["rows"][ours]["error"] for c in cells if ours in c["rows"])
            rows.append([*row, f"{worst:.0e}"])
        if any(goals.peak(c, kind) for c in cells):
            rows.append([f"floor, {FLOORS[kind]}", *(us(goals.floor_us(c, kind)) for c in cells), ""])
    return table(["µs", *map(heading, cells), "error"], rows)


def everything(cells):
    """Each peer in each cell."""
    variants = sorted({v for c in cells for v in c["rows"]})
    rows = []
    for v in variants:
        found = [c["rows"].get(v) for c in cells]
        errors = [r["error"] for r in found if r]
        rows.append([v, f"{max(errors):.1e}", *(us(r["us"]) + "*" * (r["others"] > machine.QUIET) if r else "–" for r in found)])
    return table(["µs", "error", *map(heading, cells)], rows)


def errors(cells):
    """Relative errors against float64 at one row and at sixteen, Gaussian activations and such with outliers."""
    some = [c for c in cells if c["threads"] == cells[0]["threads"] and c["m"] in (1, 16)]
    if not some:
        return ""
    head = ["against float64", *(f"M={c['m']}, {which}" for c in some for which in ("Gaussian", "outliers"))]
    rows = []
    for v in sorted({v for c in some for v in c["rows"]}):
        row = [c["rows"].get(v) for c in some]
        rows.append([v, *(f"{r[f]:.1e}" if r else "–" for r in row for f in ("error", "error_outliers"))])
    return table(head, rows)


def peaks(cells):
    """The machine's yardsticks: the best that was seen, and the worst, as some are shared with neighbours."""
    seen = {}
    for c in cells:
        for name, rate in c["peaks"].items():
            if name not in ("threads", "isa"):
                seen.setdefault(name, {}).setdefault(c["threads"], []).append(rate)
    threads = sorted({c["threads"] for c in cells})

    def span(rates):
        if not rates:
            return "–"
        low, high = min(rates), max(rates)
        return f"{high:.1f}" if low > 0.97 * high else f"{low:.1f} to {high:.1f}"

    rows = [[name, *(span(by.get(t)) for t in threads)] for name, by in seen.items()]
    return table(["10⁹ a second (read: bytes; else operations)", *(f"{t} thread{'s' if t > 1 else ''}" for t in threads)], rows)


def goal_lines(cells):
    found = goals.all_of(cells)
    rows = [
        [
            "met" if g["met"] else "**missed**", g["what"], g["shape"], str(g["m"]), str(g["threads"]),
            f"{g['needed']:.4g} {g['unit']}", f"{g['found']:.2f} {g['unit']}" if g["unit"] == "x" else f"{g['found']:.0f} {g['unit']}",
        ]
        for g in found
    ]  # fmt: skip
    met = sum(g["met"] for g in found)
    errors_missed = [e for c in cells for e in goals.of_errors(c)]
    said = [f"{met} of {len(found)} met.", "", table(["", "goal", "K x N", "M", "threads", "needed", "found"], rows), ""]
    said.append("Errors above those of peers that do the same: " + ("; ".join(errors_missed) or "none") + ".")
    return "\n".join(said)


def markdown(cells):
    about, versions, absent = cells[-1]["about"], {}, {}
    for c in cells:
        versions |= {v.split("/")[0]: said for v, said in c["versions"].items()}
        absent |= c["absent"]
    loads = [c["load"] for c in cells]
    others = [r["others"] for c in cells for r in c["rows"].values()]
    out = [
        f"# The CPU backend and its peers, {about['date']}",
        "",
        f"{about['cpu']} (family/model {about['family']}; {' '.join(about['flags'])}), {about['cores']} cores, "
        f"{about['memory_gib']} GiB; commit {', '.join(sorted({c['about']['commit'] for c in cells}))}.",
        f"1-minute load average {min(loads)} to {max(loads)}, own workers included; other processes used at most "
        f"{100 * max(others):.0f} % of a core during a turn.",
        "",
        "Medians in microseconds; peers interleaved in each cell; weights cold up to M = 16 (`benches/cpu/peers.py` says how); "
        f"* where others used more than {100 * machine.QUIET:.0f} % of a core in every turn.",
        "Taken with: " + ", ".join(versions.values()) + ".",
    ]
    if absent:
        out.append("Without: " + "; ".join(f"{v} ({why})" for v, why in absent.items()) + ".")
    out += ["", "## The machine", "", peaks(cells)]
    shapes = sorted({(c["k"], c["n"], c["group"]) for c in cells}, key=lambda s: (s[0] * s[1] != 4096 * 4096, s))
    for shape in shapes:
        some = [c for c in cells if (c["k"], c["n"], c["group"]) == shape]
        out += ["", f"## {shape[0]}x{shape[1]}, groups of {shape[2]}"]
        for threads in sorted({c["threads"] for c in some}):
            out += ["", against([c for c in some if c["threads"] == threads])]
        out += ["", "Every peer, and its largest error:", ""]
        for threads in sorted({c["threads"] for c in some}):
            out += [everything([c for c in some if c["threads"] == threads]), ""]
        out.append(errors(some))
    out += ["", "## Goals", "", goal_lines(cells), "", "What stops those that were missed: [`docs/cpu.md`](../../docs/cpu.md).", ""]
    return "\n".join(out)


def write(cells, path):
    text = markdown(cells)
    if path == "-":
        sys.stdout.write(text)
        return
    with open(path, "w") as out:
        out.write(text)
    with open(path.removesuffix(".md") + ".json", "w") as out:
        json.dump({"cells": cells, "goals": goals.all_of(cells)}, out, indent=1)
        out.write("\n")
    print(f"wrote {path}")
