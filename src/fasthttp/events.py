"""Event hooks of the declarative layer. Not implemented yet."""

from fasthttp._pure.later import later

EventHooks = later("EventHooks", "event hooks", __name__)

__all__ = ["EventHooks"]
