#!/usr/bin/env bash
# The game loop of examples-c: it works through its layers on the pool that it brings, and a hundred frames allocate no more
# than ten. run.sh PREFIX
set -euo pipefail
prefix=$(realpath "$1")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
strict="-std=c11 -Wall -Wextra -Wpedantic -Werror -O2"
# shellcheck disable=SC2086 # a list of flags
gcc $strict examples-c/05_game_loop.c "-I$prefix/include" "-L$prefix/lib" -lawq_marlin "-Wl,-rpath,$prefix/lib" -lpthread \
    -o "$work/game_loop"
gcc -std=c11 -Wall -Wextra -Werror -O2 -fPIC -shared -fno-builtin tests/game_loop/count_allocations.c -o "$work/count.so"
[ "$(wc -l <examples-c/05_game_loop.c)" -le 200 ]

allocations() { # FRAMES: how often that many frames ask for memory
    LD_PRELOAD=$work/count.so ALLOCATIONS=$work/calls "$work/game_loop" tests/fixtures/checkpoint/llama2l_gemm "$1" >"$work/out"
    cat "$work/calls"
}
few=$(allocations 10)
many=$(allocations 100)
read -r frames answers tasks <<<"$(sed -n 's/^\([0-9]*\) frames, \([0-9]*\) answers, \([0-9]*\) tasks on the pool; .*/\1 \2 \3/p' "$work/out")"
[ "$frames" -eq 100 ] && [ "$answers" -ge 25 ] && [ "$tasks" -gt "$answers" ]
[ "$few" -gt 100 ] && [ "$few" -eq "$many" ] || { echo "10 frames: $few calls for memory, 100 frames: $many"; exit 1; }
echo "$few calls for memory, with 10 frames and with 100"
