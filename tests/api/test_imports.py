"""The import surface of the declarative side: every documented name is where it is said to be, and is one object."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PLACES = {
    "fasthttp": "FastHTTP Router AsyncSession Depends Response Client Timeout BaseMiddleware MiddlewareChain MiddlewareManager"
    " CacheMiddleware RetryMiddleware SessionMiddleware CookieJar DummyCookieJar Cookie AuthBase BasicAuth BearerAuth DigestAuth"
    " OAuth2ClientCredentials EventHooks WebSocket WebSocketMessage SSEEvent StopStream SecurityPolicy RunResult RouteResult"
    " status __version__",
    "fasthttp.response": "Response",
    "fasthttp.session": "AsyncSession",
    "fasthttp.app": "FastHTTP",
    "fasthttp.routing": "Route Router",
    "fasthttp.dependencies": "Depends",
    "fasthttp.middleware": "BaseMiddleware MiddlewareChain MiddlewareManager CacheMiddleware RetryMiddleware SessionMiddleware",
    "fasthttp.cookies": "Cookie CookieJar DummyCookieJar",
    "fasthttp.auth": "BasicAuth BearerAuth DigestAuth OAuth2ClientCredentials",
    "fasthttp.events": "EventHooks",
    "fasthttp.results": "RunResult RouteResult",
    "fasthttp.exceptions": "FastHTTPError FastHTTPConnectionError FastHTTPTimeoutError FastHTTPRequestError FastHTTPBadStatusError"
    " FastHTTPValidationError GraphQLError PrerequisiteFailed",
    "fasthttp.security": "SecurityPolicy SecurityError SSRFBlockedError CircuitOpenError RedirectBlockedError ResponseTooLargeError"
    " sign_request verify_request",
    "fasthttp.websocket": "WebSocket WebSocketMessage WebSocketError WebSocketConnectionError",
    "fasthttp.sse": "SSEEvent",
    "fasthttp.graphql": "GraphQLResponse",
    "fasthttp.types": "HTTPMethod RequestsOptional OAuth2Scope DefaultEncoding FileUpload JSONResponse",
    "fasthttp.testing": "MockTransport MockResponse Cassette UnmatchedRequestError",
}


@pytest.mark.parametrize("module", PLACES)
def test_documented_names_can_be_imported(module: str) -> None:
    """From the module that they are documented in."""
    found = importlib.import_module(module)
    for name in PLACES[module].split():
        assert hasattr(found, name), name


def test_a_name_from_two_places_is_one_object() -> None:
    """All but `Response`, of which the client and the declarative layer have one each."""
    seen: dict[str, object] = {}
    for module, names in PLACES.items():
        for name in names.split():
            found = getattr(importlib.import_module(module), name)
            if name != "Response":
                assert seen.setdefault(name, found) is found, name


def test_importing_the_package_loads_no_tools() -> None:
    """Neither models nor tables nor the command line nor pytest come with it, or with the app."""
    program = (
        "import sys, fasthttp, fasthttp.app, fasthttp.session, fasthttp.testing;"
        "print(sorted({'pydantic', 'rich', 'typer', 'click', 'pytest', 'fasthttp.cli', 'fasthttp.pytest_plugin'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")
