"""`python -m FasterAPI` is the command `fasterapi`."""

from __future__ import annotations

from FasterAPI.cli import main

main()
