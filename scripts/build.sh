#!/usr/bin/env bash
# Configures (when needed) and builds one preset of CMakePresets.json: build.sh PRESET [TARGET...].
set -euo pipefail
cd "$(dirname "$0")/.."

preset=$1
shift
folder=$(python3 - "$preset" <<'PY'
import json, sys
presets = {p["name"]: p for p in json.load(open("CMakePresets.json"))["configurePresets"]}
print(presets[sys.argv[1]]["binaryDir"].replace("${sourceDir}/", ""))
PY
)
if [ ! -f "$folder/build.ninja" ] || [ CMakePresets.json -nt "$folder/build.ninja" ]; then
  cmake --preset "$preset" --log-level=NOTICE
fi
exec ninja -C "$folder" "$@"
