#!/usr/bin/env bash
# What `make run` does: installs what the program needs, fetches the default model while the program is compiled, and runs MODEL with
# HALFBYTE_PROMPT, or as a chat. All but the answer goes to stderr.
set -euo pipefail
cd "$(dirname "$0")/.."
program=build/bin/halfbyte

scripts/deps.sh program
scripts/fetch_model.py "$HALFBYTE_MODELS" smollm2:135m &
fetching=$!
trap 'kill "$fetching" 2>/dev/null || true' EXIT
before=$(stat -c %Y "$program" 2>/dev/null || true)
if [ ! -x "$program" ]; then
  echo "build: compiling the program, some minutes the first time" >&2
fi
scripts/build.sh program >&2
wait "$fetching"
trap - EXIT

status=0
if [ -n "$HALFBYTE_PROMPT" ]; then
  "$program" run "$MODEL" "$HALFBYTE_PROMPT" </dev/null || status=$?
else
  "$program" run "$MODEL" || status=$?
fi
if [ "$(stat -c %Y "$program")" != "$before" ]; then
  printf '\nThe program is %s; `make install PREFIX=/usr/local` installs it.\n' "$PWD/$program" >&2
fi
exit "$status"
