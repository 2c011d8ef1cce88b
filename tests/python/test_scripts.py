"""The shell's way to set a project up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_services import FakeServices

from halfbyte.inference import load_prodlm_backend

SCRIPTS = Path(__file__).parents[2] / "python" / "scripts"


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A folder with an `ollama` that writes down how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ollama").write_text('#!/bin/sh\necho "$OLLAMA_HOST $*" >"$(dirname "$0")/called"\n')
    (folder / "ollama").chmod(0o755)
    return folder


def run(script: str, *arguments: str, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHON": sys.executable}
    if path is not None:
        environment["PATH"] = f"{path}:{environment['PATH']}"
    return subprocess.run(
        [SCRIPTS / script, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60
    )


class TestSetup:
    def test_says_that_all_is_there(self, services: FakeServices, tmp_path: Path) -> None:
        done = run("setup.sh", "--base-url", services.ollama_url, cwd=tmp_path)
        assert done.returncode == 0
        assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["python", "package", "server", "model"]
        assert "missing" not in done.stdout

    def test_says_what_to_run_for_a_missing_model(self, services: FakeServices, tmp_path: Path) -> None:
        done = run("setup.sh", "--base-url", services.ollama_url, "--model-id", "big:70b", cwd=tmp_path)
        assert done.returncode == 1
        assert "ollama pull big:70b" in done.stdout

    def test_says_that_no_server_answers(self, services: FakeServices, tmp_path: Path) -> None:
        url = services.ollama_url
        services.shutdown()
        services.server_close()
        done = run("setup.sh", "--base-url", url, cwd=tmp_path)
        assert done.returncode == 1
        assert "Could not reach Ollama" in done.stdout


class TestProdlm:
    def test_fetches_the_model_and_writes_the_manifest(self, tmp_path: Path, commands: Path) -> None:
        options = ("--model-id", "mistral:7b", "--base-url", "http://test:1", "--timeout", "45")
        assert run("prodlm.sh", *options, cwd=tmp_path, path=commands).returncode == 0
        assert (commands / "called").read_text() == "http://test:1 pull mistral:7b\n"
        backend = load_prodlm_backend(repo_root=tmp_path, required=True)
        assert (backend.info.model_id, backend.base_url) == ("mistral:7b", "http://test:1")

    def test_fetches_nothing_when_told(self, tmp_path: Path, commands: Path) -> None:
        assert run("prodlm.sh", "--no-pull", cwd=tmp_path, path=commands).returncode == 0
        assert not (commands / "called").exists()
        assert load_prodlm_backend(repo_root=tmp_path, required=True).info.model_id == "llama3.2:3b"

    @pytest.mark.parametrize("options", [("--timeout", "-1"), ("--base-url", "nowhere")])
    def test_refuses_what_no_backend_takes(self, tmp_path: Path, options: tuple[str, str]) -> None:
        done = run("prodlm.sh", "--no-pull", *options, cwd=tmp_path)
        assert done.returncode == 1
        assert options[0].strip("-").replace("-", "_") in done.stderr
        assert not (tmp_path / "artifacts").exists()

    def test_an_unknown_argument_is_a_usage_error(self, tmp_path: Path) -> None:
        assert run("prodlm.sh", "--fast", cwd=tmp_path).returncode == 2


class TestBaselm:
    @pytest.fixture
    def checkpoint(self, tmp_path: Path) -> Path:
        folder = tmp_path / "tiny"
        folder.mkdir()
        for name in ("config.json", "tokenizer.json", "model.safetensors", "README.txt"):
            (folder / name).write_text("{}")
        return folder

    def test_copies_a_checkpoint_and_describes_it(self, tmp_path: Path, checkpoint: Path) -> None:
        assert run("baselm.sh", str(checkpoint), cwd=tmp_path).returncode == 0
        folder = tmp_path / "artifacts" / "models" / "BaseLM"
        assert sorted(file.name for file in folder.iterdir()) == [
            "config.json",
            "manifest.json",
            "model.safetensors",
            "tokenizer.json",
        ]
        assert json.loads((folder / "manifest.json").read_text())["source"] == "tiny"
        assert [file.name for file in folder.parent.iterdir()] == ["BaseLM"]

    def test_keeps_what_is_there(self, tmp_path: Path, checkpoint: Path) -> None:
        run("baselm.sh", str(checkpoint), cwd=tmp_path)
        done = run("baselm.sh", str(checkpoint), cwd=tmp_path)
        assert done.returncode == 1
        assert "is there already" in done.stderr

    def test_refuses_half_a_checkpoint(self, tmp_path: Path, checkpoint: Path) -> None:
        (checkpoint / "tokenizer.json").unlink()
        done = run("baselm.sh", str(checkpoint), cwd=tmp_path)
        assert done.returncode == 1
        assert "missing tokenizer.json" in done.stderr
        assert not (tmp_path / "artifacts").exists()
