"""The address of a service in the parts that a client needs. What may be a password or a key is shown nowhere."""

from __future__ import annotations

import base64
import re
import socket
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

_PRINTABLE = re.compile(r"[!-~]*")
_HOST = re.compile(r"[A-Za-z0-9._-]+")
_PORT = re.compile(r"[0-9]+")
_HALF_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Address:
    """An http or https address. `user`, `password` and `query` may be secrets: neither repr nor `shown` has them."""

    scheme: str
    host: str  # lower case, without brackets
    port: int
    path: str  # empty, or from its slash on, without trailing slashes
    query: str = field(default="", repr=False)  # without its question mark
    user: bytes = field(default=b"", repr=False)  # decoded, as the password is
    password: bytes = field(default=b"", repr=False)

    @classmethod
    def parse(cls, text: str) -> Address:
        """ValueError: another scheme, no host, a bad port, or something that has no place in a request line."""
        scheme, separator, rest = text.partition("://")
        scheme = scheme.lower()
        if not separator or scheme not in ("http", "https"):
            raise _refused(text, "neither http nor https")
        if not _PRINTABLE.fullmatch(rest):
            raise _refused(text, "a blank, control or non-ASCII character")
        if "\\" in rest:
            raise _refused(text, "a backslash")
        if "#" in rest:
            raise _refused(text, "a fragment ('#' in a password is %23)")
        end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
        credentials, _, place = rest[:end].rpartition("@")
        path, _, query = rest[end:].partition("?")
        user, password = _read_credentials(text, credentials)
        host, port = _read_place(text, place, 443 if scheme == "https" else 80)
        return cls(scheme, host, port, path.rstrip("/"), query, user, password)

    @property
    def bracketed(self) -> str:
        """The host, with brackets around an IPv6 address."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def authority(self) -> str:
        """The host, and the port unless it is the scheme's own."""
        is_default = self.port == (443 if self.scheme == "https" else 80)
        return self.bracketed if is_default else f"{self.bracketed}:{self.port}"

    @property
    def shown(self) -> str:
        """For people: scheme, authority and path."""
        return f"{self.scheme}://{self.authority}{self.path}"

    def at(self, route: str) -> str:
        """What is asked for `route`: behind the path, before the query."""
        return f"{self.shown}{route}{'?' if self.query else ''}{self.query}"

    @property
    def basic(self) -> str:
        """`Basic ...` (RFC 7617) where there is a user or a password, else empty."""
        if not self.user and not self.password:
            return ""
        return "Basic " + base64.b64encode(self.user + b":" + self.password).decode()


def shown_address(text: str) -> str:
    """A text that should be an address, made fit for a message."""
    # Wherever the '@' is: a slash or a question mark in a password that should have been escaped ends the authority too early.
    return "(not shown, it may hold a password)" if "@" in text else repr(text.partition("?")[0])[1:-1][:80]


def _refused(text: str, why: str) -> ValueError:
    return ValueError(f"address '{shown_address(text)}': {why}; expected http://HOST[:PORT][/PATH] or https://...")


def _read_credentials(text: str, credentials: str) -> tuple[bytes, bytes]:
    if _HALF_ESCAPE.search(credentials):
        raise _refused(text, "a '%' without two hexadecimal digits in the user name or password")
    user, password = (unquote_to_bytes(part) for part in credentials.partition(":")[::2])
    if _CONTROL.search(user + password):
        raise _refused(text, "a control character in the user name or password")
    if b":" in user:
        raise _refused(text, "a ':' in the user name, which Basic authorization cannot say")
    return user, password


def _read_place(text: str, place: str, port: int) -> tuple[str, int]:
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket:
            raise _refused(text, "'[' without ']'")
        try:
            socket.inet_pton(socket.AF_INET6, host)
        except OSError:
            raise _refused(text, "no IPv6 address between '[' and ']'") from None
        if rest and not rest.startswith(":"):
            raise _refused(text, "text after ']'")
    else:
        host, colon, rest = place.partition(":")
        rest = colon + rest
        if not host:
            raise _refused(text, "no host")
        if not _HOST.fullmatch(host):
            raise _refused(text, "a host with other characters than letters, digits, '-', '.' and '_'")
    if rest:
        digits = rest[1:]
        # Python refuses to read thousands of digits as one number.
        if not _PORT.fullmatch(digits) or len(digits.lstrip("0")) > 5 or not 0 < (port := int(digits)) < 65536:
            raise _refused(text, "no port from 1 to 65535 after ':'")
    return host.lower(), port
