#!/usr/bin/env bash
# Fetches the texts for calibrating and for measuring quality: two texts that share no line.
#
#   scripts/get_texts.sh            leaves .cache/texts/calibration.txt (132,000 tokens of SmolLM2)
#                                   and .cache/texts/novel.txt (97,000 tokens, for measuring only)
#
# Calibration: Alice's Adventures in Wonderland and the proceedings of a workshop on electronic texts, from the test data of
# the package brotli on PyPI (the Canterbury corpus). Novel: Around the World in 80 Days, which a crate that the tokenizer
# depends on brings along. All are in the public domain, pinned and checked; a second run finds the first one's work.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="$HOME/.cargo/bin:$PATH"

package=brotli==1.2.1
texts=.cache/texts
sums="7467306ee0feed4971260f3c87421154a05be571d944e9cb021a5713700c38f0  $texts/parts/alice29.txt
5314ba1dbb03f471df88bec6cd120a938ef60d0fd3511c5c1dce61bf7463245f  $texts/parts/lcet10.txt
f95647ced7981db2c1c7c50c77a1b89e3df569d9a20e8ad5c9e40ed2d2f4d268  $texts/novel.txt"

is_fetched() { [[ -f $texts/calibration.txt ]] && sha256sum --check --status <<<"$sums" 2>/dev/null; }

mkdir -p "$texts"
exec 9>"$texts/.lock"
flock 9
if ! is_fetched; then
    scripts/get_model.sh >/dev/null # makes .cache/venv
    rm -rf "$texts/parts" "$texts/download"
    mkdir -p "$texts/parts"
    echo "get_texts: downloading $package" >&2
    .cache/venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: -d "$texts/download" "$package"
    tar -xzf "$texts"/download/brotli-*.tar.gz -C "$texts/parts" --strip-components 3 --wildcards \
        '*/tests/testdata/alice29.txt' '*/tests/testdata/lcet10.txt'
    rm -rf "$texts/download"
    novel=$(cargo metadata --format-version 1 --locked | .cache/venv/bin/python -c '
import json, pathlib, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == "esaxx-rs":
        print(pathlib.Path(package["manifest_path"]).parent / "data/eighty.txt")')
    cp "$novel" "$texts/novel.txt"
    sha256sum --check --quiet <<<"$sums"
    cat "$texts/parts/alice29.txt" "$texts/parts/lcet10.txt" >"$texts/calibration.txt"
fi
echo "$texts"
