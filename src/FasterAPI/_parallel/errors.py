"""What can go wrong with a call in another interpreter or process, beside what its function raises."""

from __future__ import annotations

__all__ = ["RemoteError", "SubInterpreterImportError", "WorkerDied"]


class RemoteError(RuntimeError):
    """An exception of the function that could not be brought here as it was.

    Attributes:
        type_name: the class of that exception, with its module.
        text: what it said.
    """

    def __init__(self, type_name: str, text: str) -> None:
        super().__init__(type_name, text)
        self.type_name = type_name
        self.text = text

    def __str__(self) -> str:
        return f"{self.type_name}: {self.text}"


class SubInterpreterImportError(ImportError):
    """A module that the function needs does not load in an interpreter with a lock of its own.

    Attributes:
        module: its name.
    """

    def __init__(self, module: str) -> None:
        super().__init__(f"{module} cannot be imported in a sub-interpreter; use backend='process' or 'auto'", name=module)
        self.module = module

    def __reduce__(self) -> tuple[type[SubInterpreterImportError], tuple[str]]:
        return type(self), (self.module,)


class WorkerDied(RuntimeError):
    """The process of a call ended before it had answered."""
