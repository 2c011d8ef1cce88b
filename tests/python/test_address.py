"""Addresses of services: their parts, what is sent of them, and what is shown of them."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest
from fake_services import TEXT, Behaviour, FakeServices

from halfbyte.inference import OllamaBackend, OllamaError, OpenAIBackend, OpenAIError, open_backend, write_prodlm_manifest
from halfbyte.inference._address import Address

# What the C++ client reads out of the same addresses: http/url_test.cpp.
CASES = json.loads((Path(__file__).parents[1] / "contract" / "addresses.json").read_text(encoding="utf-8"))
# And where it finds an Ollama server that OLLAMA_HOST names: backends/service_address_test.cpp.
HOSTS = json.loads((Path(__file__).parents[1] / "contract" / "ollama_host.json").read_text(encoding="utf-8"))
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


@pytest.mark.parametrize("case", HOSTS, ids=lambda case: repr(case["value"]))
def test_ollama_host_names_the_place_that_the_contract_says(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", case["value"])
    if "refused" in case:
        with pytest.raises(ValueError, match="OLLAMA_HOST: address ") as error:
            OllamaBackend()
        assert case["refused"] in str(error.value)
        assert "s3cret" not in str(error.value)
    else:
        backend = OllamaBackend()
        assert backend.base_url == case["address"]
        assert backend._service.address.basic == case.get("authorization", "")


class TestEnvironment:
    def test_is_asked_where_no_argument_is_given(self, services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OLLAMA_HOST", services.ollama_url.removeprefix("http://"))
        monkeypatch.setenv("OLLAMA_API_KEY", "k-1")
        monkeypatch.setenv("OPENAI_BASE_URL", f" {services.openai_url}\n")
        monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
        monkeypatch.setenv("OPENAI_PROJECT_ID", "project-1")
        assert OllamaBackend("tiny").complete("hi").completion == TEXT
        assert OpenAIBackend("tiny", api_key="sk-1", env_file=None).complete("hi").completion == TEXT
        asked = [request["headers"] for request in services.requests]
        assert (asked[0]["Authorization"], asked[1]["Authorization"]) == ("Bearer k-1", "Bearer sk-1")
        assert (asked[1]["Openai-Organization"], asked[1]["Openai-Project"]) == ("org-1", "project-1")

    def test_comes_after_an_argument(self, services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("OLLAMA_HOST", "OPENAI_BASE_URL"):
            monkeypatch.setenv(name, "http://elsewhere.invalid")
        for name in ("OLLAMA_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
            monkeypatch.setenv(name, "no")
        OllamaBackend("tiny", base_url=services.ollama_url, api_key="yes").complete("hi")
        OpenAIBackend(
            "tiny", base_url=services.openai_url, env_file=None, organization="yes", project="yes"
        ).complete("hi")
        asked = [request["headers"] for request in services.requests]
        assert asked[0]["Authorization"] == "Bearer yes"
        assert (asked[1]["Openai-Organization"], asked[1]["Openai-Project"]) == ("yes", "yes")

    def test_an_env_file_says_nothing_but_the_key(self, services: FakeServices, tmp_path: Path) -> None:
        file = tmp_path / ".env"
        file.write_text("OPENAI_BASE_URL=http://elsewhere.invalid\nOPENAI_API_KEY=sk-1\n")
        assert OpenAIBackend(env_file=file).base_url == "https://api.openai.com/v1"

    def test_a_wrong_address_names_its_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_BASE_URL", "elsewhere")
        with pytest.raises(ValueError, match="OPENAI_BASE_URL: address 'elsewhere': neither http nor https"):
            OpenAIBackend()
        monkeypatch.setenv("OPENAI_BASE_URL", " ")
        assert OpenAIBackend().base_url == "https://api.openai.com/v1"
        with pytest.raises(ValueError, match="OpenAI-Project: expected ASCII"):
            OpenAIBackend(project="a\r\nb")


class TestNamedBackends:
    def test_an_address_stands_behind_the_name(self, services: FakeServices) -> None:
        assert open_backend(f"ollama:tiny@{services.ollama_url}").complete("hi").completion == TEXT
        assert open_backend(f"openai@{with_user(services.openai_url)}", env_file=None).complete("hi").completion == TEXT
        assert [request["body"]["model"] for request in services.requests] == ["tiny", "gpt-4o-mini"]
        assert open_backend("openai:claude@20240620").info.model_id == "claude@20240620"

    @pytest.mark.parametrize("word", ["mlx:x@http://joe:s3cret@h", "nosuch@http://joe:s3cret@h", "ollama:m@ftp://joe:s3cret@h", "ollama:http://joe:s3cret@h"])
    def test_is_refused_where_it_is_none_without_showing_it(self, word: str) -> None:
        with pytest.raises(ValueError) as error:
            open_backend(word)
        assert "s3cret" not in str(error.value)


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
