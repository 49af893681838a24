# Part of scripts/test.sh: what is installed, how it behaves in a host, the ABI's promise, and every language against a
# staged install, a row for each. AWQM_BINDINGS="go zig" takes only those languages, and nothing else of this part.
# shellcheck shell=bash disable=SC2154 # functions and variables are those of test.sh
#
# A language's tests are bindings/<language>/test.sh PREFIX FIXTURES, which exits with
#   0   passed; the last line of its output is the note in its row
#   77  cannot run here; the last line says why
#   else failed.

stage=$root/target/stage

# What a consumer finds: an installed release in a folder of its own.
stage_install() { rm -rf "$stage" && make -s install "PREFIX=$stage"; }

# The GPU that stands in for one, where the library has kernels for it.
mock_gpu() { cargo build -p awq-marlin-mock-cuda; }

# judged NAME COMMAND...: one test that is the command's exit status, as above.
judged() {
    local name=$1 since=$EPOCHREALTIME log=$logs/${1//[^a-z0-9]/_}.log
    shift
    timeout 900 "$@" >"$log" 2>&1
    case $? in
    0) count "$name" 1 0 0 "$since" "$(tail -n 1 "$log")" ;;
    77) skip "$name" "$(tail -n 1 "$log")" ;;
    *)
        count "$name" 0 1 0 "$since"
        tail -n 25 "$log" | sed 's/^/    /'
        ;;
    esac
}

# listed NAME COMMAND...: a command that prints "ok …", "not ok …" or "skip …" for each of its tests.
listed() {
    local name=$1 since=$EPOCHREALTIME log=$logs/${1//[^a-z0-9]/_}.log rc=0 bad left # not `failed`, which count adds to
    shift
    timeout 1200 "$@" >"$log" 2>&1 || rc=$?
    bad=$(grep -c '^not ok ' "$log") left=$(grep -c '^skip ' "$log")
    if [ "$rc" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    count "$name" "$(grep -c '^ok ' "$log")" "$bad" "$left" "$since"
    while read -r line; do reasons+=("$name: ${line#skip }"); done < <(grep '^skip ' "$log")
    if [ "$bad" -gt 0 ]; then { grep -A 15 '^not ok ' "$log" || tail -n 15 "$log"; } | sed 's/^/    /'; fi
}

if [ -z "${AWQM_BINDINGS:-}" ]; then
    judged "abi, as promised" scripts/check_abi.sh
    judged "header, rendered" scripts/check_docs.sh
fi
if check "staged install" stage_install; then
    if [ -z "${AWQM_BINDINGS:-}" ]; then
        listed "install" tests/install/run.sh "$stage"
        listed "manners in a host" tests/manners/run.sh "$stage" "$root/tests/fixtures"
    fi
    if "$stage/bin/awqm" --version | grep -q 'cuda ('; then check "mock driver for the bindings" mock_gpu; fi
    for script in bindings/*/test.sh; do
        language=$(basename "$(dirname "$script")")
        if [[ " ${AWQM_BINDINGS:-$language} " == *" $language "* ]]; then
            judged "binding: $language" "$script" "$stage" "$root/tests/fixtures"
        fi
    done
fi
