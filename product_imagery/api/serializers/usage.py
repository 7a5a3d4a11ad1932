"""Usage."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class UsageOut(serializers.Serializer[Any]):
    """Spending of one key at one provider on one day. ``promised`` is reserved and not settled yet."""

    day = serializers.DateField()
    provider = serializers.CharField()
    key = serializers.CharField(allow_blank=True, help_text="prefix of the API key; empty for work started otherwise")
    currency = serializers.CharField()
    spent = serializers.DecimalField(max_digits=12, decimal_places=2)
    promised = serializers.DecimalField(max_digits=12, decimal_places=2)
    jobs = serializers.IntegerField()
