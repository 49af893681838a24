#!/usr/bin/env bash
# Holds the public header against the committed ABI (abi/README.md), and proves that the check can fail.
#
#   scripts/check_abi.sh             0: compatible and written down; 1: not; 77: there is no abidiff
#   scripts/check_abi.sh --update    writes additions down; refuses what breaks compiled programs
#   scripts/check_abi.sh --accept    writes down whatever there is
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\([0-9]*\.[0-9]*\).*"/\1/p' Cargo.toml | head -n 1)
baseline=abi/awq_marlin-$version
{ command -v abidw && command -v abidiff; } >/dev/null || { echo "there is no abidiff (Debian: abigail-tools)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# dump HEADER TABLE OUT: the ABI of a header, from a library of empty functions.
dump() {
    mkdir -p "$work/include"
    cp "$1" "$work/include/awq_marlin.h"
    scripts/abi_tables.py stub "$2" >"$work/stub.c"
    # From inside the folder and without its name, so that the dump is the same wherever it is made.
    (cd "$work" && gcc -std=c11 -g -gdwarf-4 -fdebug-prefix-map="$work"=abi -shared -fPIC -Wl,-soname,libawq_marlin.so -Iinclude stub.c -o libawq_marlin.so)
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs --out-file "$3" "$work/libawq_marlin.so"
}

# breaks BASELINE HEADER TABLE: what would break compiled programs is in the report. New functions are fine, and so are
# new fields at the end of a struct, as every struct says its size: they are cut off before abidiff looks.
breaks() {
    scripts/abi_tables.py trim "$1.json" "$2" >"$work/trimmed.h"
    dump "$work/trimmed.h" "$3" "$work/trimmed.abi"
    ! { abidiff --no-added-syms --harmless "$1.abi" "$work/trimmed.abi" >"$work/report" &&
        scripts/abi_tables.py values "$1.json" "$3" >>"$work/report" 2>&1; }
}

dump include/awq_marlin.h abi/interface.json "$work/now.abi"
cp abi/interface.json "$work/now.json"
functions=$(grep -c '<function-decl' "$work/now.abi")
declared=$(grep -c '^AWQM_API' include/awq_marlin.h)
# A dump that sees nothing would agree with everything.
[ "$functions" -ge "$declared" ] || { echo "abidw sees $functions of $declared functions"; exit 1; }

write_down() { cp "$work/now.abi" "$baseline.abi" && cp "$work/now.json" "$baseline.json"; }
if [ "${1:-}" = --accept ]; then
    write_down
    exit
fi
if { [ -z "${1:-}" ] || [ -e "$baseline.abi" ]; } && breaks "$baseline" include/awq_marlin.h abi/interface.json; then
    cat "$work/report"
    echo "the header breaks programs that were compiled against $baseline; if that is meant: scripts/check_abi.sh --accept"
    exit 1
fi
if [ "${1:-}" = --update ]; then
    write_down
    exit
fi
cmp -s "$baseline.json" abi/interface.json || { echo "an addition is not written down: run make header"; exit 1; }

# --- the check sees what it is for ---

# seen WHAT EXPECTED SED-HEADER SED-TABLE: after an edit the check says EXPECTED (breaks or fits).
seen() {
    local found=fits
    sed -E "$3" include/awq_marlin.h >"$work/edited.h"
    sed -E "$4" abi/interface.json >"$work/edited.json"
    if cmp -s include/awq_marlin.h "$work/edited.h" || { [ -n "$4" ] && cmp -s abi/interface.json "$work/edited.json"; }; then
        echo "$1: the edit changed nothing"
        exit 1
    fi
    if breaks "$work/now" "$work/edited.h" "$work/edited.json"; then found=breaks; fi
    [ "$found" = "$2" ] || { cat "$work/report"; echo "$1: the check says \"$found\", it should say \"$2\""; exit 1; }
}
seen "a function is renamed" breaks 's/awqm_plan_free\(/awqm_plan_drop(/' 's/"awqm_plan_free"/"awqm_plan_drop"/'
seen "a parameter changes" breaks 's/^(AWQM_API size_t awqm_dtype_bytes\()awqm_dtype/\1int64_t/' \
    '/"awqm_dtype_bytes"/,/\]/s/"awqm_dtype"/"int64_t"/'
seen "a field changes its type" breaks '/^typedef struct awqm_run_args/,/^\}/s/int64_t m;/int32_t m;/' ''
seen "two fields change places" breaks \
    '/^typedef struct awqm_linear_options/,/^\}/{s/awqm_compute compute;/uint32_t FLAGS;/;s/uint32_t flags;/awqm_compute compute;/;s/FLAGS/flags/}' ''
seen "an enum value changes" breaks 's/AWQM_STATUS_IO = 201/AWQM_STATUS_IO = 251/' 's/"AWQM_STATUS_IO": 201/"AWQM_STATUS_IO": 251/'
seen "a struct grows at its end" fits 's/^(\} awqm_run_args;)/  int64_t one_more;\n\1/' ''
seen "an enum gets a value" fits 's/AWQM_STATUS_IO = 201,/&\n  AWQM_STATUS_NEW = 299,/' 's/"AWQM_STATUS_IO": 201,/&\n"AWQM_STATUS_NEW": 299,/'
echo "$functions functions as in $baseline.abi; 7 edits judged as they should be"
