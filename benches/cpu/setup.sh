#!/usr/bin/env bash
# Installs the peers of the CPU benchmarks in .cache/peers/, from PyPI: OpenVINO, ONNX Runtime, PyTorch, and llama.cpp, built
# for this processor from the source package of llama-cpp-python. A peer that cannot be installed is told and left out.
#
#   benches/cpu/setup.sh [PEER...]        openvino ort torch ggml plot; all of them. A second run finds the first one's work.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=$PWD/benches/cpu
peers=$PWD/.cache/peers
python=$peers/venv/bin/python
llama_version=0.3.36 # peers.sh names it too

say() { echo "setup: $*" >&2; }
install() { "$python" -m pip install --quiet --disable-pip-version-check "$@"; }

prepare() {
    mkdir -p "$peers"
    if ! "$python" -c 'import numpy' 2>/dev/null; then
        rm -rf "$peers/venv"
        python3 -m venv "$peers/venv" && install numpy==2.4.6
    fi
}

openvino() { "$python" -c 'import openvino' 2>/dev/null || install openvino==2026.4.1 numpy==2.4.6; }

ort() { "$python" -c 'import onnxruntime, onnx' 2>/dev/null || install onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6; }

# What PyPI has is built for CUDA, whose libraries are several times as large and not used here; see cuda_stubs.py.
torch() {
    "$python" -c 'import torch' 2>/dev/null && return
    install --no-deps torch==2.13.0 &&
        install filelock typing-extensions sympy networkx jinja2 fsspec &&
        "$python" "$here/cuda_stubs.py" && "$python" -c 'import torch'
}

plot() { "$python" -c 'import matplotlib' 2>/dev/null || install matplotlib==3.11.2 numpy==2.4.6; }

# llama-bench, the ggml libraries, and our own layer on them.
ggml() {
    local source=$peers/llama_cpp_python-$llama_version/vendor/llama.cpp build=$peers/llama
    if ! "$build/bin/llama-bench" --help >/dev/null 2>&1; then
        install scikit-build-core cmake ninja &&
            "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-build-isolation \
                --no-binary :all: -d "$peers" "llama-cpp-python==$llama_version" &&
            tar -C "$peers" -xzf "$peers"/llama_cpp_python-$llama_version.tar.gz || return
        "$peers/venv/bin/cmake" -G Ninja -DCMAKE_MAKE_PROGRAM="$peers/venv/bin/ninja" -DCMAKE_BUILD_TYPE=Release \
            -DGGML_NATIVE=ON -DCMAKE_BUILD_RPATH_USE_ORIGIN=ON -DBUILD_SHARED_LIBS=ON -DLLAMA_CURL=OFF \
            -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_TOOLS=ON -S "$source" -B "$build" >"$peers/llama.log" 2>&1 &&
            "$peers/venv/bin/ninja" -C "$build" llama-bench >>"$peers/llama.log" 2>&1 ||
            { tail -n 5 "$peers/llama.log" >&2; return 1; }
    fi
    if [ ! "$peers/libggml_layer.so" -nt "$here/ggml_layer.cpp" ]; then
        c++ -std=c++17 -O2 -shared -fPIC -I"$source/ggml/include" "$here/ggml_layer.cpp" -o "$peers/libggml_layer.so" \
            -L"$build/bin" -Wl,-rpath,'$ORIGIN/llama/bin' -lggml -lggml-cpu -lggml-base
    fi
}

prepare || { say "no virtual environment could be made"; exit 1; }
for peer in "${@:-openvino ort torch ggml plot}"; do
    for one in $peer; do
        if "$one" >&2; then say "$one is there"; else say "$one could not be installed; the tables will be without it"; fi
    done
done
