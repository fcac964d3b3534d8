# Generated from src/fasthttp/_async/__init__.py by scripts/unasync.py; change that file instead.
"""The shell that waits. `fasthttp._sync` is generated from this package by `scripts/unasync.py`."""
