#!/usr/bin/env bash
# Renders the public header with doxygen, which must have nothing to say, and proves that it would say something.
# 0: so it is; 77: there is no doxygen.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v doxygen >/dev/null || { echo "there is no doxygen"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

render() { # HEADER
    { cat docs/Doxyfile; echo "INPUT = $1"; echo "OUTPUT_DIRECTORY = $work"; } | doxygen - 2>&1
}
render include/awq_marlin.h || exit 1
pages=$(find "$work/html" -name '*.html' | wc -l)
[ "$pages" -gt 10 ] || { echo "only $pages pages"; exit 1; }

# A field without a comment, and a comment that doxygen cannot read.
mkdir "$work/bare" "$work/wrong"
perl -0pe 's|/\*\*\s*\* Whose threads repack.*?\*/||s' include/awq_marlin.h >"$work/bare/awq_marlin.h"
sed 's|Where a layer runs\.|Where a layer runs. @nosuchcommand|' include/awq_marlin.h >"$work/wrong/awq_marlin.h"
for kind in bare wrong; do
    ! cmp -s include/awq_marlin.h "$work/$kind/awq_marlin.h" || { echo "$kind: the edit changed nothing"; exit 1; }
    if render "$work/$kind/awq_marlin.h" >"$work/said"; then echo "doxygen accepts a $kind header"; exit 1; fi
done
echo "$pages pages without a warning"
