"""The pages that show a schema, under the native names."""

from __future__ import annotations

from FasterAPI.openapi.docs import get_redoc_html as redoc_html
from FasterAPI.openapi.docs import get_swagger_ui_html as swagger_ui_html

__all__ = ["redoc_html", "swagger_ui_html"]
