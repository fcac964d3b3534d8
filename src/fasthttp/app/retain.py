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
        self._budget: float = {"auto": _BUDGET, "all": float("inf"), "none": 0}[mode]
        self._held = 0
        self._is_full = False

    def take(self, result: RouteResult) -> None:
        """Keep, or drop, the body of this result's response."""
        response = result.response
        if response is None or response is result.value or not response._content:
            return
        size = len(response._content)
        self._is_full = self._is_full or self._held + size > self._budget  # later ones are dropped whatever their size
        if self._is_full:
            response._release(result.name)
        else:
            self._held += size

    def give_back(self, result: RouteResult) -> None:
        """This result is the consumer's now: its body is no longer held here."""
        response = result.response
        if response is not None and response is not result.value and response._content:
            self._held = max(0, self._held - len(response._content))
        self._is_full = self._is_full and self._held > 0
