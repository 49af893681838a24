#!/usr/bin/env bash
# Prints the first code block of a language of a README, for tests that run what it says: block.sh FILE LANGUAGE
awk -v fence='```'"$2" '$0 == fence { on = 1; next } on && /^```$/ { exit } on' "$1" | grep . ||
    { echo "$1 has no $2 block" >&2; exit 1; }
