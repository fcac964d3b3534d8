"""The exception classes under their second address; `fasthttp.errors` is their home."""

from fasthttp.errors import *
from fasthttp.errors import __all__ as __all__
