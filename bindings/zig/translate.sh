#!/usr/bin/env bash
# Prints src/c.zig: the C header as zig translates it, without what is not this library's. translate.sh ZIG HEADER
set -euo pipefail
echo '//! The C interface, as `zig translate-c` reads include/awq_marlin.h. Made by translate.sh; do not edit.'
echo
"$1" translate-c -lc "$2" | sed 's/@import("std")\.mem\.zeroes/zeroes/' | awk '
    /^(pub )?(const|extern fn|fn|inline fn|var) [A-Za-z_]*(awqm_|AWQM_)/ || /^pub extern fn awqm_/ { on = 1 }
    /AWQM_API|AWQM_MUST_USE/ { on = 0 }
    on { print }
    on && (/;$/ && !/\{$/ && !/^    /) { on = 0 }
    /^};?$/ { on = 0 }'
echo
echo 'const zeroes = @import("std").mem.zeroes;'
