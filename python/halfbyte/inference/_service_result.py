"""What a service said as a backend's result, the same for both dialects."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ._answer import Reply
from .backend import BackendInfo, ChatResult, InferenceResult, Message


def inference_result(
    reply: Reply, prompt: str, backend: BackendInfo, begin: float, metadata: Mapping[str, Any]
) -> InferenceResult:
    """`begin`: of the request, by time.perf_counter()."""
    thinking = {"thinking": reply.thinking.text} if reply.thinking.text else {}
    return InferenceResult(
        prompt=prompt,
        completion=reply.content.text,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        latency_ms=(time.perf_counter() - begin) * 1000,
        backend=backend,
        metadata={**metadata, **thinking},
        tokens=reply.tokens,
        choices=reply.choices(),
    )


def chat_result(
    reply: Reply, messages: Sequence[Message], backend: BackendInfo, begin: float, metadata: Mapping[str, Any]
) -> ChatResult:
    return ChatResult(
        messages=[dict(message) for message in messages],
        content=reply.content.text,
        tool_calls=reply.tool_calls,
        thinking=reply.thinking.text or None,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        latency_ms=(time.perf_counter() - begin) * 1000,
        backend=backend,
        metadata=dict(metadata),
        tokens=reply.tokens,
        choices=reply.choices(),
    )
