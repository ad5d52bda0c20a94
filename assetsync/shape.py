"""The shape of a JSON document from outside: which keys it must have, and of which types their values are."""

from __future__ import annotations

from typing import Any


def misfit(value: object, shape: Any, place: str = "") -> str | None:
    """The first place where a value read from JSON lacks something of `shape`, such as `actions[0].path`; else None.

    A shape is a type, a tuple of types, a list of one shape that all items have, or a dict of the keys that must be
    there. Its key `*` stands for every key. Keys that it does not name are left alone.
    """
    if isinstance(shape, dict):
        if type(value) is not dict:
            return place
        keys = value if "*" in shape else shape
        inner = ((value.get(key, ...), shape.get(key, shape.get("*")), f"{place}.{key}".lstrip(".")) for key in keys)
    elif isinstance(shape, list):
        (of,) = shape
        if type(value) is not list:
            return place
        if isinstance(of, type) and all(type(item) is of for item in value):
            return None  # long lists are of strings or numbers
        inner = ((item, of, f"{place}[{number}]") for number, item in enumerate(value))
    else:
        # Not isinstance: for Python, true is a number.
        return None if type(value) in (shape if isinstance(shape, tuple) else (shape,)) else place
    return next((found for found in (misfit(*one) for one in inner) if found is not None), None)
