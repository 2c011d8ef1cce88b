"""The rows of tests/contract, which the C++ clients run too."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from fake_services import Behaviour, FakeServices
from stand_ins import ScriptedBackend

from halfbyte.inference import Backend, InferenceResult, OllamaBackend, OpenAIBackend, ReplyChoice, Route, ScoredToken
from halfbyte.inference._draw import draw
from halfbyte.inference._sampling import REPLY_FIELDS, SAMPLING_FIELDS
from halfbyte.inference._service import ServiceError
from halfbyte.inference.router import Request

CONTRACT = Path(__file__).resolve().parents[1] / "contract"
DIALECTS = ["ollama_generate", "ollama_chat", "openai_chat", "openai_completions"]
HI = [{"role": "user", "content": "Hi"}]


def read(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((CONTRACT / f"{name}.json").read_text(encoding="utf-8"))
    return value


CASES = [
    pytest.param(name, row, call, id=f"{name}-{call}-{row['name']}")
    for name in DIALECTS
    for row in read(name)["rows"]
    for call in row["calls"]
]


def body_of(answer: dict[str, Any]) -> bytes:
    if "json" in answer:
        return json.dumps(answer["json"], ensure_ascii=False).encode()
    if "base64" in answer:
        return base64.b64decode(answer["base64"])
    if "events" in answer:
        return b"".join(b"data: " + _value(event) + b"\n\n" for event in answer["events"])
    if "lines" in answer:
        return b"".join(_value(line) + b"\n" for line in answer["lines"])
    return str(answer["text"]).encode()


def _value(value: Any) -> bytes:
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode()


def backend_of(name: str, services: FakeServices) -> Backend:
    if name.startswith("ollama"):
        return OllamaBackend("tiny", base_url=services.ollama_url)
    api: Any = "completions" if name == "openai_completions" else "chat"
    return OpenAIBackend("tiny", base_url=services.openai_url, env_file=None, max_retries=0, api=api)


def ask(backend: Backend, call: str, row: dict[str, Any], pieces: list[str]) -> Any:
    options = dict(row.get("options", {}))
    if "logit_bias" in options:  # JSON's keys are texts
        options["logit_bias"] = {int(token): bias for token, bias in options["logit_bias"].items()}
    if call == "complete":
        return backend.complete(row.get("prompt", "Hi"), **options)
    if call == "chat":
        return backend.chat(row.get("messages", HI), row.get("tools"), **options)
    if call == "stream":
        stream: Any = backend.stream(row.get("prompt", "Hi"), **options)
    else:
        stream = backend.stream_chat(row.get("messages", HI), **options)
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            return end.value


def tokens_told(tokens: list[ScoredToken]) -> list[dict[str, Any]]:
    return [
        {"text": token.text, "id": token.id, "log_probability": token.log_probability}
        | ({"likeliest": tokens_told(token.likeliest)} if token.likeliest else {})
        for token in tokens
    ]


def choice_told(choice: ReplyChoice) -> dict[str, Any]:
    told = {**vars(choice), "tokens": tokens_told(choice.tokens)}
    return {key: value for key, value in told.items() if value or key in ("text", "finish_reason")}


def told(result: Any, gives: dict[str, Any]) -> dict[str, Any]:
    """A result in the words of `gives`."""
    is_prompt = isinstance(result, InferenceResult)
    said = {
        "content": result.completion if is_prompt else result.content,
        "thinking": result.metadata.get("thinking") if is_prompt else result.thinking,
        "tool_calls": [] if is_prompt else result.tool_calls,
        "counts": [result.prompt_tokens, result.completion_tokens],
        "finish_reason": result.metadata["finish_reason"],
        "tokens": tokens_told(result.tokens),
        "choices": [choice_told(choice) for choice in result.choices],
    }
    return {**said, "metadata": result.metadata} if "metadata" in gives else said


@pytest.mark.parametrize(("name", "row", "call"), CASES)
def test_row(name: str, row: dict[str, Any], call: str, services: FakeServices) -> None:
    backend = backend_of(name, services)
    if "refuses" in row:
        with pytest.raises(NotImplementedError) as refusal:
            ask(backend, call, row, [])
        assert str(refusal.value) == row["refuses"]
        assert not services.requests
        return
    answer = row["answer"]
    is_cut = answer.get("cut", False)
    for step in (None, 3, 1) if "stream" in call and not is_cut else (None,):
        services.behave(
            Behaviour(status=answer.get("status", 200), body=body_of(answer), chunk_bytes=step, is_cut=is_cut)
        )
        pieces: list[str] = []
        if "fails" in row:
            with pytest.raises(ServiceError) as error:
                ask(backend, call, row, pieces)
            address = services.ollama_url + services.requests[-1]["path"]
            service = "Ollama" if name.startswith("ollama") else "OpenAI"
            assert str(error.value) == f"{service} at {address}: {row['fails']['text']}"
            assert pieces == row["fails"].get("pieces", pieces)
        else:
            gives = row["gives"]
            expected = {
                **{"content": "", "thinking": None, "tool_calls": [], "counts": [None, None], "finish_reason": None,
                   "tokens": [], "choices": []},
                **{key: value for key, value in gives.items() if key != "pieces"},
            }
            result = ask(backend, call, row, pieces)
            assert told(result, gives) == expected
            assert pieces == gives.get("pieces", pieces)
            assert not pieces or "".join(pieces) == expected["content"]
            json.dumps(result.metadata, ensure_ascii=False).encode()
        if "sends" in row:  # as it stands on the wire
            assert services.requests[-1]["body"] == row["sends"]


@pytest.mark.parametrize("row", read("embed")["rows"], ids=lambda row: row["name"])
def test_embed(row: dict[str, Any], services: FakeServices) -> None:
    backend = backend_of(row["service"], services)
    if "refuses" in row:
        with pytest.raises(NotImplementedError) as refusal:
            backend.embed(row["texts"], pooling=row.get("pooling"), adapters=row.get("adapters"))
        assert str(refusal.value) == row["refuses"]
        return
    services.behave(Behaviour(body=body_of(row["answer"])))
    if "fails" in row:
        with pytest.raises(ServiceError) as error:
            backend.embed(row["texts"])
        assert str(error.value).endswith(f": {row['fails']['text']}")
    else:
        assert backend.embed(row["texts"]) == row["gives"]
    if "sends" in row:
        assert services.requests[-1]["body"] == row["sends"]


@pytest.mark.parametrize("row", read("routes")["rows"], ids=lambda row: row["name"])
def test_routes(row: dict[str, Any]) -> None:
    route = getattr(Route, row["rule"])(row["argument"], ScriptedBackend())
    assert [route.applies(Request(prompt)) for prompt in row["prompts"]] == row["applies"]


def test_sampling_fields() -> None:
    fields = [asdict(field) | {"kind": field.kind.__name__} for field in SAMPLING_FIELDS.values()]
    assert fields == read("sampling")["rows"]


def test_reply_fields() -> None:
    fields = [asdict(field) | {"kind": field.kind.__name__} for field in REPLY_FIELDS.values()]
    assert fields == read("reply")["rows"]


@pytest.mark.parametrize("row", read("draw")["rows"], ids=lambda row: row["name"])
def test_draw(row: dict[str, Any]) -> None:
    drawn = {
        draw(
            row["logits"],
            temperature=row["temperature"],
            top_k=row.get("top_k"),
            top_p=row.get("top_p"),
            uniform=lambda step=step: step / 1000,  # type: ignore[misc]
        )
        for step in range(1000)
    }
    assert sorted(drawn) == row["ids"]
