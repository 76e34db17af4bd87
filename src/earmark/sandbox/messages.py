"""What crosses between the processes: frames of bytes, and values of the types that functions state.

What a reading process says is never unpickled: a value is JSON, with arrays and bytes beside it, and is read by the
type that the function's return annotation states. Anything else is a ValueError.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Callable, Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

ITEM, DONE, REFUSED, ENDED, CALL = b"i", b"d", b"r", b"e", b"c"
"""A value; no more values; a BadInput; a call's process is over, with its exit status; a call."""
HEAD = struct.Struct(">cQ")
"""A frame's kind and the length of its body."""
_LENGTH = struct.Struct(">Q")
_NUMBERS = "biuf"


def frame(kind: bytes, *parts: bytes) -> bytes:
    """A frame of these parts, joined."""
    return b"".join((HEAD.pack(kind, sum(map(len, parts))), *parts))


@cache
def returned(function: Callable[..., Any]) -> tuple[Any, bool]:
    """The type of a function's values, and whether it gives many (its annotation is an Iterator)."""
    stated = get_type_hints(function)["return"]
    is_many = get_origin(stated) is Iterator
    return (get_args(stated)[0] if is_many else stated), is_many


def write(stated: Any, value: Any) -> bytes:
    """A value of the type ``stated`` as bytes."""
    beside: list[bytes] = []
    text = json.dumps(_plain(stated, value, beside)).encode()
    return b"".join(part for each in (text, *beside) for part in (_LENGTH.pack(len(each)), each))


def read(stated: Any, body: bytearray) -> Any:
    """The value of the type ``stated`` that `write` wrote; arrays share the memory of ``body``.

    Raises ValueError when it is none.
    """
    parts, at, view = [], 0, memoryview(body)
    while at < len(body):
        if at + _LENGTH.size > len(body):
            raise ValueError("cut short")
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        if at + length > len(body):
            raise ValueError("cut short")
        parts.append(view[at : at + length])
        at += length
    try:
        return _value(stated, json.loads(bytes(parts[0])), parts)
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, RecursionError) as error:
        raise ValueError(f"no {stated}") from error


def _plain(stated: Any, value: Any, beside: list[bytes]) -> Any:
    """JSON's, with arrays and bytes put ``beside`` and their places noted, from 1."""
    origin, inner = get_origin(stated), get_args(stated)
    if origin in (Union, UnionType):
        return None if value is None else _plain(_not_none(inner), value, beside)
    if isinstance(stated, type) and dataclasses.is_dataclass(stated):
        return [_plain(kind, getattr(value, name), beside) for name, kind in _fields(stated)]
    if origin is np.ndarray or stated is np.ndarray:
        beside.append(np.ascontiguousarray(value).tobytes())
        return [value.dtype.str, list(value.shape), len(beside)]
    if stated is bytes:
        beside.append(value)
        return len(beside)
    if origin is dict:
        return {key: _plain(inner[1], one, beside) for key, one in value.items()}
    if origin in (tuple, list):
        kinds = _kinds(origin, inner, len(value))
        return [_plain(kind, one, beside) for kind, one in zip(kinds, value, strict=True)]
    return value.item() if isinstance(value, np.generic) else value


def _value(stated: Any, plain: Any, parts: list[memoryview]) -> Any:
    origin, inner = get_origin(stated), get_args(stated)
    if origin in (Union, UnionType):
        return None if plain is None else _value(_not_none(inner), plain, parts)
    if isinstance(stated, type) and dataclasses.is_dataclass(stated):
        found = zip(_fields(stated), plain, strict=True)
        return stated(**{name: _value(kind, one, parts) for (name, kind), one in found})
    if origin is np.ndarray or stated is np.ndarray:
        return _array(plain, parts)
    if stated is bytes:
        return bytes(parts[plain])
    if origin is dict:
        return {str(key): _value(inner[1], one, parts) for key, one in plain.items()}
    if origin in (tuple, list):
        kinds = _kinds(origin, inner, len(plain))
        return origin(_value(kind, one, parts) for kind, one in zip(kinds, plain, strict=True))
    return _scalar(stated, plain)


def _scalar(stated: Any, plain: Any) -> Any:
    if stated is float and type(plain) is int:
        return float(plain)
    if get_origin(stated) is Literal:
        if plain in get_args(stated):
            return plain
    elif type(plain) is stated:
        return plain
    raise ValueError(f"{type(plain).__name__} instead of {stated}")


def _array(plain: Any, parts: list[memoryview]) -> Any:
    name, shape, place = plain
    kind = np.dtype(str(name))
    if kind.kind not in _NUMBERS or place < 1:
        raise ValueError("no array of numbers")
    return np.frombuffer(parts[place], kind).reshape([int(size) for size in shape])


@cache
def _fields(stated: Any) -> list[tuple[str, Any]]:
    """Names and types of a dataclass's fields."""
    hints = get_type_hints(stated)
    return [(field.name, hints[field.name]) for field in dataclasses.fields(stated)]


def _kinds(origin: Any, inner: tuple[Any, ...], length: int) -> tuple[Any, ...]:
    """The types of a tuple's or list's members."""
    return inner[:1] * length if origin is list or inner[-1] is Ellipsis else inner


def _not_none(inner: tuple[Any, ...]) -> Any:
    (kind,) = (one for one in inner if one is not NoneType)
    return kind
