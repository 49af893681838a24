#!/usr/bin/env bash
# The main job on a real model: get SmolLM2-135M-Instruct, quantize it to 4 bits, look at it, write English with it.
#
#   scripts/demo.sh [PROMPT]
set -euo pipefail
cd "$(dirname "$0")/.."

awqm=target/awqm
model=.cache/smollm2-135m
quantized=.cache/smollm2-135m-awq
prompt=${1:-"What is photosynthesis?"}

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
weights() { du -cbL "$1"/*.safetensors | awk 'END { printf "%.1f MB", $1 / 1e6 }'; }

say "Model: SmolLM2-135M-Instruct (Apache-2.0), fp16, in $model"
scripts/get_model.sh

# Eight windows are a sixteenth of the default: enough for the demo, and done in little more than a minute on two cores.
say "Quantize: AWQ, 4 bits, groups of 32, calibrated on 8 windows of 512 tokens of a public-domain text"
texts=$(scripts/get_texts.sh)
"$awqm" quantize "$model" "$quantized" --method awq --text "$texts/calibration.txt" --windows 8 \
    --bits 4 --group-size 32 --format gemm --overwrite >"$quantized.report"
head -n 10 "$quantized.report"
echo "... (the whole report: $quantized.report)"
tail -n 1 "$quantized.report"
echo "before $(weights "$model"), after $(weights "$quantized") (the embedding, which is also the head, stays fp16)"

say "Inspect"
# Reads to the end, so that the tool may finish.
"$awqm" inspect "$quantized" | awk 'NR <= 9 { print } END { print "... (" NR - 2 " layers)" }'

say "Generate: $prompt"
"$awqm" generate "$quantized" --chat --prompt "$prompt" --tokens 120
