"""Serializers of requests (``…In``) and responses (``…Out``).

Every field is declared; none is derived from a model. Docstrings and help texts are descriptions in the schema.
"""

from __future__ import annotations
