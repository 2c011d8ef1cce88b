"""Which adapters (LoRA) a call asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

LARGEST_FLOAT = 3.4028234663852886e38  # of 32 bits


def check_adapters(adapters: object) -> None:
    """TypeError or ValueError names what is neither names nor names with scales."""
    if isinstance(adapters, (str, bytes)) or not isinstance(adapters, (Mapping, Sequence)):
        raise TypeError(f"adapters: expected names, or a dict of scales by name, found {adapters!r}")
    for name in adapters:
        if not isinstance(name, str):
            raise TypeError(f"adapters: expected names, found {name!r}")
    for name, scale in adapters.items() if isinstance(adapters, Mapping) else ():
        if isinstance(scale, bool) or not isinstance(scale, (int, float)):
            raise TypeError(f"adapters[{name!r}]: expected a number, found {scale!r}")
        if not -LARGEST_FLOAT <= scale <= LARGEST_FLOAT:
            raise ValueError(f"adapters[{name!r}]: expected a finite number of 32 bits, found {scale}")


def adapter_uses(adapters: Mapping[str, float] | Sequence[str]) -> list[tuple[str, float]]:
    """Name and scale of each, in order; a name alone has scale 1."""
    scales = adapters if isinstance(adapters, Mapping) else None
    return [(name, 1.0 if scales is None else float(scales[name])) for name in adapters]


def refuse_adapters(adapters: object, service: str) -> None:
    if adapters is None:
        return
    check_adapters(adapters)
    if adapters:
        raise NotImplementedError(f"adapters: {service} has no such option")
