"""The guard of speed (bench/instruction_counts.py), with counts made up: valgrind is not asked."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "bench" / "instruction_counts.py"
BUILT = {"compiler": "cc 1", "flags": "-O2", "valgrind": "valgrind 1"}


@pytest.fixture
def guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with a record of 1000 instructions for each phase."""
    spec = importlib.util.spec_from_file_location("instruction_counts", SCRIPT)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "RECORD", tmp_path / "record.json")
    monkeypatch.setattr(script, "built_with", lambda program: BUILT)
    script.RECORD.write_text(json.dumps({"model": "m.gguf", **BUILT, "instructions": dict.fromkeys(script.PHASES, 1000)}))
    return script


@pytest.fixture
def counted(guard: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What the script prints when it counts so many instructions in the second phase."""

    def run(second: int, *arguments: str) -> str:
        counts = dict(zip(guard.PHASES, (1000, second, 1000), strict=True))
        monkeypatch.setattr(guard, "count", lambda program, model: counts)
        guard.main([*arguments, "m.gguf"])
        return capsys.readouterr().out

    return run


def test_counts_stand_beside_the_recorded_ones(counted: Callable[..., str]) -> None:
    out = counted(1020)
    assert "1,020" in out and "+2.00 %" in out
    assert len(out.splitlines()) == 4


def test_more_than_three_percent_fails_by_name(counted: Callable[..., str]) -> None:
    with pytest.raises(SystemExit, match=r"prompt of 64: more than 3 % above the record"):
        counted(1031)


def test_less_passes_and_asks_to_be_recorded(counted: Callable[..., str]) -> None:
    assert "prompt of 64: better than recorded" in counted(960)


def test_a_new_record_is_what_later_runs_are_held_to(counted: Callable[..., str]) -> None:
    assert "+0.00 %" in counted(2000, "--record")
    assert "+0.50 %" in counted(2010)


def test_another_compiler_is_named(guard: ModuleType, counted: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "built_with", lambda program: {**BUILT, "compiler": "cc 2"})
    assert "the record is of another compiler: cc 1; now cc 2" in counted(1000)
