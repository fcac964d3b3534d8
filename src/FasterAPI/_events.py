"""`ServerSentEvent`, which is a model of pydantic's, so that its faults read as those of other models."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator, model_validator

__all__ = ["ServerSentEvent"]


class ServerSentEvent(BaseModel):
    """One event.

    Args:
        data: sent as JSON.
        raw_data: sent as it is; not beside `data`.
        event: its type, one line.
        id: what a client that reconnects names as the last one it saw; one line.
        retry: milliseconds that a client waits before it reconnects.
        comment: text that clients ignore.
    """

    data: Any = None
    raw_data: str | None = None
    event: str | None = None
    id: str | None = None
    retry: Annotated[int | None, Field(ge=0)] = None
    comment: str | None = None

    @field_validator("event", "id")
    @classmethod
    def _one_line(cls, value: str | None, info: Any) -> str | None:
        if value is not None and info.field_name == "id" and "\0" in value:
            raise ValueError("SSE 'id' must not contain null characters")
        if value is not None and ("\r" in value or "\n" in value):
            raise ValueError(f"SSE '{info.field_name}' must be a single line")
        return value

    @model_validator(mode="after")
    def _one_payload(self) -> ServerSentEvent:
        if self.data is not None and self.raw_data is not None:
            raise ValueError(
                "Cannot set both 'data' and 'raw_data' on the same ServerSentEvent. Use 'data' for JSON-serialized"
                " payloads or 'raw_data' for pre-formatted strings."
            )
        return self
