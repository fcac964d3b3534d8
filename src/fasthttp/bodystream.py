"""The body of a response as an object for both kinds of loop. Knows neither decoding nor connections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from fasthttp._pure.streams import Transform

if TYPE_CHECKING:
    from fasthttp.response import Response

__all__ = ["BodyStream"]

T = TypeVar("T")


class BodyStream(Generic[T]):
    """The body of a response as items, for `for` or `async for`, whichever fits the client."""

    __slots__ = ("_make", "_raw", "_response")

    def __init__(self, response: Response, make: Callable[[], Transform[T]], *, raw: bool = False) -> None:
        self._response = response
        self._make = make
        self._raw = raw
        make()  # wrong arguments are the caller's fault now, not at the first item

    def __iter__(self) -> Iterator[T]:
        response = self._response
        if response._content is not None:
            return iter(self._buffered(response._content))
        body = response._live("sync", "async for")
        items: Iterator[T] = body.iterate(self._make(), self._raw)
        return items

    def __aiter__(self) -> AsyncIterator[T]:
        from fasthttp._async.body import replay

        response = self._response
        if response._content is not None:
            return replay(self._buffered(response._content))
        body = response._live("async", "for")
        items: AsyncIterator[T] = body.iterate(self._make(), self._raw)
        return items

    def _buffered(self, content: bytes) -> list[T]:
        transform = self._make()
        return [*transform.feed(content), *transform.flush()]
