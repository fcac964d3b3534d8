"""Orders: placed in one transaction, confirmed by mail, told to whoever listens."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, BackgroundTasks, Request
from fastapi.responses import StreamingResponse

from .. import mail
from ..database import Database, price
from ..models import NewOrder, Order, Paged, Problem
from ..paging import PageDep
from ..security import CurrentUser
from ..settings import SettingsDep

router = APIRouter(prefix="/orders", tags=["orders"])


class OutOfStock(Exception):
    """Fewer of an item are there than were ordered."""

    def __init__(self, item: int, left: int) -> None:
        self.item = item
        self.left = left


def shown(db: sqlite3.Connection, order: sqlite3.Row) -> dict[str, Any]:
    rows = db.execute(
        'SELECT item, count, lines.cents, name FROM lines JOIN items ON items.id = item WHERE "order" = ? ORDER BY item', (order["id"],)
    ).fetchall()
    lines = [{**dict(row), "price": price(row["cents"])} for row in rows]
    return {**dict(order), "lines": lines, "total": price(sum(row["cents"] * row["count"] for row in rows))}


@router.post("", status_code=201, response_model=Order, responses={409: {"model": Problem}})
def place(new: NewOrder, user: CurrentUser, db: Database, settings: SettingsDep, tasks: BackgroundTasks, request: Request) -> Any:
    """Buy: all of it or nothing."""
    placed = datetime.now(UTC).isoformat()
    order = db.execute("INSERT INTO orders (user, placed) VALUES (?, ?) RETURNING *", (user.id, placed)).fetchone()
    for line in new.lines:
        taken = db.execute(
            "UPDATE items SET stock = stock - ? WHERE id = ? AND stock >= ? RETURNING cents", (line.count, line.item, line.count)
        ).fetchone()
        if taken is None:
            left = db.execute("SELECT stock FROM items WHERE id = ?", (line.item,)).fetchone()
            raise OutOfStock(line.item, left["stock"] if left else 0)
        db.execute("INSERT INTO lines VALUES (?, ?, ?, ?)", (order["id"], line.item, line.count, taken["cents"]))
    result = shown(db, order)
    tasks.add_task(mail.send, settings.outbox, user.email, f"Order {order['id']}", f"Total: {result['total']}")
    tasks.add_task(request.app.state.notices.publish, user.id, {"event": "order", "id": order["id"], "total": str(result["total"])})
    return result


@router.get("", response_model=Paged[Order])
def list_orders(user: CurrentUser, db: Database, page: PageDep) -> Any:
    """My orders, the latest first."""
    total = db.execute("SELECT count(*) FROM orders WHERE user = ?", (user.id,)).fetchone()[0]
    rows = db.execute("SELECT * FROM orders WHERE user = ? ORDER BY id DESC LIMIT ? OFFSET ?", (user.id, page.limit, page.offset))
    page.link(total)
    return {"total": total, "items": [shown(db, row) for row in rows.fetchall()]}


@router.get("/export.csv")
def export(user: CurrentUser, db: Database) -> StreamingResponse:
    """My orders, a line each, as a file."""
    rows = db.execute('SELECT "order", item, count, cents FROM lines JOIN orders ON id = "order" WHERE user = ?', (user.id,)).fetchall()

    def lines() -> Iterator[str]:
        yield "order,item,count,price\r\n"
        for row in rows:
            yield f"{row['order']},{row['item']},{row['count']},{price(row['cents'])}\r\n"

    return StreamingResponse(lines(), media_type="text/csv", headers={"Content-Disposition": 'attachment; filename="orders.csv"'})
