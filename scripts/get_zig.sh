#!/usr/bin/env bash
# Prints the path of the zig that the Zig binding is tested with: one from PyPI that is put into .cache/zig (80 MB to fetch,
# 400 MB on disk). Messages go to stderr; the second run fetches nothing. Other versions may read the code otherwise, so a
# zig on PATH is not taken.
set -euo pipefail
cd "$(dirname "$0")/.."

package=ziglang==0.15.2
venv=.cache/zig
list=$venv/packages.txt # written last: what is there is whole

found() {
    local zig
    zig=$(echo "$PWD/$venv"/lib/python3*/site-packages/ziglang/zig)
    [ -x "$zig" ] && [ -f $list ] && [ "$(cat $list)" = $package ] && echo "$zig"
}

if found; then exit 0; fi
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    echo "get_zig: python3 with venv is needed to fetch zig" >&2
    exit 1
fi
echo "get_zig: fetching $package from PyPI into $venv" >&2
if ! { python3 -m venv $venv && $venv/bin/pip install --quiet --disable-pip-version-check $package; } >&2; then
    echo "get_zig: it could not be fetched" >&2
    exit 1
fi
echo $package >$list
found || { echo "get_zig: the package holds no zig" >&2; exit 1; }
