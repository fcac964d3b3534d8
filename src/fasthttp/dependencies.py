"""Dependencies of routes. Not implemented yet."""

from fasthttp._pure.later import later

Depends = later("Depends", "dependencies", __name__)

__all__ = ["Depends"]
