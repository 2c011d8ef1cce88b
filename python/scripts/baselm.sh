#!/usr/bin/env bash
# Gives a project, the folder it is run in, a base model of its own: baselm.sh MODEL [--name NAME]
# MODEL is a .gguf file, or a folder with config.json, tokenizer.json and safetensors. It is copied to artifacts/models/NAME
# (BaseLM) with a manifest, in one step at the end: a stopped copy is no artifact. What is there already is kept.
set -euo pipefail
model=
name=BaseLM
while [ $# -gt 0 ]; do
  case $1 in
    --name) name=${2:?baselm.sh: --name: expected a name} && shift 2 ;;
    -*) echo "baselm.sh: unknown argument '$1': expected MODEL or --name" >&2 && exit 2 ;;
    *) model=$1 && shift ;;
  esac
done
: "${model:?baselm.sh: expected a .gguf file or a folder with safetensors}"
package=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH=$package${PYTHONPATH:+:$PYTHONPATH}

exec "${PYTHON:-python3}" - "$model" "$name" <<'PY'
import json
import shutil
import sys
import tempfile
from pathlib import Path

from halfbyte.inference.artifact import artifact_dir

model, name = Path(sys.argv[1]), sys.argv[2]
if model.is_dir():
    needed = ("config.json", "tokenizer.json")
    missing = [file for file in needed if not (model / file).is_file()]
    if missing or not list(model.glob("*.safetensors")):
        sys.exit(f"baselm.sh: {model}: expected {', '.join(needed)} and *.safetensors, missing {', '.join(missing) or 'weights'}")
    patterns = ("*.json", "*.safetensors", "*.jinja", "tokenizer.model")
    files = sorted({file for pattern in patterns for file in model.glob(pattern)})
elif model.is_file() and model.suffix == ".gguf":
    files = [model]
else:
    sys.exit(f"baselm.sh: {model}: expected a .gguf file or a folder with safetensors")
try:
    folder = artifact_dir(name, Path.cwd())
except ValueError as error:
    sys.exit(f"baselm.sh: {error}")
if folder.exists():
    sys.exit(f"baselm.sh: {folder} is there already: remove it to replace it")
folder.parent.mkdir(parents=True, exist_ok=True)
with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as temporary:
    filling = Path(temporary) / name
    filling.mkdir()
    for file in files:
        if file.name != "manifest.json":
            shutil.copy2(file, filling / file.name)
    manifest = {"name": name, "display_name": name, "kind": "base_model", "role": "BaseLM", "source": model.name}
    (filling / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    filling.rename(folder)
print(f"{folder}: {len(files)} files of {model.name}")
PY
