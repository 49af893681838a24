#!/usr/bin/env bash
# Compiles the plugin as the engine would, against an installed library, and runs it in a stand-in for the engine:
# test.sh PREFIX FIXTURES
set -euo pipefail
prefix=$(realpath "$1") fixtures=$(realpath "$2")
cd "$(dirname "$0")"
root=$(realpath ../..)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# As README installs it.
PREFIX=$prefix SOURCE=$root GAME=$work bash -euo pipefail <(../support/block.sh README.md sh)
plugin=$work/Plugins/AwqMarlin
third=$plugin/Source/ThirdParty/AwqMarlin
python3 -c 'import json, sys; modules = json.load(open(sys.argv[1]))["Modules"]; assert [m["Name"] for m in modules] == ["AwqMarlinRuntime"]' \
    "$plugin/AwqMarlin.uplugin"

# What the rules name for this platform is there; they compile and answer for the others.
rules=
if command -v mcs >/dev/null && command -v mono >/dev/null; then
    mcs -nologo -warnaserror -out:"$work/rules.exe" tests/Rules.cs Source/ThirdParty/AwqMarlin/AwqMarlin.Build.cs \
        Source/AwqMarlinRuntime/AwqMarlinRuntime.Build.cs
    mono "$work/rules.exe" Linux "$third" >"$work/rules"
    [ "$(cut -d' ' -f1 "$work/rules" | sort | xargs)" = "include library runtime" ]
    while read -r _ path; do [ -e "$path" ]; done <"$work/rules"
    for platform in Mac Win64; do mono "$work/rules.exe" $platform "$third" | grep -q '^library '; done
    rules=", its rules for three platforms"
fi

# The engine's way to compile: no exceptions, no RTTI, shadowing and undefined macros are errors.
module=$plugin/Source/AwqMarlinRuntime
for compiler in g++ clang++; do
    command -v $compiler >/dev/null || continue
    $compiler -std=c++17 -fno-exceptions -fno-rtti -fvisibility=hidden -Wall -Wextra -Wshadow -Wundef -Werror -O1 -Itests/engine \
        "-I$module/Public" -isystem "$third/include" "$module"/Private/*.cpp tests/*.cpp \
        "$third/lib/libawq_marlin.so" "-Wl,-rpath,$third/lib" -o "$work/plugin"
    [ "$("$work/plugin" "$fixtures" "$work/marlin.safetensors")" = ok ]
    "$root/bindings/support/check_marlin.py" "$work/marlin.safetensors" layer \
        "$fixtures/checkpoint/llama2l_gemm.expected.json" model.layers.0.mlp.up_proj >/dev/null
    compilers=${compilers:-}${compilers:+ and }$compiler
done
echo "${compilers:?there is no C++ compiler}, no exceptions, no RTTI, engine macros$rules"
