#!/usr/bin/env bash
# What `make install` and `make dist` leave behind: tests/install/run.sh PREFIX. Prints "ok NAME" or "not ok NAME" for each.
set -uo pipefail
prefix=$(realpath "$1")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
lib=$prefix/lib/libawq_marlin

try() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        echo "ok $name"
    else
        echo "not ok $name"
        tail -n 15 "$work/log"
        status=1
    fi
}
at_most() { # BYTES FILE
    echo "$2: $(stat -Lc %s "$2") bytes, at most $1"
    [ "$(stat -Lc %s "$2")" -le "$1" ]
}

links() {
    local soname
    soname=$(readelf -d "$lib.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
    [ "$(readlink "$lib.so")" = "$soname" ] && [ "$(readlink "$prefix/lib/$soname")" = "libawq_marlin.so.$version" ] && [ -f "$lib.a" ]
}
stripped() { ! readelf -S "$lib.so" | grep -E '\.(symtab|debug_)'; }
# Only the C library and its kin: no C++ runtime, no CUDA.
needs_little() { ! readelf -d "$lib.so" | grep NEEDED | grep -vE 'lib(gcc_s|c|m|dl|rt|pthread|util)\.so|ld-linux'; }

# The libraries that rustc names for the static library are those that are written down, and pkg-config gives them all.
words() { tr ' ' '\n' | sort -u; }
native_libraries() {
    local said given
    said=$(cargo rustc --lib --features test-hooks --target-dir target/hooks -- --print native-static-libs 2>&1 |
        sed -n 's/^note: native-static-libs: //p' | tail -n 1)
    echo "rustc: $said"
    [ -n "$said" ] && [ "$(words <<<"$said")" = "$(words <packaging/native-libs.txt)" ] || return 1
    given=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --static --libs awq_marlin)
    [ -z "$(comm -23 <(words <<<"$said") <(words <<<"$given"))" ]
}
pkg_config() {
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
    [ "$(pkg-config --modversion awq_marlin)" = "$version" ] && pkg-config --validate awq_marlin &&
        [ "$(pkg-config --variable=libdir awq_marlin)" = "$prefix/lib" ] && ! pkg-config --libs awq_marlin | grep -e -lgcc_s
}

# Files go under DESTDIR, and nothing that is installed remembers it; LIBDIR may be Debian's.
destdir() {
    packaging/install.sh "$work/dest" /opt/awq /opt/awq/lib/x86_64-linux-gnu || return 1
    local libdir=$work/dest/opt/awq/lib/x86_64-linux-gnu
    ! grep -rlF "$work" "$work/dest" --include='*.pc' --include='*.cmake' || return 1
    grep -qx 'prefix=/opt/awq' "$libdir/pkgconfig/awq_marlin.pc" && grep -qxF 'libdir=${prefix}/lib/x86_64-linux-gnu' "$libdir/pkgconfig/awq_marlin.pc" &&
        grep -qF '/../../../.."' "$libdir/cmake/awq_marlin/awq_marlinConfig.cmake" && [ -e "$libdir/libawq_marlin.so" ]
}

# The manual has every command with its options, and troff finds nothing to say about it.
manual() {
    local page=$prefix/share/man/man1/awqm.1 command text
    text=$(MANWIDTH=120 man --warnings -l "$page" 2>"$work/warnings" | col -b) && [ ! -s "$work/warnings" ] || { cat "$work/warnings"; return 1; }
    for command in $("$prefix/bin/awqm" --help | sed -n 's/^  \([a-z]\+\)  .*/\1/p'); do
        grep -q "^ *$command\$" <<<"$text" && grep -q "usage: awqm $command" <<<"$text" || { echo "$command is not in the manual"; return 1; }
    done
    grep -q -- '--group-size G' <<<"$text"
}

# complete WORDS...: what the shell would offer for the last word.
complete_words() {
    bash --norc -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _awqm; printf "%s " "${COMPREPLY[@]}"' sh \
        "$prefix/share/bash-completion/completions/awqm" "$prefix/bin/awqm" "$@"
}
completion() {
    [ "$(complete_words qu)" = "quantize " ] && [ "$(complete_words quantize --gr)" = "--group-size " ] &&
        [ "$(complete_words quantize --bits '')" = "4 8 " ] && [[ $(complete_words inspect "$prefix/li") == *"$prefix/lib"* ]]
}

tool() { "$prefix/bin/awqm" --version | grep -F "awq-marlin $version"; }

# Every crate that cargo says is linked is named with a licence.
licences() {
    local file=$prefix/share/doc/awq_marlin/THIRD-PARTY-LICENCES crate
    for crate in half safetensors serde_json memmap2 tokenizers minijinja; do
        grep -qE "^  $crate [0-9.]+: .*(MIT|Apache)" "$file" || { echo "$crate is not named"; return 1; }
    done
    ! grep -E ': see its licence file$' "$file" && grep -q 'Permission is hereby granted' "$file" && [ -s "$prefix/share/doc/awq_marlin/LICENSE" ] &&
        [ "$(grep -cE '^  [a-z0-9_-]+ [0-9]' "$file")" -ge "$(cargo tree -e normal,no-proc-macro --prefix none -p awq-marlin | sort -u | wc -l)" ]
}

# Two archives, made at other times by other people's settings, are the same bytes; unpacked anywhere it works.
archive() {
    local first name
    name=$(make -s --no-print-directory dist 2>/dev/null | tail -n 1)
    first=$(sha256sum <"$name")
    cp "$name" "$work/first.tar.gz"
    sleep 1
    (umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 make -s dist >/dev/null 2>&1)
    echo "$name $first"
    [ "$first" = "$(sha256sum <"$name")" ] || return 1
    mkdir "$work/unpacked" && tar -xf "$name" -C "$work/unpacked" --strip-components=1 &&
        PKG_CONFIG_PATH=$work/unpacked/lib/pkgconfig pkg-config --cflags awq_marlin | grep -F "unpacked/lib/pkgconfig/../../include" &&
        "$work/unpacked/bin/awqm" --version | grep -F "$version" &&
        gcc examples-c/01_linear.c $(PKG_CONFIG_PATH=$work/unpacked/lib/pkgconfig pkg-config --cflags --libs awq_marlin) -o "$work/linear" &&
        LD_LIBRARY_PATH=$work/unpacked/lib "$work/linear" tests/fixtures/checkpoint/llama2l_gemm model.layers.0.mlp.up_proj
}

# Without kernels, as where there is no nvcc: `--no-default-features`.
small() {
    cargo rustc --quiet --release --lib --crate-type cdylib --no-default-features --target-dir target/cpu-only &&
        cp target/cpu-only/release/libawq_marlin.so "$work/small.so" && strip --strip-unneeded "$work/small.so" && at_most $((4 << 20)) "$work/small.so"
}

# The metadata that cargo-c reads names files that are there and the same version scheme as build.rs.
cargo_c() {
    if command -v cargo-cinstall >/dev/null; then
        cargo cinstall --release --destdir "$work/c" --prefix /usr --libdir /usr/lib --target-dir target/cargo-c &&
            [ -e "$work/c/usr/include/awq_marlin.h" ] && [ -e "$work/c/usr/lib/pkgconfig/awq_marlin.pc" ] && [ -e "$work/c/usr/lib/libawq_marlin.so" ]
        return
    fi
    cargo metadata --no-deps --format-version 1 | python3 -c '
import json, os, sys
package = next(p for p in json.load(sys.stdin)["packages"] if p["name"] == "awq-marlin")
capi = package["metadata"]["capi"]
assert capi["header"] == {"name": "awq_marlin", "subdirectory": False, "generation": False}, capi["header"]
assert capi["library"]["name"] == "awq_marlin" and capi["library"]["rustflags"] == [], capi["library"]
assert capi["pkg_config"]["name"] == "awq_marlin" and capi["pkg_config"]["filename"] == "awq_marlin"
for asset in capi["install"]["include"]["asset"]:
    assert os.path.exists(asset["from"]), asset
assert "capi" in package["features"]
'
}

try "library, its links and its SONAME" links
try "stripped" stripped
try "with kernels under 15 MB" at_most $((15 << 20)) "$lib.so"
try "without kernels under 4 MB" small
try "needs the C library and nothing else" needs_little
try "Libs.private is rustc's list" native_libraries
try "pkg-config" pkg_config
try "DESTDIR and LIBDIR" destdir
try "the tool" tool
try "manual page" manual
try "shell completion" completion
try "licences" licences
try "archive, byte for byte" archive
try "cargo-c metadata" cargo_c
exit $status
