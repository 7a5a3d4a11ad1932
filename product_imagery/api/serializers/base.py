"""Base serializers of request bodies."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class Body(serializers.Serializer[Any]):
    """Base of request bodies. Undeclared fields are refused: a misspelt ``budget`` that is ignored would cost money."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the declared fields. Raises ``ValidationError`` with one message for each undeclared field."""
        unknown = [name for name in data if name not in self.fields] if isinstance(data, Mapping) else []
        if unknown:
            raise serializers.ValidationError({name: [self._hint(name)] for name in unknown})
        return super().to_internal_value(data)

    def _hint(self, name: str) -> str:
        close = difflib.get_close_matches(name, self.fields, 1)
        if close:
            return f"There is no such field. Did you mean “{close[0]}”?"
        known = ", ".join(self.fields)
        return f"There is no such field. Known fields: {known}." if known else "This request has no fields."


class NoBody(Body):
    """A request body without fields."""
