"""The limits of forms under the name that the target has for them."""

from __future__ import annotations

from FasterAPI._body_limit import FormLimits as _FormLimits

__all__ = ["_FormLimits"]
