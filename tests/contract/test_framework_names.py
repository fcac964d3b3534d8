"""Names and modules: every native name is at the root, in its native module and in its home, and is one object."""

from __future__ import annotations

import functools
import importlib
import sys
from typing import Any

import pytest

import FasterAPI
from FasterAPI import Faster
from FasterAPI.openapi.generator import generate_openapi
from FasterAPI.openapi.utils import get_openapi

# By native module and home: the names that stand at the root.
NAMES = {
    ("app", "applications"): "Faster",
    ("router", "_router"): "FasterRouter",
    ("router", "_radix"): "RadixRouter",
    ("request", "requests"): "Request",
    ("response", "responses"): "Response JSONResponse ORJSONResponse UJSONResponse HTMLResponse PlainTextResponse RedirectResponse"
    " StreamingResponse FileResponse EventSourceResponse",
    ("params", "params"): "Body Cookie File Form Header Path Query",
    ("dependencies", "params"): "Depends",
    ("exceptions", "exceptions"): "HTTPException RequestValidationError",
    ("middleware", "middleware.base"): "BaseHTTPMiddleware",
    ("middleware", "middleware.cors"): "CORSMiddleware",
    ("middleware", "middleware.gzip"): "GZipMiddleware",
    ("middleware", "middleware.httpsredirect"): "HTTPSRedirectMiddleware",
    ("middleware", "middleware.trustedhost"): "TrustedHostMiddleware",
    ("background", "background"): "BackgroundTask BackgroundTasks",
    ("websocket", "websockets"): "WebSocket WebSocketDisconnect WebSocketState",
    ("datastructures", "datastructures"): "FormData UploadFile",
    ("concurrency", "concurrency"): "SubInterpreterPool run_in_subinterpreter",
    ("security", "security.base"): "SecurityScopes",
    ("security", "security.oauth2"): "OAuth2PasswordBearer OAuth2PasswordRequestForm",
    ("security", "security.http"): "HTTPBasic HTTPBasicCredentials",
    ("security", "security.api_key"): "APIKeyHeader APIKeyQuery APIKeyCookie",
    ("staticfiles", "staticfiles"): "StaticFiles",
    ("templating", "templating"): "Jinja2Templates",
    ("testclient", "testclient"): "TestClient",
}
ALIASES = {
    "app": "applications",
    "request": "requests",
    "response": "responses",
    "websocket": "websockets",
}


@pytest.mark.parametrize(("native", "home", "name"), [(*places, name) for places, names in NAMES.items() for name in names.split()])
def test_a_native_name_is_one_object_wherever_it_is_imported_from(native: str, home: str, name: str) -> None:
    """Root, native module and home; it stands among the names that each module says it has."""
    modules = [importlib.import_module(f"FasterAPI.{module}") for module in (native, home)]
    assert name in FasterAPI.__all__
    assert [getattr(module, name) for module in modules] == [getattr(FasterAPI, name)] * 2
    for module in modules:
        assert name in module.__all__


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_only_gives_what_its_home_has(alias: str) -> None:
    """The same public names, sorted, and nothing of its own."""
    module, home = (importlib.import_module(f"FasterAPI.{name}") for name in (alias, ALIASES[alias]))
    assert list(module.__all__) == sorted(module.__all__)
    assert set(module.__all__) == set(home.__all__)
    for name in module.__all__:
        assert getattr(module, name) is getattr(home, name)
    assert {name for name in vars(module) if not name.startswith("_")} == {"annotations", *module.__all__}


def test_no_module_lies_about_its_names() -> None:
    """What is not there is missed as anywhere, by name."""
    for module in ("middleware", "concurrency", "server"):
        with pytest.raises(AttributeError, match=r"no attribute 'nothing'"):
            importlib.import_module(f"FasterAPI.{module}").nothing


# --- the schema and its pages


def test_the_schema_can_be_generated_from_outside() -> None:
    """It is the application's, with another title, version or description where one is given; the application's stays as it is."""
    app = Faster(title="Shop", version="1.0", description="Of shoes.")

    @app.get("/shoes/{number}")
    async def shoe(number: int) -> dict[str, int]:
        return {"number": number}

    assert generate_openapi(app) == app.openapi() == get_openapi(title="Shop", version="1.0", description="Of shoes.", routes=app.routes)
    other = generate_openapi(app, title="Other", version="2", description="")
    assert other["info"] == {"title": "Other", "version": "2", "description": ""}
    assert other["paths"] == app.openapi()["paths"]
    other["paths"].clear()
    assert (app.openapi()["info"]["title"], list(app.openapi()["paths"])) == ("Shop", ["/shoes/{number}"])


def test_the_pages_have_native_names() -> None:
    """Of the same functions."""
    from FasterAPI.openapi import docs, ui

    assert (ui.swagger_ui_html, ui.redoc_html) == (docs.get_swagger_ui_html, docs.get_redoc_html)


# --- serving


def test_the_server_module_runs_what_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """An application or the name of one; only by its name it can be run in several processes or again after changes."""
    import uvicorn

    from FasterAPI import server

    original, calls = uvicorn.run, []

    @functools.wraps(original)
    def run(app: Any, **options: Any) -> None:
        calls.append((app, options))

    monkeypatch.setattr(uvicorn, "run", run)
    app = Faster()
    server.run(app, port=9000, log_level="warning")
    server.run("shop:app", host="::1", workers=3, reload=True)
    server.run("shop:app", workers="auto")
    assert calls[:2] == [
        (app, {"host": "127.0.0.1", "port": 9000, "workers": 1, "reload": False, "log_level": "warning"}),
        ("shop:app", {"host": "::1", "port": 8000, "workers": 3, "reload": True}),
    ]
    assert calls[2][1]["workers"] >= 1
    cases: list[tuple[type[Exception], dict[str, Any]]] = [
        (TypeError, {"log_levl": "x"}), (NotImplementedError, {"fast_lane": True}), (NotImplementedError, {"reload": True}),
        (NotImplementedError, {"workers": 2}),
    ]  # fmt: skip
    for error, options in cases:
        with pytest.raises(error, match=next(iter(options))):
            server.run(app, **options)
    assert len(calls) == 3
    for name in ("Config", "Server"):
        with pytest.raises(NotImplementedError, match=f"{name} is not there yet"):
            getattr(server, name)


def test_aliases_load_nothing_before_they_are_used() -> None:
    """The module of middleware does not load each of them."""
    import subprocess

    code = "import sys, FasterAPI.middleware; print([name for name in sys.modules if name.startswith('FasterAPI.middleware.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
