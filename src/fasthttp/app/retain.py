"""Which response bodies a run keeps."""

from __future__ import annotations

from fasthttp.results import RouteResult

__all__ = ["Retainer"]

_BUDGET = 64 * 2**20  # bytes of bodies that "auto" keeps


class Retainer:
    """Drops bodies once their handler is done with them.

    Args:
        mode: "all" keeps every one, "none" drops each, "auto" keeps them until 64 MiB are held. What a handler returned
            is a value and stays.
    """

    def __init__(self, mode: str) -> None:
        if mode not in ("auto", "all", "none"):
            raise ValueError(f"retain={mode!r}; there are 'auto', 'all' and 'none'")
        self._left: float = {"auto": _BUDGET, "all": float("inf"), "none": 0}[mode]

    def take(self, result: RouteResult) -> None:
        """Keep, or drop, the body of this result's response."""
        response = result.response
        if response is None or response is result.value or not response._content:
            return
        size = len(response._content)
        if size <= self._left:
            self._left -= size
        else:
            self._left = 0  # later ones are dropped whatever their size
            response._release(result.name)
