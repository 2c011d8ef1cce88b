"""JSON over HTTP with the standard library, and every way it fails turned into one exception of the caller's."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from ._address import Address, shown_address
from ._answer import AnswerError, error_in, error_message, escaped, parse_answer, parse_json
from ._lines import Line, TooLong, lines_of

BROKEN = "the connection closed before the answer was complete"
PIECE_BYTES = 64 << 10
MAX_ERROR_BYTES = 64 << 10
MAX_WAIT_SECONDS = 60.0
RETRIED = frozenset({429, 500, 502, 503, 504})
LEAST_SECRET_CHARACTERS = 4  # a shorter one stands in innocent words too
HIDDEN = "***"


class ServiceError(RuntimeError):
    """A service did not answer as it should; the cause is chained. `status` is the HTTP status where there is one."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Urlopen(Protocol):
    """`urllib.request.urlopen`, or what stands in for it."""

    def __call__(self, request: urllib.request.Request, *, timeout: float) -> Any: ...


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to another host, and turn a POST into a GET: it is an error instead."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def default_urlopen(request: urllib.request.Request, *, timeout: float) -> Any:
    # Without urllib's own look at the environment: `Service` has chosen the proxy.
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    return opener.open(request, timeout=timeout)


@dataclass
class Answer:
    """An answer that is still open, and how many tries it took. `is_broken`: its connection closed before its end."""

    response: Any
    tries: int
    is_broken: bool = False

    def json(self) -> dict[str, Any]:
        return parse_answer(self.response.read())

    def lines(self) -> Iterator[Line]:
        """Line by line as it comes."""
        return lines_of(self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        read = getattr(self.response, "read1", self.response.read)
        # A connection that breaks is a stream that ends: one that breaks after the reply was done has lost nothing.
        try:
            while piece := read(PIECE_BYTES):
                yield piece
        except http.client.IncompleteRead:
            self.is_broken = True


@dataclass(frozen=True)
class Service:
    """Where a service is and how to speak to it.

    name: in messages. timeout: seconds without a byte. error: what every failure is raised as, with its cause.
    start_hint, missing_hint: what a user runs when nobody answers, and when the answer is 404.
    headers: of every request. no_key: what every request fails with, for a key that is not there; empty when it is.
    proxy: asked in place of the server, http alone. max_retries: further tries after 429 and 5xx, with back-off, as long as no byte of an answer has been used.
    """

    name: str
    address: Address
    timeout: float
    error: type[ServiceError]
    start_hint: str
    missing_hint: str = ""
    urlopen: Urlopen = default_urlopen
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    no_key: str = ""
    proxy: Address | None = None
    max_retries: int = 0
    sleep: Callable[[float], None] = time.sleep

    @property
    def base_url(self) -> str:
        """Without trailing slashes, and without what may be a secret."""
        return self.address.shown

    def without_secrets(self, said: str) -> str:
        """What a service says, without the password or key that it may repeat."""
        given = [self.address.password.decode("utf-8", "replace"), self.address.basic, self.headers.get("Authorization", "")]
        if self.proxy is not None:
            given += [self.proxy.password.decode("utf-8", "replace"), self.proxy.basic]
        for text in given:
            secret = text.rpartition(" ")[2]  # of "Bearer KEY", the key
            if len(secret) >= LEAST_SECRET_CHARACTERS:
                for form in (secret, escaped(secret.encode(errors="replace"), 4 * len(text))):
                    said = said.replace(form, HIDDEN)
                    for length in range(len(form) - 1, LEAST_SECRET_CHARACTERS - 1, -1):  # where what is shown was cut
                        said = said.replace(f"{form[:length]}...", f"{HIDDEN}...")
        return said

    def get_json(self, path: str) -> dict[str, Any]:
        with self._open("GET", path, None) as answer:
            return answer.json()

    def post(self, path: str, body: Mapping[str, Any]) -> contextlib.AbstractContextManager[Answer]:
        """The answer, to be read inside the block, which closes it. What is wrong with it is raised as `error` there."""
        return self._open("POST", path, body)

    @contextlib.contextmanager
    def _open(self, method: str, path: str, body: Mapping[str, Any] | None) -> Iterator[Answer]:
        """An open response. Failures while it is read are translated here too."""
        url = f"{self.base_url}{path}"
        asked = url if self.proxy is None else f"{url} through the proxy {self.proxy.shown}"
        if self.no_key:
            raise self.error(self.no_key)
        tries = 1
        opened: Answer | None = None
        try:
            while True:
                try:
                    response = self.urlopen(self._request(method, path, body), timeout=self.timeout)
                    break
                except urllib.error.HTTPError as answer:
                    if answer.code not in RETRIED or tries > self.max_retries:
                        raise
                    wait = _wait_seconds(answer, tries)
                    if answer.fp is not None:
                        answer.close()
                self.sleep(wait)
                tries += 1
            with response:
                opened = Answer(response, tries)
                yield opened
        except (AnswerError, TooLong) as cause:
            if opened is not None and opened.is_broken:  # then that is why the reply has no end
                raise self.error(f"{self.name} at {asked}: {BROKEN}") from cause
            cause.args = (self.without_secrets(str(cause)),)  # it is shown too
            raise self.error(f"{self.name} at {url}: {cause}") from cause
        except urllib.error.HTTPError as cause:
            raise self._refused(cause, url, asked, tries) from cause
        except urllib.error.URLError as cause:
            if isinstance(cause.reason, TimeoutError):
                raise self._timed_out(asked) from cause
            raise self._unreachable(asked, cause.reason) from cause
        except TimeoutError as cause:
            raise self._timed_out(asked) from cause
        except (http.client.IncompleteRead, http.client.RemoteDisconnected) as cause:
            raise self.error(f"{self.name} at {asked}: {BROKEN}") from cause
        except (OSError, http.client.HTTPException, UnicodeError) as cause:
            raise self._unreachable(asked, cause) from cause

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None) -> urllib.request.Request:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json, */*", **self.headers}
        if self.address.basic:
            headers["Authorization"] = self.address.basic
        request = urllib.request.Request(self.address.at(path), data=data, headers=headers, method=method)
        if self.proxy is not None:
            request.set_proxy(f"{self.proxy.bracketed}:{self.proxy.port}", "http")
            if self.proxy.basic:
                request.add_header("Proxy-Authorization", self.proxy.basic)
        return request

    def _unreachable(self, url: str, reason: object) -> ServiceError:
        return self.error(f"Could not reach {self.name} at {url}: {reason}. {self.start_hint}")

    def _timed_out(self, url: str) -> ServiceError:
        return self.error(f"{self.name} at {url}: timed out, no byte for {self.timeout:g} s")

    def _refused(self, answer: urllib.error.HTTPError, url: str, asked: str, tries: int) -> ServiceError:
        place = answer.headers.get("Location") if answer.headers else None
        if place is not None and answer.code // 100 == 3:
            if answer.fp is not None:
                answer.close()
            told = f"a redirect to {shown_address(place)}, which is not followed"
            return self.error(f"{self.name} at {asked}: HTTP {answer.code}: {told}", status=answer.code)
        said = self._error_text(answer)
        after = f" after {tries} tries" if tries > 1 else ""
        message = f"{self.name} at {url}: HTTP {answer.code} {self.without_secrets(str(answer.reason or ''))}{after}{': ' if said else ''}{said}"
        if answer.code == 404 and self.missing_hint:
            message += f". {self.missing_hint}"
        return self.error(message, status=answer.code)

    def _error_text(self, answer: urllib.error.HTTPError) -> str:
        """What the service says in an error's body: `{"error": "..."}`, `{"error": {"message": "..."}}` or plain text."""
        if answer.fp is None:
            return ""
        try:
            text = answer.read(MAX_ERROR_BYTES)
        except (OSError, http.client.HTTPException):
            return ""
        with contextlib.suppress(ValueError):
            value = parse_json(text)
            error = error_in(value) if isinstance(value, dict) else None
            if error is not None:
                return self.without_secrets(error_message(error))
        return self.without_secrets(escaped(text.strip()))




def _wait_seconds(answer: urllib.error.HTTPError, tries: int) -> float:
    """Retry-After when it is given (seconds or a date), else half a second doubled each time, with jitter."""
    asked = answer.headers.get("Retry-After") if answer.headers else None
    if asked is not None:
        with contextlib.suppress(ValueError):
            return min(max(float(asked), 0.0), MAX_WAIT_SECONDS)
        with contextlib.suppress(ValueError):
            return min(max(parsedate_to_datetime(asked).timestamp() - time.time(), 0.0), MAX_WAIT_SECONDS)
    return min(0.5 * 2.0 ** (tries - 1) * random.uniform(0.8, 1.2), MAX_WAIT_SECONDS)
