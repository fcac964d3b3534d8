"""Downloads to files. Not implemented yet."""

from fasthttp._pure.later import later

DownloadResult = later("DownloadResult", "downloads", __name__)

__all__ = ["DownloadResult"]
