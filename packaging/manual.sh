#!/usr/bin/env bash
# The manual page of awqm, made from the help texts of the tool itself: packaging/manual.sh AWQM VERSION
set -euo pipefail
awqm=$1 version=$2

# Text as troff takes it: no escape, no line that reads as a request.
plain() { sed -e 's/\\/\\e/g' -e "s/^\([.']\)/\\\\\&\1/" -e 's/-/\\-/g'; }
block() { echo .nf; plain; echo .fi; }

cat <<HEAD
.TH AWQM 1 "" "awq\-marlin $version" "User Commands"
.SH NAME
awqm \- look at, quantize, repack, run and measure AWQ checkpoints
.SH SYNOPSIS
.B awqm
.I COMMAND
.RI [ ARGUMENT ]...
.SH COMMANDS
HEAD
commands=$("$awqm" --help | sed -n 's/^  \([a-z]\+\)  .*/\1/p')
for command in $commands; do
    echo ".SS $command"
    "$awqm" --help | sed -n "s/^  $command  *\(.*\)/\1./p" | plain
    echo .PP
    "$awqm" "$command" --help | block
done
cat <<TAIL
.SH EXIT STATUS
0: done. 1: the work failed; standard error says why. 2: wrong usage.
.SH ENVIRONMENT
.TP
.B AWQM_ISA
Instruction set of the CPU kernels (portable, avx2, avx512, neon); unset: the best that the machine has.
.SH SEE ALSO
The C library that the tool is written with: the header awq_marlin.h, and
.BR pkg-config (1)
for awq_marlin.
TAIL
