"""Background tasks: Starlette's, where one that fails does not keep the others from running."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from starlette.background import BackgroundTask
from starlette.background import BackgroundTasks as StarletteBackgroundTasks

from FasterAPI.logger import logger

if TYPE_CHECKING:
    from starlette.responses import Response

__all__ = ["BackgroundTask", "BackgroundTasks", "with_tasks"]


class BackgroundTasks(StarletteBackgroundTasks):
    """Functions to call after the response was sent, one after another. The first error is raised when all have run."""

    async def __call__(self) -> None:
        failed: Exception | None = None
        for task in self.tasks:
            try:
                await task()
            except Exception as exc:
                logger.exception("a background task has failed: %s", getattr(getattr(task, "func", task), "__name__", task))
                failed = failed or exc
        if failed is not None:
            raise failed

    async def run(self) -> None:
        """The same as calling it."""
        await self()


def with_tasks(response: Response, tasks: Any) -> Response:
    """A response that runs these tasks after its own; the one that was returned may be returned again."""
    if tasks is None:
        return response
    own = response.background
    response = copy(response)
    response.background = tasks if own is None else BackgroundTasks([own, tasks])
    return response
