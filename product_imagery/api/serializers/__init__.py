"""Serializers of requests (``…In``) and responses (``…Out``). Every field is declared; none is derived from a model."""

from __future__ import annotations
