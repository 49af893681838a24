#!/usr/bin/env bash
# Tokens a second of SmolLM2-135M beside llama.cpp, into benches/results/DATE-CPU-model.md and .json, and into the
# README.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH="$HOME/.cargo/bin:$PATH"
benches/cpu/setup.sh ggml
make -s build
scripts/get_model.sh >/dev/null
if [ ! -f .cache/smollm2-135m-awq/config.json ]; then
    texts=$(scripts/get_texts.sh)
    target/awqm quantize .cache/smollm2-135m .cache/smollm2-135m-awq --method awq --text "$texts/calibration.txt" \
        --windows 8 --bits 4 --group-size 32 --format gemm
fi
MATMUL_BENCH=none source benches/cpu/built.sh # no yardsticks here
.cache/peers/venv/bin/python benches/cpu/model.py "$@" -o "$(result model).md"
.cache/peers/venv/bin/python benches/cpu/readme.py
