#!/usr/bin/env bash
# Says what clang-format would change and what clang-tidy finds; changes nothing. Fails if either finds something.
set -euo pipefail
cd "$(dirname "$0")/.."

git ls-files -z '*.cpp' '*.h' | xargs -0 clang-format-19 --dry-run --Werror
cmake --preset lint --log-level=NOTICE
python3 - <<'PY' | xargs -0 -n 4 -P "$(nproc)" clang-tidy-19 --quiet -p build-lint
import json
print(*(entry["file"] for entry in json.load(open("build-lint/compile_commands.json"))), sep="\0", end="\0")
PY
