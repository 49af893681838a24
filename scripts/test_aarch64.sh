#!/usr/bin/env bash
# Builds the tests of the CPU backend for aarch64 and runs them in emulation: NEON with dot products of bytes and, on an
# older processor, without. Output is cargo's.
#
# 77: this machine cannot do that; the last line says why.
set -uo pipefail
cd "$(dirname "$0")/.."
PATH="$HOME/.cargo/bin:$PATH"

target=aarch64-unknown-linux-gnu
sysroot=/usr/aarch64-linux-gnu

cannot() { echo "$1"; exit 77; }
[ "$(uname -m)" != aarch64 ] || cannot "this machine is aarch64: its own tests have run"
command -v aarch64-linux-gnu-gcc >/dev/null || cannot "no cross compiler (Debian: gcc-aarch64-linux-gnu)"
[ -e $sysroot/lib/libc.so ] || cannot "no C library to link with (Debian: libc6-dev-arm64-cross)"
command -v qemu-aarch64 >/dev/null || cannot "no emulator (Debian: qemu-user)"
[ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ] || cannot "Rust lacks the target (rustup target add $target)"

# GPUs are not the matter here, but what stands for them must compile.
export AWQM_CUDA=off
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
# Without the crates of the other tests: see Cargo.toml.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="--cfg awqm_few_tests"

# on CPU CARGO-ARGUMENTS...: tests on that processor of the emulator's. The one that is left out starts itself again, which
# only the emulator can.
on() {
    local cpu=$1
    shift
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -cpu $cpu -L $sysroot" \
        cargo test --target $target --no-fail-fast "$@" -- --skip the_variable_forces_an_instruction_set
}

rc=0
on max --test cpu_kernels --test cpu_fixtures --test cpu_int8 --test cpu_calls --test cpu_edges --test cpu_allocation || rc=1
on cortex-a72 --test cpu_int8 || rc=1
exit $rc
