"""Addresses of services: their parts, what is sent of them, and what is shown of them."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest
from fake_services import TEXT, Behaviour, FakeServices

from halfbyte.inference import OllamaBackend, OllamaError, OpenAIBackend, OpenAIError, write_prodlm_manifest
from halfbyte.inference._address import Address

# What the C++ client reads out of the same addresses: http/url_test.cpp.
CASES = json.loads((Path(__file__).parents[1] / "contract" / "addresses.json").read_text(encoding="utf-8"))
BASIC = "Basic am9lOnMzY3JldA=="  # joe:s3cret


def with_user(url: str) -> str:
    return url.replace("http://", "http://joe:s3cret@")


@pytest.mark.parametrize("case", [case for case in CASES if "refused" not in case], ids=lambda case: case["address"])
def test_an_address_has_the_parts_that_the_contract_says(case: dict[str, Any]) -> None:
    address = Address.parse(case["address"])
    assert (address.host, address.port, address.authority) == (case["host"], case["port"], case["field"])
    assert address.shown == case["shown"]
    assert address.at("/r") == f"{address.scheme}://{case['field']}{case['target']}"
    assert address.basic == case.get("authorization", "")
    assert "cret" not in repr(address)


@pytest.mark.parametrize("case", [case for case in CASES if "refused" in case], ids=lambda case: case["address"])
def test_what_is_no_address_is_refused_without_showing_a_password(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"base_url: .*expected http://HOST") as error:
        OllamaBackend(base_url=case["address"])
    assert case["refused"] in str(error.value)
    assert not any(part in "".join(traceback.format_exception(error.value)) for part in ("s3", "cret"))


class TestUserAndPassword:
    def test_are_sent_and_shown_nowhere(self, services: FakeServices) -> None:
        backend = OllamaBackend("tiny", base_url=with_user(services.ollama_url) + "/?key=s3cret")
        services.behave(Behaviour(status=401, body=b'{"error": "s3cret or am9lOnMzY3JldA== is wrong"}'))
        with pytest.raises(OllamaError, match=r"HTTP 401 Unauthorized: \*\*\* or \*\*\* is wrong") as error:
            backend.complete("hi")
        (request,) = services.requests
        assert (request["path"], request["headers"]["Authorization"]) == ("/api/generate?key=s3cret", BASIC)
        shown = [
            repr(backend),
            repr(backend.info),
            backend.base_url,
            repr(backend._service),
            "".join(traceback.format_exception(error.value)),
        ]
        assert not any("s3cret" in text or "joe" in text for text in shown)

    def test_come_before_a_key_that_was_not_given(self, services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
        backend = OpenAIBackend("tiny", base_url=with_user(services.openai_url), env_file=None)
        assert backend.complete("hi").completion == TEXT
        assert services.requests[0]["headers"]["Authorization"] == BASIC
        with pytest.raises(ValueError, match="api_key: expected none beside the user name") as error:
            OpenAIBackend("tiny", base_url=with_user(services.openai_url), api_key="sk-1")
        assert "s3cret" not in str(error.value)

    def test_have_no_place_in_a_manifest(self, tmp_path: Path) -> None:
        for url in ("http://joe:s3cret@h", "http://h?key=s3cret"):
            with pytest.raises(ValueError, match="base_url: expected an address without user") as error:
                write_prodlm_manifest(base_url=url, repo_root=tmp_path)
            assert "s3cret" not in str(error.value)


def test_a_route_stands_between_path_and_query(services: FakeServices) -> None:
    backend = OpenAIBackend("tiny", base_url=services.openai_url + "/?api-version=1", env_file=None)
    services.behave(Behaviour(status=404))
    with pytest.raises(OpenAIError, match=rf"OpenAI at {services.openai_url}/chat/completions: HTTP 404"):
        backend.complete("hi")
    assert services.requests[0]["path"] == "/v1/chat/completions?api-version=1"


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("http://elsewhere.example/x?key=s3cret", "http://elsewhere.example/x"),
        ("http://joe:s3cret@elsewhere.example/", "(not shown, it may hold a password)"),
        ("/login?key=s3cret", "/login"),
    ],
)
def test_a_redirect_is_told_without_what_may_be_secret(services: FakeServices, place: str, told: str) -> None:
    services.behave(Behaviour(status=307, headers={"Location": place}))
    with pytest.raises(OllamaError) as error:
        OllamaBackend("tiny", base_url=services.ollama_url).complete("hi")
    url = f"{services.ollama_url}/api/generate"
    assert str(error.value) == f"Ollama at {url}: HTTP 307: a redirect to {told}, which is not followed"
    assert len(services.requests) == 1
