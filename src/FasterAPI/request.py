"""Requests, under the native name of their module."""

from __future__ import annotations

from FasterAPI.requests import ClientDisconnect, HTTPConnection, Request

__all__ = ["ClientDisconnect", "HTTPConnection", "Request"]
