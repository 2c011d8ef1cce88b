#!/usr/bin/env bash
# Checks what a project needs to use halfbyte's backends, and says what to do about each thing that is missing:
# setup.sh [--model-id ID] [--base-url URL]. Changes nothing; exit status 0 when all is there, 1 when something is missing.
set -euo pipefail
model_id=llama3.2:3b
base_url=  # OLLAMA_HOST, else the default
while [ $# -gt 0 ]; do
  case $1 in
    --model-id) model_id=${2:?setup.sh: --model-id: expected a model} && shift 2 ;;
    --base-url) base_url=${2:?setup.sh: --base-url: expected an address} && shift 2 ;;
    *) echo "setup.sh: unknown argument '$1': expected --model-id or --base-url" >&2 && exit 2 ;;
  esac
done
python=${PYTHON:-python3}
package=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH=$package${PYTHONPATH:+:$PYTHONPATH}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo "python: missing: $python is not Python 3.10 or later; install it or set PYTHON"
  exit 1
fi
echo "python: $("$python" -c 'import platform; print(platform.python_version())')"
exec "$python" - "$model_id" "$base_url" <<'PY'
import sys

model_id, base_url = sys.argv[1:]
try:
    import halfbyte
    from halfbyte.inference import OllamaBackend, OllamaError
except ImportError as error:
    sys.exit(f"package: missing: {error}")
print(f"package: halfbyte {halfbyte.__version__}")
try:
    backend = OllamaBackend(model_id, base_url=base_url or None, timeout=5)
    models = backend.model_ids()
except (OllamaError, ValueError) as error:
    print(f"server: missing: {error}")
    sys.exit(1)
print(f"server: {backend.base_url} answers, {len(models)} models")
if not {model_id, f"{model_id}:latest"} & set(models):
    print(f"model: missing: {model_id}: run `ollama pull {model_id}`")
    sys.exit(1)
print(f"model: {model_id}")
PY
