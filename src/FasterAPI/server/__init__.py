"""Serving an application: by uvicorn, until our own engine is there."""

from __future__ import annotations

from typing import Any, Literal, NoReturn

from starlette.types import ASGIApp

from FasterAPI._serve import serve

__all__ = ["run"]


def run(
    app: str | ASGIApp,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int | Literal["auto"] = 1,
    reload: bool = False,
    **options: Any,
) -> None:
    """Serve an application until the process is told to stop.

    Args:
        app: an application, or "module:name" of one.
        host, port: where to listen.
        workers: how many processes; "auto": one for each core that this process may use. More than one need the name of the application.
        reload: start again after each change of the source; needs the name too.
        options: those of `uvicorn.run`.

    Raises:
        NotImplementedError: for an option that uvicorn does not have, and for several processes of an object.
        TypeError: for a name that is no option.
    """
    serve(app, {"host": host, "port": port, "workers": workers, "reload": reload, **options})


def __getattr__(name: str) -> NoReturn:
    if name in ("Config", "Server"):
        raise NotImplementedError(f"FasterAPI.server.{name} is not there yet: uvicorn has one of that name")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
