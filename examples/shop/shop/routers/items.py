"""What the shop sells, and pictures of it."""

import os
import sqlite3
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query, UploadFile, status
from fastapi.responses import FileResponse

from ..database import Database, price
from ..models import Item, ItemChange, Kind, NewItem, Paged, Problem
from ..paging import PageDep
from ..security import Keeper
from ..settings import SettingsDep

router = APIRouter(prefix="/items", tags=["items"], responses={404: {"model": Problem}})
PICTURES = {b"\x89PNG\r\n\x1a\n": ("png", "image/png"), b"\xff\xd8\xff": ("jpg", "image/jpeg")}


def shown(row: sqlite3.Row) -> dict[str, Any]:
    picture = f"/items/{row['id']}/picture" if row["picture"] else None
    return {**dict(row), "price": price(row["cents"]), "picture": picture}


def find(number: Annotated[int, Path(ge=1)], db: Database) -> sqlite3.Row:
    row: sqlite3.Row | None = db.execute("SELECT * FROM items WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no item {number}")
    return row


Found = Annotated[sqlite3.Row, Depends(find)]


@router.get("", response_model=Paged[Item])
def list_items(
    db: Database,
    page: PageDep,
    q: Annotated[str, Query(max_length=80, description="Part of the name")] = "",
    kind: Annotated[list[Kind], Query()] = [],  # noqa: B006 - as such parameters are written
    sort: Literal["name", "price"] = "name",
) -> Any:
    """Items by name or price, a page at a time."""
    kinds = list(kind or Kind)
    where = f"instr(lower(name), lower(?)) AND kind IN ({', '.join('?' * len(kinds))})"
    total = db.execute(f"SELECT count(*) FROM items WHERE {where}", (q, *kinds)).fetchone()[0]
    order = {"name": "name", "price": "cents"}[sort]
    rows = db.execute(
        f"SELECT * FROM items WHERE {where} ORDER BY {order}, id LIMIT ? OFFSET ?", (q, *kinds, page.limit, page.offset)
    )
    page.link(total)
    return {"total": total, "items": [shown(row) for row in rows]}


@router.post("", status_code=201, response_model=Item)
def add_item(new: NewItem, db: Database, keeper: Keeper) -> Any:
    row = (new.name, new.kind, int(new.price * 100), new.stock)
    cursor = db.execute("INSERT INTO items (name, kind, cents, stock) VALUES (?, ?, ?, ?) RETURNING *", row)
    return shown(cursor.fetchone())


@router.get("/{number}", response_model=Item, response_model_exclude_none=True)
def get_item(item: Found) -> Any:
    return shown(item)


@router.patch("/{number}", response_model=Item)
def change_item(item: Found, change: ItemChange, db: Database, keeper: Keeper) -> Any:
    """Change what is given."""
    values = change.model_dump(exclude_unset=True, exclude_none=True)
    if "price" in values:
        values["cents"] = int(values.pop("price") * 100)
    if values:
        columns = ", ".join(f"{name} = :{name}" for name in values)
        item = db.execute(f"UPDATE items SET {columns} WHERE id = :id RETURNING *", {**values, "id": item["id"]}).fetchone()
    return shown(item)


@router.delete("/{number}", status_code=204, responses={409: {"model": Problem}})
def remove_item(item: Found, db: Database, keeper: Keeper) -> None:
    try:
        db.execute("DELETE FROM items WHERE id = ?", (item["id"],))
    except sqlite3.IntegrityError:
        raise HTTPException(status.HTTP_409_CONFLICT, "It was ordered already") from None


@router.put("/{number}/picture", response_model=Item, responses={413: {"model": Problem}, 415: {"model": Problem}})
async def put_picture(item: Found, picture: UploadFile, db: Database, settings: SettingsDep, keeper: Keeper) -> Any:
    """Store a PNG or JPEG; what it is decides its first bytes, not what the client calls it."""
    data = await picture.read(settings.picture_limit + 1)
    if len(data) > settings.picture_limit:
        raise HTTPException(413, f"A picture has {settings.picture_limit} bytes at most")
    suffix = next((suffix for magic, (suffix, _) in PICTURES.items() if data.startswith(magic)), None)
    if suffix is None:
        raise HTTPException(415, "A picture is a PNG or a JPEG")
    name = f"{item['id']}.{suffix}"
    path = settings.pictures / name
    fresh = path.with_suffix(".part")
    fresh.write_bytes(data)
    os.replace(fresh, path)
    return shown(db.execute("UPDATE items SET picture = ? WHERE id = ? RETURNING *", (name, item["id"])).fetchone())


@router.get("/{number}/picture", response_class=FileResponse)
def get_picture(item: Found, settings: SettingsDep) -> Any:
    if item["picture"] is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no picture")
    media_type = next(kind for suffix, kind in PICTURES.values() if item["picture"].endswith(suffix))
    return FileResponse(settings.pictures / item["picture"], media_type=media_type)
