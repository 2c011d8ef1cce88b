"""Which proxy a request goes through, by the rules of Go's http.ProxyFromEnvironment, as the C++ client has them (http/proxy.h)."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Mapping

from ._address import Address

_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def proxy_for(address: Address, environment: Mapping[str, str]) -> Address | None:
    """HTTP_PROXY or HTTPS_PROXY, by the scheme of `address`, in capitals or else in small letters.

    None for localhost, loopback addresses and what NO_PROXY lists: names with all below them, .names for those below alone,
    addresses, networks (10.0.0.0/8), each with a port or without, or *. ValueError names the variable: its value is no http
    address, or this is a CGI program, whose HTTP_PROXY is a header that anybody can send.
    """
    names = ("HTTPS_PROXY", "https_proxy") if address.scheme == "https" else ("HTTP_PROXY", "http_proxy")
    name = next((name for name in names if _value(environment, name)), None)
    excepted = _value(environment, "NO_PROXY") or _value(environment, "no_proxy")
    # Go looks at the CGI variable first, so that a header of anybody could keep a program from its own machine's services.
    if name is None or _is_excepted(address, excepted):
        return None
    if address.scheme == "http" and _value(environment, "REQUEST_METHOD"):
        raise ValueError(f"{name}: refused in a CGI program (REQUEST_METHOD is set), where it may be a header of the request")
    value = _value(environment, name)
    try:
        proxy = Address.parse(value if "://" in value else f"http://{value}")
    except ValueError as cause:
        raise ValueError(f"{name}: {cause}") from None
    if proxy.scheme == "https":
        raise ValueError(f"{name}: a proxy that is spoken to over TLS is not supported, found {proxy.shown}")
    return proxy


def _value(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "").strip(" \t\r\n")


def _parse_ip(text: str) -> _Ip | None:
    """Version 4 in a version 6 address is version 4."""
    if "%" in text:  # a zone
        return None
    with contextlib.suppress(ValueError):
        ip = ipaddress.ip_address(text)
        return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip
    return None


def _is_excepted(address: Address, listed: str) -> bool:
    ip = _parse_ip(address.host)
    if address.host == "localhost" or (ip is not None and ip.is_loopback):
        return True
    entries = (entry.strip(" \t\r\n").lower() for entry in listed.split(","))
    return any(_is_meant(entry, address, ip) for entry in entries if entry)


def _is_meant(entry: str, address: Address, ip: _Ip | None) -> bool:
    """Whether an entry of NO_PROXY means the host and port of `address`."""
    if entry == "*":
        return True
    start, slash, bits = entry.partition("/")
    if slash and bits.isascii() and bits.isdigit() and _parse_ip(start) is not None:
        with contextlib.suppress(ValueError):
            network = ipaddress.ip_network(entry, strict=False)
            return ip is not None and ip.version == network.version and ip in network
    host, port = _place(entry)
    if not host or (port and port != str(address.port)):
        return False
    if (listed := _parse_ip(host)) is not None:
        return ip == listed
    if ip is not None:
        return False  # no name
    host = host.removeprefix("*") if host.startswith("*.") else host
    if host.startswith("."):
        return address.host.endswith(host)
    return address.host == host or address.host.endswith(f".{host}")


def _place(entry: str) -> tuple[str, str]:
    """HOST:PORT or [HOST]:PORT; anything else is a host as it is."""
    host, colon, port = entry.rpartition(":")
    if not colon:
        return entry, ""
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], port
    return (entry, "") if ":" in host else (host, port)
