"""`ConnectionPool`: connections that several clients may share. The rules are in `_pure.pool`."""

from __future__ import annotations

import warnings
import weakref
from typing import TYPE_CHECKING

from fasthttp._pure.pool import PoolStats
from fasthttp.limits import Limits

if TYPE_CHECKING:
    from fasthttp._async.pool import AsyncPool
    from fasthttp._sync.pool import SyncPool

__all__ = ["ConnectionPool", "PoolStats"]


class ConnectionPool:
    """Connections for any number of clients.

    Holds one pool for blocking calls and one for each event loop that is used; each obeys `limits` by itself. Pass it
    as `pool=`; whoever made it closes it.

    Args:
        limits: bounds, `Limits()` by default.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = Limits() if limits is None else limits
        self._closed = False
        self._sync: SyncPool | None = None
        # Weak: a loop owns its pool while connections are idle there, and takes it along when it goes.
        self._async: weakref.WeakValueDictionary[int, AsyncPool] = weakref.WeakValueDictionary()

    def for_threads(self) -> SyncPool:
        """The pool of blocking calls."""
        if self._sync is None:
            from fasthttp._sync.pool import SyncPool

            # One step, so that threads that come here together get one pool between them.
            pool: SyncPool = self.__dict__.setdefault("_threads", SyncPool(self.limits))
            self._sync = pool
            if self._closed:
                pool.close()
        return self._sync

    def for_loop(self) -> AsyncPool:
        """The pool of the running event loop."""
        from fasthttp._async.pool import AsyncPool
        from fasthttp._io.asyncio import current_loop

        loop = current_loop()
        pool = self._async.get(id(loop))
        if pool is None or pool.loop is not loop:
            pool = self._async[id(loop)] = AsyncPool(self.limits)
            if self._closed:
                pool.close()
        return pool

    def close(self) -> None:
        """Close all connections; calls in flight fail with `ClientClosedError`."""
        self._closed = True
        if self._sync is not None:
            self._sync.close()
        for pool in list(self._async.values()):
            _close_on_its_loop(pool)

    async def aclose(self) -> None:
        """The same as `close`, for async code."""
        self.close()

    def cleanup_expired(self) -> None:
        """Close the idle connections whose time is over."""
        for pool in self._pools():
            pool.cleanup_expired()

    def get_stats(self) -> PoolStats:
        """Counts over all pools."""
        total = PoolStats()
        for pool in self._pools():
            total += pool.stats()
        return total

    def reset_stats(self) -> None:
        """Start counting events anew."""
        for pool in self._pools():
            pool.reset_stats()

    def __del__(self) -> None:
        pools = [pool for pool in self._pools() if not pool.closed and pool.stats().open]
        if pools and not self._closed:  # else a loop in another thread is about to close the rest
            count = sum(pool.stats().open for pool in pools)
            warnings.warn(f"unclosed client: {count} connections are open", ResourceWarning, source=self, stacklevel=2)
            self.close()

    def _pools(self) -> list[AsyncPool | SyncPool]:
        pools: list[AsyncPool | SyncPool] = list(self._async.values())
        return pools if self._sync is None else [self._sync, *pools]


def _close_on_its_loop(pool: AsyncPool) -> None:
    import asyncio

    loop = pool.loop
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    if running is loop or not loop.is_running():
        pool.close()
    else:
        loop.call_soon_threadsafe(pool.close)
