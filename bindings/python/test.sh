#!/usr/bin/env bash
# Builds the wheel and tests it in a fresh environment against an installed library: test.sh PREFIX FIXTURES
set -euo pipefail
prefix=$(realpath "$1") AWQM_FIXTURES=$(realpath "$2")
cd "$(dirname "$0")"
root=$(realpath ../..)
cache=$root/.cache/python-wheels work=$root/target/python
python3 -c 'import venv, ensurepip' 2>/dev/null || { echo "python3 has no venv (Debian: python3-venv)"; exit 77; }

# Fetched once; from then on nothing comes from the network.
packages=(cffi==2.1.1 numpy==2.4.6 setuptools==84.2.1 pytest==9.2.0 mypy==2.4.1 ml-dtypes==0.6.0)
if [ "$(cat "$cache/packages.txt" 2>/dev/null)" != "${packages[*]}" ]; then
    mkdir -p "$cache"
    python3 -m pip --version >/dev/null 2>&1 && pip=(python3 -m pip) || { python3 -m venv "$cache/pip" && pip=("$cache/pip/bin/pip"); }
    "${pip[@]}" download -q --disable-pip-version-check -d "$cache" "${packages[@]}"
    echo "${packages[*]}" >"$cache/packages.txt"
fi

rm -rf "$work" build src/*.egg-info
mkdir -p "$work/user"
export PIP_NO_INDEX=1 PIP_FIND_LINKS=$cache PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1 PIP_NO_COMPILE=1
tools=$cache/tools # kept from run to run
if [ "$(cat "$tools/packages.txt" 2>/dev/null)" != "${packages[*]}" ]; then
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install "${packages[@]}"
    echo "${packages[*]}" >"$tools/packages.txt"
fi

# As README says, with nothing but the wheel and what it asks for.
checkpoint=$AWQM_FIXTURES/checkpoint/llama2l_gemm
(
    export AWQM_HEADER=$prefix/include/awq_marlin.h
    PATH=$tools/bin:$PATH PREFIX=$prefix SOURCE=$root MODEL=$checkpoint
    block=$("$root/bindings/support/block.sh" README.md sh)
    cd "$work/user"
    eval "$block"
) | tee "$work/first"
grep -q '^(2, 512) float32 ' "$work/first"
rm -rf build src/*.egg-info
wheel=$(echo "$work"/user/wheels/awq_marlin-*.whl)
[[ $wheel == *-py3-none-any.whl ]] || { echo "$wheel is no pure wheel"; exit 1; }

# The library is found in the environment, and told to be missing where it is not.
user=$work/user/env
if "$user/bin/python" -c 'import awq_marlin' 2>"$work/without"; then echo "there is another awq_marlin"; exit 1; fi
grep -q 'set AWQM_LIBRARY' "$work/without"
ln -s "$prefix"/lib/libawq_marlin.so* "$user/lib/"
"$user/bin/python" examples/compare_autoawq.py "$checkpoint"

# The tests, and the types.
"$tools/bin/pip" install --no-deps --force-reinstall "$wheel"
export AWQM_FIXTURES PYTHONDONTWRITEBYTECODE=1 AWQM_LIBRARY=$prefix/lib/libawq_marlin.so
"$tools/bin/python" -W error -m pytest -q -p no:cacheprovider tests | tee "$work/pytest"
"$tools/bin/mypy" --config-file pyproject.toml --cache-dir "$cache/mypy" -p awq_marlin
echo "$(python3 --version), a pure wheel; $(tail -n 1 "$work/pytest")"
