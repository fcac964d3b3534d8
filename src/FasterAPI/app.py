"""Applications, under the native name of their module."""

from __future__ import annotations

from FasterAPI.applications import FastAPI, Faster

__all__ = ["FastAPI", "Faster"]
