"""The shell that waits. `fasthttp._sync` is generated from this package by `scripts/unasync.py`."""
