"""Names of the contract whose feature is not built yet: they exist, and say so when used."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["Later", "later", "not_yet"]


def not_yet(feature: str) -> NoReturn:
    """Raise the error that every unbuilt name raises."""
    raise NotImplementedError(f"{feature}: not implemented yet in this version of fasthttp")


class Later:
    """Base of the stand-ins, so that they can be recognised."""

    _feature = ""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        not_yet(self._feature)


def later(name: str, feature: str, module: str) -> Any:
    """A class called `name` that cannot be instantiated until `feature` is built."""
    return type(name, (Later,), {"_feature": f"{name} ({feature})", "__module__": module, "__doc__": f"Not implemented yet: {feature}."})
