"""Our engine in this process: a GGUF file, a checkpoint's folder, or a name that the store knows."""

from __future__ import annotations

import asyncio
import importlib
import json
import math
import os
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from ._adapters import adapter_uses, check_adapters
from ._checks import check_integer, check_messages, check_more, check_number, check_request, check_sampling, check_text
from ._embeddings import check_pooling, check_texts
from ._response_format import grammar_of
from .backend import Backend, BackendInfo, ChatResult, InferenceResult, Message, ReplyChoice, ScoredToken, ToolCall

if TYPE_CHECKING:
    from types import ModuleType
    from typing import Unpack

    from .. import _core
    from ._sampling import FurtherSampling

DEFAULT_ENGINE_MODEL = "smollm2:135m"
LARGEST_INT = 2**30  # of tokens, as the engine counts them
_PLAIN: dict[str, Callable[[Any], Any]] = {
    "logit_bias": dict, "allowed_tokens": list, "stop_tokens": list, "adapters": adapter_uses, "beam_search": dict,
    "repetition_detection": dict,
}  # fmt: skip
_COUNTS = ("context_tokens", "threads")
# Of a message, by either service's name; what else it has reaches the template as it is.
_FIELDS = {
    "role", "content", "thinking", "reasoning_content", "tool_name", "name", "call_id", "tool_call_id", "tool_calls"
}  # fmt: skip


class EngineBackend(Backend):
    """A model loaded into this process. Opening takes a while and memory: keep one, and let all threads share it.

    A prompt is continued as it stands, or with template=True answered as a user's turn in the model's chat template;
    metadata["template"] says which. `chat` always speaks the model's format, and a plain transcript where it has none.
    `stream_chat` gives the answer only; what the model thought stands in the result.
    A message's content is text, or a list of {"type": "text", "text": ...}; members beside the usual reach the template as they are.
    What a cache of `kv_type` cannot hold is cut off: a RuntimeWarning says so once, and metadata["warning"] of every result after it.
    Without a seed it is 0: the same call gives the same text, whatever else the engine answers at the moment.

    model: a path, or a name such as `smollm2:135m`, looked for in the places where Ollama and Hugging Face keep models too.
    thinking: whether a model that can think before it answers does; None: as its template has it.
    parse_special: whether text in messages that spells a control token ("<|im_end|>") is that token, as in transformers;
        else it stays the text that someone typed.
    context: most tokens of a prompt and its reply together; None: the model's own, at most 4096.
    cache: tokens that all requests at the same time share; kv_memory: the same in bytes; None: 8 of the longest sequences, as far as
        memory_utilization of the memory that is left allows. What does not fit waits for its turn.
    chunk: most tokens in one step. latency_target_ms: longest time between two tokens while prompts of others are read beside them.
    queue: most requests that are unfinished; more are refused.
    draft: the file of a smaller model of the same vocabulary, which guesses tokens; speculation: whether guesses are checked where that
        pays. No reply depends on either.
    threads: None is one per processor, within the control group's quota.
    kv_type: the numbers of cached keys and values, "f16", "bf16", "q8_0" (half the memory) or "f32"; kv_type_k and kv_type_v are for
        one of the two.
    prefix_cache: a prompt that begins like an earlier one computes only what is new, with the same bytes. A folder: it survives this
        process there, at most prefix_cache_bytes of it.
    adapters: low-rank adapters (LoRA) for the model, each a GGUF file or a directory as PEFT writes it, by the name that calls ask for
        them with: `adapters=["tone"]`, or `{"tone": 0.5}` with a scale.
    model_id: in `info`; None: the model's name as it was found.

    Every failure is an `EngineError`, and a ValueError, FileNotFoundError, OSError, ... where that says the same
    (engine_errors). A forked child cannot use what its parent opened: start processes with "spawn".
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT_ENGINE_MODEL,
        *,
        template: bool = False,
        thinking: bool | None = None,
        parse_special: bool = False,
        context: int | None = None,
        cache: int | None = None,
        threads: int | None = None,
        kv_type: str = "f16",
        kv_type_k: str | None = None,
        kv_type_v: str | None = None,
        kv_memory: int | None = None,
        memory_utilization: float = 0.9,
        chunk: int | None = None,
        latency_target_ms: float | None = None,
        queue: int = 64,
        draft: str | os.PathLike[str] | None = None,
        speculation: bool = True,
        prefix_cache: bool | str | os.PathLike[str] = True,
        prefix_cache_bytes: int | None = None,
        adapters: Mapping[str, str | os.PathLike[str]] | None = None,
        name: str = "engine",
        model_id: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        path = os.fspath(model)
        check_text("model", path)
        check_unicode("name", name)
        if not isinstance(template, bool):
            raise TypeError(f"template: expected True or False, found {template!r}")
        if not isinstance(parse_special, bool):
            raise TypeError(f"parse_special: expected True or False, found {parse_special!r}")
        if thinking is not None and not isinstance(thinking, bool):
            raise TypeError(f"thinking: expected True, False or None, found {thinking!r}")
        for key, kind in {"kv_type": kv_type, "kv_type_k": kv_type_k, "kv_type_v": kv_type_v}.items():
            if not isinstance(kind, str) and (kind is not None or key == "kv_type"):
                raise TypeError(f"{key}: expected a string, found {kind!r}")
        if not isinstance(prefix_cache, (bool, str, os.PathLike)):
            raise TypeError(f"prefix_cache: expected True, False or a folder, found {prefix_cache!r}")
        if not isinstance(speculation, bool):
            raise TypeError(f"speculation: expected True or False, found {speculation!r}")
        check_number("memory_utilization", memory_utilization)
        engine = {
            "memory_utilization": memory_utilization,
            "speculates": speculation,
            "prefix_cache": prefix_cache is not False,
            "kv_type_k": kv_type_k or kv_type,
            "kv_type_v": kv_type_v or kv_type,
        }
        if latency_target_ms is not None:
            check_number("latency_target_ms", latency_target_ms)
            engine["latency_target_ms"] = latency_target_ms
        if draft is not None:
            engine["draft_model"] = os.fsencode(draft)
        if not isinstance(prefix_cache, bool):
            engine["prefix_cache_folder"] = os.fsencode(prefix_cache)
        if adapters is not None:
            engine["adapters"] = _adapter_files(adapters)
        for key, size in {"kv_memory": kv_memory, "prefix_cache_bytes": prefix_cache_bytes}.items():
            if size is not None:
                check_integer(key, size)
                if not 1 <= size < 2**63:
                    raise ValueError(f"{key}: expected 1 or more bytes, or None, found {size}")
                engine[key if key == "prefix_cache_bytes" else "kv_memory_bytes"] = size
        counts = {"context": context, "cache": cache, "threads": threads, "chunk": chunk, "queue": queue}
        for key, count in counts.items():
            if count is not None:
                check_integer(key, count)
                if not 1 <= count <= LARGEST_INT:
                    raise ValueError(f"{key}: expected 1 to {LARGEST_INT}, or None, found {count}")
                engine[f"{key}_tokens" if key in ("context", "cache", "chunk") else key] = count
        self._module = load_core()
        self._engine: _core.Engine = self._module.Engine(
            os.fsencode(path),
            name=name,
            use_template=template,
            enable_thinking=thinking,
            parse_special=parse_special,
            **engine,
        )
        self._has_warned = False
        told = self._engine.info()
        facts = {key: int(fact) if key in _COUNTS else fact for key, fact in told["extra"].items()}
        facts.update(kv_type=kv_type, template=template)
        self._info = BackendInfo(name=name, model_id=model_id or told["model_id"], extra={**facts, **(extra or {})})

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model_id={self.info.model_id!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} does not leave its process: open the model in the other one")

    def __enter__(self) -> EngineBackend:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends what is still being answered, with EngineClosedError there, and gives the memory back."""
        self._engine.close()

    @property
    def info(self) -> BackendInfo:
        return self._info

    @property
    def memory(self) -> dict[str, int]:
        """Bytes of `weights`, `workspace` and `cache` (at most), and `cache_tokens`, the positions in it."""
        return self._engine.memory()

    def stats(self) -> dict[str, Any]:
        """What the engine has done since it was opened and does now: counters by name, and histograms of seconds."""
        return self._engine.stats()

    @property
    def supports_tools(self) -> bool:
        """Whether the model's chat template mentions them."""
        return self._engine.supports_tools()

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
        **further: Unpack[FurtherSampling],
    ) -> InferenceResult:
        """Continues `prompt`; the text ends before the first of `stop`. The same `seed`, from 0 to 2**64 - 1, is the same text."""
        sampling = check_request(prompt, max_new_tokens, temperature, top_k, top_p, further)
        reply = self._start(prompt, sampling, seed, stop)
        return self._result(prompt, reply.result(), sampling)

    def stream(
        self,
        prompt: str,
        *,
        max_new_tokens: int = 128,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] | None = None,
        **further: Unpack[FurtherSampling],
    ) -> Generator[str, None, InferenceResult]:
        sampling = check_request(prompt, max_new_tokens, temperature, top_k, top_p, further)
        check_unicode("prompt", prompt)
        options = self._options(sampling, seed, stop)
        return self._pieces(prompt, options, sampling)

    def _pieces(
        self, prompt: str, options: _core.Options, sampling: dict[str, Any]
    ) -> Generator[str, None, InferenceResult]:
        reply = self._engine.start(prompt, options)
        try:
            while (piece := reply.next()) is not None:
                yield piece
            return self._result(prompt, reply.result(), sampling)
        finally:
            reply.cancel()

    async def acomplete(
        self,
        prompt: str,
        *,
        max_new_tokens: int = 128,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] | None = None,
        **further: Unpack[FurtherSampling],
    ) -> InferenceResult:
        """`complete` while the event loop goes on; cancelling the task ends the request."""
        sampling = check_request(prompt, max_new_tokens, temperature, top_k, top_p, further)
        reply = self._start(prompt, sampling, seed, stop)
        try:
            return self._result(prompt, await asyncio.to_thread(reply.result), sampling)
        except asyncio.CancelledError:
            reply.cancel()
            raise

    def chat(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]] | None = None,
        *,
        max_new_tokens: int = 512,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] | None = None,
        **further: Unpack[FurtherSampling],
    ) -> ChatResult:
        check_messages(messages)
        sampling = check_sampling(max_new_tokens, temperature, top_k, top_p, further)
        options = self._options(sampling, seed, stop)
        told_tools = self._tools(tools or ())
        reply = self._engine.start_chat(self._messages(messages), told_tools, options)
        return self._chat_result(messages, reply.result(), sampling)

    def stream_chat(
        self,
        messages: Sequence[Message],
        *,
        max_new_tokens: int = 512,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] | None = None,
        **further: Unpack[FurtherSampling],
    ) -> Generator[str, None, ChatResult]:
        check_messages(messages)
        sampling = check_sampling(max_new_tokens, temperature, top_k, top_p, further)
        options = self._options(sampling, seed, stop)
        self._messages(messages)
        return self._chat_pieces(messages, options, sampling)

    def _chat_pieces(
        self, messages: Sequence[Message], options: _core.Options, sampling: dict[str, Any]
    ) -> Generator[str, None, ChatResult]:
        reply = self._engine.start_chat(self._messages(messages), [], options)
        try:
            while (piece := reply.next()) is not None:
                yield piece
            return self._chat_result(messages, reply.result(), sampling)
        finally:
            reply.cancel()

    def embed(
        self,
        texts: Sequence[str],
        *,
        pooling: Literal["mean", "last", "first"] | None = None,
        adapters: Mapping[str, float] | Sequence[str] | None = None,
    ) -> list[list[float]]:
        """The states behind the model's last norm, pooled (None: their mean), of length 1. adapters: as a completion has them."""
        asked = check_texts(texts)
        check_pooling(pooling)
        for number, text in enumerate(asked):
            check_unicode(f"texts[{number}]", text)
        chosen = () if adapters is None else adapters
        check_adapters(chosen)
        for name in chosen:
            check_unicode("adapters", name)
        return self._engine.embed(asked, pooling or "mean", adapter_uses(chosen))

    def log_likelihood(self, prompt: str, continuation: str) -> float:
        """Natural logarithm of the probability that `continuation` follows `prompt`, in nats, summed over its tokens.

        Both are encoded together, without the chat template; white space at the prompt's end counts as the continuation's.
        """
        for name, text in (("prompt", prompt), ("continuation", continuation)):
            check_text(name, text)
            check_unicode(name, text)
        scores, warning = self._engine.log_likelihood(prompt, continuation)
        self._warn({"warning": warning} if warning else {}, stacklevel=3)
        return math.fsum(scores)

    def _start(
        self, prompt: str, sampling: Mapping[str, Any], seed: int | None, stop: Sequence[str] | None
    ) -> _core.CompletionStream:
        check_unicode("prompt", prompt)
        return self._engine.start(prompt, self._options(sampling, seed, stop))

    def _options(self, sampling: Mapping[str, Any], seed: int | None, stop: Sequence[str] | None) -> _core.Options:
        check_more(seed, stop)
        for number, text in enumerate(stop or ()):
            check_unicode(f"stop[{number}]", text)
        numbers = {key: value for key, value in sampling.items() if key != "response_format"}
        counts = {key: min(value, LARGEST_INT) for key, value in numbers.items() if isinstance(value, int)}
        lists = {key: kind(sampling[key]) for key, kind in _PLAIN.items() if key in sampling}
        form = sampling.get("response_format")
        form_kind, source = ("", "") if form is None else grammar_of(form)
        check_unicode("response_format", source)
        for name in ("principal", "forced_prefix"):
            check_unicode(name, sampling.get(name, ""))
        for name in sampling.get("adapters", ()):
            check_unicode("adapters", name)
        options: _core.Options = self._module.Options(
            stop=list(stop or ()), grammar_kind=form_kind, grammar=source, seed=seed, **{**numbers, **counts, **lists}
        )
        return options

    def _messages(self, messages: Sequence[Message]) -> list[_core.Message]:
        return [self._message(f"messages[{number}]", message) for number, message in enumerate(messages)]

    def _message(self, where: str, message: Message) -> _core.Message:
        content = message.get("content") or ""
        has_parts = isinstance(content, (list, tuple))
        extra = {key: value for key, value in message.items() if key not in _FIELDS}
        texts = {
            "role": message["role"],
            "content": "" if has_parts else content,
            "parts": _json(f"{where}.content", content) if has_parts else "",
            "extra": _json(where, extra) if extra else "",
            "thinking": message.get("thinking") or message.get("reasoning_content") or "",
            "tool_name": message.get("tool_name") or message.get("name") or "",
            "call_id": message.get("call_id") or message.get("tool_call_id") or "",
        }
        for key, text in texts.items():
            check_unicode(f"{where}.{key}", text)
        calls = message.get("tool_calls") or []
        if not isinstance(calls, Sequence) or isinstance(calls, str):
            raise TypeError(f"{where}.tool_calls: expected a list, found {type(calls).__name__}")
        told: _core.Message = self._module.Message(
            **texts, tool_calls=[self._call(f"{where}.tool_calls[{number}]", call) for number, call in enumerate(calls)]
        )
        return told

    def _call(self, where: str, call: Any) -> _core.ToolCall:
        """Ours, or one in the envelope of either service."""
        inner = call.get("function", call) if isinstance(call, Mapping) else None
        if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str):
            raise ValueError(f"{where}: expected a name and arguments, found {call!r}")
        arguments = inner.get("arguments") or {}
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        texts = {"name": inner["name"], "arguments": text, "call_id": call.get("call_id") or call.get("id") or ""}
        for key, value in texts.items():
            check_unicode(f"{where}.{key}", value)
        made: _core.ToolCall = self._module.ToolCall(**texts)
        return made

    def _tools(self, tools: Sequence[Mapping[str, Any]]) -> list[_core.Tool]:
        made = []
        for number, tool in enumerate(tools):
            inner = tool.get("function", tool)
            texts = {
                "name": inner.get("name"),
                "description": inner.get("description") or "",
                "parameters": json.dumps(
                    inner.get("parameters") or {"type": "object", "properties": {}}, ensure_ascii=False
                ),
                "definition": json.dumps(tool, ensure_ascii=False),  # as transformers passes it: unchanged
            }
            for key, text in texts.items():
                check_unicode(f"tools[{number}].{key}", text)
            made.append(self._module.Tool(**texts))
        return made

    def _warn(self, metadata: Mapping[str, str], stacklevel: int = 4) -> None:
        """Once: every reply after the first carries the same warning."""
        if "warning" in metadata and not self._has_warned:
            self._has_warned = True
            warnings.warn(metadata["warning"], RuntimeWarning, stacklevel=stacklevel)

    def _result(self, prompt: str, told: Mapping[str, Any], sampling: dict[str, Any]) -> InferenceResult:
        self._warn(told["metadata"])
        return InferenceResult(
            prompt=prompt,
            completion=told["completion"],
            prompt_tokens=told["prompt_tokens"],
            completion_tokens=told["completion_tokens"],
            latency_ms=told["latency_ms"],
            backend=self.info,
            metadata=_metadata(told["metadata"], sampling),
            tokens=_tokens(told["tokens"]),
            prompt_logprobs=_tokens(told["prompt_logprobs"]),
            choices=[_choice(choice) for choice in told["choices"]],
        )

    def _chat_result(self, messages: Sequence[Message], told: Mapping[str, Any], sampling: dict[str, Any]) -> ChatResult:
        self._warn(told["metadata"])
        return ChatResult(
            messages=[dict(message) for message in messages],
            content=told["content"],
            tool_calls=_calls(told["tool_calls"]),
            thinking=told["thinking"],
            prompt_tokens=told["prompt_tokens"],
            completion_tokens=told["completion_tokens"],
            latency_ms=told["latency_ms"],
            backend=self.info,
            metadata=_metadata(told["metadata"], sampling),
            tokens=_tokens(told["tokens"]),
            prompt_logprobs=_tokens(told["prompt_logprobs"]),
            choices=[_choice(choice) for choice in told["choices"]],
        )


def load_core() -> ModuleType:
    """The extension module; ImportError says how to get one."""
    try:
        return importlib.import_module("halfbyte._core")
    except ImportError as cause:
        raise ImportError(
            f"the engine's extension module does not load ({cause}): `pip install .` in halfbyte's sources builds it, "
            "or `make develop` and PYTHONPATH=build/python",
            name="halfbyte._core",
        ) from cause


def _adapter_files(adapters: object) -> dict[str, bytes]:
    if not isinstance(adapters, Mapping):
        raise TypeError(f"adapters: expected a dict of paths by name, found {adapters!r}")
    for name, path in adapters.items():
        check_unicode("adapters", name)
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"adapters[{name!r}]: expected a path, found {path!r}")
    return {name: os.fsencode(path) for name, path in adapters.items()}


def check_unicode(name: str, text: object) -> None:
    """A string that can be written as UTF-8: half a character (a lone surrogate) cannot."""
    if not isinstance(text, str):
        raise TypeError(f"{name}: expected a string, found {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError as cause:
        raise ValueError(f"{name}: expected text, found half a character at {cause.start}") from cause


def _json(where: str, value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as cause:
        raise TypeError(f"{where}: expected what JSON can say: {cause}") from cause


def _calls(told: Sequence[tuple[str, str, str]]) -> list[ToolCall]:
    return [ToolCall(name, json.loads(arguments), call_id) for name, arguments, call_id in told]


def _tokens(told: Sequence[tuple[bytes, int, float, Any]]) -> list[ScoredToken]:
    return [
        ScoredToken(raw.decode("utf-8", "replace"), log_probability, number, raw, _tokens(likeliest))
        for raw, number, log_probability, likeliest in told
    ]


def _choice(told: Mapping[str, Any]) -> ReplyChoice:
    return ReplyChoice(
        told["text"], told["thinking"], _calls(told["tool_calls"]), told["finish_reason"], _tokens(told["tokens"])
    )


def _metadata(facts: Mapping[str, str], sampling: dict[str, Any]) -> dict[str, Any]:
    """The engine's facts, numbers as numbers; `sampling` is what was asked for, `seed` what was taken."""
    metadata: dict[str, Any] = {key: float(fact) if key.endswith("_ms") else fact for key, fact in facts.items()}
    metadata["seed"] = json.loads(facts["sampling"])["seed"]
    metadata["sampling"] = sampling
    return metadata
