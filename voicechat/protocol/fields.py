"""Attrs fields that carry their limits, so that validation and the JSON Schema cannot disagree."""

from __future__ import annotations

from typing import Any

import attrs

LIMITS = "limits"
"""Metadata key under which a field keeps its JSON Schema keywords."""


def text(*, max_length: int, min_length: int = 0, default: Any = attrs.NOTHING) -> Any:
    """A string of `min_length`…`max_length` characters."""

    def check(_: object, field: attrs.Attribute[Any], value: str | None) -> None:
        if value is None:
            return
        if not min_length <= len(value) <= max_length:
            raise ValueError(f"{field.name} must have {min_length} to {max_length} characters")
        # Half of a surrogate pair is valid JSON, but no text: nothing could encode it again.
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            raise ValueError(f"{field.name} must be valid Unicode text")

    limits = {"maxLength": max_length} | ({"minLength": min_length} if min_length else {})
    return attrs.field(default=default, validator=check, metadata={LIMITS: limits})


def number(*, ge: float, le: float, default: Any = attrs.NOTHING) -> Any:
    """A number in the closed range `ge`…`le`."""

    def check(_: object, field: attrs.Attribute[Any], value: float | None) -> None:
        if value is None:
            return
        if not ge <= value <= le:
            raise ValueError(f"{field.name} must be from {ge} to {le}")

    return attrs.field(
        default=default, validator=check, metadata={LIMITS: {"minimum": ge, "maximum": le}}
    )
