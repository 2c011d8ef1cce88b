"""Proxies of the environment: which requests go through one, and what it is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fake_services import TEXT, FakeServices

from halfbyte.inference import OllamaBackend, OllamaError, OpenAIBackend, OpenAIError
from halfbyte.inference._address import Address
from halfbyte.inference._proxy import proxy_for

# What Go says to the same variables, and the C++ client: http/proxy_test.cpp.
CASES = json.loads((Path(__file__).parents[1] / "contract" / "proxies.json").read_text(encoding="utf-8"))
BASIC = "Basic am9lOnMzY3JldA=="  # joe:s3cret


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['environment']} {case['url']}")
def test_the_proxy_is_the_one_that_the_contract_says(case: dict[str, Any]) -> None:
    address = Address.parse(case["url"])
    if "refused" in case:
        with pytest.raises(ValueError) as error:
            proxy_for(address, case["environment"])
        assert str(error.value).startswith(case["refused"])
        assert "s3cret" not in str(error.value)
        return
    proxy = proxy_for(address, case["environment"])
    assert (proxy and proxy.shown) == case["proxy"]
    if proxy is not None:
        assert proxy.basic == case.get("authorization", "")


class _Proxy(BaseHTTPRequestHandler):
    """Answers in place of every server, and opens no tunnel."""

    server: Any

    def log_message(self, format: str, *args: Any) -> None:
        """Tests look at `asked`."""

    def _note(self) -> None:
        self.server.asked.append((self.command, self.path, dict(self.headers)))

    def do_POST(self) -> None:
        self._note()
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"response": "passed on", "done": True}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        self._note()
        self.send_error(407)


@pytest.fixture
def proxy() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    server.asked = []
    server.place = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_is_asked_for_the_whole_address(proxy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://joe:s3cret@{proxy.place}")
    backend = OllamaBackend("tiny", base_url="http://me:own@ollama.example:11434/?a=1")
    assert backend.complete("hi").completion == "passed on"
    ((method, path, headers),) = proxy.asked
    assert (method, path) == ("POST", "http://ollama.example:11434/api/generate?a=1")
    assert (headers["Host"], headers["Authorization"]) == ("ollama.example:11434", "Basic bWU6b3du")
    assert headers["Proxy-Authorization"] == BASIC
    assert "s3cret" not in repr(backend._service)


def test_opens_a_tunnel_for_tls_and_is_named_where_it_does_not(proxy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://joe:s3cret@{proxy.place}")
    with pytest.raises(OpenAIError) as error:
        OpenAIBackend("tiny", base_url="https://api.example/v1?key=s3cret", api_key="sk-1").complete("hi")
    told = f"Could not reach OpenAI at https://api.example/v1/chat/completions through the proxy http://{proxy.place}: "
    assert str(error.value).startswith(told)
    assert "407" in str(error.value)
    assert "s3cret" not in str(error.value)
    ((method, path, headers),) = proxy.asked
    assert (method, path, headers["Proxy-Authorization"]) == ("CONNECT", "api.example:443", BASIC)
    assert "Authorization" not in headers


def test_is_not_asked_for_what_is_here_or_listed(proxy: Any, services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.place}")
    monkeypatch.setenv("NO_PROXY", ".invalid")
    assert OllamaBackend("tiny", base_url=services.ollama_url).complete("hi").completion == TEXT
    with pytest.raises(OllamaError, match=r"at http://ollama\.invalid/api/generate: "):
        OllamaBackend("tiny", base_url="http://ollama.invalid").complete("hi")
    assert not proxy.asked


def test_a_value_that_is_no_address_is_refused_where_it_would_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://joe:s3cret@proxy")
    OllamaBackend("tiny")
    with pytest.raises(ValueError, match="HTTP_PROXY: address '\\(not shown"):
        OllamaBackend("tiny", base_url="http://ollama.example")
