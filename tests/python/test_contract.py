"""What holds for every kind of backend, whoever answers."""

from __future__ import annotations

import asyncio
import functools
import importlib
import sys
import threading
import types
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from fake_services import FakeServices
from stand_ins import CharTokenizer, NextLetterModel, ScriptedBackend
from tiny_models import scripted_model, tiny_model

from halfbyte.inference import (
    ArtifactBackend,
    Backend,
    BackendInfo,
    ChatResult,
    EngineBackend,
    InferenceResult,
    LoadedArtifact,
    LocalTransformerBackend,
    MLXBackend,
    OllamaBackend,
    OpenAIBackend,
    Route,
    RouterBackend,
    benchmark,
    evaluate,
)

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]


@dataclass
class Environment:
    services: FakeServices
    monkeypatch: pytest.MonkeyPatch
    mlx_calls: list[dict[str, Any]] = field(default_factory=list)


class TwoMethods(Backend):
    """What a user writes: the two members and nothing else."""

    @property
    def info(self) -> BackendInfo:
        return BackendInfo("mine", "echo")

    def complete(
        self,
        prompt: str,
        *,
        max_new_tokens: int = 128,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] | None = None,
    ) -> InferenceResult:
        if not isinstance(prompt, str):
            raise TypeError("prompt")
        if not prompt:
            raise ValueError("prompt")
        if isinstance(max_new_tokens, bool) or not isinstance(max_new_tokens, int):
            raise TypeError("max_new_tokens")
        if max_new_tokens < 1:
            raise ValueError("max_new_tokens")
        sampling = {"max_new_tokens": max_new_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p}
        end = min([len("echo"), *("echo".index(text) for text in stop or () if text in "echo")])
        return InferenceResult(prompt, "echo"[:end], 1, 1, 1.0, self.info, {"sampling": sampling})


def scripted_mlx(environment: Environment) -> MLXBackend:
    """mlx-lm's two functions that the backend uses, in their published form."""
    mlx_lm = types.ModuleType("mlx_lm")
    sample_utils = types.ModuleType("mlx_lm.sample_utils")

    def stream_generate(model: Any, tokenizer: Any, prompt: str, *, max_tokens: int, sampler: Any) -> Any:
        environment.mlx_calls.append({"prompt": prompt, "max_tokens": max_tokens, "sampler": sampler})
        for number, text in enumerate(["mlx ", "answers"], start=1):
            yield types.SimpleNamespace(
                text=text, prompt_tokens=3, generation_tokens=number, finish_reason="stop" if number == 2 else None
            )

    setattr(mlx_lm, "load", lambda path: ("model", "tokenizer"))
    setattr(mlx_lm, "stream_generate", stream_generate)
    setattr(sample_utils, "make_sampler", lambda **options: options)
    seeds = types.ModuleType("mlx.core")
    setattr(seeds, "random", types.SimpleNamespace(seed=lambda seed: environment.mlx_calls.append({"seed": seed})))
    environment.monkeypatch.setitem(sys.modules, "mlx.core", seeds)
    environment.monkeypatch.setitem(sys.modules, "mlx_lm", mlx_lm)
    environment.monkeypatch.setitem(sys.modules, "mlx_lm.sample_utils", sample_utils)
    return MLXBackend("tiny")


def artifact(environment: Environment) -> ArtifactBackend:
    from pathlib import Path

    return ArtifactBackend(LoadedArtifact("Tiny-SFT", NextLetterModel(), CharTokenizer(), Path("artifacts/models/Tiny-SFT")))


def local(environment: Environment) -> LocalTransformerBackend:
    return LocalTransformerBackend(NextLetterModel(), CharTokenizer())


def ollama(environment: Environment) -> OllamaBackend:
    return OllamaBackend("tiny", base_url=environment.services.ollama_url)


@functools.cache
def engine(**options: Any) -> EngineBackend:
    return EngineBackend(tiny_model(), threads=1, **options)  # one for all tests: that is how it is meant to be used


@functools.cache
def engine_with_tools() -> EngineBackend:
    call = '{"name": "weather", "arguments": {"city": "Köln"}}'
    return EngineBackend(scripted_model("Let", " me", " see", ".\n", "<tool_call>", call, "</tool_call>"), threads=1)


KINDS: dict[str, Callable[[Environment], Backend]] = {
    "two-methods": lambda environment: TwoMethods(),
    "local": local,
    "engine": lambda environment: engine(),
    "engine-template": lambda environment: engine(template=True),
    "engine-tools": lambda environment: engine_with_tools(),
    "artifact": artifact,
    "ollama": ollama,
    "openai": lambda environment: OpenAIBackend("tiny", base_url=environment.services.openai_url, env_file=None),
    "openai-completions": lambda environment: OpenAIBackend(
        "tiny", base_url=environment.services.openai_url, env_file=None, api="completions"
    ),
    "mlx": scripted_mlx,
    "router": lambda environment: RouterBackend([Route.longer_than(5, local(environment))], ollama(environment)),
}


@pytest.fixture(params=list(KINDS))
def backend(request: pytest.FixtureRequest, services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> Backend:
    return KINDS[request.param](Environment(services, monkeypatch))


def test_says_who_it_is(backend: Backend) -> None:
    assert backend.info.name
    assert backend.info.model_id
    assert backend.info == backend.info


def test_completes_without_repeating_the_prompt(backend: Backend) -> None:
    answer = backend.complete("hi", max_new_tokens=4, temperature=0.0)
    assert isinstance(answer, InferenceResult)
    assert answer.prompt == "hi"
    assert answer.completion
    assert not answer.completion.startswith("hi")
    assert answer.backend == backend.info
    assert answer.completion_tokens
    assert answer.latency_ms > 0


def test_tells_the_sampling_it_used(backend: Backend) -> None:
    answer = backend.complete("hi", max_new_tokens=4, temperature=0.5, top_k=3, top_p=0.9)
    assert answer.metadata["sampling"] == {"max_new_tokens": 4, "temperature": 0.5, "top_k": 3, "top_p": 0.9}


def test_the_same_seed_gives_the_same_text(backend: Backend) -> None:
    texts = {backend.complete("hi", max_new_tokens=6, temperature=2.0, seed=7).completion for _ in range(3)}
    assert len(texts) == 1
    assert texts == {"".join(backend.stream("hi", max_new_tokens=6, temperature=2.0, seed=7))}


def test_the_text_ends_before_a_stop_string(backend: Backend) -> None:
    if isinstance(backend, (OllamaBackend, OpenAIBackend)):
        pytest.skip("the service's own work: tests/contract has what is sent")
    text = backend.complete("hihihi", max_new_tokens=4, temperature=0.0).completion
    stop = text[1:3] or text
    wanted = text[: text.index(stop)]
    assert backend.complete("hihihi", max_new_tokens=4, temperature=0.0, stop=[stop]).completion == wanted
    assert "".join(backend.stream("hihihi", max_new_tokens=4, temperature=0.0, stop=[stop])) == wanted


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"seed": -1}, ValueError),
        ({"seed": 2**64}, ValueError),
        ({"seed": 1.0}, TypeError),
        ({"stop": "x"}, TypeError),
        ({"stop": [1]}, TypeError),
        ({"stop": [""]}, ValueError),
    ],
)
def test_refuses_a_seed_or_a_stop_that_makes_no_sense_by_name(
    backend: Backend, more: dict[str, Any], error: type[Exception]
) -> None:
    if isinstance(backend, TwoMethods):
        pytest.skip("a user's complete checks what it likes")
    with pytest.raises(error, match=next(iter(more))):
        backend.complete("hi", **more)
    with pytest.raises(error, match=next(iter(more))):
        backend.stream_chat(MESSAGES, **more)


def test_the_pieces_of_a_stream_are_the_completion(backend: Backend) -> None:
    pieces = []
    stream = backend.stream("hi", max_new_tokens=4, temperature=0.0)
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            result = end.value
            break
    assert all(pieces)
    assert "".join(pieces) == result.completion == backend.complete("hi", max_new_tokens=4, temperature=0.0).completion
    assert result.backend == backend.info


def test_a_stream_may_be_left_at_any_time(backend: Backend) -> None:
    stream = backend.stream("hi", max_new_tokens=4, temperature=0.0)
    assert next(stream)
    stream.close()
    assert backend.complete("hi", max_new_tokens=4, temperature=0.0).completion


def test_answers_a_conversation(backend: Backend) -> None:
    answer = backend.chat(MESSAGES, max_new_tokens=4, temperature=0.0)
    assert isinstance(answer, ChatResult)
    assert answer.content
    assert answer.tool_calls == []
    assert answer.messages == MESSAGES
    assert answer.backend == backend.info


def test_the_pieces_of_a_streamed_conversation_are_its_content(backend: Backend) -> None:
    stream = backend.stream_chat(MESSAGES, max_new_tokens=4, temperature=0.0)
    pieces = []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            result = end.value
            break
    assert "".join(pieces) == result.content == backend.chat(MESSAGES, max_new_tokens=4, temperature=0.0).content
    assert result.backend == backend.info


def test_takes_tools_or_says_that_it_does_not(backend: Backend) -> None:
    tools = [{"name": "weather", "parameters": {"type": "object", "properties": {}}}]
    if backend.supports_tools:
        (call,) = backend.chat(MESSAGES, tools).tool_calls
        assert (call.name, call.arguments) == ("weather", {"city": "Köln"})
        assert call.call_id
    else:
        with pytest.raises(NotImplementedError, match="tools"):
            backend.chat(MESSAGES, tools)


def test_answers_asynchronously(backend: Backend) -> None:
    async def ask() -> tuple[str, str]:
        answer = await backend.acomplete("hi", max_new_tokens=4, temperature=0.0)
        pieces = [piece async for piece in backend.astream("hi", max_new_tokens=4, temperature=0.0)]
        return answer.completion, "".join(pieces)

    completed, streamed = asyncio.run(ask())
    assert completed == streamed


def test_an_asynchronous_stream_may_be_left(backend: Backend) -> None:
    async def first() -> str:
        async for piece in backend.astream("hi", max_new_tokens=4, temperature=0.0):
            return piece
        return ""

    assert asyncio.run(first())


def test_many_requests_run_side_by_side(backend: Backend) -> None:
    async def ask() -> set[str]:
        answers = await asyncio.gather(
            *(backend.acomplete("hi", max_new_tokens=4, temperature=0.0) for _ in range(8))
        )
        return {answer.completion for answer in answers}

    assert len(asyncio.run(ask())) == 1


@pytest.mark.parametrize("method", ["complete", "stream"])
@pytest.mark.parametrize(
    ("prompt", "sampling", "named"),
    [
        ("", {}, "prompt"),
        (42, {}, "prompt"),
        (None, {}, "prompt"),
        ("hi", {"max_new_tokens": 0}, "max_new_tokens"),
        ("hi", {"max_new_tokens": -5}, "max_new_tokens"),
        ("hi", {"max_new_tokens": 1.5}, "max_new_tokens"),
        ("hi", {"max_new_tokens": True}, "max_new_tokens"),
    ],
)
def test_refuses_what_makes_no_sense_by_name(
    backend: Backend, method: str, prompt: Any, sampling: dict[str, Any], named: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=named):
        getattr(backend, method)(prompt, **sampling)


@pytest.mark.parametrize(
    ("sampling", "error"),
    [
        ({"temperature": -0.1}, ValueError),
        ({"temperature": float("nan")}, ValueError),
        ({"temperature": "hot"}, TypeError),
        ({"top_k": -1}, ValueError),
        ({"top_k": 2.0}, TypeError),
        ({"top_p": -0.1}, ValueError),
        ({"top_p": 1.5}, ValueError),
        ({"top_p": "most"}, TypeError),
    ],
)
def test_refuses_sampling_that_makes_no_sense_by_name(
    backend: Backend, sampling: dict[str, Any], error: type[Exception]
) -> None:
    if isinstance(backend, TwoMethods):
        pytest.skip("a user's complete checks what it likes")
    with pytest.raises(error, match=next(iter(sampling))):
        backend.complete("hi", **sampling)


@pytest.mark.parametrize("messages", [[], "hi", [{"content": "no role"}], ["hi"]])
def test_refuses_a_conversation_that_is_none(backend: Backend, messages: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="messages"):
        backend.chat(messages)


def test_two_with_different_models_live_side_by_side(services: FakeServices) -> None:
    one, other = (OllamaBackend(model, base_url=services.ollama_url) for model in ("one:1b", "other:1b"))
    one.complete("hi")
    other.complete("hi")
    assert [request["body"]["model"] for request in services.requests] == ["one:1b", "other:1b"]


def test_can_be_benchmarked_and_evaluated(backend: Backend) -> None:
    assert benchmark(backend, ["hi", "ho"], max_new_tokens=2).n == 2
    assert evaluate(backend, [{"prompt": "hi", "answer": "?"}], "contains", max_new_tokens=2).n == 1


def test_the_default_chat_ends_where_the_user_would_speak_next() -> None:
    backend = ScriptedBackend((" Hello.\nUser: and then", 1.0, 1, 1))
    assert backend.chat(MESSAGES).content == "Hello."
    assert backend.calls[0]["prompt"] == "System: Be brief.\nUser: hi\nAssistant:"


def test_a_backend_without_seed_and_stop_is_asked_as_ever() -> None:
    backend = ScriptedBackend(*[("echo", 1.0, 1, 1)] * 4)
    assert list(backend.stream("hi")) == ["echo"]
    assert backend.chat(MESSAGES).content == "echo"
    assert asyncio.run(backend.acomplete("hi")).completion == "echo"
    with pytest.raises(TypeError, match="seed"):
        list(backend.stream("hi", seed=1))


def test_leaving_an_asynchronous_stream_closes_the_one_underneath() -> None:
    closed = threading.Event()

    class Endless(TwoMethods):
        def stream(self, prompt: str, **sampling: Any) -> Generator[str, None, InferenceResult]:
            try:
                while True:
                    yield "more"
            finally:
                closed.set()

    async def leave() -> bool:
        pieces = Endless().astream("hi")
        async for _ in pieces:
            break
        await pieces.aclose()  # type: ignore[attr-defined]
        return await asyncio.to_thread(closed.wait, 30)

    assert asyncio.run(leave())


def test_what_a_stream_raises_reaches_the_asynchronous_caller() -> None:
    async def ask() -> None:
        async for _ in ScriptedBackend(ConnectionError("gone")).astream("hi"):
            pass

    with pytest.raises(ConnectionError, match="gone"):
        asyncio.run(ask())


class TestMLX:
    def test_without_the_package_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "mlx_lm", None)
        with pytest.raises(ImportError, match="pip install mlx-lm") as error:
            MLXBackend("tiny").complete("hi")
        assert error.value.__cause__ is not None

    def test_a_model_comes_with_its_tokenizer(self) -> None:
        with pytest.raises(ValueError, match="tokenizer"):
            MLXBackend("tiny", model=object())

    def test_limits_that_are_not_set_are_off(self, services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
        environment = Environment(services, monkeypatch)
        scripted_mlx(environment).complete("hi", max_new_tokens=5, temperature=0.0)
        assert environment.mlx_calls == [
            {"prompt": "hi", "max_tokens": 5, "sampler": {"temp": 0.0, "top_k": 0, "top_p": 0.0}}
        ]

    def test_runs_a_tiny_random_model(self) -> None:
        pytest.importorskip("mlx_lm")
        llama = importlib.import_module("mlx_lm.models.llama")
        model = llama.Model(
            llama.ModelArgs(
                model_type="llama",
                hidden_size=32,
                num_hidden_layers=1,
                intermediate_size=64,
                num_attention_heads=2,
                rms_norm_eps=1e-5,
                vocab_size=256,
            )
        )
        backend = MLXBackend("tiny-random", model=model, tokenizer=mlx_tokenizer())
        answer = backend.complete("ab", max_new_tokens=4, temperature=0.0)
        assert (answer.prompt_tokens, answer.completion_tokens) == (2, 4)
        assert answer.completion == backend.complete("ab", max_new_tokens=4, temperature=0.0).completion


def mlx_tokenizer() -> Any:
    """A byte-level tokenizer of mlx-lm's own kind, without a download."""
    tokenizers = importlib.import_module("tokenizers")
    transformers = importlib.import_module("transformers")
    wrapper = importlib.import_module("mlx_lm.tokenizer_utils").TokenizerWrapper
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    made = tokenizers.Tokenizer(tokenizers.models.BPE({symbol: i for i, symbol in enumerate(alphabet)}, []))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    return wrapper(transformers.PreTrainedTokenizerFast(tokenizer_object=made))
