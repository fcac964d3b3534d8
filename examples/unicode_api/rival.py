"""The same API on FastAPI, for the comparison at the end of the demo."""

from fastapi import FastAPI
from fastapi.exceptions import HTTPException as FastAPIHTTPException
from pydantic import BaseModel
from server import character, declare, lifespan, search  # noqa: F401

import server


class NewNote(BaseModel):
    code: int
    text: str


async def add_note(note: NewNote) -> dict[str, object]:
    return await server.add_note(server.NewNote(note.code, note.text))


server.HTTPException = FastAPIHTTPException  # type: ignore[misc, assignment]
app = FastAPI(title="Unicode", lifespan=lifespan)
app.get("/characters/{code}")(character)
app.get("/search")(search)
app.post("/notes", status_code=201)(add_note)
