#!/usr/bin/env bash
# Proves and measures the kernels on this machine's GPU; needs the driver and nothing else. Made by `make gpu-check`.
#
#   run.sh [FOLDER]     where bench.json, info.json and the logs go; results/ beside this file by default
#
# The last line says how many steps failed; that is the exit code.
set -u
cd "$(dirname "$0")" || exit 1
out=${1:-results}
mkdir -p "$out"
failed=0

# step NAME SECONDS COMMAND...: runs a command for at most that long.
step() {
    local name=$1 limit=$2 since=$SECONDS rc
    shift 2
    echo "== $name"
    # A function runs as it is; each of its commands ends by itself.
    if declare -F "$1" >/dev/null; then "$@" 2>&1 | tee "$out/$name.log"
    else timeout "$limit" "$@" 2>&1 | tee "$out/$name.log"; fi
    rc=${PIPESTATUS[0]}
    echo "-- $name: $([ "$rc" -eq 0 ] && echo ok || echo "FAILED ($rc)"), $((SECONDS - since)) s"
    [ "$rc" -eq 0 ] || failed=$((failed + 1))
}

command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv
bin/awqm info --device cuda:0 --json >"$out/info.json" 2>/dev/null
step info 60 bin/awqm info --device cuda:0
# Turing has no bfloat16.
dtype=f16
grep -q '"bf16"' "$out/info.json" && dtype=bf16

# What the emulation of the kernels gave, and what the hardware gives.
step golden 120 bin/golden compare golden.bin
step check 240 bin/check fixtures
for checkpoint in llama2l_gemm llama1l_gemv llama2l_compressed_tensors; do
    step "verify-$checkpoint" 60 bin/awqm verify fixtures/checkpoint/$checkpoint --device cuda:0
done
# Code that the driver compiles, as on GPUs that are newer than this build; and machine code alone.
step ptx-only 120 env CUDA_FORCE_PTX_JIT=1 bin/check fixtures --small
step cubin-only 120 env CUDA_DISABLE_PTX_JIT=1 bin/check fixtures --small
if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck synccheck; do
        # Wrong pointers are part of the check, so the driver's refusals are no errors.
        step "sanitizer-$tool" 180 compute-sanitizer --tool $tool --report-api-errors no --error-exitcode 9 \
            bin/check fixtures --small --rounds 6
    done
else
    echo "== compute-sanitizer is not here"
fi
step bench 240 bin/bench -o "$out/bench.json"
# Single-query latency of both kernel versions side by side, and every number of rows.
latency() { bin/awqm bench --device cuda:0 --dtype $dtype --json >"$out/latency.json" && bin/awqm bench --device cuda:0 --m 1,8,16; }
step latency 400 latency
# What batch invariance costs.
step batch-invariant 200 bin/awqm bench --device cuda:0 --kernel auto --batch-invariant --m 1,16,64,256,1024
if python3 -c 'import torch' 2>/dev/null; then
    # cuBLAS, PyTorch's int4 kernel and GemLite where it is installed, in the same run as ours; with pictures.
    step peers 550 python3 bin/peers.py --awqm bin/awqm --dtype $dtype -o "$out/peers"
else
    echo "== peers: no PyTorch here"
fi
if [ -n "${AWQM_TUNE:-}" ]; then
    step tune 540 bin/bench --tune -o "$out/tune.json"
    python3 bin/tuning_table.py "$out/tune.json" >"$out/tuning.json"
fi

echo
echo "$failed steps failed"
exit "$failed"
