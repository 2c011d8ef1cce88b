"""What OpenAI-style services answer, whole or event by event. No socket: bytes and JSON in, a `Reply` out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ._answer import (
    AnswerError,
    AskedBeside,
    Reply,
    Turn,
    call_id_of,
    count_at,
    error_message,
    escaped,
    found,
    is_json,
    json_text,
    list_at,
    object_at,
    parse_answer,
    parse_json,
    prose,
    read_call,
    refuse_error,
    whole,
    word_at,
)
from ._answer_tokens import read_scored_tokens, read_token_lists
from ._lines import Event, Line, ServerSentEvents, Unframed, is_field
from .backend import ReplyChoice

MOST_CALLS = 1024
ENDED_EARLY = "the stream ended before the reply was done"


class OpenAIReply(Reply):
    """A stream is done with `[DONE]` or a `finish_reason`. An event that no empty line ends counts where its data is whole, which
    the standard would drop: services leave the line out after the last one. An answer that is no stream is read as a whole one."""

    def __init__(self, asked: AskedBeside | None = None, *, is_chat: bool) -> None:
        super().__init__(asked)
        one = replace(self._asked, choices=1)
        self._others = [OpenAIReply(one, is_chat=is_chat) for _ in range(self._asked.choices - 1)]
        self._is_chat = is_chat
        self._calls = _Calls()
        self._is_done = False
        self.model: str | None = None

    def take_whole(self, answer: Mapping[str, Any]) -> None:
        self._take(answer, is_whole=True)
        self._finish()
        self._finish_others()

    def pieces(self, lines: Iterable[Line]) -> Iterator[str]:
        """The content as it comes. AnswerError: the service failed, or the stream ended too early; what came before was given."""
        events, unframed = ServerSentEvents(), Unframed()
        for line in lines:
            event = events.take(line.text)
            if not events.has_begun and not is_field(line.text):
                unframed.add(line.text)
            if event and (piece := self._take_event(event)):
                yield piece
            self._refuse_failure()
            if self._is_done:
                break
        if (event := events.rest()) and (_is_end(event) or is_json(event.data)):
            if piece := self._take_event(event):
                yield piece
            self._refuse_failure()
        if not events.has_begun and (piece := self._take(parse_answer(unframed.text), is_whole=True)):
            yield piece
        if events.has_begun and not self._is_done and self.finish_reason is None:
            raise AnswerError(ENDED_EARLY)
        if piece := self._finish():
            yield piece
        self.tool_calls += self._calls.made()
        self._finish_others()

    def _finish_others(self) -> None:
        for other in self._others:
            other._finish()
            other.tool_calls += other._calls.made()

    def _take_event(self, event: Event) -> str:
        if event.name == b"error":
            raise AnswerError(_failure(event.data))
        if not event.data.strip():
            return ""  # kept alive
        self._is_done = _is_end(event)
        return "" if self._is_done else self._take(parse_answer(event.data), is_whole=False)

    def _refuse_failure(self) -> None:
        if any(reply.finish_reason == "error" for reply in (self, *self._others)):
            raise AnswerError("the service ended the reply with the finish_reason 'error'")

    def _take(self, answer: Mapping[str, Any], *, is_whole: bool) -> str:
        self.model = whole(word_at(answer, "model", "")) or self.model
        usage = object_at(answer, "usage", "")
        prompt_tokens = count_at(usage, "prompt_tokens", "usage.")
        completion_tokens = count_at(usage, "completion_tokens", "usage.")
        self.prompt_tokens = self.prompt_tokens if prompt_tokens is None else prompt_tokens
        self.completion_tokens = self.completion_tokens if completion_tokens is None else completion_tokens
        choices = list_at(answer, "choices", "")
        if is_whole and not choices:
            raise AnswerError(f"the answer has no `choices`: '{_shown(answer)}'")
        piece = ""
        replies = [self, *self._others]
        for number, choice in enumerate(choices[: len(replies)] if is_whole else choices):
            path = f"choices[{number}]"
            if not isinstance(choice, dict):
                raise AnswerError(f"{path}: expected an object, found {found(choice)}")
            place = number if is_whole else count_at(choice, "index", f"{path}.") or 0
            if place < len(replies):  # so many were asked for
                said = replies[place]._take_choice(choice, path, is_whole)
                piece += said if place == 0 else ""
        if is_whole:
            self._refuse_failure()
        return piece

    def _take_choice(self, choice: Mapping[str, Any], path: str, is_whole: bool) -> str:
        refuse_error(choice)
        reason = whole(word_at(choice, "finish_reason", f"{path}."))
        self.finish_reason = reason or self.finish_reason
        turn = Turn()
        if self._is_chat or not is_whole:
            self._read_message(choice, path, is_whole, turn)
        if not turn.content:
            turn.read(choice.get("text"), f"{path}.text")
        if not self._is_chat:
            turn.thinking += prose(choice, "reasoning_content", f"{path}.") or prose(choice, "reasoning", f"{path}.")
        if self._asked.tokens:
            self._read_tokens(choice, path)
        is_silent = not (turn.content or turn.thinking or turn.refusal or turn.calls or reason)
        if is_whole and is_silent and not self._has_text(choice):
            raise AnswerError(f"the answer has no text: '{_shown(choice)}'")
        return self._say(turn)

    def _read_tokens(self, choice: Mapping[str, Any], path: str) -> None:
        """Where there are no log-probabilities there is nothing; a service may pass over what it was asked."""
        told, inside = object_at(choice, "logprobs", f"{path}."), f"{path}.logprobs."
        content = list_at(told, "content", inside)
        self.tokens += (
            read_token_lists(told, inside) if "tokens" in told else read_scored_tokens(content, f"{inside}content")
        )

    def choices(self) -> list[ReplyChoice]:
        return [reply.choice() for reply in (self, *self._others)] if self._others else []

    def _has_text(self, choice: Mapping[str, Any]) -> bool:
        return "content" in object_at(choice, "message", "") if self._is_chat else choice.get("text") is not None

    def _read_message(self, choice: Mapping[str, Any], path: str, is_whole: bool, turn: Turn) -> None:
        key = "message" if is_whole or choice.get("delta") is None else "delta"
        if is_whole and choice.get(key) is None:
            raise AnswerError(f"the answer has no `message`: '{_shown(choice)}'")
        message, path = object_at(choice, key, f"{path}."), f"{path}.{key}"
        turn.read(message.get("content"), f"{path}.content")
        # Servers name it one way or the other, or both ways with the same text.
        turn.thinking += prose(message, "reasoning_content", f"{path}.") or prose(message, "reasoning", f"{path}.")
        turn.refusal += prose(message, "refusal", f"{path}.")
        turn.calls = list_at(message, "tool_calls", f"{path}.")
        for number, call in enumerate(turn.calls):
            call_path = f"{path}.tool_calls[{number}]"
            if key == "delta":
                self._calls.take(call, call_path)
            else:
                self.tool_calls.append(read_call(call, call_path, len(self.tool_calls)))

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), "served_model": self.model}


def _is_end(event: Event) -> bool:
    return event.data.strip() == b"[DONE]"


def _failure(data: bytes) -> str:
    """What an event named `error` says, in whatever form."""
    try:
        value = parse_json(data)
    except ValueError:
        return escaped(data)
    if isinstance(value, dict):
        refuse_error(value)
    return error_message(value)


def _shown(answer: Mapping[str, Any]) -> str:
    return escaped(json_text(answer).encode())


@dataclass
class _CallParts:
    index: int | None
    call_id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class _Calls:
    """Tool calls out of the pieces that a stream has of them."""

    def __init__(self) -> None:
        self._calls: list[_CallParts] = []

    def take(self, piece: Any, path: str) -> None:
        if not isinstance(piece, dict):
            raise AnswerError(f"{path}: expected an object, found {found(piece)}")
        function = object_at(piece, "function", f"{path}.")
        name = word_at(function, "name", f"{path}.function.")
        call_id = call_id_of(piece, path)
        arguments = function.get("arguments")
        call = self._call(count_at(piece, "index", f"{path}."), call_id, name)
        call.call_id = call.call_id or call_id
        if name != call.name:  # some services repeat it with every piece
            call.name += name
        if isinstance(arguments, str):
            call.arguments.append(arguments)
        elif isinstance(arguments, dict):
            call.arguments.append(json_text(arguments))
        elif arguments is not None:
            raise AnswerError(f"{path}.function.arguments: expected text or an object, found {found(arguments)}")

    def _call(self, index: int | None, call_id: str, name: str) -> _CallParts:
        """The call that a piece belongs to. A new id begins a new call, even under an index that was there: some services give
        every call the index 0. Without index and id it is the last one, until that has arguments and another name comes."""
        for call in reversed(self._calls):
            if index is not None and call.index == index:
                if not call_id or not call.call_id or call.call_id == call_id:
                    return call
                break
            if index is None and call_id and call.call_id == call_id:
                return call
            if index is None and not call_id:
                if name and call.arguments:
                    break
                return call
        if len(self._calls) == MOST_CALLS:
            raise AnswerError(f"more than {MOST_CALLS} tool calls")
        self._calls.append(_CallParts(index))
        return self._calls[-1]

    def made(self) -> list[Any]:
        return [
            read_call(
                {"id": call.call_id, "function": {"name": call.name, "arguments": "".join(call.arguments)}},
                f"tool_calls[{number}]",
                number,
            )
            for number, call in enumerate(self._calls)
        ]
