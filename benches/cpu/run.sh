#!/usr/bin/env bash
# The table of this machine: this library beside its peers on the CPU, into benches/results/DATE-CPU-peers.md and .json, and
# into the README.
#
#   benches/cpu/run.sh [KxN...]       4096x4096 when nothing is named
#
# Takes some minutes a shape, in pieces of about a minute; leave the machine alone meanwhile. A piece can be taken again by
# itself, see peers.py; $CELLS says where the cells are kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH="$HOME/.cargo/bin:$PATH"
benches/cpu/setup.sh
cargo build --release
source benches/cpu/built.sh

shapes=${*:-4096x4096}
cells=${CELLS:-.cache/peers/cells.jsonl}
[ -n "${CELLS:-}" ] || rm -f "$cells"
for shape in $shapes; do
    for threads in 1 2; do
        for rows in 1,4,16 64,256 512; do
            benches/cpu/peers.sh measure --shape "$shape" --threads $threads --m $rows -o "$cells"
        done
    done
done
benches/cpu/peers.sh report "$cells" -o "$(result peers).md"
.cache/peers/venv/bin/python benches/cpu/readme.py
