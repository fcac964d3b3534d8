"""TLS settings as a value, and the contexts made from them. Knows no connections."""

from __future__ import annotations

import itertools
import os
import ssl
import threading
from functools import lru_cache
from typing import Any

from fasthttp.errors import CertificateError, ConnectError, TLSError

__all__ = ["TLSConfig", "late_tls_error", "tls_error"]

_ALPN = ["http/1.1"]
_alpn_lock = threading.Lock()
_tokens = itertools.count(1)


class TLSConfig:
    """How servers are verified and which certificate is shown. Equal settings share one context.

    Args:
        verify: True (system trust store), False, a CA file or directory, or a context.
        cert: path, (cert, key) or (cert, key, password) of a client certificate.
        ssl_context: a context of the caller's, used as it is.
        trust_env: let SSL_CERT_FILE and SSL_CERT_DIR replace the system store.

    Raises:
        ValueError: settings exclude each other, or a path does not exist.
    """

    __slots__ = ("_context", "_given", "_key", "token")

    def __init__(self, verify: Any = True, cert: Any = None, ssl_context: ssl.SSLContext | None = None, *, trust_env: bool = True) -> None:
        self._given = {"verify": verify, "cert": cert, "ssl_context": ssl_context, "trust_env": trust_env}
        if ssl_context is not None:
            if verify is not True:
                raise ValueError("verify= and ssl_context= exclude each other")
            if cert is not None:
                raise ValueError("cert= and ssl_context= exclude each other")
        elif isinstance(verify, ssl.SSLContext):
            if cert is not None:
                raise ValueError("cert= and a context in verify= exclude each other")
            ssl_context = verify
        self._context = ssl_context
        key: tuple[Any, ...] = ("context", ssl_context)
        if ssl_context is None:
            key = (_trust(verify, trust_env), _certificate(cert))
        self._key = key
        self.token = _token(key)  # equal for equal settings; part of the pool's keys

    def override(self, given: dict[str, Any]) -> TLSConfig:
        """These settings with those of a call in their place."""
        if given.get("ssl_context") is not None:
            return TLSConfig(**given)
        base = {**self._given, "ssl_context": None} if "verify" in given else self._given
        return TLSConfig(**{**base, **given})

    def context(self) -> ssl.SSLContext:
        """The context to make connections with."""
        if self._context is None:
            return _build(*self._key)
        with _alpn_lock:
            self._context.set_alpn_protocols(_ALPN)
        return self._context


@lru_cache(maxsize=1024)
def _token(key: tuple[Any, ...]) -> str:
    return f"tls{next(_tokens)}"


def _trust(verify: Any, trust_env: bool) -> tuple[str, ...]:
    if verify is False:
        return ("none",)
    if verify is True:
        if trust_env:
            places = [os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")]
            if any(places):
                return ("paths", *(place or "" for place in places))
        return ("system",)
    if not isinstance(verify, (str, os.PathLike)):
        raise TypeError(f"verify= takes True, False, a path or a context, not {type(verify).__name__}")
    path = os.fspath(verify)
    if os.path.isdir(path):
        return ("paths", "", path)
    _must_exist("verify", path)
    return ("paths", path, "")


def _certificate(cert: Any) -> tuple[Any, ...] | None:
    if cert is None:
        return None
    parts = (cert,) if isinstance(cert, (str, os.PathLike)) else tuple(cert)
    if not 1 <= len(parts) <= 3:
        raise ValueError("cert= takes a path, (cert, key) or (cert, key, password)")
    paths = [os.fspath(part) for part in parts[:2]]
    for path in paths:
        _must_exist("cert", path)
    return (paths[0], paths[1] if len(paths) > 1 else None, parts[2] if len(parts) > 2 else None)


def _must_exist(name: str, path: str) -> None:
    if not os.path.exists(path):
        raise ValueError(f"{name}= names a path that does not exist: {path}")


@lru_cache(maxsize=64)
def _build(trust: tuple[str, ...], cert: tuple[Any, ...] | None) -> ssl.SSLContext:
    if trust[0] == "system":
        import truststore

        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(_ALPN)
    if trust[0] == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif trust[0] == "paths":
        try:
            context.load_verify_locations(trust[1] or None, trust[2] or None)
        except (OSError, ssl.SSLError) as exc:
            raise TLSError(f"certificates cannot be loaded from {trust[1] or trust[2]}: {exc}") from exc
    if cert is not None:
        try:
            context.load_cert_chain(cert[0], cert[1], cert[2])
        except (OSError, ssl.SSLError) as exc:
            raise TLSError(f"client certificate cannot be loaded from {cert[0]}: {exc}") from exc
    return context


def tls_error(host: str, exc: BaseException) -> ConnectError:
    """A failed handshake, told so that one knows what to do."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return CertificateError(f"certificate of {host} is not accepted: {exc.verify_message or exc.reason or exc}")
    reason = getattr(exc, "reason", None) or str(exc) or type(exc).__name__
    hint = ""
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_EOF_WHILE_READING", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"):
        hint = "; the server may speak plain HTTP"
    return TLSError(f"TLS handshake with {host} failed: {reason}{hint}")


def late_tls_error(host: str, exc: BaseException) -> ConnectError:
    """The same after the handshake, when the server may have acted on a request already."""
    error = tls_error(host, exc)
    error.maybe_sent = True
    return error
