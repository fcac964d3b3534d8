"""Starlette's templates, which need jinja2."""

from __future__ import annotations

from typing import Any

__all__ = ["Jinja2Templates"]

try:
    from starlette.templating import Jinja2Templates
except ImportError:

    class Jinja2Templates:  # type: ignore[no-redef]
        """Stands in where jinja2 is missing, and says so when it is made."""

        def __init__(self, *args: Any, **options: Any) -> None:
            raise ImportError("Jinja2Templates needs jinja2: pip install 'fasthttp[jinja2]'")
