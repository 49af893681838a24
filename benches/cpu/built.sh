# Sourced by the scripts beside it, at the root of the repository: builds benches/matmul.rs, whose yardsticks machine.py takes
# from $MATMUL_BENCH, and defines `result`.
if [ -z "${MATMUL_BENCH:-}" ]; then
    MATMUL_BENCH=$PWD/$(cargo bench --no-run --bench matmul 2>&1 | tee /dev/stderr | sed -n 's/.*Executable.*(\(.*\))/\1/p')
    export MATMUL_BENCH
fi

# Where results of a kind go, without the ending.
result() { # KIND
    local cpu
    cpu=$(lscpu | sed -n 's/^Model name: *//p' | head -n 1 | tr '[:upper:]' '[:lower:]' | tr -cs '[:alnum:]' - | sed 's/-$//')
    echo "benches/results/$(date -u +%F)-$cpu-$(nproc)-cores-$1"
}
