#!/usr/bin/env bash
# Builds and tests the Go module against an installed library: test.sh PREFIX FIXTURES
set -euo pipefail
prefix=$(realpath "$1") AWQM_FIXTURES=$(realpath "$2")
cd "$(dirname "$0")"
command -v go >/dev/null || { echo "there is no go (Debian: golang-go)"; exit 77; }

export AWQM_FIXTURES GOFLAGS=-mod=readonly GOTOOLCHAIN=local
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib

unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || { echo "gofmt: $unformatted"; exit 1; }
go vet ./...
# With the race detector, and with every pointer that goes to C checked.
GODEBUG=cgocheck=2 go test -race -count=1 ./...
# As README says: a module of its own that uses this one.
user=$(mktemp -d)
trap 'rm -rf "$user"' EXIT
(
    PREFIX=$prefix SOURCE=$(realpath ../..) MODEL=$AWQM_FIXTURES/checkpoint/llama2l_gemm
    block=$(../support/block.sh README.md sh)
    cd "$user"
    eval "$block"
) | grep '^K 256 N 512 '
# The benchmarks run once, so that they keep working; what they measure here means nothing on a busy machine.
go test -count=1 -run RunAllocatesNothing -bench . -benchtime 20x ./...

passed=$(go test -count=1 -list . ./... | grep -c '^Test')
echo "$(go version | cut -d' ' -f3), $passed tests under the race detector, one embedding service"
