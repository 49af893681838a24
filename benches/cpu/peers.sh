#!/usr/bin/env bash
# peers.py in the environment that setup.sh made.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
peers=$here/../../.cache/peers
PATH="$HOME/.cargo/bin:$PATH"
export GGML_LAYER=$peers/libggml_layer.so LLAMA_VERSION=0.3.36
exec "$peers/venv/bin/python" "$here/peers.py" "$@"
