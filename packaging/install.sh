#!/usr/bin/env bash
# Copies what `make install` has built to where the system keeps such things.
#
#   packaging/install.sh DESTDIR PREFIX LIBDIR     DESTDIR may be empty; it is only put in front, nothing remembers it
set -euo pipefail
cd "$(dirname "$0")/.."
destdir=$1 prefix=$2 libdir=$3
umask 022

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
library=target/release/libawq_marlin
soname=$(readelf -d $library.so | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
# What a program needs beside the static library: the list that rustc gives, which a test compares.
native=$(cat packaging/native-libs.txt)

root=$destdir$prefix lib=$destdir$libdir
install -d "$root/bin" "$root/include" "$lib/pkgconfig" "$lib/cmake/awq_marlin" "$root/share/man/man1" \
    "$root/share/bash-completion/completions" "$root/share/doc/awq_marlin"

# Without a prefix (an archive that is unpacked anywhere) the pkg-config file finds the way from where it lies.
pc_prefix=${prefix:-'${pcfiledir}/../..'}

pc_libdir=${libdir/#"$prefix"/'${prefix}'}

# fill FROM TO: a template with its @WORDS@ replaced.
fill() {
    sed -e "s|@PREFIX@|$pc_prefix|g" -e "s|@LIBDIR@|$pc_libdir|g" -e "s|@VERSION@|$version|g" \
        -e "s|@SOVERSION@|${soname#libawq_marlin.so.}|g" -e "s|@NATIVE@|$native|g" \
        -e "s|@NATIVE_CMAKE@|$(echo "${native//-l/}" | tr ' ' ';')|g" \
        -e "s|@TO_PREFIX@|$(realpath -m --relative-to="$libdir/cmake/awq_marlin" "$prefix/")|g" "$1" >"$2"
    chmod 644 "$2"
}

# The library. Debugging information is left out of both; the names of the static one stay, as linkers need them.
install -m 755 $library.so "$lib/libawq_marlin.so.$version"
strip --strip-unneeded "$lib/libawq_marlin.so.$version"
install -m 644 $library.a "$lib/libawq_marlin.a"
strip --strip-debug --enable-deterministic-archives "$lib/libawq_marlin.a"
ln -sf "libawq_marlin.so.$version" "$lib/$soname"
ln -sf "$soname" "$lib/libawq_marlin.so"

# What compilers and build systems look for.
install -m 644 include/awq_marlin.h bindings/cpp/awq_marlin.hpp "$root/include/"
fill packaging/awq_marlin.pc.in "$lib/pkgconfig/awq_marlin.pc"
for file in awq_marlinConfig awq_marlinConfigVersion; do
    fill packaging/cmake/$file.cmake.in "$lib/cmake/awq_marlin/$file.cmake"
done

# The tool, with its manual page made from its own help texts.
install -m 755 target/awqm "$root/bin/awqm"
strip --strip-unneeded "$root/bin/awqm"
packaging/manual.sh target/awqm "$version" >"$root/share/man/man1/awqm.1"
install -m 644 packaging/awqm.bash "$root/share/bash-completion/completions/awqm"

# Licences: ours, and those of the crates that are linked in.
install -m 644 LICENSE README.md CHANGELOG.md "$root/share/doc/awq_marlin/"
packaging/licences.py awq-marlin awqm-tokenizer >"$root/share/doc/awq_marlin/THIRD-PARTY-LICENCES"
chmod 644 "$root/share/man/man1/awqm.1" "$root/share/doc/awq_marlin/THIRD-PARTY-LICENCES"
