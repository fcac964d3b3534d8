"""Dependencies: functions of the user's that provide the values of parameters."""

from __future__ import annotations

from FasterAPI._depends import Depends, Security

__all__ = ["Depends", "Security"]
