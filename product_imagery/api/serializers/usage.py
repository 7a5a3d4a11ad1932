"""Serializers of usage."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class UsageOut(serializers.Serializer[Any]):
    """Spending of one key at one provider on one day. `promised` is reserved for work that has not ended yet."""

    day = serializers.DateField()
    provider = serializers.CharField()
    key = serializers.CharField(
        allow_blank=True, help_text="First characters of the API key; empty for work that was started without one."
    )
    currency = serializers.CharField()
    spent = serializers.DecimalField(max_digits=12, decimal_places=2)
    promised = serializers.DecimalField(max_digits=12, decimal_places=2)
    jobs = serializers.IntegerField()
