#!/usr/bin/env bash
# The C++ header, pkg-config and the CMake package against an installed library: test.sh PREFIX FIXTURES
set -euo pipefail
prefix=$(realpath "$1") fixtures=$(realpath "$2")
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
strict="-Wall -Wextra -Wpedantic -Werror"
rpath=-Wl,-rpath,$prefix/lib
# shellcheck disable=SC2046,SC2086 # lists of flags everywhere
link=$(pkg-config --cflags --libs awq_marlin)
# The archive instead of the shared library, with what pkg-config says that it needs.
static=$(pkg-config --cflags --static --libs awq_marlin | sed "s|-lawq_marlin|$prefix/lib/libawq_marlin.a|")

real() { # PROGRAM: the real thing, and the bytes that it has repacked
    rm -rf "$work/out" && mkdir "$work/out"
    [ "$("$1" "$fixtures" "$work/out")" = ok ] && [ ! -e "$work/out/converted" ] &&
        "$root/bindings/support/check_marlin.py" "$work/out/marlin.safetensors" layer \
            "$fixtures/checkpoint/llama2l_gemm.expected.json" model.layers.0.mlp.up_proj >/dev/null
}

programs=0
for compiler in g++ clang++; do
    for flags in "-std=c++17 -fno-exceptions -fno-rtti" "-std=c++20 -DAWQM_CPP_EXCEPTIONS"; do
        $compiler $flags $strict tests/alone.cpp $link -o "$work/alone"
        $compiler $flags $strict -c tests/engine_macros.cpp $(pkg-config --cflags awq_marlin) -o "$work/engine.o"
        $compiler $flags $strict tests/alone.cpp "$work/engine.o" $link $rpath -o "$work/both" && "$work/both"
        for library in "$link $rpath" "$static"; do
            $compiler $flags $strict -pthread tests/real.cpp $library -o "$work/real"
            real "$work/real"
            programs=$((programs + 1))
        done
    done
    $compiler -std=c++17 -O1 $strict tests/allocation.cpp $link $rpath -ldl -o "$work/allocation"
    [ "$("$work/allocation" "$fixtures")" = ok ]
    $compiler -std=c++17 $strict examples/first.cpp $link $rpath -o "$work/first"
    "$work/first" "$fixtures/checkpoint/llama2l_gemm" model.layers.0.mlp.up_proj | grep -q '^K 256, N 512; '
    $compiler -std=c++17 -O1 -fno-exceptions -fno-rtti $strict examples/decoder/main.cpp $link $rpath -ldl -o "$work/decoder"
    for prefix_of in model.layers.0 model.layers.1; do
        "$work/decoder" "$fixtures/checkpoint/llama2l_gemm" $prefix_of cpu 2>"$work/said" >"$work/cpu"
        grep -q 'KiB of the engine' "$work/said"
        [ "$(wc -l <"$work/cpu")" -eq 16 ]
    done
done

# The decoder's GPU way on the mock driver, where it is built: graphs captured and replayed give what the CPU gives.
mock=$root/target/debug/libcuda.so
gpu="GPU way not run: no kernels, or the mock driver is not built"
if [ -e "$mock" ] && "$prefix/bin/awqm" --version | grep -q 'cuda ('; then
    mkdir "$work/mock"
    cp "$mock" "$work/mock/libcuda.so.1"
    ln -s libcuda.so.1 "$work/mock/libcuda.so"
    LD_LIBRARY_PATH=$work/mock "$work/decoder" "$fixtures/checkpoint/llama2l_gemm" model.layers.1 cuda 2>"$work/said" >"$work/cuda" ||
        { cat "$work/said"; exit 1; }
    paste "$work/cpu" "$work/cuda" | awk '{ d = $1 - $2; if (d < -2e-3 || d > 2e-3) bad++ } END { exit bad > 0 || NR != 16 }'
    gpu="decoder on CPU and mock GPU"
fi

command -v cmake >/dev/null || { echo "there is no cmake"; exit 77; }
mkdir "$work/consumer"
cp tests/consumer/CMakeLists.txt examples/first.cpp tests/real.cpp "$work/consumer"
cmake -S "$work/consumer" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" -DLINEAR_C="$root/examples-c/01_linear.c" \
    -DCMAKE_BUILD_TYPE=Release >"$work/cmake.log" || { cat "$work/cmake.log"; exit 1; }
cmake --build "$work/cmake" -j 2 >"$work/cmake.log" || { cat "$work/cmake.log"; exit 1; }
for kind in shared static; do
    real "$work/cmake/real_$kind"
    "$work/cmake/linear_$kind" "$fixtures/checkpoint/llama2l_gemm" model.layers.0.mlp.up_proj | grep -q 'K 256, N 512'
done
readelf -d "$work/cmake/real_shared" | grep -q 'NEEDED.*libawq_marlin.so'
! readelf -d "$work/cmake/real_static" | grep -q 'NEEDED.*libawq_marlin'
echo "g++ and clang++: $programs programs shared and static, with and without exceptions; $(cmake --version | head -n 1 | cut -d' ' -f3): CMake, 4 programs; $gpu"
