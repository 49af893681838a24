# Part of scripts/test.sh: every language against a staged install, a row for each. AWQM_BINDINGS="go zig" takes only those.
# shellcheck shell=bash disable=SC2154 # functions and variables are those of test.sh
#
# A language's tests are bindings/<language>/test.sh PREFIX FIXTURES, which exits with
#   0   passed; the last line of its output is the note in its row
#   77  cannot run here; the last line says why
#   else failed.

stage=$root/target/stage

# What a consumer finds: an installed release in a folder of its own.
stage_install() { rm -rf "$stage" && make -s install "PREFIX=$stage"; }

# binding LANGUAGE: runs its tests and counts them.
binding() {
    local language=$1 since=$EPOCHREALTIME log=$logs/binding_$1.log
    timeout 600 "bindings/$language/test.sh" "$stage" "$root/tests/fixtures" >"$log" 2>&1
    case $? in
    0) count "binding: $language" 1 0 0 "$since" "$(tail -n 1 "$log")" ;;
    77) skip "binding: $language" "$(tail -n 1 "$log")" ;;
    *)
        count "binding: $language" 0 1 0 "$since"
        tail -n 25 "$log" | sed 's/^/    /'
        ;;
    esac
}

if check "staged install" stage_install; then
    for script in bindings/*/test.sh; do
        language=$(basename "$(dirname "$script")")
        [[ " ${AWQM_BINDINGS:-$language} " == *" $language "* ]] && binding "$language"
    done
fi
