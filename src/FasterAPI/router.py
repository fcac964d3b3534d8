"""Routers, under the native name of their module."""

from __future__ import annotations

from FasterAPI._radix import RadixRouter
from FasterAPI._router import APIRouter, FasterRouter

__all__ = ["APIRouter", "FasterRouter", "RadixRouter"]
