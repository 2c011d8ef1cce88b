#!/usr/bin/env bash
# Measures against the peers that are installed (bench/against_peers.py says which), all into one table: bench.sh NAME, a path without
# ending. BENCH_RUNS (5) runs of each; about two hours with both peers. Random models are written into HALFBYTE_MODELS when missing.
set -euo pipefail
cd "$(dirname "$0")/.."
save=$1
runs=${BENCH_RUNS:-5}

shape() { # SHAPE MIX: its path
  local file=$HALFBYTE_MODELS/random-$1-${2,,}.gguf
  [ -f "$file" ] || build/bin/random_gguf "$1" "$file" "$2" >&2
  echo "$file"
}
compare() { bench/against_peers.py --runs "$runs" --save "$save" "$@"; }

small=("$HALFBYTE_MODELS/smollm2-135m.gguf" "$HALFBYTE_MODELS/gemma3-270m-q4_k_m.gguf")
usual=$(shape llama-3.2-1b Q4_K_M)
compare "${small[@]}" "$usual"
compare --prompt 0 --generate 0 --steps 1,2,4,8 --start --threads 2 "$usual"
formats=()
for mix in Q4_0 Q8_0 Q5_K_M Q6_K MXFP4 F16 BF16; do formats+=("$(shape llama-3.2-1b "$mix")"); done
compare --threads 2 --generate 24 "${formats[@]}"
compare --threads 2 "$(shape qwen3-30b-a3b-small Q4_K_M)"
compare --threads 2 --prompt 8192 --generate 0 "${small[@]}" "$usual"
compare --threads 2 --prompt 0 --generate 24 --depth 8000 "${small[@]}" "$usual"
