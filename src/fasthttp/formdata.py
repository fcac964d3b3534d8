"""Multipart forms. Not implemented yet."""

from fasthttp._pure.later import later

MultipartEncoder = later("MultipartEncoder", "multipart", __name__)

__all__ = ["MultipartEncoder"]
