"""Text frames to messages and back, strictly: nothing is coerced, nothing unknown passes.

cattrs coerces by default ("no" becomes True, "3" becomes 3); every primitive has a hook here that
does not.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any, TypeVar

import attrs
import cattrs
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError

from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.messages import CLIENT_MESSAGES, SERVER_MESSAGES
from voicechat.protocol.messages.base import (
    U32_MAX,
    ClientMessage,
    ServerMessage,
    has_own_seq,
)

M = TypeVar("M")


@attrs.frozen
class Envelope:
    """A client's message and its sequence number, where it has one."""

    message: ClientMessage
    seq: int | None


class _WrongTypeError(ValueError):
    """A value has another JSON type than the field; the text names what is wanted."""


def _exact(kind: type[M], name: str) -> Any:
    def hook(value: Any, _: Any) -> M:
        if type(value) is not kind:
            raise _WrongTypeError(f"must be {name}")
        return value

    return hook


def _float(value: Any, _: Any) -> float:
    if type(value) not in {int, float}:
        raise _WrongTypeError("must be a number")
    return float(value)


def _enum(value: Any, kind: Any) -> Any:
    allowed = [item.value for item in kind]
    if not isinstance(value, str) or value not in allowed:
        raise _WrongTypeError(f"must be one of {', '.join(map(str, allowed))}")
    return kind(value)


def make_converter() -> cattrs.Converter:
    """A converter that accepts exactly the JSON type of each field and no unknown field."""
    converter = cattrs.Converter(forbid_extra_keys=True)
    hooks: dict[Any, Any] = {
        int: _exact(int, "a whole number"),
        str: _exact(str, "a text"),
        bool: _exact(bool, "true or false"),
        float: _float,
        StrEnum: _enum,  # nearer than str in the order of resolution
    }
    for kind, hook in hooks.items():
        converter.register_structure_hook(kind, hook)
    return converter


class Codec:
    """Encodes and decodes both directions; immutable after it was made."""

    def __init__(self) -> None:
        self._converter = make_converter()
        self._client = {kind.type: kind for kind in CLIENT_MESSAGES}
        self._server = {kind.type: kind for kind in SERVER_MESSAGES}

    def encode(self, message: ClientMessage | ServerMessage, seq: int | None = None) -> str:
        """One text frame: the fields, `type`, and `seq` where given."""
        head: dict[str, Any] = {"type": message.type}
        if seq is not None:
            head["seq"] = seq
        return json.dumps(head | self._converter.unstructure(message), separators=(",", ":"))

    def decode_client(self, data: str) -> Envelope:
        """Read a client's text frame.

        Raises:
            ProtocolError: With code `invalid_json`, `unknown_type` or `invalid_message`; the
                message names the field and what it must be.
        """
        kind, seq, fields = self._open(data, self._client)
        try:
            return Envelope(self._structure(fields, kind), seq)
        except ProtocolError as error:
            error.client_seq = seq
            raise

    def decode_server(self, data: str) -> tuple[ServerMessage, int | None]:
        """Read a server's text frame, for clients written in Python; errors as `decode_client`."""
        kind, seq, fields = self._open(data, self._server)
        return self._structure(fields, kind), seq

    def _open(self, data: str, kinds: dict[str, Any]) -> tuple[Any, int | None, dict[str, Any]]:
        value = _parse(data)
        if not isinstance(value, dict):
            raise ProtocolError("A message must be a JSON object.", code=ErrorCode.INVALID_JSON)
        name = value.pop("type", None)
        if not isinstance(name, str) or name not in kinds:
            shown = repr(name[:40]) if isinstance(name, str) else "that is missing or no text"
            raise ProtocolError(
                f"There is no message of type {shown}.",
                suggested_action=f"Use one of: {', '.join(sorted(kinds))}.",
                code=ErrorCode.UNKNOWN_TYPE,
            )
        if has_own_seq(kinds[name]):
            return kinds[name], None, value
        seq = value.pop("seq", None)
        if seq is not None and (type(seq) is not int or not 0 <= seq <= U32_MAX):
            raise ProtocolError(f"{name}.seq must be a whole number from 0 to {U32_MAX}.")
        return kinds[name], seq, value

    def _structure(self, fields: dict[str, Any], kind: type[M]) -> M:
        try:
            return self._converter.structure(fields, kind)
        except ClassValidationError as error:
            raise ProtocolError(
                "; ".join(_explain(error, getattr(kind, "type", kind.__name__))) + "."
            ) from None


def _parse(data: str) -> Any:
    try:
        return json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ProtocolError("The message is not valid JSON.", code=ErrorCode.INVALID_JSON) from None


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _explain(error: BaseException, path: str) -> list[str]:
    """One phrase for each thing that is wrong, with the path of its field."""
    if isinstance(error, (ClassValidationError, IterableValidationError)):
        found: list[str] = []
        for inner in error.exceptions:
            step = path
            for note in getattr(inner, "__notes__", ()):
                name = getattr(note, "name", None)
                if name is None:
                    index = getattr(note, "index", None)
                    step = path if index is None else f"{path}[{index}]"
                else:
                    step = f"{path}.{name}"
            found += _explain(inner, step)
        return found
    if isinstance(error, ForbiddenExtraKeysError):
        extra = ", ".join(sorted(str(key)[:40] for key in error.extra_fields)[:5])
        return [f"{path} has no field {extra}"]
    if isinstance(error, KeyError):
        return [f"{path} is missing"]
    if isinstance(error, _WrongTypeError):
        return [f"{path} {error}"]
    if isinstance(error, ValueError):
        # Limits of fields.py, which begin with the field's name.
        return [f"{path}: {error}"]
    return [f"{path} has a wrong value"]
