"""Status codes by name, HTTP's and WebSocket's: those of Starlette, old and new spellings."""

from __future__ import annotations

from typing import Any

from starlette import status as _status

__all__ = [name for name in dir(_status) if name.startswith(("HTTP_", "WS_"))]


def __getattr__(name: str) -> Any:
    return getattr(_status, name)


def __dir__() -> list[str]:
    return sorted(__all__)
