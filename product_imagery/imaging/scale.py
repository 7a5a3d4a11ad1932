"""Sizes of scaled copies."""

from __future__ import annotations


def scaled(size: tuple[int, int], factor: float, least: int = 1) -> tuple[int, int]:
    """Return (width, height) times ``factor``, rounded; at least ``least`` pixels each."""
    return max(least, round(size[0] * factor)), max(least, round(size[1] * factor))


def bounded(size: tuple[int, int], longest: int, least: int = 1) -> tuple[int, int]:
    """Return the size of a copy whose longest side has at most ``longest`` pixels. Nothing is enlarged."""
    return scaled(size, min(1.0, longest / max(size)), least)
