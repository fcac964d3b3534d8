"""Starlette's background tasks."""

from __future__ import annotations

from starlette.background import BackgroundTask, BackgroundTasks

__all__ = ["BackgroundTask", "BackgroundTasks"]
