# For the benchmarks beside it: `source bench/timing.bash`.

engine="${ENGINE:-$PWD/target/release/engine}"

# Runs a command some times and prints minimum, median and maximum in milliseconds. `before` is run, untimed, each time.
# usage: timed LABEL TIMES BEFORE COMMAND…
timed() {
    local label="$1" times="$2" before="$3" began
    shift 3
    for ((i = 0; i < times; i++)); do
        eval "$before"
        began=$(date +%s%N)
        "$@" >/dev/null 2>&1
        echo $((($(date +%s%N) - began) / 10000))
    done | sort -n | awk -v label="$label" '
        { took[NR] = $1 / 100 }
        END { printf "%-44s min %8.1f ms   median %8.1f ms   max %8.1f ms   of %d\n", label, took[1], took[int((NR + 1) / 2)], took[NR], NR }'
}
