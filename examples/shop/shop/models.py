"""What goes in and out."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

T = TypeVar("T")
Name = Annotated[str, Field(min_length=1, max_length=80)]
Price = Annotated[Decimal, Field(gt=0, max_digits=8, decimal_places=2)]


class Kind(StrEnum):
    lamp = "lamp"
    chair = "chair"
    table = "table"


class NewUser(BaseModel):
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{1,29}$")
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=200)
    password: str = Field(min_length=8, max_length=200)


class User(BaseModel):
    id: int
    name: str
    email: str
    scopes: list[str] = []


class Token(BaseModel):
    access_token: str
    token_type: str = "bearer"
    scope: str = ""


class ItemBase(BaseModel):
    name: Name
    kind: Kind
    price: Price
    stock: int = Field(0, ge=0)


class NewItem(ItemBase):
    model_config = ConfigDict(extra="forbid")


class ItemChange(BaseModel):
    """What is not given stays as it is."""

    name: Name | None = None
    price: Price | None = None
    stock: int | None = Field(None, ge=0)


class Item(ItemBase):
    id: int
    picture: str | None = Field(None, description="Where the picture is, if there is one")


class NewLine(BaseModel):
    item: int
    count: int = Field(ge=1, le=100)


class NewOrder(BaseModel):
    lines: list[NewLine] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def one_line_each(self) -> "NewOrder":
        if len({line.item for line in self.lines}) < len(self.lines):
            raise ValueError("an item stands in one line only")
        return self


class Line(NewLine):
    name: str
    price: Decimal


class Order(BaseModel):
    id: int
    placed: datetime
    lines: list[Line]
    total: Decimal


class Paged(BaseModel, Generic[T]):
    total: int
    items: list[T]


class Problem(BaseModel):
    detail: str
