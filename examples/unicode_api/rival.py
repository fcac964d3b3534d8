"""The same API on FastAPI, for the comparison at the end of the demo."""

import server
from fastapi import FastAPI
from fastapi.exceptions import HTTPException
from pydantic import BaseModel


class NewNote(BaseModel):
    code: int
    text: str


async def add_note(note: NewNote) -> object:
    return await server.add_note(server.NewNote(note.code, note.text))


server.HTTPException = HTTPException
app = FastAPI(title="Unicode", lifespan=server.lifespan)
app.get("/characters/{code}")(server.character)
app.get("/search")(server.search)
app.post("/notes", status_code=201)(add_note)
