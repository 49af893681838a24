"""What the CPU backend is meant to reach, as checks on the cells of a table."""

CLASSES = {
    "exact": ["openvino/f32", "ort/f32"],
    "bf16": ["openvino/bf16", "torch/bf16"],
    "int8": ["openvino/int8", "ort/int8", "ggml/q4_0", "ggml/q4_K", "ggml/q4_K_plain"],
}
OURS = {"awqm/f32": "exact", "awqm/f16": "exact", "awqm/bf16": "bf16", "awqm/int8": "int8"}
KEEPS_WEIGHTS = {"openvino/int8", "ort/int8"}  # the others of their class round the weights once more
INSTRUCTION = {"exact": "fma_f32", "bf16": "dot_bf16", "int8": "dot_int8"}
# At least so many times as fast as the best peer, by rows; from 64 rows on, so much of the instruction's peak.
FASTER = {"exact": {1: 2.5, 4: 1.5, 16: 1.3}, "bf16": {1: 2.0, 4: 2.0, 16: 1.7}}
PEAK_SHARE = {"exact": 0.93, "bf16": 0.94}
INT8_FASTER, INT8_FASTER_AT_THE_WALL = 1.2, 1.05
READ_SHARE = 0.90
SCALING, SCALING_FROM = 1.9, 16


def peak(cell, kind):
    """10^9 operations a second of the best width of a class's instruction; None where the machine lacks it."""
    widths = [rate for name, rate in cell["peaks"].items() if name.startswith(INSTRUCTION[kind] + "_")]
    return max(widths, default=None)


def best_peer(cell, kind):
    """(variant, microseconds) of the fastest peer of a class, or None."""
    rows = [(v, cell["rows"][v]["us"]) for v in CLASSES[kind] if v in cell["rows"]]
    return min(rows, key=lambda r: r[1], default=None)


def operations(cell):
    return 2 * cell["m"] * cell["k"] * cell["n"]


def floor_us(cell, kind):
    """What no program on this machine can be faster than: all weights read once, all products done."""
    rate = peak(cell, kind)
    read = cell["packed_bytes"] / cell["peaks"]["read"] / 1e3
    return max(read, operations(cell) / rate / 1e3 if rate else 0)


def goal(what, cell, needed, found, unit=""):
    return {
        "what": what, "shape": f"{cell['k']}x{cell['n']}", "m": cell["m"], "threads": cell["threads"],
        "needed": needed, "found": found, "unit": unit, "met": found >= needed,
    }  # fmt: skip


def of_cell(cell):
    """The goals that one cell decides."""
    m, threads = cell["m"], cell["threads"]
    for ours, kind in OURS.items():
        if ours not in cell["rows"]:
            continue
        row, peer, rate = cell["rows"][ours], best_peer(cell, kind), peak(cell, kind)
        name = ours.split("/")[1]
        share = operations(cell) / row["us"] / 1e3 / rate if rate else 0
        if kind == "int8":
            needed = INT8_FASTER_AT_THE_WALL if m == 1 and threads > 1 else INT8_FASTER
            if peer:
                yield goal(f"{name} against {peer[0]}", cell, needed, peer[1] / row["us"], "x")
        elif kind == "exact" and m == 1 and threads > 1:
            read = row["weight_bytes"] / row["us"] / 1e3 / cell["peaks"]["read"]
            yield goal(f"{name}, share of the read bandwidth", cell, 100 * READ_SHARE, 100 * read, "%")
        elif m >= 64:
            yield goal(f"{name}, share of the {INSTRUCTION[kind]} peak", cell, 100 * PEAK_SHARE[kind], 100 * share, "%")
        elif m in FASTER[kind] and peer:
            yield goal(f"{name} against {peer[0]}", cell, FASTER[kind][m], peer[1] / row["us"], "x")


def of_errors(cell):
    """Errors no larger than those of the peers that do the same."""
    for ours, kind in OURS.items():
        same = [v for v in CLASSES["exact" if kind == "bf16" else kind] if v in cell["rows"]]
        same = [v for v in same if kind != "int8" or v in KEEPS_WEIGHTS]
        if ours not in cell["rows"] or not same:
            continue
        for field, which in (("error", "Gaussian"), ("error_outliers", "outliers")):
            # Two figures of the same computation differ a little by chance; f32 sums differ more, by their order.
            room = 1.05 if kind == "int8" else 2.0
            allowed = room * max(cell["rows"][v][field] for v in same)
            if cell["rows"][ours][field] > allowed:
                yield f"{ours}, {which}: {cell['rows'][ours][field]:.1e}, peers at most {allowed / room:.1e} ({place(cell)})"


def place(cell):
    return f"{cell['k']}x{cell['n']}, M = {cell['m']}, {cell['threads']} threads"


def of_scaling(cells):
    """More threads against one, where the work is products."""
    by_place = {(c["k"], c["n"], c["group"], c["m"], c["threads"]): c for c in cells}
    for (*where, m, threads), cell in by_place.items():
        one = by_place.get((*where, m, 1))
        if threads != 2 or m < SCALING_FROM or one is None:
            continue
        for ours in OURS:
            if ours in cell["rows"] and ours in one["rows"]:
                found = one["rows"][ours]["us"] / cell["rows"][ours]["us"]
                yield goal(f"{ours.split('/')[1]}, 1 to 2 threads", cell, SCALING, found, "x")


def all_of(cells):
    return [g for c in cells for g in of_cell(c)] + list(of_scaling(cells))
