#!/usr/bin/env bash
# The sweep over shapes, group sizes and rows, into docs/cpu-sweep.svg and benches/results/DATE-CPU-sweep.txt: the worst cells,
# in words. Takes about half an hour, in pieces of about a minute; $CELLS says where the cells are kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH="$HOME/.cargo/bin:$PATH"
benches/cpu/setup.sh plot
make -s build
source benches/cpu/built.sh

cells=${CELLS:-.cache/peers/sweep.jsonl}
[ -n "${CELLS:-}" ] || rm -f "$cells"
python=.cache/peers/venv/bin/python
for mode in f32 f16 bf16 int8; do
    for k in 64,96,200 576,1000 1536 4096 11008 32768; do
        "$python" benches/cpu/sweep.py measure --mode $mode --k $k -o "$cells"
    done
    "$python" benches/cpu/sweep.py measure --mode $mode --groups --m 1,4,16,64 -o "$cells"
done
"$python" benches/cpu/sweep.py plot "$cells" -o docs/cpu-sweep.svg | tee "$(result sweep).txt"
"$python" benches/cpu/readme.py
