"""What services answer, read field by field: taken where its meaning is clear, else refused with its path.

The C++ package reads the same way (backends/answer.h); tests/contract holds both to the same rows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .backend import ReplyChoice, ScoredToken, ToolCall

MOST_COUNT = 2**31 - 1
MOST_SHOWN_CHARACTERS = 200


class AnswerError(ValueError):
    """An answer that makes no sense, or that is the service's own word for a failure."""


def escaped(text: bytes, limit: int = MOST_SHOWN_CHARACTERS) -> str:
    """Text fit for a message or a terminal: what is no printable ASCII as \\xNN."""
    out = "".join(chr(byte) if 0x20 <= byte < 0x7F and byte != 0x5C else f"\\x{byte:02x}" for byte in text[: limit + 1])
    return out if len(out) <= limit else out[:limit] + "..."


def whole(text: str) -> str:
    """Text that can be encoded: halves of surrogate pairs joined, one that is alone U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _whole_value(value: Any) -> Any:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        return [_whole_value(item) for item in value]
    if isinstance(value, dict):
        return {whole(key): _whole_value(item) for key, item in value.items()}
    return value


class WholeText:
    """Text that comes in pieces and can be encoded at any time: half of a surrogate pair waits for the other one."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._half = ""

    def push(self, piece: str) -> str:
        """What may be shown now."""
        piece = self._half + piece
        self._half = piece[-1] if piece and "\ud800" <= piece[-1] <= "\udbff" else ""
        return self._add(piece[:-1] if self._half else piece)

    def finish(self) -> str:
        """What was still held back."""
        half, self._half = self._half, ""
        return self._add(half)

    def _add(self, piece: str) -> str:
        piece = whole(piece)
        if piece:
            self._pieces.append(piece)
        return piece

    @property
    def text(self) -> str:
        return "".join(self._pieces)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate key")
    return members


def parse_json(text: bytes | str) -> Any:
    """JSON as services write it: a byte order mark is passed over, bytes that are no UTF-8 are U+FFFD, NaN and
    Infinity are null. A half of a surrogate pair stays one, for the other half may come later. ValueError: it is not JSON."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    try:
        return json.loads(text.removeprefix("\ufeff"), parse_constant=lambda _: None, object_pairs_hook=_members)
    except RecursionError as cause:
        raise ValueError("nested too deep") from cause


def is_json(text: bytes) -> bool:
    try:
        parse_json(text)
    except ValueError:
        return False
    return True


def json_text(value: Any) -> str:
    return whole(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def parse_answer(text: bytes) -> dict[str, Any]:
    """A JSON object that is no error message."""
    if not text.strip():
        raise AnswerError("the answer is empty")
    try:
        value = parse_json(text)
    except ValueError as cause:
        raise AnswerError(f"the answer is not JSON: '{escaped(text)}'") from cause
    if not isinstance(value, dict):
        raise AnswerError(f"expected a JSON object, found '{escaped(text)}'")
    refuse_error(value)
    return value


def error_message(error: object) -> str:
    """The sentence in an `error` field, which services write as a string or as an object with a message."""
    if isinstance(error, dict) and isinstance(error.get("message"), str) and error["message"]:
        return whole(error["message"])
    return whole(error) if isinstance(error, str) else json_text(error)


def error_in(answer: Mapping[str, Any]) -> object:
    """What says that something failed, None where nothing does: an `error` that is something, or an answer that is one itself."""
    error = answer.get("error")
    if error not in (None, False, 0, "", [], {}):
        return error
    return answer if "error" in (answer.get("object"), answer.get("type")) else None


def refuse_error(answer: Mapping[str, Any]) -> None:
    error = error_in(answer)
    if error is not None:
        raise AnswerError(error_message(error))


def found(value: object) -> str:
    """A value as a message names it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return f"'{escaped(value.encode('utf-8', 'replace'), 80)}'"
    return "a list" if isinstance(value, list) else "an object"


def object_at(answer: Mapping[str, Any], key: str, path: str) -> dict[str, Any]:
    """{} for null and for none."""
    value = answer.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise AnswerError(f"{path}{key}: expected an object, found {found(value)}")
    return value


def list_at(answer: Mapping[str, Any], key: str, path: str) -> list[Any]:
    """[] for null and for none."""
    value = answer.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise AnswerError(f"{path}{key}: expected a list, found {found(value)}")
    return value


def word_at(answer: Mapping[str, Any], key: str, path: str) -> str:
    """Text that is no prose: a reason, a name. "" for null and for none."""
    value = answer.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise AnswerError(f"{path}{key}: expected text, found {found(value)}")
    return value


def number_at(answer: Mapping[str, Any], key: str, path: str) -> int | float | None:
    """A number, or text that is one."""
    value = answer.get(key)
    if value is None:
        return None
    number = value
    if isinstance(value, str):
        try:
            number = parse_json(value)
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, (int, float)) or abs(number) > sys.float_info.max:
        raise AnswerError(f"{path}{key}: expected a number, found {found(value)}")
    return number


def count_at(answer: Mapping[str, Any], key: str, path: str) -> int | None:
    """A whole number. Some services write -1 where they do not know."""
    number = number_at(answer, key, path)
    if number is None:
        return None
    if number != number // 1:
        raise AnswerError(f"{path}{key}: expected a whole number, found {json.dumps(number)}")
    return int(number) if 0 <= number <= MOST_COUNT else None


def flag_at(answer: Mapping[str, Any], key: str, path: str) -> bool:
    value = answer.get(key)
    if value in (None, False, True):
        return bool(value)  # 0 and 1 too
    if value in ("true", "false"):
        return bool(value == "true")
    raise AnswerError(f"{path}{key}: expected true or false, found {found(value)}")


@dataclass
class Turn:
    """What one answer, or one event of a stream, says."""

    content: str = ""
    thinking: str = ""
    refusal: str = ""
    calls: list[Any] = field(default_factory=list)  # as they came

    def read(self, value: Any, path: str) -> None:
        """Adds a field of prose: text, a part of content, or a list of both."""
        if isinstance(value, str):
            self.content += value
        elif isinstance(value, list):
            for number, part in enumerate(value):
                self.read(part, f"{path}[{number}]")
        elif isinstance(value, dict):
            self._read_part(value, path)
        elif value is not None:
            raise AnswerError(f"{path}: expected text, found {found(value)}")

    def _read_part(self, part: Mapping[str, Any], path: str) -> None:
        kind = word_at(part, "type", f"{path}.")
        if kind in ("text", "output_text") or (not kind and "text" in part):
            self.read(part.get("text"), f"{path}.text")
        elif kind in ("thinking", "reasoning"):
            key = kind if kind in part else "text"
            self.thinking += prose(part, key, f"{path}.")
        elif kind == "refusal":
            self.refusal += prose(part, "refusal", f"{path}.")
        else:
            raise AnswerError(f"{path}: expected text, found a part of the type '{escaped(kind.encode(errors='replace'), 80)}'")


def prose(answer: Mapping[str, Any], key: str, path: str) -> str:
    """A field of text, alone or in parts, whatever the parts are."""
    turn = Turn()
    turn.read(answer.get(key), f"{path}{key}")
    return turn.thinking + turn.content + turn.refusal


def read_arguments(value: Any, path: str, number: int) -> dict[str, Any]:
    """A call's arguments, an object or text that holds one; nothing is none."""
    arguments = value
    if isinstance(value, str):
        try:
            arguments = parse_json(whole(value)) if value.strip() else None
        except ValueError as cause:
            raise AnswerError(
                f"{path}.function.arguments: arguments of tool call {number} are no object, found {found(value)}"
            ) from cause
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise AnswerError(
            f"{path}.function.arguments: arguments of tool call {number} are no object, found {found(value)}"
        )
    made: dict[str, Any] = _whole_value(arguments)
    return made


def call_id_of(call: Mapping[str, Any], path: str) -> str:
    """"" for none. A number names a call as well as text does."""
    value = call.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return word_at(call, "id", f"{path}.")


def read_call(call: Any, path: str, number: int) -> ToolCall:
    """One of an answer's `tool_calls`; `number` makes an id where there is none."""
    if not isinstance(call, dict):
        raise AnswerError(f"{path}: tool call {number} is no object, found {found(call)}")
    function = object_at(call, "function", f"{path}.")
    name = word_at(function, "name", f"{path}.function.")
    if not name:
        raise AnswerError(f"{path}.function.name: tool call {number} names no function")
    arguments = read_arguments(function.get("arguments"), path, number)
    return ToolCall(whole(name), arguments, whole(call_id_of(call, path)) or f"call_{number}")


@dataclass(frozen=True)
class AskedBeside:
    """What was asked for beside a text. What was not is not read."""

    choices: int = 1
    tokens: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> AskedBeside:
        return cls(options.get("choices", 1), options.get("logprobs") is not None)


class Reply:
    """What a service has said so far; each dialect adds how it is read."""

    def __init__(self, asked: AskedBeside | None = None) -> None:
        self._asked = asked or AskedBeside()
        self.tokens: list[ScoredToken] = []
        self.content, self.thinking, self.refusal = WholeText(), WholeText(), WholeText()
        self.tool_calls: list[ToolCall] = []
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None
        self.finish_reason: str | None = None

    def _say(self, turn: Turn) -> str:
        """Adds a turn's texts; returns the content that may be shown now."""
        self.thinking.push(turn.thinking)
        self.refusal.push(turn.refusal)
        return self.content.push(turn.content)

    def _finish(self) -> str:
        """Nothing more comes; returns content that was held back."""
        self.thinking.finish()
        self.refusal.finish()
        return self.content.finish()

    def choice(self) -> ReplyChoice:
        """What this one says."""
        return ReplyChoice(
            self.content.text, self.thinking.text or None, list(self.tool_calls), self.finish_reason or "", list(self.tokens)
        )

    def choices(self) -> list[ReplyChoice]:
        """Where several replies were asked for: all that came, this one first."""
        return []

    def facts(self) -> dict[str, Any]:
        """What a result's metadata has beyond its common fields."""
        told: dict[str, Any] = {"finish_reason": self.finish_reason}
        told.update({key: text.text for key, text in (("refusal", self.refusal),) if text.text})
        return told
