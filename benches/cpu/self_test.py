"""What the benchmark scripts compute, on made-up figures: nothing is measured. The library is used when it is built."""

import json
import os
import tempfile

import numpy as np

import goals
import machine
import report
import sweep
from layer import Layer, activations, copy_of, error, from_bf16, halves, to_bf16

PEAKS = {"threads": 1, "isa": "avx512", "read": 20.0, "fma_f32_256": 90.0, "fma_f32_512": 100.0, "dot_bf16_512": 200.0, "dot_int8_512": 400.0}


def check_layer():
    layer = Layer.random(256, 64, 32)
    assert layer.codes.max() == 15 and layer.codes.min() == 0 and layer.zeros.max() <= 15
    q, z = layer.codes[3, 40], layer.zeros[3, 1]
    assert layer.weights(np.float64)[3, 40] == (int(q) - int(z)) * float(layer.scales[3, 1])
    assert (halves(np.array([[1, 2, 3, 15]], np.uint8)) == [[0x21, 0xF3]]).all()
    assert (copy_of(layer.codes, 1, 8)[8:] == layer.codes[:-8]).all()
    for outliers in (False, True):
        x = activations(5, 256, outliers)
        assert (from_bf16(to_bf16(x)) == x).all() and (x.astype(np.float16).astype(np.float32) == x).all()
    y = (x.astype(np.float64) @ layer.weights(np.float64).T).astype(np.float32)
    assert error(layer, x, y) < 1e-7 and 0.9e-2 < error(layer, x, 1.01 * y) < 1.1e-2


def check_library():
    """The layout that this library is given holds the same weights."""
    try:
        import peer_awqm
    except OSError as e:
        return f"without the library ({e})"
    layer = Layer.random(256, 64, 32)
    for kind, allowed in (("f32", 1e-5), ("f16", 1e-5), ("bf16", 1e-5), ("int8", 2e-2)):
        peer = peer_awqm.Peer(kind, 2)
        peer.build(layer, 3)
        for m in (1, 5):
            x = activations(m, 256)
            peer.set_input(x)
            peer.run()
            assert error(layer, x, peer.output()) < allowed, (kind, m)
            # The second copy has its outputs turned by eight places.
            assert np.array_equal(peer.y[1][:, 8:], peer.output()[:, :-8]), kind
    return "with the library"


def made_up(m, threads, us):
    rows = {v: {"us": t, "error": 1e-7, "error_outliers": 1e-7, "others": 0.0, "weight_bytes": 8 << 20} for v, t in us.items()}
    return {
        "k": 4096, "n": 4096, "group": 128, "m": m, "threads": threads, "packed_bytes": 8 << 20, "load": 1.0, "peaks": PEAKS,
        "about": machine.about(), "versions": {}, "absent": {}, "rows": rows,
    }  # fmt: skip


def check_goals():
    one = made_up(1, 1, {"awqm/f32": 400, "openvino/f32": 1100, "ort/f32": 1500, "awqm/int8": 300, "ort/int8": 330})
    found = {g["what"]: g for g in goals.of_cell(one)}
    exact, int8 = found["f32 against openvino/f32"], found["int8 against ort/int8"]
    assert exact["met"] and abs(exact["found"] - 2.75) < 1e-9, "the best peer counts"
    assert not int8["met"] and abs(int8["found"] - 1.1) < 1e-9
    assert abs(goals.floor_us(one, "exact") - (8 << 20) / 20e3) < 1e-9, "one row: the bytes are the floor"
    many = made_up(256, 1, {"awqm/bf16": 50000})
    (share,) = goals.of_cell(many)
    assert not share["met"] and abs(share["found"] - 100 * 2 * 256 * 4096**2 / 50000e3 / 200) < 1e-9
    twice = made_up(256, 2, {"awqm/bf16": 25000})
    (scaling,) = goals.of_scaling([many, twice])
    assert scaling["met"] and scaling["found"] == 2
    wrong = made_up(1, 1, {"awqm/f32": 1, "openvino/f32": 1})
    wrong["rows"]["awqm/f32"]["error"] = 1e-3
    assert len(list(goals.of_errors(wrong))) == 1


def check_report():
    slow, fast = made_up(1, 1, {"awqm/f32": 900, "openvino/f32": 1000}), made_up(1, 1, {"awqm/f32": 500, "openvino/f32": 1000})
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cells.jsonl")
        with open(path, "w") as out:
            out.write("".join(json.dumps(c) + "\n" for c in (slow, made_up(4, 1, {"awqm/f32": 700}), fast)))
        cells = report.read(path)
        assert len(cells) == 2 and cells[0]["rows"]["awqm/f32"]["us"] == 500, "of a cell taken twice, the last"
        report.write(cells, os.path.join(folder, "out.md"))
        with open(os.path.join(folder, "out.md")) as file:
            text = file.read()
        assert "| best exact peer | 1000 (OpenVINO) | – |" in text and "**500** (2.00×)" in text
        with open(os.path.join(folder, "out.json")) as file:
            assert len(json.load(file)["cells"]) == 2


def check_sweep():
    r = {"k": 4096, "n": 4096, "m": 1, "weight_bytes": 8 << 20, "median_us": 1000.0}
    reads = sweep.cell(r, 128, "f32", 1, PEAKS)
    assert reads["limit"] == "reading" and abs(reads["share"] - 0.419) < 1e-3
    products = sweep.cell({**r, "m": 512, "median_us": 2e5}, 128, "f32", 1, PEAKS)
    assert products["limit"] == "products" and abs(products["share"] - 0.859) < 1e-3
    assert sweep.batches(["64x64", "32768x32768"], [1, 512]) == [(["64x64"], (1, 512)), (["32768x32768"], (1,))]
    assert "K 4096" in sweep.worst([reads, products])[0] and "reading" in sweep.worst([reads, products])[0]


if __name__ == "__main__":
    check_layer()
    which = check_library()
    check_goals()
    check_report()
    check_sweep()
    print(f"self-test ok, {which}: made-up figures, nothing was measured")
