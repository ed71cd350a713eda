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

# Runs a command once and prints how long it took, rows a second, and the most memory that it held, asked for every 20 ms by
# nothing that would itself keep a core busy.
# usage: streamed LABEL ROWS COMMAND…   ROWS is a command that prints the number of rows, run afterwards.
streamed() {
    local label="$1" rows="$2" began took peak=0 key now log never
    shift 2
    exec {never}<> <(:)
    began=$(date +%s%N)
    log=$(mktemp)
    "$@" >"$log" 2>&1 &
    while kill -0 $! 2>/dev/null; do
        while read -r key now _; do
            if [[ "$key" = VmHWM: ]] && ((now > peak)); then peak=$now; fi
        done 2>/dev/null <"/proc/$!/status" || true
        read -r -t 0.02 -u "$never" || true
    done
    exec {never}>&-
    wait $! || { cat "$log" >&2; return 1; }
    rm "$log"
    took=$((($(date +%s%N) - began) / 1000000))
    rows=$(eval "$rows")
    awk -v label="$label" -v ms="$took" -v rows="$rows" -v kib="$peak" 'BEGIN {
        printf "%-44s %10d rows   %8.2f s   %10.0f rows/s   peak %5.0f MiB\n", label, rows, ms / 1000, rows / ms * 1000, kib / 1024 }'
}
