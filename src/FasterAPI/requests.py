"""Starlette's requests."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, HTTPConnection, Request

__all__ = ["ClientDisconnect", "HTTPConnection", "Request"]
