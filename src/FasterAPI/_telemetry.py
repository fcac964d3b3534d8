"""Whether an application has telemetry, which is decided once, and the layer around it that then watches requests.

Nothing of OpenTelemetry is imported before it is certain that somebody wants it.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Receive, Scope, Send

from FasterAPI.middleware.errors import ServerErrorMiddleware

if TYPE_CHECKING:
    from FasterAPI.telemetry._asgi import NativeTelemetry

__all__ = ["EXCLUDED", "TELEMETRY", "WatchedErrors", "check_telemetry", "is_possible"]

TELEMETRY = "FasterAPI.telemetry"  # in the scope: what watches the request
EXCLUDED = "FasterAPI.telemetry.excluded"  # in the scope: that nobody shall watch it, mounted applications included
_DEFAULTS: dict[str, Any] = {
    "tracer_provider": None,
    "meter_provider": None,
    "logger_provider": None,
    "tracing": True,
    "metrics": True,
    "logs": True,
    "operation_spans": True,
    "auto_configure": False,
    "exclude": None,
}
_APIS = ("opentelemetry.trace", "opentelemetry.metrics", "opentelemetry._logs")


@cache
def _is_installed() -> bool:
    try:
        return find_spec("opentelemetry.trace") is not None
    except ImportError:  # not even the package around it
        return False


def check_telemetry(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """All settings of an application's telemetry.

    Raises:
        ImportError: they were given, and OpenTelemetry is not installed.
        TypeError: for what is no mapping of settings, and for a name that is none.
    """
    settings = {**_DEFAULTS, "auto_configure": os.environ.get("FASTAPI_OTEL_AUTO_CONFIGURE", "").lower() == "true"}
    if given is None:
        return settings
    if not isinstance(given, Mapping):
        raise TypeError(f"telemetry must be a mapping of settings, got {type(given).__name__}")
    for name in given:
        if name not in _DEFAULTS:
            close = difflib.get_close_matches(str(name), _DEFAULTS, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(_DEFAULTS)}"
            raise TypeError(f"telemetry has no setting {name!r}; {hint}")
    if not _is_installed():
        raise ImportError("telemetry= needs OpenTelemetry: pip install 'fasthttp[otel]'")
    return {**settings, **given}


def is_possible(settings: Mapping[str, Any]) -> bool:
    """Whether anything could be told to anybody."""
    return any(settings[signal] for signal in ("tracing", "metrics", "logs")) and _is_installed()


class _Noticing:
    """Tells of exceptions that nobody below has answered, before the error page does."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except Exception as exc:
            watcher = scope.get(TELEMETRY)
            if watcher is not None:
                watcher.fail(exc)
            raise


class WatchedErrors(ServerErrorMiddleware):
    """The outermost layer of an application that may have telemetry: the error page, and around it what watches.

    The first request decides, since providers may be set as long as the application starts. Where there are none it becomes what
    it derives from, and nothing is left of it.

    Args:
        app, handler, debug: as of the base.
        settings: of the telemetry.
        asked_for: by the application; else it takes providers that are there.
        off: called when it turns out that nobody watches.
    """

    def __init__(
        self, app: ASGIApp, handler: Any, debug: bool, settings: Mapping[str, Any], asked_for: bool, off: Callable[[], None]
    ) -> None:
        super().__init__(_Noticing(app), handler, debug)
        self._inner = app
        self._settings = settings
        self._asked_for = asked_for
        self._off = off
        self._native: NativeTelemetry | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
            return
        respond = super().__call__
        native = self._native or self._decide()
        if native is None or TELEMETRY in scope or EXCLUDED in scope:
            await respond(scope, receive, send)
        else:
            await native(respond, scope, receive, send)

    def _decide(self) -> NativeTelemetry | None:
        # Whoever has set a provider has imported the module that keeps it.
        if self._asked_for or any(name in sys.modules for name in _APIS):
            from FasterAPI.telemetry._asgi import NativeTelemetry

            native = NativeTelemetry(self._settings)
            if self._asked_for or native.enabled():
                self._native = native
                return native
        self.app = self._inner
        self.__class__ = ServerErrorMiddleware  # type: ignore[assignment]
        self._off()
        return None
