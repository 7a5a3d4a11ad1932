"""Serializers of collections."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from product_imagery.api.serializers.base import Body

_MAX_AT_ONCE = 1000


class ResultsIn(Body):
    """Generations to add to a collection."""

    generations = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=_MAX_AT_ONCE, help_text="Ids of generations."
    )


class CollectionIn(Body):
    """A new collection."""

    name = serializers.CharField(max_length=120)
    generations = serializers.ListField(
        child=serializers.UUIDField(),
        max_length=_MAX_AT_ONCE,
        required=False,
        default=list,
        help_text="Ids of generations.",
    )


class CollectionOut(serializers.Serializer[Any]):
    """A named set of generations."""

    id = serializers.UUIDField(source="uuid")
    name = serializers.CharField()
    total = serializers.IntegerField(help_text="Number of generations.")
    created_at = serializers.DateTimeField()
