#!/usr/bin/env bash
# Builds the extension against an installed library and runs it in a stand-in for Godot: test.sh PREFIX FIXTURES
set -euo pipefail
prefix=$(realpath "$1") fixtures=$(realpath "$2")
cd "$(dirname "$0")"
root=$(realpath ../..)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
strict="-std=c11 -Wall -Wextra -Wpedantic -Werror -O1 -g"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
# As README installs it; and once more with every warning.
PREFIX=$prefix SOURCE=$root GAME=$work bash -euo pipefail <(../support/block.sh README.md sh)
addon=$work/addons/awq_marlin
# shellcheck disable=SC2046,SC2086 # lists of flags
gcc $strict -fPIC -shared src/extension.c $(pkg-config --cflags --libs awq_marlin) -Wl,--no-undefined -o "$work/strict.so"
# shellcheck disable=SC2046,SC2086
gcc $strict -D_GNU_SOURCE tests/host.c $(pkg-config --cflags --libs awq_marlin) "-Wl,-rpath,$addon" -ldl -lm -o "$work/host"

# What the .gdextension file names is there: the entry symbol, and each library beside the extension.
entry=$(sed -n 's/^entry_symbol = "\(.*\)"/\1/p' awq_marlin.gdextension)
[ "$(nm -D --defined-only "$addon/libawq_marlin_godot.so" | awk '{ print $3 }')" = "$entry" ]
for library in $(grep -o '[^/]*\.so[^":]*' awq_marlin.gdextension); do [ -e "$addon/$library" ]; done
# The script's calls are methods that the class registers.
for method in $(grep -o 'layer\.[a-z_]*(' examples/layer.gd | tr -d '(' | cut -d. -f2); do
    grep -q "{\"$method\", method_" src/extension.c
done

host() { "$@" "$work/host" "$addon/libawq_marlin_godot.so" "$entry" "$fixtures" "$work/marlin.safetensors"; }
[ "$(host env)" = ok ]
"$root/bindings/support/check_marlin.py" "$work/marlin.safetensors" layer \
    "$fixtures/checkpoint/llama2l_gemm.expected.json" model.layers.0.mlp.up_proj >/dev/null
note="entry symbol $entry, 4 methods by both kinds of call"
if command -v valgrind >/dev/null; then
    [ "$(host valgrind -q --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --error-exitcode=9)" = ok ]
    note+=", no leak"
fi
echo "$note"
