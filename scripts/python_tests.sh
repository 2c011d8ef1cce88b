#!/usr/bin/env bash
# Runs the Python tests: python_tests.sh [ENVIRONMENT [PYTEST-ARGUMENT...]]. ENVIRONMENT (build/python-tests) is a virtual
# environment made from the pinned requirements. The package is that of HALFBYTE_PACKAGE (build/python), where the build puts the
# extension module beside links to the sources.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
environment=${1:-$root/build/python-tests}
if [ $# -gt 0 ]; then
  shift
fi
package=${HALFBYTE_PACKAGE:-$root/build/python}
if ! compgen -G "$package/halfbyte/_core*.so" >/dev/null; then
  echo "python_tests.sh: no extension module in $package: run make develop" >&2
  exit 1
fi
"$root/scripts/python_environment.sh" "$environment" "$root/tests/python/requirements.txt"

export PYTHONPATH=$package PYTHONDONTWRITEBYTECODE=1
exec "$environment/bin/python" -m pytest -q -p no:cacheprovider --strict-markers -W error "$@" "$root/tests/python"
