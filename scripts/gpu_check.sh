#!/usr/bin/env bash
# Builds .gpu-check/: what a machine with a GPU, but without Rust, nvcc or network, needs to prove and measure the kernels.
# Copy the folder there and start its run.sh.
#
#   scripts/gpu_check.sh           builds the folder
#   scripts/gpu_check.sh --mock    builds nothing to carry: runs the same programs here, on the mock driver and the
#                                  emulation of the kernels. Exit code 77: no kernels, because there is no nvcc
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$HOME/.cargo/bin:$PATH"
limit_kb=$((60 * 1024))
flags="-std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wpedantic -Werror -Iinclude"

say() { echo "gpu-check: $*" >&2; }

# programs DIR LIBRARY-DIR RPATH: compiles the programs of tests/gpu.
programs() {
    local dir=$1 link="-L$2 -Wl,-rpath,$3 -lawq_marlin -lm -lpthread -ldl" gpu=tests/gpu
    local common="$gpu/driver.c $gpu/layers.c"
    mkdir -p "$dir"
    # shellcheck disable=SC2086 # flags, sources and libraries are lists
    {
        gcc $flags $gpu/check.c $gpu/check_versions.c $gpu/check_memory.c $gpu/check_streams.c $gpu/product.c $common $link -o "$dir/check"
        gcc $flags $gpu/golden.c $gpu/product.c $common $link -o "$dir/golden"
        gcc $flags $gpu/bench.c $common $link -o "$dir/bench"
    }
}

# mock DIR: a libcuda.so.1 that runs kernels on the host.
mock() {
    cargo build --quiet -p awq-marlin-mock-cuda
    mkdir -p "$1"
    ln -sf "$PWD/target/debug/libcuda.so" "$1/libcuda.so.1"
    ln -sf libcuda.so.1 "$1/libcuda.so" # the name that is looked for first
}

soname() { objdump -p "$1" | awk '/SONAME/ { print $2 }'; }

if [ "${1:-}" = --mock ]; then
    build=$PWD/target/gpu-mock
    cargo build --quiet
    mock "$build/driver"
    library=target/debug/libawq_marlin.so
    ln -sf libawq_marlin.so "target/debug/$(soname $library)"
    programs "$build" target/debug "$PWD/target/debug"
    export LD_LIBRARY_PATH=$build/driver
    for capability in 7.5 9.0; do
        MOCK_CUDA_CAPABILITY=$capability "$build/check" tests/fixtures --small || exit
    done
    "$build/golden" record "$build/golden.bin"
    for capability in 7.5 8.6; do MOCK_CUDA_CAPABILITY=$capability "$build/golden" compare "$build/golden.bin"; done
    "$build/bench" --small --tune -o "$build/bench.json" >"$build/bench.log"
    python3 -m json.tool "$build/bench.json" >/dev/null
    # A table of the fastest cuts is one that the library takes.
    scripts/tuning_table.py "$build/bench.json" >"$build/tuning.json"
    "$build/bench" --small --tuning "$build/tuning.json" >"$build/tuned.log"
    python3 benches/gpu/peers.py --self-test
    exit 0
fi

nvcc=$(scripts/get_nvcc.sh) || { say "the kernels need nvcc"; exit 1; }
export AWQM_NVCC=$nvcc AWQM_CUDA=require
folder=$PWD/.gpu-check
rm -rf "$folder"
mkdir -p "$folder"/{bin,lib,fixtures}

cargo build --release
cargo build --release -p awqm-tokenizer
make -s -C examples-c
library=target/release/libawq_marlin.so
cp $library "$folder/lib/"
ln -s libawq_marlin.so "$folder/lib/$(soname $library)"
cp target/awqm "$folder/bin/" # looks for the library in ../lib
programs "$folder/bin" target/release "\$ORIGIN/../lib"
cp -r tests/fixtures/checkpoint "$folder/fixtures/"

# What the emulation gives, to be compared with the hardware.
mock target/gpu-mock/driver
LD_LIBRARY_PATH=target/gpu-mock/driver "$folder/bin/golden" record "$folder/golden.bin"

cp scripts/gpu_run.sh "$folder/run.sh"
cp benches/gpu/*.py "$folder/bin/"
cp scripts/tuning_table.py "$folder/bin/"
# A link may not survive the copying to another machine.
cp --remove-destination $library "$folder/lib/$(soname $library)"
rm -f "$folder/lib/libawq_marlin.so"
find "$folder/bin" "$folder/lib" -type f ! -name "*.py" -exec strip --strip-debug {} +

size=$(du -sk "$folder" | cut -f1)
if [ "$size" -gt $limit_kb ]; then
    say "$folder has $size KB, more than $limit_kb"
    exit 1
fi
say "$folder, $size KB; needs glibc $(find "$folder/bin" "$folder/lib" -type f ! -name "*.py" -exec objdump -T {} + | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1 | tr -d A-Z_) there"
