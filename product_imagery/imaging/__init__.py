"""Pictures, without Django: decode safely, convert, encode, mark, and do all of it in a process of its own."""

from __future__ import annotations
