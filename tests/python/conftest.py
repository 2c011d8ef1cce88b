from collections.abc import Iterator

import pytest
from fake_services import FakeServices, running_services


@pytest.fixture
def services() -> Iterator[FakeServices]:
    with running_services() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_key_and_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's machine has set must not reach a test."""
    services = ("OLLAMA_HOST", "OLLAMA_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
    proxies = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")
    for name in (*services, *proxies):
        monkeypatch.delenv(name, raising=False)
