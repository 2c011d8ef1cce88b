"""Proxies of the environment: which requests go through one, and what it is sent."""

from __future__ import annotations

import contextlib
import json
import shutil
import ssl
import subprocess
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
    """Answers in place of every server; opens a tunnel where it has a certificate for what is at its end."""

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
        if self.server.tls is None:
            self.send_error(407)
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.rfile.close()
        with self.server.tls.wrap_socket(self.connection, server_side=True, do_handshake_on_connect=False) as tunnel:
            with contextlib.suppress(ssl.SSLError):  # of a client that does not trust the certificate
                tunnel.do_handshake()
                self.rfile, self.wfile = tunnel.makefile("rb"), tunnel.makefile("wb", 0)
                self.handle_one_request()


@pytest.fixture
def proxy() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    server.asked, server.tls = [], None
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


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes no certificate without openssl")
def test_what_goes_through_the_tunnel_is_for_the_server_alone(
    proxy: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
        + ["-subj", "/CN=api.example", "-addext", "subjectAltName=DNS:api.example", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    proxy.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    proxy.tls.load_cert_chain(certificate, key)
    monkeypatch.setenv("https_proxy", f"http://joe:s3cret@{proxy.place}")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert OllamaBackend("tiny", base_url="https://me:own@api.example").complete("hi").completion == "passed on"
    (connect, post) = proxy.asked
    assert (connect[:2], connect[2]["Proxy-Authorization"]) == (("CONNECT", "api.example:443"), BASIC)
    assert "Authorization" not in connect[2]
    assert (post[:2], post[2]["Authorization"]) == (("POST", "/api/generate"), "Basic bWU6b3du")
    assert "Proxy-Authorization" not in post[2]
    with pytest.raises(OllamaError, match="CERTIFICATE_VERIFY_FAILED"):
        OllamaBackend("tiny", base_url="https://other.example").complete("hi")


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
