#!/usr/bin/env bash
# Measures what a call costs, from C and C++, against an installed library: benches/overhead/run.sh PREFIX
set -euo pipefail
prefix=$(realpath "$1")
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags="-O2 -Wall -Wextra -Werror -I$prefix/include"
link="-L$prefix/lib -Wl,-rpath,$prefix/lib -lawq_marlin"
# shellcheck disable=SC2086
gcc -std=gnu11 $flags overhead.c $link -o "$work/c"
# shellcheck disable=SC2086
g++ -std=c++17 $flags overhead.cpp $link -o "$work/cpp"
"$work/c"
"$work/cpp"
