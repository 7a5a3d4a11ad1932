"""Tiny ONNX files, written byte by byte: a model that gives the mean of the channels as its map."""

from __future__ import annotations

from pathlib import Path

_FLOAT, _INT, _INTS = 1, 2, 7  #: data type and kinds of attributes in onnx.proto


def write_model(path: Path, shape: tuple[int | str, ...]) -> Path:
    """Write a model whose input has ``shape``; a name stands for any size."""
    axes = _text(1, "axes") + _number(8, 1) + _number(20, _INTS)
    keep = _text(1, "keepdims") + _number(3, 1) + _number(20, _INT)
    node = _text(1, "x") + _text(2, "y") + _text(4, "ReduceMean") + _block(5, axes) + _block(5, keep)
    sides = shape[2:]
    given, found = _value("x", shape), _value("y", (shape[0], 1, *sides))
    graph = _block(1, node) + _text(2, "g") + _block(11, given) + _block(12, found)
    path.write_bytes(_number(1, 8) + _block(7, graph) + _block(8, _number(2, 13)))
    return path


def _value(name: str, shape: tuple[int | str, ...]) -> bytes:
    sizes = b"".join(_block(1, _number(1, one) if isinstance(one, int) else _text(2, one)) for one in shape)
    return _text(1, name) + _block(2, _block(1, _number(1, _FLOAT) + _block(2, sizes)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _block(field, value.encode())


def _block(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F)
    return bytes([*(one | 0x80 for one in digits[:-1]), digits[-1]])
