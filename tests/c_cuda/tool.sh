#!/usr/bin/env bash
# awqm on the mock driver gives what it gives on the CPU.
#
#   tests/c_cuda/tool.sh MOCK-DIR LIBRARY-DIR
set -euo pipefail
cd "$(dirname "$0")/../.."
mock=$1 library=$2
PATH="$HOME/.cargo/bin:$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checkpoint=tests/fixtures/checkpoint/llama2l_gemm

cargo build --quiet -p awqm-tokenizer
# shellcheck disable=SC2046 # a list of files
gcc -std=c11 -O1 -Iinclude $(ls examples-c/awqm/*.c examples-c/awqm/engine/*.c) target/debug/libawqm_tokenizer.a \
    -L"$library" -Wl,-rpath,"$library" -lawq_marlin -lm -lpthread -ldl -o "$work/awqm"
export LD_LIBRARY_PATH=$mock
awqm=$work/awqm

python3 - "$work" <<'EOF'
import json, random, struct, sys
# Three rows of 256 F16 numbers in a safetensors file.
random.seed(1)
data = b"".join(struct.pack("<e", random.uniform(-1, 1)) for _ in range(3 * 256))
header = json.dumps({"x": {"dtype": "F16", "shape": [3, 256], "data_offsets": [0, len(data)]}}).encode()
header += b" " * (-len(header) % 8)
open(sys.argv[1] + "/x.safetensors", "wb").write(struct.pack("<Q", len(header)) + header + data)
EOF

# agree: what ran on the GPU is what ran on the CPU.
agree() {
    python3 - "$work" <<'EOF'
import struct, sys
def values(path):
    blob = open(path, "rb").read()
    (length,) = struct.unpack("<Q", blob[:8])
    data = blob[8 + length:]
    return struct.unpack(f"<{len(data) // 2}e", data)
cpu, gpu = (values(f"{sys.argv[1]}/{d}.safetensors") for d in ("cpu", "cuda:0"))
worst = max(abs(a - b) / (1 + abs(a)) for a, b in zip(cpu, gpu))
# One unit in the last place of F16: sums of another order may round to the neighbour.
assert len(cpu) == len(gpu) and worst <= 2**-10, worst
print(f"{len(cpu)} values, largest difference {worst:.2g}")
EOF
}

for layer in model.layers.0.mlp.up_proj model.layers.0.self_attn.q_proj model.layers.1.self_attn.k_proj; do
    run="run $checkpoint --layer $layer --input $work/x.safetensors"
    # shellcheck disable=SC2086 # words of a command line
    {
        "$awqm" $run --output "$work/cpu.safetensors" --kernel gemv
        for kernel in gemv gemm marlin auto; do
            "$awqm" $run --output "$work/cuda:0.safetensors" --device cuda:0 --kernel $kernel
            agree
        done
        "$awqm" $run --output "$work/cuda:0.safetensors" --device cuda:0 --batch-invariant | grep "do not depend on m"
        agree
        MOCK_CUDA_CAPABILITY=7.5 "$awqm" $run --output "$work/cuda:0.safetensors" --device cuda:0 --kernel gemm | grep "by gemm"
        agree
    }
done

# refused TEXT ARGUMENTS...: awqm fails and says so.
refused() {
    local text=$1
    shift
    if "$awqm" "$@" 2>"$work/refused"; then return 1; fi
    grep -q -- "$text" "$work/refused"
}
to_run="run $checkpoint --layer model.layers.0.mlp.up_proj --input $work/x.safetensors --output $work/y.safetensors"
# shellcheck disable=SC2086 # words of a command line
{
    MOCK_CUDA_CAPABILITY=7.5 refused "kernel gemm" $to_run --device cuda:0 --kernel marlin
    refused "batch-invariant" $to_run --device cuda:0 --kernel gemv --batch-invariant
    refused "batch-invariant" $to_run --batch-invariant
    refused "cuda:1" $to_run --device cuda:1
    MOCK_CUDA_CAPABILITY=6.1 refused "6.1" $to_run --device cuda:0
    MOCK_CUDA_VERSION=12040 refused "needed CUDA 13.0" $to_run --device cuda:0
}
"$awqm" verify $checkpoint --device cuda:0
"$awqm" info --device cuda:0

# explained CAPABILITY TEXT...: info names the GPUs of a capability and says what runs on them; the JSON holds.
explained() {
    local capability=$1 text
    shift
    "$awqm" info --capability "$capability" >"$work/info"
    for text in "$@"; do grep -q -- "$text" "$work/info"; done
    "$awqm" info --capability "$capability" --json | python3 -c '
import json, sys
info = json.load(sys.stdin)
assert len(info["plans"]) == (15 if info["gpu"]["supported"] else 0)
assert all(p["reason"] and p["floor_us"] > 0 for p in info["plans"])'
}
explained 6.1 "Pascal: GTX 10" "below 7.5" "gemv    no"
explained 7.5 "Turing: RTX 20, GTX 16, T4" "gemv    yes: f16$" "gemm    yes: f16$" "marlin  no: .*capability 8.0"
explained 8.0 "A100" "gemv    yes: f16 bf16" "gemm    yes: f16 bf16" "marlin  yes: f16 bf16" "4096x14336"
explained 8.6 "RTX 30"
explained 8.9 "Ada Lovelace: RTX 40, L4"
explained 9.0 "Hopper: H100, H200" "132 multiprocessors, 3350 GB/s" "8192x28672"
explained 10.0 "Blackwell: B200"
explained 12.0 "Blackwell: RTX 50"

# The benchmark: a layer, every shape of a model, random weights; both versions side by side, and what auto picks.
"$awqm" bench $checkpoint --layer model.layers.0.self_attn.k_proj --device cuda:0 --m 1 --json >"$work/bench.json"
"$awqm" bench $checkpoint --device cuda:0 --m 1,9 --json >"$work/model.json"
"$awqm" bench --shape 512x128,256x64 --group-size 64 --device cuda:0 --m 1,16,65 --dtype bf16 --json >"$work/random.json"
"$awqm" bench --shape 512x128 --device cuda:0 --m 1,16 --kernel auto --batch-invariant
"$awqm" bench --shape 96x40 --group-size 32 --m 1,9
python3 - "$work" <<'EOF'
import json, sys
bench, model, random = (json.load(open(f"{sys.argv[1]}/{name}.json"))["results"] for name in ("bench", "model", "random"))
assert [r["kernel"] for r in bench] == ["gemv", "marlin"]
assert len({(r["k"], r["n"]) for r in model}) >= 3 and len(model) >= 12
# GEMV is timed for few rows only.
assert [(r["kernel"], r["m"]) for r in random[:5]] == [("gemv", 1), ("marlin", 1), ("gemv", 16), ("marlin", 16), ("marlin", 65)]
for results in (bench, model, random):
    for r in results:
        assert r["median_us"] > 0 and 0 < r["roof_us"] < r["predicted_us"] and r["code"].startswith("awqm_"), r
        same = [s["auto"] for s in results if (s["layer"], s["k"], s["n"], s["m"]) == (r["layer"], r["k"], r["n"], r["m"])]
        assert sum(same) == 1, same
EOF
echo ok
