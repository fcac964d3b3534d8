"""What can be set from outside: `SHOP_DATA`, `SHOP_SECRET` and so on, one variable for each field."""

import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, Field


class Settings(BaseModel):
    data: Path = Path("data")
    secret: str = Field(default_factory=lambda: secrets.token_urlsafe(32), min_length=16)  # set it to keep tokens over a restart
    keeper_password: str | None = None  # of the account `keeper`, who may change items; without it there is no such account
    registration_open: bool = True
    token_minutes: int = Field(30, ge=1)
    picture_limit: int = Field(1_000_000, ge=1)  # bytes

    @property
    def database(self) -> Path:
        return self.data / "shop.sqlite"

    @property
    def outbox(self) -> Path:
        return self.data / "outbox"

    @property
    def pictures(self) -> Path:
        return self.data / "pictures"


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    given = {name: os.environ.get(f"SHOP_{name.upper()}") for name in Settings.model_fields}
    return Settings.model_validate({name: value for name, value in given.items() if value is not None})


SettingsDep = Annotated[Settings, Depends(get_settings)]
