"""Type aliases of the public signatures. No behaviour."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from http.cookiejar import CookieJar as StdlibCookieJar
from os import PathLike
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol, TypedDict, Union

from httpwire.headers import HeaderTypes

if TYPE_CHECKING:
    from fasthttp.errors import FastHTTPError
    from fasthttp.formdata import MultipartEncoder
    from fasthttp.models import Request
    from fasthttp.response import Response
    from fasthttp.timeouts import Timeout

__all__ = [
    "AsyncReadable",
    "AuthTypes",
    "BodyTypes",
    "CertTypes",
    "CookieTypes",
    "DataTypes",
    "DefaultEncoding",
    "FileContent",
    "FileTypes",
    "FileUpload",
    "HTTPMethod",
    "HeaderTypes",
    "Hook",
    "JSONResponse",
    "OAuth2Scope",
    "ParamTypes",
    "PostOptions",
    "RequestOptions",
    "RequestsOptional",
    "Resolver",
    "TimeoutTypes",
    "TraceHook",
    "VerifyTypes",
]


class AsyncReadable(Protocol):
    """An async stream: `read` gives at most so many bytes, none at the end."""

    async def read(self, size: int, /) -> bytes: ...


HTTPMethod = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "QUERY", "TRACE"]
ParamTypes = Union[Mapping[str, Any], Sequence[tuple[str, Any]], str, bytes]
BodyTypes = Union[
    AsyncReadable,
    bytes,
    bytearray,
    memoryview,
    str,
    "PathLike[str]",
    "MultipartEncoder",
    IO[bytes],
    IO[str],
    Iterable[Union[bytes, str]],
    AsyncIterable[Union[bytes, str]],
]
DataTypes = Union[Mapping[str, Any], Sequence[tuple[str, Any]], str, bytes]
FileContent = BodyTypes
FileUpload = Union[
    FileContent,
    tuple[Union[str, None], FileContent],
    tuple[Union[str, None], FileContent, Union[str, None]],
    tuple[Union[str, None], FileContent, Union[str, None], Union[Mapping[str, str], Sequence[tuple[str, str]], None]],
]
FileTypes = Union[
    Mapping[str, Union[FileUpload, None]],
    Sequence[Union[tuple[str, Union[FileUpload, None]], tuple[str, FileContent, Union[str, None]]]],
]
VerifyTypes = Union[bool, str, "PathLike[str]", ssl.SSLContext]
CertTypes = Union[str, "PathLike[str]", tuple[Any, Any], tuple[Any, Any, Any]]
TimeoutTypes = Union[float, "Timeout", None]
CookieTypes = Union[Mapping[str, str], StdlibCookieJar, Any]
AuthTypes = Any
DefaultEncoding = Union[str, Callable[[bytes], str]]
JSONResponse = Union[dict[str, Any], list[Any], str, int, float, bool, None]
OAuth2Scope = Union[str, Sequence[str]]
Hook = Union[
    Callable[["Request"], Any],
    Callable[["Response"], Any],
    Callable[["FastHTTPError", "Request"], Any],
]
TraceHook = Callable[[str, Mapping[str, Any]], Any]
Address = Union[str, tuple[Any, str]]
Resolver = Callable[[str, int], Union[Iterable[Address], Awaitable[Iterable[Address]]]]


class RequestsOptional(TypedDict, total=False):
    """Defaults for the routes of one verb."""

    headers: Mapping[str, str]
    timeout: TimeoutTypes
    allow_redirects: bool
    params: Mapping[str, Any]


class PostOptions(TypedDict, total=False):
    """Keywords of every call, but for the body."""

    headers: Union[HeaderTypes, Mapping[str, str | None], None]
    params: ParamTypes | None
    cookies: CookieTypes | None
    timeout: TimeoutTypes
    verify: VerifyTypes
    cert: CertTypes | None
    ssl_context: ssl.SSLContext | None
    proxy: str | None
    stream: bool
    follow_redirects: bool
    max_redirects: int
    auth: AuthTypes | None
    hooks: Mapping[str, Any] | None
    http2: Any
    retry: Any
    max_response_size: int | None
    expect_continue: bool | float
    on_upload: Callable[..., Any] | None
    on_download: Callable[..., Any] | None
    trace: TraceHook | None


class RequestOptions(PostOptions, total=False):
    """Keywords of `Client.request` and of every verb."""

    content: BodyTypes | None
    json: Any
    data: DataTypes | None
    files: FileTypes | None
