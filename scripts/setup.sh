#!/usr/bin/env bash
# Installs what building and testing need and this machine lacks: Debian packages, Rust, nvcc. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

needed_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else echo "setup: not root and no sudo; run as root: $*" >&2; return 1
    fi
}

apt_updated=
apt_install() {
    [ -n "$apt_updated" ] || { as_root apt-get update -qq && apt_updated=yes; }
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# --- Debian packages: the command that must be there, and the package that brings it ---
missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need gcc gcc
need g++ g++
need make make
need nm binutils
need valgrind valgrind
need pkg-config pkg-config
need python3 python3
# For the bindings: a second compiler, CMake, C#, and what renders the manual and the header and compares the ABI.
need clang++ clang
need cmake cmake
need mcs mono-mcs
need go golang-go
need mono mono-runtime
need abidiff abigail-tools
need doxygen doxygen
need man man-db
need col bsdextrautils
need perl perl
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
# A linker without the C library's headers (gcc comes without them where recommended packages are left out).
echo '#include <stdio.h>' | gcc -E - >/dev/null 2>&1 || missing+=(libc6-dev)
# valgrind needs the symbols of the dynamic loader.
[ -e /usr/lib/debug/.build-id ] || missing+=(libc6-dbg)

if [ "${#missing[@]}" -gt 0 ]; then
    if ! command -v apt-get >/dev/null; then
        echo "setup: this is not a Debian system; please install: ${missing[*]}" >&2
        exit 1
    fi
    echo "setup: installing ${missing[*]}"
    apt_install "${missing[@]}"
fi

# For the tests of code for other processors; without them those tests are left out.
wanted=()
want() { [ -e "$1" ] || command -v "$1" >/dev/null || wanted+=("$2"); }
if [ "$(uname -m)" = x86_64 ]; then
    want aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
    want /usr/aarch64-linux-gnu/lib/libc.so libc6-dev-arm64-cross
    want qemu-aarch64 qemu-user
fi
if [ "${#wanted[@]}" -gt 0 ] && command -v apt-get >/dev/null; then
    echo "setup: installing ${wanted[*]}"
    apt_install "${wanted[@]}" || echo "setup: they could not be installed, so code for aarch64 will not be tested" >&2
fi

# --- Rust ---
PATH="$HOME/.cargo/bin:$PATH"
rust_is_enough() {
    command -v cargo >/dev/null || return 1
    local found
    found=$(cargo --version 2>/dev/null | cut -d' ' -f2) || return 1
    [ "$(printf '%s\n' "$needed_rust" "${found%%-*}" | sort -V | head -n1)" = "$needed_rust" ]
}
if ! rust_is_enough; then
    if ! command -v rustup >/dev/null && apt-cache show rustup >/dev/null 2>&1; then
        echo "setup: installing rustup"
        apt_install rustup
    fi
    if command -v rustup >/dev/null; then
        rustup default stable
    fi
    if ! rust_is_enough; then
        echo "setup: cargo $needed_rust or newer is needed (found: $(cargo --version 2>/dev/null || echo none))." >&2
        echo "setup: install Rust with rustup as the Rust project's site describes, then run this again." >&2
        exit 1
    fi
fi

target=aarch64-unknown-linux-gnu
if [ "$(uname -m)" = x86_64 ] && [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
    { command -v rustup >/dev/null && rustup target add $target; } ||
        echo "setup: Rust's library for $target could not be fetched, so code for it will not be tested" >&2
fi

# --- nvcc, which compiles the kernels for GPUs ---
scripts/get_nvcc.sh >/dev/null || echo "setup: there is no nvcc, so the library will work on the CPU only" >&2
