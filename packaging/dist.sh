#!/usr/bin/env bash
# Makes target/awq-marlin-VERSION-MACHINE.tar.gz: an install that can be unpacked anywhere. The same sources give the
# same bytes, whoever makes it and when: names are sorted, owners and times are fixed, gzip writes no time.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=awq-marlin-$version-$(uname -m)-$(uname -s | tr '[:upper:]' '[:lower:]')
# The time of the last commit, or that of the release file where there is no git.
time=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}

stage=target/dist
rm -rf "$stage"
make -s install "DESTDIR=$PWD/$stage/$name" PREFIX=
LC_ALL=C tar --sort=name --mtime="@$time" --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w \
    --format=ustar -C "$stage" -cf - "$name" | gzip -n -9 >"target/$name.tar.gz"
rm -rf "$stage"
echo "target/$name.tar.gz"
