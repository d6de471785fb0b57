"""Writes networks of a few nodes as ONNX files, without the onnx package.

ONNX is Protocol Buffers: fields of a number, a wire type (0: integer, 2: bytes) and a value.
Field numbers are those of onnx.proto3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FLOAT, DOUBLE = 1, 11
_INTEGER_ATTRIBUTE, _INTEGERS_ATTRIBUTE = 2, 7


def network(
    shape: Sequence[int | str] = ("batch", 80, 800),
    then: Sequence[str] = ("Sigmoid",),
    *,
    element: int = FLOAT,
    inputs: Sequence[str] = ("input_features",),
    mean: bool = True,
) -> bytes:
    """A network that takes the mean over all but the first axis, then applies functions to it.

    Args:
        shape: Of each input; a name stands for any length.
        then: Operators of one argument, applied in order.
        element: Type of the numbers.
        inputs: Their names; all but the first are ignored.
        mean: False to leave the mean out.
    """
    axes = b"".join(_integer(8, axis) for axis in range(1, len(shape)))
    reduce = _node(
        "ReduceMean",
        inputs[0],
        "0",
        _bytes(1, b"axes") + axes + _integer(20, _INTEGERS_ATTRIBUTE),
        _bytes(1, b"keepdims") + _integer(3, 0) + _integer(20, _INTEGER_ATTRIBUTE),
    )
    nodes = [reduce if mean else _node("Identity", inputs[0], "0")]
    nodes += [_node(name, str(at), str(at + 1)) for at, name in enumerate(then)]
    graph = b"".join(_bytes(1, node) for node in nodes) + _bytes(2, b"tiny")
    graph += b"".join(_bytes(11, _value(name, shape, element)) for name in inputs)
    graph += _bytes(12, _value(str(len(then)), shape[:1] if mean else shape, element))
    return _integer(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, b"") + _integer(2, 13))


def _node(operator: str, source: str, target: str, *attributes: bytes) -> bytes:
    node = _bytes(1, source.encode()) + _bytes(2, target.encode())
    node += _bytes(4, operator.encode(errors="surrogateescape"))  # so that it can be damaged
    return node + b"".join(_bytes(5, attribute) for attribute in attributes)


def _value(name: str, shape: Sequence[int | str], element: int) -> bytes:
    sizes = [_integer(1, n) if isinstance(n, int) else _bytes(2, n.encode()) for n in shape]
    tensor = _integer(1, element) + _bytes(2, b"".join(_bytes(1, size) for size in sizes))
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
