#!/usr/bin/env bash
# Runs the Python tests: python_tests.sh [ENVIRONMENT [PYTEST-ARGUMENT...]]. ENVIRONMENT (build/python-tests) is a virtual
# environment made from the pinned requirements; made again when they or the interpreter change, offline otherwise.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
environment=${1:-$root/build/python-tests}
if [ $# -gt 0 ]; then
  shift
fi
python=${PYTHON:-python3}
requirements=$root/tests/python/requirements.txt
made_from=$("$python" -VV && sha256sum <"$requirements")

if [ "$(cat "$environment/made-from" 2>/dev/null)" != "$made_from" ]; then
  echo "python_tests.sh: making $environment" >&2
  "$python" -m venv --clear "$environment"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
    -r "$requirements" </dev/null >&2
  echo "$made_from" >"$environment/made-from" # last: a stopped installation is made again
fi

export PYTHONPATH=$root/python PYTHONDONTWRITEBYTECODE=1
exec "$environment/bin/python" -m pytest -q -p no:cacheprovider --strict-markers -W error "$@" "$root/tests/python"
