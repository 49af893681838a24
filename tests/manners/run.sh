#!/usr/bin/env bash
# How the installed library behaves inside a host: tests/manners/run.sh PREFIX FIXTURES
# Every program runs without a single environment variable and must print its one line and nothing else: the library
# needs no variables and writes nothing. Prints "ok NAME" or "not ok NAME" for each.
set -uo pipefail
prefix=$(realpath "$1") fixtures=$(realpath "$2")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
library=$prefix/lib/libawq_marlin.so
cp -L "$library" "$work/libcopy.so"
status=0

# build NAME FLAGS...
build() {
    local name=$1
    shift
    gcc -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -Itests/c -I"$prefix/include" "tests/manners/$name.c" -o "$work/$name" "$@" -pthread -ldl -lm
}

# try NAME COMMAND...: quiet but for one line that says ok.
try() {
    local name=$1
    shift
    if timeout 300 env -i "$@" >"$work/out" 2>"$work/err" </dev/null && grep -qxE 'ok( [0-9]+ checks)?' "$work/out" &&
        [ "$(wc -l <"$work/out")" -eq 1 ] && [ ! -s "$work/err" ]; then
        echo "ok $name"
    else
        echo "not ok $name"
        head -n 20 "$work/err" "$work/out"
        status=1
    fi
}

for name in reload local copies; do build $name || exit 1; done
for name in forked frees log_off memory; do
    build $name -L"$prefix/lib" -Wl,-rpath,"$prefix/lib" -lawq_marlin || exit 1
done

try "RTLD_LOCAL" "$work/local" "$library" "$fixtures" "$PWD/tests/abi/symbols.txt"
try "two copies in one process" "$work/copies" "$library" "$fixtures" "$work/libcopy.so"
try "fork after load, threads joined on the last free" "$work/forked" "$fixtures"
try "free from any thread in any order" "$work/frees" "$fixtures"
try "no call of a log callback that was taken away" "$work/log_off" "$fixtures"
try "the host's allocator, copies of weights" "$work/memory" "$fixtures"
try "loaded and unloaded 100 times" "$work/reload" "$library" "$fixtures" 100
if command -v valgrind >/dev/null; then
    memcheck="$(command -v valgrind) -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,indirect --show-leak-kinds=definite,indirect"
    # shellcheck disable=SC2086
    try "loaded and unloaded 100 times, valgrind" $memcheck "$work/reload" "$library" "$fixtures" 100
    # shellcheck disable=SC2086
    try "free from any thread in any order, valgrind" $memcheck "$work/frees" "$fixtures"
else
    echo "skip valgrind is not installed"
fi
exit $status
