"""Picture handling without Django: safe decoding, conversion, encoding and marking, in separate processes."""

from __future__ import annotations
