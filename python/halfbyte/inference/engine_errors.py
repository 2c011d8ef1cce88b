"""What goes wrong in the engine, by kind. Each is an `EngineError`, and the built-in exception that says the same where there is one."""

from __future__ import annotations

from collections.abc import Mapping


class EngineError(RuntimeError):
    """The engine did not do what was asked; the message says where, what, expected and found."""


class InvalidRequestError(EngineError, ValueError):
    """An argument is wrong; the message names it."""


class CorruptModelError(EngineError):
    """A model's file contradicts itself or its format."""


class UnsupportedError(EngineError, NotImplementedError):
    """Well-formed, but this build does not do it."""


class ModelNotFoundError(EngineError, FileNotFoundError):
    """The message says every place that was looked at."""


class EngineIOError(EngineError, OSError):
    """The operating system refused."""


class EngineBusyError(EngineError):
    """Too many requests are unfinished; the same may work later."""


class TooLongError(EngineError, ValueError):
    """A prompt, or a context that was asked for, is longer than the model reads."""


class NumericError(EngineError, ArithmeticError):
    """The model computed something that is not a finite number."""


class InternalError(EngineError):
    """A mistake of ours: please report it."""


class EngineClosedError(EngineError):
    """Asked after `close`, or closed while it answered."""


class ForkedError(EngineError):
    """A forked child used what its parent had opened: the engine's threads did not come along."""


EXCEPTIONS: Mapping[str, type[EngineError]] = {
    "invalid": InvalidRequestError,
    "corrupt": CorruptModelError,
    "unsupported": UnsupportedError,
    "not_found": ModelNotFoundError,
    "io": EngineIOError,
    "busy": EngineBusyError,
    "too_long": TooLongError,
    "numeric_error": NumericError,
    "internal": InternalError,
    "closed": EngineClosedError,
    "forked": ForkedError,
}
"""By the names of the engine's codes, and two that only the interpreter knows."""
