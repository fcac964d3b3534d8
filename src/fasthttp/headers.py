"""`Headers` under its public address; the code is `httpwire.headers`."""

from httpwire.headers import Headers, HeaderTypes

__all__ = ["HeaderTypes", "Headers"]
