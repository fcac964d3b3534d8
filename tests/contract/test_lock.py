"""The two lock files say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_requirements_are_those_of_uv_lock() -> None:
    """Each pinned version of requirements.lock is that of uv.lock, each has hashes, and none of the dev extra is missing."""
    locked = {package["name"]: package for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    text = (ROOT / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.M))
    assert {name: locked[name]["version"] for name in pinned} == pinned
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.M)
    assert all("--hash=sha256:" in block for block in blocks if "==" in block)
    project = locked["fasthttp"]
    wanted = {dependency["name"] for dependency in [*project["dependencies"], *project["optional-dependencies"]["dev"]]}
    assert wanted - pinned.keys() == set()


def test_hashes_are_those_of_uv_lock() -> None:
    """Every hash of requirements.lock stands in uv.lock."""
    hashes = set(re.findall(r"sha256:[0-9a-f]{64}", (ROOT / "requirements.lock").read_text()))
    assert hashes <= set(re.findall(r"sha256:[0-9a-f]{64}", (ROOT / "uv.lock").read_text()))
