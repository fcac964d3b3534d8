"""HTTP for Python, the server's end: an ASGI framework. Every name here loads its module when it is first used."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from FasterAPI import status as status
    from FasterAPI._depends import Depends, Security
    from FasterAPI._events import ServerSentEvent
    from FasterAPI._radix import RadixRouter
    from FasterAPI._router import APIRouter, FasterRouter
    from FasterAPI.applications import FastAPI, Faster
    from FasterAPI.background import BackgroundTask, BackgroundTasks
    from FasterAPI.concurrency import SubInterpreterPool, run_in_subinterpreter, run_in_threadpool
    from FasterAPI.datastructures import FormData, UploadFile
    from FasterAPI.exceptions import HTTPException, RequestValidationError, WebSocketException
    from FasterAPI.middleware.base import BaseHTTPMiddleware
    from FasterAPI.middleware.compression import CompressionMiddleware
    from FasterAPI.middleware.cors import CORSMiddleware
    from FasterAPI.middleware.decompression import RequestDecompressionMiddleware
    from FasterAPI.middleware.gzip import GZipMiddleware
    from FasterAPI.middleware.httpsredirect import HTTPSRedirectMiddleware
    from FasterAPI.middleware.sessions import SessionMiddleware
    from FasterAPI.middleware.trustedhost import TrustedHostMiddleware
    from FasterAPI.params import Body, Cookie, File, Form, Header, Path, Query
    from FasterAPI.requests import Request
    from FasterAPI.responses import (
        EventSourceResponse,
        FileResponse,
        HTMLResponse,
        JSONResponse,
        ORJSONResponse,
        PlainTextResponse,
        RedirectResponse,
        Response,
        StreamingResponse,
        UJSONResponse,
    )
    from FasterAPI.security.api_key import APIKeyCookie, APIKeyHeader, APIKeyQuery
    from FasterAPI.security.base import SecurityScopes
    from FasterAPI.security.http import HTTPBasic, HTTPBasicCredentials
    from FasterAPI.security.oauth2 import OAuth2PasswordBearer, OAuth2PasswordRequestForm
    from FasterAPI.staticfiles import StaticFiles
    from FasterAPI.templating import Jinja2Templates
    from FasterAPI.testclient import TestClient
    from FasterAPI.websockets import WebSocket, WebSocketDisconnect, WebSocketState

__version__ = "0.1.0"

_HOME_OF = {
    name: home
    for home, names in {
        "_depends": "Depends Security",
        "_events": "ServerSentEvent",
        "_radix": "RadixRouter",
        "_router": "FasterRouter",
        "applications": "FastAPI Faster",
        "background": "BackgroundTask BackgroundTasks",
        "concurrency": "SubInterpreterPool run_in_subinterpreter run_in_threadpool",
        "datastructures": "FormData UploadFile",
        "exceptions": "HTTPException RequestValidationError WebSocketException",
        "middleware.base": "BaseHTTPMiddleware",
        "middleware.compression": "CompressionMiddleware",
        "middleware.cors": "CORSMiddleware",
        "middleware.decompression": "RequestDecompressionMiddleware",
        "middleware.gzip": "GZipMiddleware",
        "middleware.httpsredirect": "HTTPSRedirectMiddleware",
        "middleware.sessions": "SessionMiddleware",
        "middleware.trustedhost": "TrustedHostMiddleware",
        "params": "Body Cookie File Form Header Path Query",
        "requests": "Request",
        "responses": "EventSourceResponse FileResponse HTMLResponse JSONResponse ORJSONResponse PlainTextResponse"
        " RedirectResponse Response StreamingResponse UJSONResponse",
        "routing": "APIRouter",
        "security.api_key": "APIKeyCookie APIKeyHeader APIKeyQuery",
        "security.base": "SecurityScopes",
        "security.http": "HTTPBasic HTTPBasicCredentials",
        "security.oauth2": "OAuth2PasswordBearer OAuth2PasswordRequestForm",
        "staticfiles": "StaticFiles",
        "templating": "Jinja2Templates",
        "testclient": "TestClient",
        "websockets": "WebSocket WebSocketDisconnect WebSocketState",
    }.items()
    for name in names.split()
}

# Written out: type checkers do not follow a computed one.
__all__ = [
    "APIKeyCookie",
    "APIKeyHeader",
    "APIKeyQuery",
    "APIRouter",
    "BackgroundTask",
    "BackgroundTasks",
    "BaseHTTPMiddleware",
    "Body",
    "CORSMiddleware",
    "CompressionMiddleware",
    "Cookie",
    "Depends",
    "EventSourceResponse",
    "FastAPI",
    "Faster",
    "FasterRouter",
    "File",
    "FileResponse",
    "Form",
    "FormData",
    "GZipMiddleware",
    "HTMLResponse",
    "HTTPBasic",
    "HTTPBasicCredentials",
    "HTTPException",
    "HTTPSRedirectMiddleware",
    "Header",
    "JSONResponse",
    "Jinja2Templates",
    "OAuth2PasswordBearer",
    "OAuth2PasswordRequestForm",
    "ORJSONResponse",
    "Path",
    "PlainTextResponse",
    "Query",
    "RadixRouter",
    "RedirectResponse",
    "Request",
    "RequestDecompressionMiddleware",
    "RequestValidationError",
    "Response",
    "Security",
    "SecurityScopes",
    "ServerSentEvent",
    "SessionMiddleware",
    "StaticFiles",
    "StreamingResponse",
    "SubInterpreterPool",
    "TestClient",
    "TrustedHostMiddleware",
    "UJSONResponse",
    "UploadFile",
    "WebSocket",
    "WebSocketDisconnect",
    "WebSocketException",
    "WebSocketState",
    "__version__",
    "run_in_subinterpreter",
    "run_in_threadpool",
    "status",
]

logging.getLogger("FasterAPI").addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name == "status":
        return importlib.import_module("FasterAPI.status")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'FasterAPI' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"FasterAPI.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
