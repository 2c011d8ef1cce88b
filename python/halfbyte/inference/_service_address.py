"""Where a service is and who asks it: arguments first, else the variables that the official clients know. Read when a backend is made."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

from ._address import Address
from ._checks import check_text
from ._dotenv import DotenvError, read_value

DEFAULT_OLLAMA_URL = "http://localhost:11434"
DEFAULT_OPENAI_URL = "https://api.openai.com/v1"


def variable(name: str) -> str:
    """The value of a variable without blanks around it; empty where it is not set."""
    return os.environ.get(name, "").strip(" \t\r\n")


def ollama_address(base_url: str | None) -> Address:
    """`base_url`, else OLLAMA_HOST, else the default. TypeError or ValueError names the one that is no address."""
    if base_url is not None:
        return _parse_base_url(base_url)
    try:
        return parse_ollama_host(variable("OLLAMA_HOST"))
    except ValueError as cause:
        raise ValueError(f"OLLAMA_HOST: {cause}") from None


def openai_address(base_url: str | None) -> Address:
    """`base_url`, else OPENAI_BASE_URL, else the default. TypeError or ValueError names the one that is no address."""
    if base_url is not None:
        return _parse_base_url(base_url)
    try:
        return Address.parse(variable("OPENAI_BASE_URL") or DEFAULT_OPENAI_URL)
    except ValueError as cause:
        raise ValueError(f"OPENAI_BASE_URL: {cause}") from None


def _parse_base_url(base_url: object) -> Address:
    if not isinstance(base_url, str):
        raise TypeError(f"base_url: expected a string, found {type(base_url).__name__}")
    try:
        return Address.parse(base_url)
    except ValueError as cause:
        raise ValueError(f"base_url: {cause}") from None


def parse_ollama_host(text: str) -> Address:
    """What OLLAMA_HOST may be: HOST, HOST:PORT, :PORT, an IPv6 address, each with or without scheme and path.

    Port 11434, but that of a scheme where it has one; an address to listen at on every interface means this machine.
    """
    text = text.strip(" \t\r\n").strip("\"'").strip(" \t\r\n")
    if not text:
        return Address.parse(DEFAULT_OLLAMA_URL)
    if text == "ollama.com":  # their own service has no other port
        return Address.parse("https://ollama.com")
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    end = min((at for at in (rest.find(c) for c in "/?#") if at >= 0), default=len(rest))
    user, sign, host = rest[:end].rpartition("@")
    if _is_ipv6(host):
        host = f"[{host}]"
    if not host or host.startswith(":"):
        host = "127.0.0.1" + host
    has_port = not host.endswith("]") if host.startswith("[") else ":" in host
    if not separator and not has_port:
        host += ":11434"
    address = Address.parse(f"{scheme}://{user}{sign}{host}{rest[end:]}")
    if address.host == "0.0.0.0":
        return replace(address, host="127.0.0.1")
    if _is_ipv6(address.host) and not address.host.strip("0:"):
        return replace(address, host="::1")
    return address


def _is_ipv6(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, host)
    except (OSError, ValueError):  # ValueError: a zero byte
        return False
    return True


def find_key(address: Address, given: str | None, name: str, env_file: str | Path | None = None) -> tuple[str, str]:
    """The key, empty where there is none; and what is wrong with it or with the file, empty where nothing is.

    `given`, else `name` in `env_file`, else in the environment; none where the address has a user, and so an authorization
    of its own. TypeError or ValueError: `given` is no text, or stands beside a user.
    """
    if given is not None:
        check_text("api_key", given)
        if address.basic:
            raise ValueError("api_key: expected none beside the user name in base_url, for a request carries one authorization")
    if address.basic:
        return "", ""
    try:
        key = given or (read_value(env_file, name) if env_file else None) or variable(name)
    except DotenvError as reason:
        return "", str(reason)
    key = key.strip(" \t\r\n")
    if not key.isascii() or not key.isprintable():  # the message of http.client would show the key
        return "", f"the API key ({name}) contains characters that no key has"
    return key, ""
