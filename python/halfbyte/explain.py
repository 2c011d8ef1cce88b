"""The tutor: a technical question in, a streamed Markdown explanation out, from one backend or several side by side.

    python -m halfbyte.explain "What does RMSNorm do?" --backend ollama:llama3.2 --backend openai

On a terminal the Markdown is rendered (without colours where NO_COLOR is set), in a notebook one display is updated, and
anywhere else it is written as it is.
"""

from __future__ import annotations

import argparse
import importlib
import os
import queue
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from ._fence import OuterFence
from ._terminal import TerminalMarkdown
from .inference import Backend, BackendInfo, open_backend

SYSTEM_PROMPT = (
    "You are a personal tutor in LLM engineering, artificial intelligence and machine learning. When a question is about "
    "something to understand, explain the concept behind it, from what the learner knows to what is new, with a small "
    "example. When it is a problem to solve, give the framework for a solution and let the learner fill it in. "
    "Answer in Markdown."
)


@dataclass
class Explanation:
    """What one backend said, the outer fence taken off. `error` is why it stopped, None if it did not."""

    backend: BackendInfo
    markdown: str
    error: Exception | None = None


class Page(Protocol):
    """Where explanations appear, one after the other."""

    def begin(self, title: str | None) -> None: ...
    def feed(self, markdown: str) -> None: ...
    def end(self) -> None: ...


class PlainPage:
    """Markdown as it is."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._last = "\n"

    def begin(self, title: str | None) -> None:
        if title:
            self.feed(f"## {title}\n\n")

    def feed(self, markdown: str) -> None:
        self._out.write(markdown)
        self._out.flush()
        self._last = markdown[-1:] or self._last

    def end(self) -> None:
        self.feed("" if self._last == "\n" else "\n")


class TerminalPage:
    """Markdown as it should look."""

    def __init__(self, out: TextIO, *, width: int, has_color: bool) -> None:
        self._out = out
        self._markdown = TerminalMarkdown(out.write, width=width, has_color=has_color)

    def begin(self, title: str | None) -> None:
        if title:
            self.feed(f"# {title}\n\n")

    def feed(self, markdown: str) -> None:
        self._markdown.feed(markdown)
        self._out.flush()

    def end(self) -> None:
        self._markdown.close()
        self._out.flush()


class NotebookPage:
    """One display per explanation, updated as it grows."""

    def __init__(self) -> None:
        self._display = importlib.import_module("IPython.display")
        self._text = ""
        self._handle: Any = None

    def begin(self, title: str | None) -> None:
        self._text = f"## {title}\n\n" if title else ""
        self._handle = self._display.display(self._display.Markdown(self._text), display_id=True)

    def feed(self, markdown: str) -> None:
        self._text += markdown
        self._handle.update(self._display.Markdown(self._text))

    def end(self) -> None:
        """The display stays."""


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def page_for(out: TextIO) -> Page:
    """The page that fits where the output goes."""
    if _is_notebook():
        return NotebookPage()
    if out.isatty():
        return TerminalPage(out, width=shutil.get_terminal_size().columns, has_color=not os.environ.get("NO_COLOR"))
    return PlainPage(out)


def explain(
    question: str,
    backends: Backend | Sequence[Backend],
    *,
    system: str = SYSTEM_PROMPT,
    max_new_tokens: int = 2048,
    temperature: float = 0.7,
    page: Page | None = None,
) -> list[Explanation]:
    """Asks all `backends` at once and shows each answer under its name, in the order given, as it comes.

    One backend's failure is raised; of several, it stands in its explanation, and is raised only where all have failed.
    """
    several = [backends] if isinstance(backends, Backend) else list(backends)
    if not several:
        raise ValueError("backends: expected at least one, found none")
    if not isinstance(question, str) or not question.strip():
        raise ValueError("question: expected text, found none")
    page = page or page_for(sys.stdout)
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    stopped = threading.Event()

    def answer(backend: Backend) -> Iterator[str]:
        return backend.stream_chat(messages, max_new_tokens=max_new_tokens, temperature=temperature)

    streams = [answer(several[0])] if len(several) == 1 else [_ahead(answer, backend, stopped) for backend in several]
    explanations = []
    try:
        for backend, stream in zip(several, streams, strict=True):
            title = f"{backend.info.name}: {backend.info.model_id}" if len(several) > 1 else None
            explanations.append(_show(backend.info, stream, page, title))
    finally:
        stopped.set()
    failures = [explanation.error for explanation in explanations if explanation.error is not None]
    if len(failures) == len(explanations):
        raise failures[-1]
    return explanations


def _show(info: BackendInfo, stream: Iterator[str], page: Page, title: str | None) -> Explanation:
    fence = OuterFence()
    explanation = Explanation(info, "")

    def feed(text: str) -> None:
        if text:
            explanation.markdown += text
            page.feed(text)

    page.begin(title)
    while True:
        try:
            piece = next(stream)
        except StopIteration:
            break
        except Exception as error:
            explanation.error = error
            break
        feed(fence.feed(piece))
    feed(fence.close())
    if title:
        page.feed(f"\n\n*stopped: {explanation.error}*\n\n" if explanation.error else "\n\n")
    page.end()
    return explanation


def _ahead(ask: Callable[[Backend], Iterator[str]], backend: Backend, stopped: threading.Event) -> Iterator[str]:
    """A backend's pieces, which a thread collects from now on, whoever is shown first."""
    arrived: queue.SimpleQueue[str | Exception | None] = queue.SimpleQueue()

    def collect() -> None:
        end: Exception | None = None
        try:
            for piece in ask(backend):
                arrived.put(piece)
                if stopped.is_set():
                    break
        except Exception as error:
            end = error
        arrived.put(end)

    # A daemon: Ctrl-C must not wait for a service that has stopped answering.
    threading.Thread(target=collect, name=f"explain-{backend.info.name}", daemon=True).start()

    def pieces() -> Iterator[str]:
        while (item := arrived.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    return pieces()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; exit status 0 done, 1 failed, 2 usage, 130 stopped by Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m halfbyte.explain", description="Explains a technical question in Markdown.")
    parser.add_argument("question")
    parser.add_argument(
        "--backend",
        action="append",
        metavar="KIND[:MODEL]",
        help="local (smollm2:135m), openai (gpt-4o-mini), ollama (llama3.2), artifact, prodlm, mlx:FOLDER, auto (default); repeat to compare; services elsewhere: ollama:MODEL@http://HOST:PORT",
    )
    parser.add_argument("--system", default=SYSTEM_PROMPT, metavar="TEXT", help="in place of the tutor's prompt")
    parser.add_argument("--max-tokens", type=int, default=2048, metavar="N")
    parser.add_argument("--temperature", type=float, default=0.7, metavar="T")
    given = parser.parse_args(arguments)
    try:
        backends = [open_backend(word) for word in given.backend or ["auto"]]
        told = explain(
            given.question, backends, system=given.system, max_new_tokens=given.max_tokens, temperature=given.temperature
        )
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered has no reader either
        return 1
    except Exception as error:
        print(f"halfbyte: {error}", file=sys.stderr)
        return 2 if isinstance(error, (ValueError, TypeError)) else 1
    return int(any(explanation.error is not None for explanation in told))


if __name__ == "__main__":
    sys.exit(main())
