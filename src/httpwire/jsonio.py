"""JSON out and in, on msgspec. Encodes what people put into bodies and says where the value is that it cannot.

pydantic models are encoded by their own serialiser; pydantic is never imported here.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

__all__ = ["decode", "encode"]


def _enc_hook(value: Any) -> Any:
    dump = getattr(type(value), "model_dump", None)
    if dump is not None:
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"cannot encode {type(value).__name__}")


_encoder = msgspec.json.Encoder(enc_hook=_enc_hook)


def encode(value: Any) -> bytes:
    """Compact UTF-8 JSON.

    Raises:
        ValueError: for NaN and infinities, which JSON cannot hold (RFC 8259 §6).
        TypeError: for a value without a JSON form, naming the path to it.
    """
    try:
        data = _encoder.encode(value)
    except TypeError as exc:
        raise TypeError(_complaint(value) or str(exc)) from exc
    # msgspec writes NaN as null. Where there are nulls the standard library tells, in C, whether one of them is that.
    if b"null" in data and not _is_finite(value):
        faults = [f"{leaf!r} at {path}" for path, leaf in _leaves("$", value) if isinstance(leaf, float) and not math.isfinite(leaf)]
        raise ValueError(f"{', '.join(faults) or 'a number that is not finite'} is not valid in JSON")
    return data


def _is_finite(value: Any) -> bool:
    try:
        _refusing_nan(msgspec.to_builtins(value, enc_hook=_enc_hook))
    except ValueError:
        return False
    return True


_refusing_nan = json.JSONEncoder(allow_nan=False, check_circular=False).encode


def decode(data: bytes | str) -> Any:
    """The value of a JSON text; UTF-8, UTF-16 and UTF-32 are told apart (RFC 4627 §3). Raises `ValueError`."""
    try:
        return _decode(data)
    except msgspec.DecodeError:
        text = _as_text(data)
        if text is None:
            raise
    except RecursionError as exc:  # what a peer nests is input, not a fault of the program
        raise ValueError("JSON is nested too deeply") from exc
    return decode(text)


_decode = msgspec.json.Decoder().decode


def _as_text(data: bytes | str) -> str | None:
    """The text of JSON in another encoding than plain UTF-8, None for what is not."""
    if isinstance(data, str) or not (data.startswith(_MARKS) or b"\0" in data[:4]):
        return None
    return data.decode(json.detect_encoding(data))


_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def _complaint(value: Any) -> str | None:
    for path, leaf in _leaves("$", value):
        try:
            _encoder.encode(leaf)
        except TypeError:
            return f"value at {path} cannot be encoded as JSON: {type(leaf).__name__}"
    return None


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f"{path}.{key}", item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, item in enumerate(value):
            yield from _leaves(f"{path}[{index}]", item)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _leaves(f"{path}.{name}", getattr(value, name))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _leaves(f"{path}.{field.name}", getattr(value, field.name))
    elif hasattr(type(value), "model_dump"):
        yield from _leaves(path, value.model_dump(mode="json"))
    elif value is not msgspec.UNSET:  # an unset field is left out
        yield path, value
