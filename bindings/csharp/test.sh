#!/usr/bin/env bash
# The C# binding on Mono against an installed library, and the Unity package that is made of it: test.sh PREFIX FIXTURES
set -euo pipefail
prefix=$(realpath "$1") fixtures=$(realpath "$2")
cd "$(dirname "$0")"
{ command -v mcs && command -v mono; } >/dev/null || { echo "there is no Mono (Debian: mono-mcs mono-runtime)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

./generate.py --check
./generate.py --table >"$work/table.txt"

# As Unity compiles it: from the package's own folder, one assembly, unsafe code, an old language version.
./unity_package.sh "$prefix" "$work/package"
compile() { mcs -langversion:7.2 -unsafe -warnaserror -nowarn:0649 "$@"; }
compile -target:library -out:"$work/AwqMarlin.dll" "$work"/package/Runtime/*.cs
compile -r:"$work/AwqMarlin.dll" -out:"$work/tests.exe" Tests/Tests.cs
compile -r:"$work/AwqMarlin.dll" -out:"$work/first.exe" Tests/First.cs
export LD_LIBRARY_PATH=$work/package/Runtime/Plugins/x86_64 MONO_PATH=$work

# IL2CPP's rule: what C calls is static and marked.
if grep -B 1 -E 'IntPtr userData' Runtime/Callbacks.cs | grep -E '^ .*(private|public|internal) ' | grep -v -E 'static|delegate'; then
    echo "a callback that is not static"; exit 1
fi
[ "$(grep -c '^ *\[MonoPInvokeCallback(' Runtime/Callbacks.cs)" -eq "$(grep -c 'private static .* On[A-Z][a-z]*(IntPtr userData' Runtime/Callbacks.cs)" ]

mkdir "$work/out"
mono "$work/first.exe" "$fixtures/checkpoint/llama2l_gemm" model.layers.0.mlp.up_proj | grep -q '^K 256, N 512; '
mono "$work/tests.exe" "$fixtures" "$work/out" "$work/table.txt" | tee "$work/said"
../support/check_marlin.py "$work/out/marlin.safetensors" layer "$fixtures/checkpoint/llama2l_gemm.expected.json" \
    model.layers.0.mlp.up_proj
echo "$(mono --version | sed -n 's/.*version \([0-9.]*\).*/Mono \1/p'), $(tail -n 1 "$work/said"), Unity package; $(head -n 1 "$work/said")"
