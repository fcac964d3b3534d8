"""The declarative client: requests declared as functions, run all at once."""

from fasthttp.app.application import FastHTTP

__all__ = ["FastHTTP"]
