"""What was spent."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class UsageOut(serializers.Serializer[Any]):
    """What one key spent at one provider on one day. Promised is what is not settled yet."""

    day = serializers.DateField()
    provider = serializers.CharField()
    key = serializers.CharField(allow_blank=True, help_text="visible beginning of the API key; empty for other doors")
    currency = serializers.CharField()
    spent = serializers.DecimalField(max_digits=12, decimal_places=2)
    promised = serializers.DecimalField(max_digits=12, decimal_places=2)
    jobs = serializers.IntegerField()
