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
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
