"""`TestClient`: a blocking client whose requests go to an application in this process."""

from __future__ import annotations

from typing import Any

from fasthttp.client import SyncClient
from fasthttp.transports.asgi import ASGIApp, ASGITransport

__all__ = ["TestClient"]


class TestClient(SyncClient):
    """A client of an application, with no server between.

    As a context manager it runs the application's lifespan; without one, start-up runs before the first request.

    Args:
        app: the application.
        base_url: what relative URLs are completed with.
        raise_server_exceptions: let the application's exceptions reach the test; else they are a 500.
        root_path: where the application is mounted.
        options: those of `fasthttp.Client`.
    """

    __test__ = False  # not a test case, whatever its name looks like

    def __init__(
        self,
        app: ASGIApp,
        base_url: str = "http://testserver",
        *,
        raise_server_exceptions: bool = True,
        root_path: str = "",
        **options: Any,
    ) -> None:
        self.app = app
        self._asgi = ASGITransport(app, root_path=root_path, client=("testclient", 50000), raise_app_exceptions=raise_server_exceptions)
        super().__init__(base_url, transport=self._asgi, **options)

    def __enter__(self) -> TestClient:
        from fasthttp._io.bridge import run_coroutine

        super().__enter__()
        run_coroutine(self._asgi.start())
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
