"""A process with one peer in it. It reads orders and writes answers, a JSON object a line, so that it can be stopped while
another peer is measured.

    worker.py VARIANT        such as openvino/f32
"""

import importlib
import json
import os
import sys
import time

import numpy as np

from layer import Layer

FIRST_RUNS = 1  # after being stopped, to wake threads and caches


class Worker:
    def __init__(self, variant):
        library, self.kind = variant.split("/")
        self.module = importlib.import_module(f"peer_{library}")
        self.peer = None

    def build(self, layer, copies, threads):
        self.peer = self.module.Peer(self.kind, threads)
        self.peer.build(Layer.load(layer), copies)
        self.copies = copies
        return {"version": self.module.version(), "weight_bytes": self.peer.weight_bytes}

    def input(self, x):
        self.peer.set_input(np.load(x))
        return {}

    def output(self, y):
        self.peer.run()
        np.save(y, self.peer.output())
        return {}

    def measure(self, seconds, least):
        """Seconds of one layer, call by call."""
        for _ in range(FIRST_RUNS):
            self.peer.run()
        times, until = [], time.perf_counter() + seconds
        while len(times) < least or time.perf_counter() < until:
            start = time.perf_counter()
            self.peer.run()
            times.append((time.perf_counter() - start) / self.copies)
        return {"times": times}


def main():
    # What a library prints must not end up among the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = None
    for line in sys.stdin:
        order = json.loads(line)
        try:
            if worker is None:
                worker = Worker(sys.argv[1])
            answer = getattr(worker, order.pop("do"))(**order)
        except Exception as e:  # a peer that fails is reported and left out
            answer = {"failed": f"{type(e).__name__}: {e}".splitlines()[0][:300]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
