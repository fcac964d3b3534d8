"""SQLite: the tables, and one transaction for each request."""

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from fastapi import Depends

from .settings import SettingsDep

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, email TEXT NOT NULL, password BLOB NOT NULL, scopes TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, cents INTEGER NOT NULL, stock INTEGER NOT NULL CHECK (stock >= 0),
    picture TEXT
);
CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, user INTEGER NOT NULL REFERENCES users, placed TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS lines (
    "order" INTEGER NOT NULL REFERENCES orders, item INTEGER NOT NULL REFERENCES items, count INTEGER NOT NULL, cents INTEGER NOT NULL
);
"""


def connect(path: Path) -> sqlite3.Connection:
    """A connection; the steps of one request may run in different threads, one after another."""
    db = sqlite3.connect(path, check_same_thread=False)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA foreign_keys = ON")
    return db


def price(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def create(path: Path) -> None:
    db = connect(path)
    db.executescript(SCHEMA)
    db.close()


def get_db(settings: SettingsDep) -> Iterator[sqlite3.Connection]:
    """A transaction: kept when the operation returns, undone when it raises."""
    db = connect(settings.database)
    try:
        with db:
            yield db
    finally:
        db.close()


# Ends before the answer is sent: who is told 201 finds what was made.
Database = Annotated[sqlite3.Connection, Depends(get_db, scope="function")]
