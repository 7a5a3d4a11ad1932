"""Huffman coding of baseline JPEG scan segments (ITU-T T.81, F.1.2), for many blocks at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_Ints = NDArray[np.int64]
_ZRL, _EOB = 0xF0, 0x00
_HUFFMAN_TABLES, START_OF_SCAN = 0xC4, 0xDA


@dataclass(frozen=True)
class Table:
    """Code and length of each of the 256 symbols; the length is 0 for a symbol without a code."""

    codes: _Ints
    lengths: _Ints


def markers(encoded: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start of its body, end of its body) for the markers of a JPEG file up to its scan (T.81 B.1.1)."""
    position = 2
    marker = 0
    while marker != START_OF_SCAN:
        marker = encoded[position + 1]
        size = int.from_bytes(encoded[position + 2 : position + 4], "big")
        yield marker, position + 4, position + 2 + size
        position += 2 + size


def read_tables(encoded: bytes) -> dict[tuple[int, int], Table]:
    """Return the tables of a JPEG file by (class, destination): class 0 is DC, 1 is AC (T.81 B.2.4.2)."""
    tables: dict[tuple[int, int], Table] = {}
    for marker, begin, end in markers(encoded):
        if marker == _HUFFMAN_TABLES:
            _read_definitions(encoded[begin:end], tables)
    return tables


def _read_definitions(body: bytes, tables: dict[tuple[int, int], Table]) -> None:
    while body:
        counts = body[1:17]
        symbols = body[17 : 17 + sum(counts)]
        codes, lengths = np.zeros(256, np.int64), np.zeros(256, np.int64)
        code = index = 0
        for length, count in enumerate(counts, start=1):
            for symbol in symbols[index : index + count]:
                codes[symbol], lengths[symbol] = code, length
                code += 1
            index += count
            code <<= 1
        tables[body[0] >> 4, body[0] & 15] = Table(codes, lengths)
        body = body[17 + index :]


def code_segments(
    coefficients: NDArray[np.int32], segment: NDArray[np.intp], tables: dict[tuple[int, int], Table]
) -> list[bytes]:
    """Encode (n, 3, 64) zigzag coefficients; ``segment`` is the number of the segment of each block, ascending from 0.

    All components use tables 0, as in an RGB file. Returns the bytes of each segment, stuffed and padded, without
    markers.
    """
    keys, values, lengths = [], [], []
    for component in range(3):
        blocks = coefficients[:, component].astype(np.int64)
        for part in (_direct(blocks, segment, tables[0, 0]), _alternating(blocks, tables[1, 0])):
            # order of the bits: block, component, position in the block, ZRL before its coefficient
            keys.append((part[0] * 3 + component) * 512 + part[1])
            values.append(part[2])
            lengths.append(part[3])
    key, value, length = np.concatenate(keys), np.concatenate(values), np.concatenate(lengths)
    order = np.argsort(key, kind="stable")
    return _pack(value[order], length[order], segment[key[order] // (3 * 512)])


_Tokens = tuple[_Ints, _Ints, _Ints, _Ints]  #: block, place, bits, number of bits


def _direct(blocks: _Ints, segment: NDArray[np.intp], table: Table) -> _Tokens:
    """Encode DC coefficients: the difference from the previous block of the same segment."""
    level = blocks[:, 0]
    before = np.concatenate([[0], level[:-1]])
    before[np.concatenate([[True], segment[1:] != segment[:-1]])] = 0
    bits, lengths = _with_magnitude(np.zeros_like(level), level - before, table)
    return np.arange(len(level)), np.zeros_like(level), bits, lengths


def _alternating(blocks: _Ints, table: Table) -> _Tokens:
    """Encode AC coefficients: runs of zeros and the level after them, 16 zeros as ZRL, the end of the block as EOB."""
    row, column = np.nonzero(blocks[:, 1:])
    column = column + 1
    first = np.concatenate([[True], row[1:] != row[:-1]]) if len(row) else np.zeros(0, bool)
    before = np.where(first, 0, np.concatenate([[0], column[:-1]])) if len(row) else column
    run = column - before - 1
    bits, lengths = _with_magnitude(run % 16, blocks[row, column], table)
    long_runs = np.repeat(np.arange(len(row)), run // 16)
    last = np.zeros(len(blocks), np.int64)
    np.maximum.at(last, row, column)
    ended = np.flatnonzero(last < 63)
    return (
        np.concatenate([row, row[long_runs], ended]),
        np.concatenate([column * 4 + 1, column[long_runs] * 4, np.full(len(ended), 500)]),
        np.concatenate([bits, np.full(len(long_runs), table.codes[_ZRL]), np.full(len(ended), table.codes[_EOB])]),
        np.concatenate(
            [lengths, np.full(len(long_runs), table.lengths[_ZRL]), np.full(len(ended), table.lengths[_EOB])]
        ),
    )


def _with_magnitude(run: _Ints, level: _Ints, table: Table) -> tuple[_Ints, _Ints]:
    """Return the code of (run, size) followed by the ``size`` bits of the level (T.81 F.1.2.1.1)."""
    size = np.frexp(np.abs(level).astype(np.float64))[1].astype(np.int64)
    extra = np.where(level >= 0, level, level + (1 << size) - 1)
    symbol = (run << 4) | size
    return (table.codes[symbol] << size) | extra, table.lengths[symbol] + size


def _pack(value: _Ints, length: _Ints, segment: NDArray[np.intp]) -> list[bytes]:
    total = np.bincount(segment, weights=length).astype(np.int64)
    padded = -(-total // 8) * 8
    begins = np.concatenate([[0], np.cumsum(padded)])
    inside = np.cumsum(length) - length
    inside -= np.concatenate([[0], np.cumsum(total)])[segment]
    bits = np.ones(int(begins[-1]), np.uint8)  # padding consists of ones
    owner = np.repeat(np.arange(len(value)), length)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(length) - length, length)
    bits[(begins[segment] + inside)[owner] + place] = (value[owner] >> (length[owner] - 1 - place)) & 1
    packed = np.packbits(bits).tobytes()
    edges = begins // 8
    return [packed[a:b].replace(b"\xff", b"\xff\x00") for a, b in pairwise(edges)]
