#!/usr/bin/env python3
"""Writes the README's performance section from the newest results: the table beside the peers, the model, the picture.

    readme.py            reads benches/results/*-peers.json and *-model.json
    readme.py --check    says whether the section is what it would write, and changes nothing
"""

import argparse
import glob
import json
import os

import machine
import model
import report

BEGIN, END = "<!-- performance: written by benches/cpu/readme.py -->", "<!-- end of performance -->"
SHAPE = (4096, 4096, 128)
COLUMNS = [(1, 1), (1, 2), (4, 1), (16, 1), (256, 1), (256, 2)]  # M, threads
PICTURE = "docs/cpu-sweep.svg"


def newest(kind):
    found = sorted(glob.glob(os.path.join(machine.ROOT, "benches", "results", f"*-{kind}.json")))
    return found[-1] if found else None


def load(path):
    with open(path) as file:
        return json.load(file)


def link(path):
    return os.path.relpath(path, machine.ROOT).removesuffix(".json") + ".md"


def section():
    out = [BEGIN, ""]
    peers, network = newest("peers"), newest("model")
    if peers:
        cells = load(peers)["cells"]
        by_place = {(c["k"], c["n"], c["group"], c["m"], c["threads"]): c for c in cells}
        chosen = [by_place[(*SHAPE, *column)] for column in COLUMNS if (*SHAPE, *column) in by_place]
        about = chosen[0]["about"]
        out += [
            f"A layer of 4096×4096, groups of 128, on {about['cores']} cores of an {about['cpu']} (family/model {about['family']}), "
            f"{about['date']}; microseconds, medians, peers interleaved, weights cold up to M = 16; `t` is threads, × is against the "
            f"best peer of the kind:",
            "",
            report.against(chosen),
            "",
            f"Every peer, errors, peaks and goals: [`{link(peers)}`]({link(peers)}). `benches/cpu/run.sh` takes the table anew, "
            "`awqm bench --table` our half of it.",
            "",
        ]
    if network:
        table = model.markdown(load(network)).split("\n\n")[2]
        out += ["SmolLM2-135M, a prompt of 512 tokens and an answer of 128 (`benches/cpu/model.sh`):", "", table, ""]
    if os.path.exists(os.path.join(machine.ROOT, PICTURE)):
        out += [
            "What other shapes reach, as a share of what memory or the products allow on this machine (`benches/cpu/sweep.py`):",
            "",
            f"![share of the machine's floor by shape]({PICTURE})",
            "",
        ]
    if not (peers or network):
        out += ["No results are kept yet: `benches/cpu/run.sh` takes the table beside the peers, `benches/cpu/model.sh` a model.", ""]
    return "\n".join([*out, END])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    path = os.path.join(machine.ROOT, "README.md")
    with open(path) as file:
        text = file.read()
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"README.md has no section between {BEGIN} and {END}")
    wanted = before + section() + after
    if args.check:
        raise SystemExit(0 if wanted == text else "README.md's performance section is not that of the newest results: run benches/cpu/readme.py")
    with open(path, "w") as file:
        file.write(wanted)


if __name__ == "__main__":
    main()
