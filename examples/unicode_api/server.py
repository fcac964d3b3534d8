"""The Unicode database as an API: look-up, search with paging, notes. Run it: `python server.py [port]`."""

import sqlite3
import sys
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from FasterAPI import Faster, HTTPException

DATABASE = Path(__file__).with_name("unicode.sqlite")
COLUMNS = "code, name, category, bidirectional, numeric, decomposition"


class NewNote(msgspec.Struct):
    """What a client sends to have a note stored."""

    code: int
    text: str


def build(path: Path) -> int:
    """Write every named character into an SQLite file and return how many there are."""
    path.unlink(missing_ok=True)
    rows = [
        (
            code,
            name,
            unicodedata.category(char),
            unicodedata.bidirectional(char),
            unicodedata.numeric(char, None),
            unicodedata.decomposition(char),
        )
        for code in range(0x110000)
        if (name := unicodedata.name(char := chr(code), ""))
    ]
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE characters (code INTEGER PRIMARY KEY, name, category, bidirectional, numeric, decomposition)")
        db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, code, text)")
        db.executemany("INSERT INTO characters VALUES (?, ?, ?, ?, ?, ?)", rows)
        db.execute("CREATE INDEX names ON characters (name)")
    db.close()
    return len(rows)


db: sqlite3.Connection


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    global db
    db = sqlite3.connect(DATABASE, check_same_thread=False, isolation_level=None)  # each note is kept at once
    db.row_factory = sqlite3.Row
    yield
    db.close()


async def character(code: int) -> dict[str, Any]:
    """One character by its code point."""
    row = db.execute(f"SELECT {COLUMNS} FROM characters WHERE code = ?", (code,)).fetchone()
    if row is None:
        raise HTTPException(404, f"U+{code:04X} has no name")
    return dict(row)


async def search(prefix: str, limit: int = 20, offset: int = 0) -> dict[str, Any]:
    """Characters whose name begins with `prefix`, a page at a time."""
    where = (prefix.upper(), prefix.upper() + "\uffff")
    total = db.execute("SELECT count(*) FROM characters WHERE name >= ? AND name < ?", where).fetchone()[0]
    page = db.execute(
        f"SELECT {COLUMNS} FROM characters WHERE name >= ? AND name < ? ORDER BY name LIMIT ? OFFSET ?", (*where, limit, offset)
    )
    return {"total": total, "items": [dict(row) for row in page]}


async def add_note(note: NewNote) -> dict[str, Any]:
    """Store a note about a character."""
    cursor = db.execute("INSERT INTO notes (code, text) VALUES (?, ?)", (note.code, note.text))
    return {"id": cursor.lastrowid, "code": note.code, "text": note.text}


def declare(app: Any) -> Any:
    """Put the three operations on an application; any framework with these decorators will do."""
    app.get("/characters/{code}")(character)
    app.get("/search")(search)
    app.post("/notes", status_code=201)(add_note)
    return app


app = declare(Faster(title="Unicode", lifespan=lifespan))


if __name__ == "__main__":
    import uvicorn

    if not DATABASE.exists():
        print(f"{build(DATABASE):,} characters")
    uvicorn.run(app, port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
