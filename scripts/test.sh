#!/usr/bin/env bash
# Runs every test: Rust, then the C suite against the public header in many variants, the CUDA backend on a driver
# without a GPU, then whole models.
# Prints a row for each group, what was skipped and why, and the total on the last line.
#
#   scripts/test.sh            everything
#   scripts/test.sh rust c     only those parts: rust, aarch64, kernels, c, cuda, valgrind, release, bindings, model
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
PATH="$HOME/.cargo/bin:$PATH"
out=$root/target/ctests
logs=$out/logs
rm -rf "$out"
mkdir -p "$logs" "$out/lib"

parts=${*:-rust aarch64 kernels c cuda valgrind release bindings model}
wanted() { [[ " $parts " == *" $1 "* ]]; }

passed=0 failed=0 skipped=0
reasons=()

row() { printf '%-34s %6s passed %4s failed %4s skipped  %7ss  %s\n' "$@"; }

# count NAME PASSED FAILED SKIPPED SINCE [NOTE]
count() {
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
    row "$1" "$2" "$3" "$4" "$(seconds_since "$5")" "${6:-}"
}

skip() { # NAME REASON
    skipped=$((skipped + 1))
    reasons+=("$1: $2")
    row "$1" 0 0 1 0.0 "skipped: $2"
}

seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

# check NAME COMMAND...: one test that is the command's exit status.
check() {
    local name=$1 since=$EPOCHREALTIME log
    log=$logs/${name//[^a-z0-9]/_}.log
    shift
    if "$@" >"$log" 2>&1; then
        count "$name" 1 0 0 "$since"
    else
        count "$name" 0 1 0 "$since"
        tail -n 25 "$log" | sed 's/^/    /'
        return 1
    fi
}

# rust NAME CARGO-ARGUMENTS...: one row for these tests.
rust() {
    local name=$1
    shift
    harness "$name" cargo test --no-fail-fast "$@"
}

# harness NAME COMMAND...: counts from the result lines of Rust's test harness; a build that fails is one failure. 77: the
# command cannot run here, and its last line says why.
harness() {
    local name=$1 since=$EPOCHREALTIME log rc=0 p f s
    log=$logs/${name//[^a-z0-9]/_}.log
    shift
    "$@" >"$log" 2>&1 || rc=$?
    if [ "$rc" -eq 77 ]; then
        skip "$name" "$(tail -n 1 "$log")"
        return
    fi
    read -r p f s < <(awk '/^test result:/ { p += $4; f += $6; s += $8 } END { print p+0, f+0, s+0 }' "$log")
    if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
    count "$name" "$p" "$f" "$s" "$since"
    if [ "$s" -gt 0 ]; then
        while read -r line; do reasons+=("$name: $line"); done < <(sed -n 's/^test \(.*\) \.\.\. ignored\(, \)\?/\1: ignored /p' "$log")
    fi
    if [ "$rc" -ne 0 ]; then
        grep -E '^(error|warning: unused|test .* FAILED|---- |thread .* panicked)' -A 6 "$log" | head -n 80 | sed 's/^/    /'
        tail -n 12 "$log" | sed 's/^/    /'
    fi
}

# --- the CUDA kernels ---

# The kernels on the CPU under ASan and UBSan: the emulation is built with them, and their library is loaded first.
sanitized() {
    local library
    library=$(gcc -print-file-name=libasan.so)
    AWQM_EMULATION_SANITIZE=address,undefined \
        cargo --config "target.'cfg(unix)'.runner=['env', 'LD_PRELOAD=$library']" test "$@"
}
# A write past shared memory that the emulation finds afterwards, ASan finds at once and ends the program.
sanitizers_are_in() {
    local output
    output=$(sanitized -p awq-marlin-emulation --test planted a_write_past 2>&1)
    echo "$output"
    [[ $output == *"AddressSanitizer: use-after-poison"* ]]
}

# --- the C suite ---

# Where the programs are, and what each is built with.
folder=tests/c beside=

programs() { for f in "$folder"/*.c; do basename "$f" .c; done; }

# compile DIR COMPILER LINK-ARGUMENTS FLAGS...: builds every program of $folder into DIR, as many at once as there are cores.
compile() {
    local dir=$1 cc=$2 link=$3
    shift 3
    local language=c
    [[ $cc == *++ ]] && language=c++
    mkdir -p "$dir"
    # shellcheck disable=SC2086 # link and flags are lists
    programs | xargs -P "$(nproc)" -I{} sh -c '
        name=$1 dir=$2 cc=$3 language=$4 sources=$5 link=$6; shift 6
        $cc -x $language "$@" -Wall -Wextra -Wpedantic -Werror -g -Itests/c $sources/$name.c '"$beside"' -x none \
            $link -o $dir/$name >$dir/$name.build 2>&1' sh {} "$dir" "$cc" "$language" "$folder" "$link" "$@"
}

# c_suite NAME RUNNER COMPILER LINK-ARGUMENTS FLAGS...: builds the programs and runs each one as `RUNNER program FIXTURES`.
# A program passes when it exits with 0, says "ok N checks" and nothing else on stdout, and nothing on stderr: so every
# run also shows that the library prints nothing.
c_suite() {
    local name=$1 runner=$2 since=$EPOCHREALTIME dir p=0 f=0 checks=0 program n
    dir=$out/${name// /-}
    shift 2
    compile "$dir" "$@"
    for program in $(programs); do
        if [ ! -x "$dir/$program" ]; then
            f=$((f + 1))
            echo "    $name: $program does not compile"
            head -n 15 "$dir/$program.build" | sed 's/^/    /'
            continue
        fi
        if $runner timeout 300 "$dir/$program" tests/fixtures >"$dir/$program.out" 2>"$dir/$program.err" &&
            grep -qxE 'ok [0-9]+ checks' "$dir/$program.out" &&
            [ "$(wc -l <"$dir/$program.out")" -eq 1 ] && [ ! -s "$dir/$program.err" ]; then
            p=$((p + 1))
            n=$(awk '{ print $2 }' "$dir/$program.out")
            checks=$((checks + n))
        else
            f=$((f + 1))
            echo "    $name: $program failed"
            head -n 30 "$dir/$program.err" "$dir/$program.out" | sed 's/^/    /'
        fi
    done
    count "$name" $p $f 0 "$since" "$checks checks"
}

has_asan() { nm "$1" | grep '__asan_init'; }
exported() { nm -D --defined-only "$1" | awk '{ print $3 }'; }
lacks_test_hooks() { exported "$1" | grep -x awqm_version_number && ! exported "$1" | grep '^awqm_test_'; }

# The shared and the static library with the doors of tests; cargo says what the static one must be linked with.
build_with_hooks() { cargo rustc --lib --features test-hooks --target-dir target/hooks -- --print native-static-libs; }
static_link_line() { sed -n 's/^note: native-static-libs: //p' "$logs/build_with_test_hooks.log" | tail -n 1; }

# prints TEXT COMMAND...: the command succeeds and prints that somewhere.
prints() {
    local text=$1 output
    shift
    output=$("$@") || return 1
    echo "$output"
    [[ $output == *"$text"* ]]
}

# examples FLAGS...: the numbered programs of examples-c, built as a reader would, on a small checkpoint.
examples() {
    local dir=$out/examples checkpoint=tests/fixtures/checkpoint/llama2l_gemm file
    local layer=model.layers.0.mlp.up_proj
    mkdir -p "$dir"
    for file in examples-c/[0-9]*.c; do
        [[ $file == */05_game_loop.c ]] && continue # C11, and has a test of its own
        gcc -std=c99 -Wall -Wextra -Wpedantic -Werror "$file" "$@" -o "$dir/$(basename "$file" .c)" || return 1
    done
    prints "K 256, N 512" "$dir/01_linear" $checkpoint $layer &&
        prints "4 bits, group size 64, zero points, layout gemm" "$dir/02_config" $checkpoint $layer &&
        prints "self_attn.o_proj: skipped" "$dir/02_config" $checkpoint model.layers.0.self_attn.o_proj &&
        prints "256 x 512" "$dir/03_repack" $checkpoint $layer &&
        ! "$dir/03_repack" $checkpoint no.such.layer &&
        prints "model.layers.0.mlp.down_proj" "$dir/04_calibrate" "$dir/calibrated" &&
        cargo build -q --release -p awqm-tokenizer && make -s -C examples-c &&
        target/awqm verify "$dir/calibrated/awq"
}

# The library says what its kernels are for.
has_kernels() {
    local program=$out/has_kernels
    printf '%s\n' '#include <awq_marlin.h>' '#include <string.h>' \
        'int main(void) { return strstr(awqm_build_info(), "without kernels") != NULL; }' |
        gcc -x c - -x none $shared -o "$program" && "$program"
}

# A libcuda of another time: it has no function that the library needs.
old_driver() {
    local dir=$out/old-driver
    mkdir -p "$dir"
    echo 'int cuInit(unsigned f) { return (int)f; } int cuDriverGetVersion(int *v) { *v = 13010; return 0; }' |
        gcc -x c -shared -fPIC -o "$dir/libcuda.so.1" -
    printf '%s\n' '#include <awq_marlin.h>' '#include <stdio.h>' 'int main(void) { awqm_device *d = 0;' \
        'int s = awqm_device_create_cuda(0, &d); printf("%s: %s", awqm_status_name(s), awqm_last_error_message()); }' |
        gcc -x c - -x none $shared -o "$dir/open" || return 1
    prints "AWQM_STATUS_DRIVER_TOO_OLD: the CUDA driver is too old: it lacks cu" env LD_LIBRARY_PATH="$dir" "$dir/open"
}

# --- what runs ---

if wanted rust; then
    rust "rust" --workspace
    # The same library with the doors that only tests may use; the unit tests and the C interface again.
    rust "rust, test-hooks" --features test-hooks --target-dir target/hooks --lib --test abi_symbols
fi

if wanted aarch64; then harness "rust, aarch64 in emulation" scripts/test_aarch64.sh; fi

if wanted kernels; then
    since=$EPOCHREALTIME
    scripts/check_kernels.sh >"$logs/kernels.log" 2>&1
    case $? in
    77) skip "kernels for every GPU" "$(tail -n 1 "$logs/kernels.log")" ;;
    *)
        count "kernels for every GPU" "$(grep -c '^ok ' "$logs/kernels.log")" "$(grep -c '^not ok ' "$logs/kernels.log")" 0 "$since" \
            "$(sed -n 's/^ok all images together are/images:/p' "$logs/kernels.log")"
        grep -A 5 '^not ok ' "$logs/kernels.log" | sed 's/^/    /'
        ;;
    esac
    if [ -e "$(gcc -print-file-name=libasan.so)" ]; then
        check "emulation, asan ubsan" sanitized -p awq-marlin-emulation --test planted -- --skip a_write_past
        check "kernels, asan ubsan" sanitized --test cuda_kernels
        check "emulation, asan is really in" sanitizers_are_in
    else
        skip "kernels, asan ubsan" "gcc has no libasan here"
    fi
fi

if wanted c || wanted cuda || wanted valgrind; then
    if check "build with test-hooks" build_with_hooks; then
        cp target/hooks/debug/libawq_marlin.so target/hooks/debug/libawq_marlin.a "$out/lib/"
        soname=$(readelf -d "$out/lib/libawq_marlin.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
        ln -sf libawq_marlin.so "$out/lib/$soname"
        strip --strip-debug "$out/lib/libawq_marlin.a" # a hundred programs link it; this makes that quick
        cp include/awq_marlin.h "$out/"
        hooks=-DAWQM_TEST_HOOKS
        shared="$hooks -I$out -L$out/lib -Wl,-rpath,$out/lib -lawq_marlin -lpthread -lm"
        native=$(static_link_line)
        static="$hooks -I$out $out/lib/libawq_marlin.a ${native:--lgcc_s -lutil -lrt -lpthread -lm -ldl -lc}"
    else
        parts=" $parts "
        parts=${parts/ valgrind / } parts=${parts/ cuda / } parts=${parts/ c / }
    fi
fi

if wanted c; then
    header=include/awq_marlin.h
    for std in c99 c11 c2x; do
        check "header alone, $std" gcc -x c -std=$std -Wall -Wextra -Wpedantic -Werror -fsyntax-only $header
    done
    check "header alone, c++17" g++ -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only $header
    check "header with engine macros, c11" gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only tests/c/header/engine.c
    check "header with engine macros, c++17" g++ -x c++ -std=c++17 -fno-exceptions -fno-rtti -Wall -Wextra -Wpedantic -Werror \
        -Iinclude -fsyntax-only tests/c/header/engine.c
    check "header twice, c" gcc -std=c99 -Wall -Wextra -Wpedantic -Werror tests/c/header/twice_a.c tests/c/header/twice_b.c \
        $shared -o "$out/twice_c"
    check "header twice, c++" g++ -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror tests/c/header/twice_a.c tests/c/header/twice_b.c \
        -x none $shared -o "$out/twice_cpp"
    check "header twice, runs" sh -c "'$out/twice_c' && '$out/twice_cpp'"

    for std in c99 c11 c2x; do
        c_suite "$std shared" "" gcc "$shared" -std=$std
        c_suite "$std static" "" gcc "$static" -std=$std
    done
    c_suite "c++17 shared" "" g++ "$shared" -std=c++17 -fno-exceptions -fno-rtti
    c_suite "c++17 static" "" g++ "$static" -std=c++17 -fno-exceptions -fno-rtti

    sanitizers="-fsanitize=address,undefined -fno-sanitize-recover=all"
    if echo 'int main(void) { return 0; }' | gcc -x c $sanitizers - -o "$out/probe" 2>/dev/null && "$out/probe"; then
        # shellcheck disable=SC2086
        c_suite "asan ubsan static" "" gcc "$static $sanitizers" -std=c11 $sanitizers -fno-omit-frame-pointer
        check "asan is really in" has_asan "$out/asan-ubsan-static/version"
    else
        skip "asan ubsan" "gcc cannot link or run a program with its sanitizers here"
    fi
fi

if wanted cuda; then
    # The unmodified library on a libcuda that runs the kernels here.
    if ! has_kernels; then
        skip "cuda" "this build has no kernels: no nvcc (scripts/get_nvcc.sh fetches one)"
    elif check "mock driver" cargo build -p awq-marlin-mock-cuda; then
        mkdir -p "$out/mock"
        cp target/debug/libcuda.so "$out/mock/libcuda.so.1"
        ln -sf libcuda.so.1 "$out/mock/libcuda.so" # the name that is looked for first
        folder=tests/c_cuda beside=tests/gpu/driver.c
        c_suite "cuda on the mock driver" "env LD_LIBRARY_PATH=$out/mock" gcc "$shared $out/mock/libcuda.so.1 -ldl" -std=c11
        folder=tests/c beside=
        check "cuda through the tool" tests/c_cuda/tool.sh "$out/mock" "$out/lib"
        check "cuda, driver without a function" old_driver
        check "cuda, programs of gpu-check" scripts/gpu_check.sh --mock
    fi
fi

if wanted valgrind; then
    if command -v valgrind >/dev/null; then
        c_suite "valgrind shared" "valgrind -q --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect --error-exitcode=9 --trace-children=yes" \
            gcc "$shared" -std=c11
    else
        skip "valgrind" "not installed"
    fi
fi

# benches/overhead, which is run by hand, against the installed header.
overhead() { # INCLUDE
    gcc -std=gnu11 -Wall -Wextra -Werror -fsyntax-only -I"$1" benches/overhead/overhead.c &&
        g++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -I"$1" benches/overhead/overhead.cpp
}

if wanted release; then
    # What users get: optimized, without the test doors, installed, and found through pkg-config.
    stage=$out/stage
    if check "release build and install" make -s install "PREFIX=$stage/usr"; then
        check "release exports no test hook" lacks_test_hooks "$stage/usr/lib/libawq_marlin.so"
        flags=$(PKG_CONFIG_PATH=$stage/usr/lib/pkgconfig pkg-config --cflags --libs awq_marlin) || flags=
        # A library in between notes which function gives which status; the header must say so.
        scripts/check_statuses.py spy | gcc -x c -shared -fPIC -I"$stage/usr/include" - -o "$out/spy.so" -ldl
        c_suite "c11 release installed" "env LD_PRELOAD=$out/spy.so AWQM_STATUS_LOG=$out/statuses" \
            gcc "$flags -Wl,-rpath,$stage/usr/lib -lpthread -lm" -std=c11
        check "statuses as documented" scripts/check_statuses.py check "$out/statuses"
        check "what a call costs, compiled" overhead "$stage/usr/include"
        # shellcheck disable=SC2086
        check "examples compile and run" examples $flags "-Wl,-rpath,$stage/usr/lib"
        check "game loop allocates nothing" tests/game_loop/run.sh "$stage/usr"
    fi
fi

# shellcheck source=scripts/test_bindings.sh
if wanted bindings; then . scripts/test_bindings.sh; fi

if wanted model; then
    if [ -x tests/model/run.sh ]; then
        since=$EPOCHREALTIME
        # 0: passed; 77: cannot run here, the last line says why.
        tests/model/run.sh >"$logs/model.log" 2>&1
        case $? in
        0) count "model" 1 0 0 "$since" "$(tail -n 1 "$logs/model.log")" ;;
        77) skip "model" "$(tail -n 1 "$logs/model.log")" ;;
        *)
            count "model" 0 1 0 "$since"
            tail -n 25 "$logs/model.log" | sed 's/^/    /'
            ;;
        esac
    fi
fi

echo
if [ "${#reasons[@]}" -gt 0 ]; then
    echo "skipped:"
    printf '  %s\n' "${reasons[@]}"
    echo
fi
if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
