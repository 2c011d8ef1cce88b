"""What Ollama answers, whole or line by line. No socket: bytes and JSON in, a `Reply` out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from ._answer import (
    AnswerError,
    AskedBeside,
    Reply,
    Turn,
    count_at,
    flag_at,
    is_json,
    list_at,
    number_at,
    object_at,
    parse_answer,
    prose,
    read_call,
    whole,
    word_at,
)
from ._answer_tokens import read_scored_tokens
from ._lines import Line, Unframed

DURATIONS = ("total", "load", "prompt_eval", "eval")


class OllamaReply(Reply):
    """A reply is done when the service says `done` or a `done_reason`. A connection that ends before has cut it off, however
    cleanly: Ollama always says so, and what only looks complete would be taken for the answer."""

    def __init__(self, route: Literal["generate", "chat"], asked: AskedBeside | None = None) -> None:
        super().__init__(asked)
        self._is_chat = route == "chat"
        self._durations: dict[str, float | None] = dict.fromkeys(DURATIONS)
        self.is_done = False

    def take_whole(self, answer: Mapping[str, Any]) -> None:
        self._take(answer, is_whole=True)
        self._finish()

    def pieces(self, lines: Iterable[Line]) -> Iterator[str]:
        """The content as it comes. AnswerError: the service failed, or the stream ended too early; what came before was given."""
        unframed, has_begun = Unframed(), False
        for line in lines:
            if not line.text.strip():
                continue
            if unframed or (not has_begun and not is_json(line.text)):
                unframed.add(line.text)
                continue
            if line.is_cut and not is_json(line.text):
                break
            has_begun = True
            if piece := self._take(parse_answer(line.text), is_whole=False):
                yield piece
            if self.is_done:
                break
        if not has_begun and (piece := self._take(parse_answer(unframed.text), is_whole=True)):
            yield piece
        if has_begun and not self.is_done:
            raise AnswerError("the stream ended before the reply was done")
        if piece := self._finish():
            yield piece

    def _take(self, answer: Mapping[str, Any], *, is_whole: bool) -> str:
        reason = whole(word_at(answer, "done_reason", ""))
        self.finish_reason = reason or self.finish_reason
        self.is_done = flag_at(answer, "done", "") or bool(reason)
        for key in DURATIONS:
            ns = number_at(answer, f"{key}_duration", "")
            if ns is not None:
                self._durations[key] = ns / 1e6
        prompt_tokens = count_at(answer, "prompt_eval_count", "")
        completion_tokens = count_at(answer, "eval_count", "")
        self.prompt_tokens = self.prompt_tokens if prompt_tokens is None else prompt_tokens
        self.completion_tokens = self.completion_tokens if completion_tokens is None else completion_tokens
        if self._asked.tokens:
            self.tokens += read_scored_tokens(list_at(answer, "logprobs", ""), "logprobs")
        # The last line of a stream may have nothing else to say.
        may_be_silent = not is_whole and ("done" in answer or bool(reason))
        turn = self._message(answer, may_be_silent) if self._is_chat else self._response(answer, may_be_silent)
        for number, call in enumerate(turn.calls):
            self.tool_calls.append(read_call(call, f"message.tool_calls[{number}]", len(self.tool_calls)))
        return self._say(turn)

    def _response(self, answer: Mapping[str, Any], may_be_silent: bool) -> Turn:
        turn = Turn()
        turn.read(answer.get("response"), "response")
        turn.thinking += prose(answer, "thinking", "")
        if answer.get("response") is None and not turn.thinking and not may_be_silent:
            raise AnswerError("the answer has no `response` text")
        return turn

    def _message(self, answer: Mapping[str, Any], may_be_silent: bool) -> Turn:
        if answer.get("message") is None and not may_be_silent:
            raise AnswerError("the answer has no `message`")
        message = object_at(answer, "message", "")
        turn = Turn()
        turn.read(message.get("content"), "message.content")
        turn.thinking += prose(message, "thinking", "message.")
        turn.calls = list_at(message, "tool_calls", "message.")
        return turn

    def facts(self) -> dict[str, Any]:
        """The server's own durations too: nanoseconds there, milliseconds here, None where it gave none."""
        return {**super().facts(), **{f"server_{key}_duration_ms": ms for key, ms in self._durations.items()}}
