"""Starlette's `Jinja2Templates`, whose engine is a library of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["Jinja2Templates"]

if TYPE_CHECKING:
    from starlette.templating import Jinja2Templates
else:
    try:
        from starlette.templating import Jinja2Templates
    except ImportError as _missing:
        _reason = _missing

        class Jinja2Templates:
            """Stands for the templates where their library is missing."""

            def __init__(self, *arguments: Any, **options: Any) -> None:
                raise ImportError("Jinja2Templates renders with jinja2: pip install 'fasthttp[jinja2]'") from _reason
