"""The comparison of backends from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_services import TEXT, Behaviour, FakeServices
from tiny_models import tiny_model

from halfbyte.bench import main, read_prompts
from halfbyte.inference import write_prodlm_manifest


@pytest.fixture
def project(services: FakeServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose ProdLM is the fake server, with two prompts."""
    write_prodlm_manifest(model_id="tiny", base_url=services.ollama_url, repo_root=tmp_path)
    (tmp_path / "prompts.txt").write_text("first\n\nsecond\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("project")
class TestBenchCommand:
    def test_sets_backends_side_by_side(self, services: FakeServices, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--backend", "prodlm", "--backend", "prodlm:other", "--prompts", "prompts.txt", "--warmup", "1"]) == 0
        rows = capsys.readouterr().out.splitlines()
        assert [row.split("|")[2].strip() for row in rows[2:]] == ["tiny", "other"]
        asked = [(request["body"]["model"], request["body"]["prompt"]) for request in services.requests]
        assert asked == [(model, prompt) for model in ("tiny", "other") for prompt in ("first", "first", "second")]

    def test_json_has_every_answer(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--backend", "auto", "--prompts", "prompts.txt", "--json"]) == 0
        (result,) = json.loads(capsys.readouterr().out)
        assert [answer["completion"] for answer in result["results"]] == [TEXT, TEXT]

    def test_the_engine_is_set_beside_a_server(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--backend", "prodlm", "--backend", f"engine:{tiny_model()}", "--prompts", "prompts.txt"]) == 0
        rows = capsys.readouterr().out.splitlines()
        assert [row.split("|")[1].strip() for row in rows[2:]] == ["prodlm", "engine"]

    def test_a_failing_backend_is_told(self, services: FakeServices, capsys: pytest.CaptureFixture[str]) -> None:
        services.behave(Behaviour(status=500))
        assert main(["--backend", "prodlm", "--prompts", "prompts.txt"]) == 1
        assert "500" in capsys.readouterr().err

    def test_an_unknown_backend_is_a_usage_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--backend", "gopher", "--prompts", "prompts.txt"]) == 2
        assert "gopher" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.txt", "one\ntwo\n"),
        ("p.json", '["one", {"prompt": "two"}]'),
        ("p.jsonl", '{"prompt": "one"}\n\n"two"\n'),
    ],
)
def test_prompts_come_in_three_forms(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_prompts(tmp_path / name) == ["one", "two"]


@pytest.mark.parametrize(("name", "text"), [("p.txt", "\n"), ("p.json", "{}"), ("p.json", "[1]"), ("p.jsonl", "{}")])
def test_a_file_without_prompts_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=r"p\.json|p\.txt"):
        read_prompts(tmp_path / name)
