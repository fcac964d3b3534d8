"""The markers of parameters under the name of the target's module."""

from __future__ import annotations

from FasterAPI.params import Body, Cookie, Depends, File, Form, Header, Path, Query, Security

__all__ = ["Body", "Cookie", "Depends", "File", "Form", "Header", "Path", "Query", "Security"]
