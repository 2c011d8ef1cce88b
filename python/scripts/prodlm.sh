#!/usr/bin/env bash
# Settles a project, the folder it is run in, on a model served by Ollama:
# prodlm.sh [--model-id ID] [--base-url URL] [--timeout SECONDS] [--pull | --no-pull]
# Fetches the model unless --no-pull, then writes artifacts/models/ProdLM, which load_default_backend() finds.
set -euo pipefail
model_id=llama3.2:3b
base_url=  # OLLAMA_HOST, else the default
timeout=120
pull=yes
while [ $# -gt 0 ]; do
  case $1 in
    --model-id) model_id=${2:?prodlm.sh: --model-id: expected a model} && shift 2 ;;
    --base-url) base_url=${2:?prodlm.sh: --base-url: expected an address} && shift 2 ;;
    --timeout) timeout=${2:?prodlm.sh: --timeout: expected seconds} && shift 2 ;;
    --pull) pull=yes && shift ;;
    --no-pull) pull=no && shift ;;
    *) echo "prodlm.sh: unknown argument '$1': expected --model-id, --base-url, --timeout, --pull or --no-pull" >&2 && exit 2 ;;
  esac
done
package=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH=$package${PYTHONPATH:+:$PYTHONPATH}

if [ "$pull" = yes ]; then
  if ! command -v ollama >/dev/null; then
    echo "prodlm.sh: no command ollama to fetch $model_id with: install Ollama, or give --no-pull" >&2
    exit 1
  fi
  OLLAMA_HOST=${base_url:-${OLLAMA_HOST:-}} ollama pull "$model_id"
fi
exec "${PYTHON:-python3}" - "$model_id" "$base_url" "$timeout" <<'PY'
import sys
from pathlib import Path

from halfbyte.inference import write_prodlm_manifest

model_id, base_url, timeout = sys.argv[1:]
try:
    folder = write_prodlm_manifest(
        model_id=model_id, base_url=base_url or None, timeout=float(timeout), repo_root=Path.cwd(), notes="written by prodlm.sh"
    )
except (OSError, ValueError) as error:
    sys.exit(f"prodlm.sh: {error}")
print(f"{folder}: {model_id}")
PY
