#!/usr/bin/env bash
# Configures (when needed) and builds one preset of CMakePresets.json: build.sh PRESET [TARGET...]. Presets "program" and "release"
# share a folder: the first builds nothing but the program there, until the second has been asked for.
# On a terminal it shows how far it is; elsewhere it is a line, or what failed.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=$1
shift
case $preset in
  program | release) folder=build ;;
  *) folder=build-$preset ;;
esac
if [ "$preset" = program ]; then
  set -- halfbyte "$@"
fi

configured=$(cat "$folder/preset" 2>/dev/null || true)
wanted=$preset
if [ "$configured" = release ]; then
  wanted=release # it has all of "program"
fi
if [ ! -f "$folder/build.ninja" ] || [ CMakePresets.json -nt "$folder/preset" ] || [ "$configured" != "$wanted" ]; then
  cmake --preset "$wanted" --log-level=NOTICE >&2
  echo "$wanted" >"$folder/preset"
fi

if [ -t 1 ]; then
  exec ninja -C "$folder" "$@"
fi
begin=$SECONDS
count=$(ninja -C "$folder" -n --quiet "$@" 2>/dev/null | grep -c . || true)
ninja -C "$folder" --quiet "$@"
[ "$count" -eq 0 ] || echo "build: $preset: $count steps in $((SECONDS - begin)) s"
