#!/usr/bin/env bash
# Makes a virtual environment from pinned requirements: python_environment.sh FOLDER REQUIREMENTS. Made again when they or the
# interpreter (PYTHON, python3) change; quick and offline otherwise.
set -euo pipefail
environment=$1 requirements=$2
python=${PYTHON:-python3}
made_from=$("$python" -VV && sha256sum <"$requirements")

if [ "$(cat "$environment/made-from" 2>/dev/null)" != "$made_from" ]; then
  echo "python_environment.sh: making $environment" >&2
  "$python" -m venv --clear "$environment"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
    -r "$requirements" </dev/null >&2
  echo "$made_from" >"$environment/made-from" # last: a stopped installation is made again
fi
