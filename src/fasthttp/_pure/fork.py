"""What a forked child must not touch: a register of pools, told once per fork. Closes nothing itself."""

from __future__ import annotations

import os
import weakref
from typing import Any

__all__ = ["forget_in_child"]

_pools: weakref.WeakSet[Any] = weakref.WeakSet()


def forget_in_child(pool: Any) -> None:
    """Call `pool.disown()` in every child that this process forks."""
    _pools.add(pool)


def _after_fork() -> None:
    for pool in list(_pools):
        pool.disown()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
