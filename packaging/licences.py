#!/usr/bin/env python3
"""Prints the licence texts of the crates that are linked into the given packages of this workspace.

    packaging/licences.py awq-marlin awqm-tokenizer
"""

import json
import pathlib
import subprocess
import sys

NAMES = ("LICEN", "COPYING", "NOTICE", "UNLICENSE", "COPYRIGHT")


def linked_crates(packages):
    """(name, version) of what is linked: normal dependencies only, neither those of builds nor of tests."""
    command = ["cargo", "tree", "--locked", "-e", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]
    for package in packages:
        command += ["-p", package]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    words = (line.split() for line in lines if line.strip())
    return sorted({(w[0], w[1].lstrip("v")) for w in words})


def main(packages):
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    members = set(metadata["workspace_members"])
    by_name = {(p["name"], p["version"]): p for p in metadata["packages"] if p["id"] not in members}
    crates = [c for c in linked_crates(packages) if c in by_name]
    texts = {}  # a text that many crates share is printed once
    without = []
    for crate in crates:
        folder = pathlib.Path(by_name[crate]["manifest_path"]).parent
        files = sorted(f for f in folder.iterdir() if f.is_file() and f.name.upper().startswith(NAMES))
        if not files:
            without.append(crate)
        for file in files:
            texts.setdefault(file.read_text(errors="replace").strip(), []).append(crate)
    print("awq-marlin is built from its own sources (Apache License 2.0) and links these crates:\n")
    for name, version in crates:
        licence = by_name[(name, version)]["license"] or "see its licence file"
        note = " (the crate carries no licence file)" if (name, version) in without else ""
        print(f"  {name} {version}: {licence}{note}")
    print("\nIt also holds parts of the Rust standard library, (MIT OR Apache-2.0), https://www.rust-lang.org/.")
    for text, owners in sorted(texts.items(), key=lambda item: item[1]):
        print("\n" + "=" * 100)
        print("\n".join(f"{name} {version}" for name, version in sorted(set(owners))))
        print("-" * 100 + "\n" + text)


main(sys.argv[1:])
