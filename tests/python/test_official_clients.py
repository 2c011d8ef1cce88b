"""The official clients take the fake services for the real ones, so that our backends are tested against a fair stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fake_services import COMPLETION_TOKENS, PIECES, PROMPT_TOKENS, TEXT, Behaviour, FakeServices

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
MESSAGES = [{"role": "user", "content": "hi"}]


class TestOllamaPackage:
    @pytest.fixture
    def client(self, services: FakeServices) -> Iterator[Any]:
        client = pytest.importorskip("ollama").Client(host=services.ollama_url)
        yield client
        client.close()

    def test_generates(self, client: Any) -> None:
        answer = client.generate(model="tiny", prompt="hi")
        assert (answer.response, answer.done, answer.done_reason) == (TEXT, True, "stop")
        assert (answer.prompt_eval_count, answer.eval_count) == (PROMPT_TOKENS, COMPLETION_TOKENS)
        assert answer.eval_duration == 1_500_000_000

    def test_streams(self, client: Any) -> None:
        assert [part.response for part in client.generate(model="tiny", prompt="hi", stream=True)] == [*PIECES, ""]

    def test_chats_with_tools(self, client: Any) -> None:
        assert client.chat(model="tiny", messages=MESSAGES).message.content == TEXT
        (call,) = client.chat(model="tiny", messages=MESSAGES, tools=[TOOL]).message.tool_calls
        assert (call.function.name, call.function.arguments) == ("weather", {"city": "Köln"})

    def test_streams_a_chat(self, client: Any) -> None:
        parts = client.chat(model="tiny", messages=MESSAGES, stream=True)
        assert "".join(part.message.content for part in parts) == TEXT

    def test_lists(self, client: Any) -> None:
        assert [model.model for model in client.list().models] == ["tiny:1b", "llama3.2:3b"]

    def test_sees_errors(self, client: Any, services: FakeServices) -> None:
        ollama = pytest.importorskip("ollama")
        services.behave(Behaviour(status=404), Behaviour(error_after_lines=1))
        with pytest.raises(ollama.ResponseError, match="the server says 404"):
            client.generate(model="tiny", prompt="hi")
        with pytest.raises(ollama.ResponseError, match="the model fell over"):
            list(client.generate(model="tiny", prompt="hi", stream=True))


class TestOpenAIPackage:
    @pytest.fixture
    def client(self, services: FakeServices) -> Iterator[Any]:
        with pytest.importorskip("openai").OpenAI(
            base_url=services.openai_url, api_key="sk-test", max_retries=0
        ) as client:
            yield client

    def test_chats(self, client: Any) -> None:
        answer = client.chat.completions.create(model="tiny", messages=MESSAGES)
        assert answer.choices[0].message.content == TEXT
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (PROMPT_TOKENS, COMPLETION_TOKENS)

    def test_streams_with_usage(self, client: Any) -> None:
        chunks = list(
            client.chat.completions.create(
                model="tiny", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
            )
        )
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
        assert chunks[-1].usage.completion_tokens == COMPLETION_TOKENS

    def test_chats_with_tools(self, client: Any) -> None:
        (call,) = client.chat.completions.create(model="tiny", messages=MESSAGES, tools=[TOOL]).choices[0].message.tool_calls
        assert (call.id, call.function.name, call.function.arguments) == ("call_1", "weather", '{"city": "K\\u00f6ln"}')

    def test_completes(self, client: Any) -> None:
        assert client.completions.create(model="tiny", prompt="hi").choices[0].text == TEXT
        chunks = client.completions.create(model="tiny", prompt="hi", stream=True)
        assert "".join(chunk.choices[0].text for chunk in chunks) == TEXT

    def test_lists(self, client: Any) -> None:
        assert [model.id for model in client.models.list()] == ["tiny:1b"]

    def test_sees_errors(self, client: Any, services: FakeServices) -> None:
        openai = pytest.importorskip("openai")
        services.behave(Behaviour(status=429), Behaviour(error_after_lines=1))
        with pytest.raises(openai.RateLimitError, match="the server says 429"):
            client.chat.completions.create(model="tiny", messages=MESSAGES)
        with pytest.raises(openai.APIError, match="the model fell over"):
            list(client.chat.completions.create(model="tiny", messages=MESSAGES, stream=True))
