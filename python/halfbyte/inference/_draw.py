"""From one row of logits to one token id, in plain Python: no array library is needed to choose a token."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence


def draw(
    logits: Sequence[float],
    *,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    uniform: Callable[[], float],
) -> int:
    """The id drawn from `logits` (V numbers): keep the `top_k` largest, of those the `top_p` of probability, then draw with
    `temperature`, in the order of the engine: what may be drawn does not depend on the temperature.

    Temperature 0 takes the largest, ties to the lowest id. `uniform` gives a number in [0, 1). Minus infinity rules a
    token out; any other non-finite logit, or none left, is a RuntimeError: no token follows from it.
    """
    total = sum(logits)  # one pass finds what must not be there
    highest = max(logits, default=-math.inf)
    if math.isnan(total) or total == math.inf or highest == -math.inf:
        raise RuntimeError("the model gave logits that are not finite numbers")
    if temperature == 0:
        return list(logits).index(highest)

    ids: Sequence[int] = range(len(logits))
    if top_k and top_k < len(logits):
        ids = heapq.nsmallest(top_k, ids, key=lambda i: (-logits[i], i))
    if top_p is not None and top_p < 1:
        ids = sorted(ids, key=lambda i: (-logits[i], i))
        ids = ids[: _nucleus([math.exp(logits[i] - highest) for i in ids], top_p)]
    weights = [math.exp((logits[i] - highest) / temperature) for i in ids]
    left = uniform() * sum(weights)
    chosen = 0
    for place, weight in enumerate(weights):
        if weight == 0:
            continue
        chosen = place
        left -= weight
        if left < 0:
            break
    return ids[chosen]


def _nucleus(weights: list[float], top_p: float) -> int:
    """How many of falling `weights` hold `top_p` of their sum."""
    wanted = top_p * sum(weights)
    mass = 0.0
    for count, weight in enumerate(weights, start=1):
        mass += weight
        if mass >= wanted:
            return count
    return len(weights)


def log_probability(logits: Sequence[float], token: int) -> float:
    """Natural logarithm of the probability of `token` under softmax(`logits`)."""
    highest = max(logits)
    return logits[token] - highest - math.log(sum(math.exp(x - highest) for x in logits))
