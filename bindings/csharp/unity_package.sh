#!/usr/bin/env bash
# Makes a folder that Unity takes as a package: unity_package.sh PREFIX FOLDER
# Every file gets its .meta with an identifier that depends on its path alone, so that projects keep their references.
set -euo pipefail
prefix=$1 out=$2
cd "$(dirname "$0")"
plugins=$out/Runtime/Plugins/x86_64
mkdir -p "$plugins"
cp package.json README.md "$out/"
cp Runtime/*.cs Runtime/*.asmdef "$out/Runtime/"
# Unity copies the file itself, so it gets the name that DllImport asks for, not a link.
cp -L "$prefix/lib/libawq_marlin.so" "$plugins/libawq_marlin.so"

identifier() { printf 'awq-marlin/%s' "$1" | md5sum | cut -c 1-32; }
find "$out" -mindepth 1 ! -name '*.meta' | while read -r path; do
    inside=${path#"$out"/}
    printf 'fileFormatVersion: 2\nguid: %s\n' "$(identifier "$inside")" >"$path.meta"
    case $inside in
    *.so) cat >>"$path.meta" <<'META'
PluginImporter:
  serializedVersion: 2
  isPreloaded: 0
  platformData:
  - first:
      Any:
    second:
      enabled: 0
  - first:
      Editor: Editor
    second:
      enabled: 1
      settings:
        CPU: x86_64
        OS: Linux
  - first:
      Standalone: Linux64
    second:
      enabled: 1
      settings:
        CPU: x86_64
META
        ;;
    esac
done
