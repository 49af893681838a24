#!/usr/bin/env bash
# Builds the CUDA kernels for every GPU and looks at what came out: which images there are, that no register went to memory,
# how many registers each kernel takes (kernels/budget.txt), which instructions it has, that the bytes do not depend on the
# folder, and their size. Needs no GPU.
#
# Prints `ok NAME` or `not ok NAME: why` for each check. Exits with 77 where no nvcc can be had; the last line says why.
# AWQM_BLESS=1 writes kernels/budget.txt anew.
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
PATH="$HOME/.cargo/bin:$PATH"

targets=75,80,86,89,90,100,120,ptx80,ptx120
largest=$((4 * 1024 * 1024)) # bytes of all images
budget=kernels/budget.txt

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

ok() { echo "ok $1"; }
bad() { echo "not ok $1: $2" && failed=1; }
# verdict NAME WHY: fine when there is no reason why not.
verdict() { if [ -z "$2" ]; then ok "$1"; else bad "$1" "$2"; fi; }

if ! nvcc=$(scripts/get_nvcc.sh 2>"$work/nvcc.log"); then
    tail -n 1 "$work/nvcc.log"
    exit 77
fi
release=$("$nvcc" --version | sed -n 's/.*release \([0-9.]*\),.*/\1/p')
PATH="$(dirname "$nvcc"):$PATH" # cuobjdump starts nvdisasm

# build DIR: the crate of DIR/kernels; prints the folder that its images lie in.
build() {
    (cd "$1" && AWQM_CUDA=require AWQM_NVCC=$nvcc AWQM_CUDA_ARCHS=$targets \
        cargo build --quiet --manifest-path kernels/Cargo.toml --message-format=json) |
        sed -n 's/.*"reason":"build-script-executed","package_id":"[^"]*kernels[^"]*".*"out_dir":"\([^"]*\)".*/\1/p'
}

since=$SECONDS
images=$(build "$root" 2>"$work/build.log")
if [ -z "$images" ]; then
    bad "the kernels compile without spills" "$(tail -n 5 "$work/build.log")"
    exit 1
fi
ok "the kernels compile without spills"

# --- images ---

missing=
for source in kernels/*.cu; do
    fatbin=$images/$(basename "$source" .cu).fatbin
    list=$(cuobjdump --list-elf "$fatbin" && cuobjdump --list-ptx "$fatbin")
    for target in ${targets//,/ }; do
        case $target in
        ptx*) [[ $list == *sm_${target#ptx}.ptx* ]] ;;
        *) [[ $list == *sm_$target.cubin* ]] ;;
        esac || missing="$missing $(basename "$fatbin") has no $target;"
    done
done
verdict "every image is there" "$missing"

# --- registers: one line a kernel, one column a machine-code target ---

cat "$images"/*.ptxas.txt | awk '
    /Compiling entry function/ { kernel = $7; target = $9; gsub(/[^A-Za-z0-9_]/, "", kernel); gsub(/[^0-9]/, "", target) }
    /Used [0-9]+ registers/ { for (i = 1; i < NF; i++) if ($i == "Used") print kernel, target, $(i + 1) }
    /bytes stack frame/ { if ($1 + $5 + $9 > 0) print kernel " on " target ";" >memory }' memory="$work/memory" >"$work/registers"
verdict "no kernel keeps registers in memory" "$(cat "$work/memory" 2>/dev/null)"

awk -v targets="${targets%%,ptx*}" '
    { registers[$1, $2] = $3; kernels[$1] = 1 }
    END {
        n = split(targets, target, ",")
        for (kernel in kernels) {
            line = sprintf("%-30s", kernel)
            for (i = 1; i <= n; i++) line = line sprintf(" %4s", registers[kernel, target[i]])
            print line
        }
    }' "$work/registers" | sort >"$work/table"
if [ "${AWQM_BLESS:-}" = 1 ]; then
    {
        echo "# Registers a thread, as nvcc $release counts them. scripts/check_kernels.sh compares; AWQM_BLESS=1 writes this."
        printf '%-30s' "# kernel"
        printf ' %4s' $(echo "${targets%%,ptx*}" | tr , ' ')
        echo
        cat "$work/table"
    } >$budget
fi
if ! grep -q "nvcc $release counts" $budget; then
    echo "ok registers are not compared: $budget is not for nvcc $release"
else
    verdict "registers are within the budget" "$(awk '
        /^#/ { next }
        NR == FNR { for (i = 2; i <= NF; i++) allowed[$1, i] = $i; next }
        { for (i = 2; i <= NF; i++) if (!(($1, i) in allowed)) { print $1 " has no budget;"; next } else if ($i + 0 > allowed[$1, i] + 0) print $1 " takes " $i " registers, not " allowed[$1, i] ";" }' \
        $budget "$work/table" | head -n 5 | tr '\n' ' ')"
fi

# --- instructions ---

# sass FILE TARGET: the machine code, once for each.
sass() {
    local file=$work/$1.$2.sass
    [ -f "$file" ] || cuobjdump --dump-sass --gpu-architecture "sm_$2" "$images/$1.fatbin" >"$file"
    echo "$file"
}

wrong=
for source in kernels/*.cu; do
    name=$(basename "$source" .cu)
    for target in 75 80 90 120; do
        if grep -qE '\b(LDL|STL)\b' "$(sass "$name" $target)"; then wrong="$wrong $name uses local memory on $target;"; fi
    done
done
verdict "no kernel uses local memory" "$wrong"

# What a kernel is built on: file, targets, instruction.
wrong=
while read -r name targets_of instruction; do
    for target in ${targets_of//,/ }; do
        grep -qF "$instruction" "$(sass "$name" "$target")" || wrong="$wrong $name has no $instruction on $target;"
    done
done <<'TABLE'
gemv 75 HMMA.1688.F32
gemv 80,90,120 HMMA.16816.F32
gemv 80,90,120 HMMA.16816.F32.BF16
gemv 80,90,120 LDGSTS.E.BYPASS.128
gemv 75 LDG.E.128
marlin 75 HMMA.1688.F32
marlin 75,80,90,120 LDSM.16.M88.4
marlin 80,90,120 HMMA.16816.F32
marlin 80,90,120 HMMA.16816.F32.BF16
marlin 80,90,120 LDGSTS.E.BYPASS.128
marlin 80,90,120 LDS.128
TABLE
verdict "kernels use the instructions they are built on" "$wrong"

# --- bytes ---

mkdir "$work/elsewhere"
cp -r kernels "$work/elsewhere/"
rm -rf "$work/elsewhere/kernels/emulation"
again=$(AWQM_CUDA_CACHE='' CARGO_TARGET_DIR=$work/elsewhere/target build "$work/elsewhere" 2>"$work/again.log")
differ=
for fatbin in "$images"/*.fatbin; do
    cmp -s "$fatbin" "$again/$(basename "$fatbin")" || differ="$differ $(basename "$fatbin")"
done
verdict "two builds in two folders are the same bytes" "$differ"

size=$(cat "$images"/*.fatbin | wc -c)
if [ "$size" -le $largest ]; then ok "all images together are $size bytes"; else bad "size" "$size bytes, more than $largest"; fi

echo "nvcc $release, $((SECONDS - since)) s"
exit $failed
