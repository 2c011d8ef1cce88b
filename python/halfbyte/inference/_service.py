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

MAX_LINE_BYTES = 32 << 20  # longer than any line a service sends; a stream without line ends must not fill the memory
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
                said = said.replace(secret, HIDDEN)
        return said

    def get_json(self, path: str) -> dict[str, Any]:
        with self._open("GET", path, None) as (response, _):
            return self._object(response.read(), f"{self.base_url}{path}")

    def post_json(self, path: str, body: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        """The answer, a JSON object, and how many tries it took."""
        with self._open("POST", path, body) as (response, tries):
            return self._object(response.read(), f"{self.base_url}{path}"), tries

    @contextlib.contextmanager
    def post_lines(self, path: str, body: Mapping[str, Any]) -> Iterator[tuple[Iterator[bytes], int]]:
        """The answer line by line as it comes, without line ends and empty lines kept; closed with the block."""
        with self._open("POST", path, body) as (response, tries):
            yield self._lines(response), tries

    def _lines(self, response: Any) -> Iterator[bytes]:
        if not hasattr(response, "readline"):
            yield from response.read().splitlines()
            return
        while line := response.readline(MAX_LINE_BYTES):
            if len(line) == MAX_LINE_BYTES:
                raise self.error(f"{self.name} at {self.base_url}: a line of more than {MAX_LINE_BYTES} bytes")
            if not line.endswith(b"\n") and not _is_json(line):
                return  # cut in the middle: whoever reads finds that the end is missing
            yield line.rstrip(b"\r\n")

    def parse(self, text: bytes) -> dict[str, Any]:
        """One JSON object out of a stream."""
        return self._object(text, self.base_url)

    def _object(self, text: bytes, url: str) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as cause:
            raise self.error(f"{self.name} at {url}: the answer is not JSON: {self._shown(text)}") from cause
        if not isinstance(value, dict):
            raise self.error(f"{self.name} at {url}: expected a JSON object, found {self._shown(text)}")
        return value

    @contextlib.contextmanager
    def _open(self, method: str, path: str, body: Mapping[str, Any] | None) -> Iterator[tuple[Any, int]]:
        """An open response and the count of tries. Failures while it is read are translated here too."""
        url = f"{self.base_url}{path}"
        asked = url if self.proxy is None else f"{url} through the proxy {self.proxy.shown}"
        if self.no_key:
            raise self.error(self.no_key)
        tries = 1
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
                yield response, tries
        except urllib.error.HTTPError as cause:
            raise self._refused(cause, url, asked, tries) from cause
        except urllib.error.URLError as cause:
            if isinstance(cause.reason, TimeoutError):
                raise self._timed_out(asked) from cause
            raise self._unreachable(asked, cause.reason) from cause
        except TimeoutError as cause:
            raise self._timed_out(asked) from cause
        except (http.client.IncompleteRead, http.client.RemoteDisconnected) as cause:
            raise self.error(f"{self.name} at {asked}: the connection closed before the answer was complete") from cause
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

    def _shown(self, text: bytes) -> str:
        said = self.without_secrets(text.decode("utf-8", "replace"))
        return repr(said[:80]) + (" ..." if len(said) > 80 else "")

    def _error_text(self, answer: urllib.error.HTTPError) -> str:
        """What the service says in an error's body: `{"error": "..."}`, `{"error": {"message": "..."}}` or plain text."""
        if answer.fp is None:
            return ""
        try:
            text = answer.read(MAX_ERROR_BYTES)
        except (OSError, http.client.HTTPException):
            return ""
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(text)
            if isinstance(value, dict) and "error" in value:
                return self.without_secrets(error_message(value["error"]))
        return self.without_secrets(text.decode("utf-8", "replace")).strip()[:200]


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def error_message(error: object) -> str:
    """The sentence in an `error` field, which services write as a string or as an object with a message."""
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return str(error["message"])
    return error if isinstance(error, str) else json.dumps(error)


def _wait_seconds(answer: urllib.error.HTTPError, tries: int) -> float:
    """Retry-After when it is given (seconds or a date), else half a second doubled each time, with jitter."""
    asked = answer.headers.get("Retry-After") if answer.headers else None
    if asked is not None:
        with contextlib.suppress(ValueError):
            return min(max(float(asked), 0.0), MAX_WAIT_SECONDS)
        with contextlib.suppress(ValueError):
            return min(max(parsedate_to_datetime(asked).timestamp() - time.time(), 0.0), MAX_WAIT_SECONDS)
    return min(0.5 * 2.0 ** (tries - 1) * random.uniform(0.8, 1.2), MAX_WAIT_SECONDS)
