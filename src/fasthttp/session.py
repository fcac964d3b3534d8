"""The imperative, guarded session. Not implemented yet."""

from fasthttp._pure.later import later

AsyncSession = later("AsyncSession", "sessions", __name__)

__all__ = ["AsyncSession"]
