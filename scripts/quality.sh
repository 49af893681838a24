#!/usr/bin/env bash
# What quantization costs on real weights: fills the tables and the picture of docs/quantization.md.
#
#   scripts/quality.sh              everything, about an hour on two cores
#   scripts/quality.sh --resume     goes on where an earlier run was interrupted
#
# SmolLM2-135M: perplexity on a novel that calibration never saw. all-MiniLM-L6-v2: embeddings of sentences of that novel.
set -euo pipefail
cd "$(dirname "$0")/.."

awqm=target/awqm
python=.cache/venv/bin/python
work=.cache/quality
windows=100 # of 512 tokens: 51,100 of them are scored

[ -x "$awqm" ] || make build
model=$(scripts/get_model.sh)
texts=$(scripts/get_texts.sh)
minilm=$(scripts/get_minilm.sh)
[ "${1:-}" = --resume ] || rm -rf "$work"
mkdir -p "$work"
"$python" -c 'import matplotlib' 2>/dev/null ||
    .cache/venv/bin/python -m pip install --quiet --disable-pip-version-check matplotlib==3.11.2

# Sentences are short: a second thread would only wait for the first.
export OPENBLAS_NUM_THREADS=1

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*" >&2; }

# step NAME COMMAND...: its output becomes NAME.json once it succeeds; a result that is there is kept.
step() {
    local name=$1
    shift
    [ -f "$work/$name.json" ] && return
    say "$name"
    "$@" >"$work/$name.part"
    mv "$work/$name.part" "$work/$name.json"
}

# A model is overwritten by the next one: without its figure it is quantized again.
fresh() { [ -f "$work/$1.json" ] || rm -f "$work/$1-quantize.json"; }

# The arguments of a method: what it looks at beside the weights.
method() { # METHOD CALIBRATION-ARGUMENTS...
    local name=$1
    shift
    case $name in
    rtn) echo --method rtn ;;
    *) echo --method awq --awq-mode "$name" "$@" ;;
    esac
}

perplexity() { "$awqm" perplexity "$1" --text "$texts/novel.txt" --windows "$windows" --json; }

step smollm2-fp16 perplexity "$model"
for group in 32 64; do
    for name in rtn faithful better; do
        id=smollm2-$name-$group
        fresh "$id"
        # shellcheck disable=SC2046 # a list of arguments
        step "$id-quantize" "$awqm" quantize "$model" "$work/model" --overwrite --group-size "$group" --json \
            $(method "$name" --text "$texts/calibration.txt")
        step "$id" perplexity "$work/model"
    done
done

[ -f "$work/minilm-inputs.safetensors" ] ||
    "$python" scripts/quality/minilm.py capture "$minilm" "$texts/calibration.txt" "$work/minilm-inputs.safetensors"
for group in 32 64 128; do
    for name in rtn faithful better; do
        id=minilm-$name-$group
        fresh "$id"
        # The pooler is not part of a sentence's embedding.
        # shellcheck disable=SC2046
        step "$id-quantize" "$awqm" quantize "$minilm" "$work/encoder" --overwrite --group-size "$group" --skip pooler --json \
            $(method "$name" --calibration "$work/minilm-inputs.safetensors")
        step "$id" "$python" scripts/quality/minilm.py compare "$minilm" "$work/encoder" "$texts/novel.txt"
    done
done

"$python" scripts/quality/report.py "$work" docs/quantization.md
