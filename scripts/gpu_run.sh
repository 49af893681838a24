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
    timeout "$limit" "$@" 2>&1 | tee "$out/$name.log"
    rc=${PIPESTATUS[0]}
    echo "-- $name: $([ "$rc" -eq 0 ] && echo ok || echo "FAILED ($rc)"), $((SECONDS - since)) s"
    [ "$rc" -eq 0 ] || failed=$((failed + 1))
}

command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv
bin/awqm info --device cuda:0 --json >"$out/info.json" 2>/dev/null
step info 60 bin/awqm info --device cuda:0

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
if [ -n "${AWQM_TUNE:-}" ]; then step tune 540 bin/bench --tune -o "$out/tune.json"; fi

echo
echo "$failed steps failed"
exit "$failed"
