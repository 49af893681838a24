#!/usr/bin/env bash
# Prints the path of an nvcc: the one on PATH or of $CUDA_HOME, else one from PyPI that is put into .cache/nvcc (110 MB to
# fetch, 300 MB on disk, with cuobjdump and nvdisasm). Messages go to stderr; the second run fetches nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

# nvcc's own dependencies name no versions, so all stand here. cccl brings nv/target, which cuda_fp16.h includes. The
# disassemblers of 13.5 are the first on PyPI that are two packages, and read what nvcc 13.0 writes.
packages=(
    nvidia-cuda-nvcc==13.0.88
    nvidia-nvvm==13.0.88
    nvidia-cuda-crt==13.0.88
    nvidia-cuda-runtime==13.0.96
    nvidia-cuda-cccl==13.0.85
    nvidia-cuda-cuobjdump==13.5.37
    nvidia-cuda-nvdisasm==13.5.37
)
venv=.cache/nvcc
list=$venv/packages.txt # written last: what is there is whole

say() { echo "get_nvcc: $*" >&2; }

found() {
    local nvcc
    nvcc=$(echo "$PWD/$venv"/lib/python3*/site-packages/nvidia/cu13/bin/nvcc)
    [ -x "$nvcc" ] && [ -f $list ] && [ "$(cat $list)" = "${packages[*]}" ] && echo "$nvcc"
}

if command -v nvcc; then exit 0; fi
if [ -x "${CUDA_HOME:-/nowhere}/bin/nvcc" ]; then
    echo "$CUDA_HOME/bin/nvcc"
    exit 0
fi
if found; then exit 0; fi

if ! command -v g++ >/dev/null; then
    say "nvcc needs g++"
    exit 1
fi
if ! command -v python3 >/dev/null; then
    say "python3 is needed to fetch nvcc"
    exit 1
fi
say "fetching nvcc 13.0 from PyPI into $venv"
if ! { python3 -m venv $venv && $venv/bin/pip install --quiet --disable-pip-version-check "${packages[@]}"; } >&2; then
    say "it could not be fetched"
    exit 1
fi
echo "${packages[*]}" >$list
if ! found; then
    say "the packages hold no nvcc"
    exit 1
fi
# So that the next build looks for nvcc again.
touch kernels/build/nvcc.rs
