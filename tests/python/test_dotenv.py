"""The `.env` file: what is read out of it, and what is said of one that cannot be read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from fake_services import TEXT, FakeServices

from halfbyte.inference import OpenAIBackend, OpenAIError
from halfbyte.inference._dotenv import DotenvError, decoded, parse_dotenv, read_value

# What python-dotenv reads out of the same files, and the C++ client: backends/dotenv_test.cpp.
CASES = json.loads((Path(__file__).parents[1] / "contract" / "dotenv.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.get("text", case.get("bytes"))))
def test_a_file_has_the_values_that_the_contract_says(case: dict[str, Any]) -> None:
    content = case["text"].encode() if "text" in case else bytes.fromhex(case["bytes"])
    if "refused" in case:
        with pytest.raises(DotenvError) as error:
            decoded(content)
        assert str(error.value) == case["refused"]
    else:
        assert parse_dotenv(decoded(content), case.get("environment", {})) == case["values"]


def test_what_is_not_there_is_no_value_and_no_error(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("EMPTY=\nK=1\n")
    assert read_value(file, "K") == "1"
    assert read_value(file, "EMPTY") is None
    assert read_value(file, "OTHER") is None
    assert read_value(tmp_path / "none", "K") is None
    assert read_value(file / "K", "K") is None
    assert read_value(tmp_path, "K") is None  # a virtual environment that is called .env


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"#" * 1_048_577)
    with pytest.raises(DotenvError, match=rf"{file}: 1048577 bytes, at most 1048576 are read"):
        read_value(file, "K")
    with pytest.raises(DotenvError, match="/dev/null: not a regular file"):
        read_value("/dev/null", "K")
    if os.geteuid() != 0:
        file.chmod(0)
        with pytest.raises(DotenvError, match=f"{file}: cannot open: Permission denied"):
            read_value(file, "K")


def test_is_never_reported_as_a_connection_error(
    services: FakeServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    file = tmp_path / ".env"
    file.write_bytes("OPENAI_API_KEY=sk-1".encode("utf-16-le"))
    with pytest.raises(OpenAIError) as error:
        OpenAIBackend("tiny", base_url=services.openai_url, env_file=file).complete("hi")
    assert str(error.value) == f"{file}: a zero byte: expected UTF-8, or UTF-16 with a byte order mark"
    assert not services.requests
    file.write_bytes("# café\n".encode("latin-1"))
    assert OpenAIBackend("tiny", base_url=services.openai_url, env_file=file).complete("hi").completion == TEXT
    assert services.requests[0]["headers"]["Authorization"] == "Bearer sk-environment"
