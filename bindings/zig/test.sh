#!/usr/bin/env bash
# Builds and tests the Zig package against an installed library: test.sh PREFIX FIXTURES
set -euo pipefail
prefix=$(realpath "$1") fixtures=$(realpath "$2")
cd "$(dirname "$0")"
root=$(realpath ../..)
zig=$("$root/scripts/get_zig.sh") || { echo "there is no zig, and it could not be fetched"; exit 77; }
work=$root/target/zig
mkdir -p "$work"
export ZIG_GLOBAL_CACHE_DIR=$work/global ZIG_LOCAL_CACHE_DIR=$work/local

"$zig" fmt --check .
./translate.sh "$zig" "$prefix/include/awq_marlin.h" | diff src/c.zig - || {
    echo "src/c.zig is not what the header says: ./translate.sh ZIG HEADER >src/c.zig"
    exit 1
}
for linkage in static dynamic; do
    "$zig" build test --summary all "-Dprefix=$prefix" "-Dlinkage=$linkage" "-Dfixtures=$fixtures" \
        "-Dinterface=$root/abi/interface.json" 2>&1 | tee "$work/log"
done
"$zig" build bench "-Dprefix=$prefix" 2>&1 | tee "$work/bench"

# As README says: a package of its own that depends on this one.
rm -rf "$work/user"
mkdir "$work/user"
(
    cd "$work/user"
    zig() { "$zig" "$@"; }
    PREFIX=$prefix SOURCE=$root MODEL=$fixtures/checkpoint/llama2l_gemm
    eval "$("$root/bindings/support/block.sh" "$root/bindings/zig/README.md" sh)"
) 2>&1 | tee "$work/out"
grep -q '^K 256, N 512, y\[0\] ' "$work/out"

echo "zig $("$zig" version), $(sed -n 's/.*; \(.* tests passed\).*/\1/p' "$work/log"), static and dynamic"
