#!/usr/bin/env python3
"""Fetches the official JSON-Schema-Test-Suite into a folder: fetch_suite.py FOLDER.

PyPI's source package of jsonschema carries it; pip downloads that one, pinned by hash, and its tests are unpacked. Quick and offline
when the folder is there. pip would run the package's build backend to read its metadata: a stand-in copies what the package says.
"""
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

PACKAGE = "jsonschema"
VERSION = "4.26.0"
SHA256 = "0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326"
INSIDE = f"{PACKAGE}-{VERSION}/json/tests/"

BACKEND = f"""
import pathlib

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    metadata = pathlib.Path(folder, "{PACKAGE}-{VERSION}.dist-info")
    metadata.mkdir()
    (metadata / "METADATA").write_bytes(pathlib.Path("PKG-INFO").read_bytes())
    return metadata.name
"""


def download(work: Path) -> Path:
    venv.create(work / "venv", with_pip=True)
    backend = work / "backend" / "hatchling"
    backend.mkdir(parents=True)
    (backend / "__init__.py").touch()
    (backend / "build.py").write_text(BACKEND)
    requirements = work / "requirements.txt"
    requirements.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n")
    subprocess.run(
        [work / "venv/bin/python", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", PACKAGE,
         "--no-build-isolation", "--require-hashes", "-r", requirements, "-d", work],
        check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(backend.parent)})
    return work / f"{PACKAGE}-{VERSION}.tar.gz"


def unpack(archive: Path, into: Path) -> None:
    with tarfile.open(archive) as source:
        for member in source:
            if not member.isfile() or not member.name.startswith(INSIDE) or ".." in Path(member.name).parts:
                continue
            target = into / member.name.removeprefix(INSIDE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.extractfile(member).read())


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: fetch_suite.py FOLDER")
    folder = Path(sys.argv[1])
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".suite-") as work:
        whole = Path(work) / "tests"
        unpack(download(Path(work)), whole)
        os.replace(whole, folder)


if __name__ == "__main__":
    main()
