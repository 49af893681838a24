#!/usr/bin/env bash
# Measures this machine and writes benches/results/DATE-CPU.txt, to be committed: matmul beside read bandwidth and
# peaks of products, repack beside memcpy, loading beside reading, and the tool's table of every arithmetic, all taken in
# the same run. benches/cpu/run.sh measures other projects' libraries beside this one.
#
#   scripts/bench.sh [NAME]      NAME in place of the processor's model
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$HOME/.cargo/bin:$PATH"

cpu=$(lscpu | sed -n 's/^Model name: *//p' | head -n 1)
flags=$(grep -m1 '^flags' /proc/cpuinfo | grep -owE 'avx2|avx512f|avx512_vnni|avx512_bf16|amx_tile' | xargs)
family=$(lscpu | sed -n 's/^CPU family: *//p; s/^Model: *//p' | paste -sd/)
name=${1:-$(tr -cs '[:alnum:]' - <<<"${cpu,,}" | sed 's/-$//')-$(nproc)-cores}
out=benches/results/$(date -u +%F)-$name.txt
mkdir -p benches/results

{
    echo "date       $(date -u +%F)"
    echo "awq-marlin $(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1), commit $(git rev-parse --short HEAD)"
    echo "machine    $cpu (family/model $family; $flags), $(nproc) cores, $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo)"
    echo "compiler   $(rustc --version)"
    echo
    echo "## cargo bench --bench matmul -- --threads 1,$(nproc)"
    cargo bench --quiet --bench matmul -- --threads "1,$(nproc)"
    echo
    echo "## cargo bench --bench repack"
    cargo bench --quiet --bench repack
    echo
    echo "## cargo bench --bench load -- --threads 1,$(nproc): a 7B checkpoint beside reading its files"
    cargo bench --quiet --bench load -- --threads "1,$(nproc)"
    echo
    echo "## benches/overhead/run.sh: what a call costs beside its arithmetic"
    make -s install "PREFIX=$PWD/target/stage" >&2
    benches/overhead/run.sh target/stage
    echo
    echo "## awqm bench --table --shape 4096x4096,4096x14336"
    target/awqm bench --table --shape 4096x4096,4096x14336
} | tee "$out.part"
mv "$out.part" "$out"
echo "wrote $out"
