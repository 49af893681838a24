# shellcheck shell=bash disable=SC2154 # run.sh reads this: its variables and functions are at hand
# awqm quantize --method awq on the small models: scales fold away, files and interrupted jobs serve as well as text.

calibration=$texts/calibration.txt
awq() { # NAME DST ARGUMENTS...
    local name=$1 to=$2
    shift 2
    "$awqm" quantize "$work/$name" "$work/$to" --method awq --group-size 32 --windows 4 --window 128 "$@"
}
of() { "$awqm" perplexity "$1" --text "$text" --window 96 --windows 2 --json >"$work/of.json" && value "$work/of.json" perplexity; }

# In 8 bits rounding is next to nothing, so a scale that is not divided out again would show: in a bias too.
for name in llama mistral_window qwen2_bias qwen3_norms; do
    for mode in faithful better; do
        awq "$name" eight --text "$calibration" --bits 8 --awq-mode "$mode" --overwrite >"$work/report.txt"
        before=$(of "$work/$name") after=$(of "$work/eight")
        echo "$name in 8 bits, $mode: perplexity $before became $after"
        "$python" -c "assert abs($after / $before - 1) < 0.04, 'scales do not fold away'"
        checks=$((checks + 1))
    done
done

# The report: a line for each layer, and as JSON an error below that of round to nearest.
awq llama four --text "$calibration" --json >"$work/four.json"
"$python" - "$work/four.json" <<'PY'
import json, sys
report = json.load(open(sys.argv[1]))
layers = [l for g in report["awq"]["groups"] for l in g["layers"]]
assert len(layers) == report["layers_quantized"] == 14, len(layers)
assert report["calibration_tokens"] == 4 * 128
error, rtn = (sum(l[k] for l in layers) for k in ("error", "error_rtn"))
print(f"error {error:.4g}, of round to nearest {rtn:.4g}")
assert 0 < error < 0.8 * rtn
PY
grep -q 'model.layers.1.mlp.down_proj' "$work/report.txt"
checks=$((checks + 2))

# Any number of threads writes the same bytes.
awq llama one --text "$calibration" --threads 1 >/dev/null
cmp "$work/one/model.safetensors" "$work/four/model.safetensors"
checks=$((checks + 1))

# Activations from a file: those that the reference engine sees.
"$python" tests/model/capture.py "$work/llama" "$text" "$work/inputs.safetensors"
awq llama file --calibration "$work/inputs.safetensors" >/dev/null
"$awqm" verify "$work/file" --json >"$work/verify.json"
[ "$(value "$work/verify.json" layers_failed)" = 0 ]
checks=$((checks + 1))

# fails TEXT COMMAND...: the command exits with 1 or 2 and says that.
fails() {
    local expected=$1 output rc=0
    shift
    output=$("$@" 2>&1) || rc=$?
    echo "$rc: $output"
    [[ ($rc = 1 || $rc = 2) && $output == *"$expected"* ]] || { echo "expected: $expected"; return 1; }
    checks=$((checks + 1))
}
fails "needs --text or --calibration" awq llama none
fails "needed one of them" awq llama none --text "$calibration" --calibration "$work/inputs.safetensors"
echo "Too short." >"$work/short.txt"
fails "needed at least 128, one window" awq llama none --text "$work/short.txt"
fails "no_such_file" awq llama none --calibration "$work/no_such_file"
fails "needed at least 2: rows, K" awq llama none --calibration "$work/llama/model.safetensors"
fails "of another model" "$awqm" quantize "$model" "$work/none" --group-size 32 --calibration "$work/inputs.safetensors"
[ ! -e "$work/none" ]

# A job that cannot go on after the first block leaves nothing that could be loaded; --resume takes it up.
"$python" - "$work/inputs.safetensors" "$work/first.safetensors" <<'PY'
import sys
from safetensors.numpy import load_file, save_file
save_file({name: x for name, x in load_file(sys.argv[1]).items() if ".layers.0." in name}, sys.argv[2])
PY
fails "no statistics of this group" awq llama resumed --calibration "$work/first.safetensors" --resume
[ ! -e "$work/resumed" ]
fails "" "$awqm" inspect "$work/resumed.awqm-unfinished"
awq llama resumed --calibration "$work/inputs.safetensors" --resume --json >"$work/resumed.json"
[ "$(value "$work/resumed.json" groups_resumed)" = 4 ]
cmp "$work/resumed/model.safetensors" "$work/file/model.safetensors"
[ ! -e "$work/resumed.awqm-unfinished" ]
checks=$((checks + 4))
