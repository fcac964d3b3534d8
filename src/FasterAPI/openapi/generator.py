"""The schema of an application, from outside of it."""

from __future__ import annotations

import copy
from typing import Any

from FasterAPI.applications import Faster

__all__ = ["generate_openapi"]


def generate_openapi(
    app: Faster, *, title: str | None = None, version: str | None = None, description: str | None = None
) -> dict[str, Any]:
    """What `app.openapi()` gives, as a copy of one's own; what is not None stands in the place of the application's."""
    schema = copy.deepcopy(app.openapi())
    given = {"title": title, "version": version, "description": description}
    schema["info"] = {**schema["info"], **{name: value for name, value in given.items() if value is not None}}
    return schema
